//! Whether to ask at all, and every reason for silence. Pure: the caller brings what it knows.

use serde::Deserialize;

use super::{Site, brackets::is_closing};

/// Why nothing is shown. Each has words for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Switched off in the settings.
    Disabled,
    /// Switched off for this language.
    LanguageDisabled(String),
    /// A rule keeps this file from every engine; the rule's words.
    Excluded(String),
    /// The disk has not said yet whether the file may be sent.
    SlowDisk,
    /// The document or its line is beyond what is served; which.
    TooLarge(&'static str),
    /// The document holds NUL bytes.
    Binary,
    /// The cursor stands within a line that goes on: nobody asked for that.
    MidLine,
    /// Text is selected: nobody asked for more of it.
    Selection,
    /// The editor lets nobody change the document.
    ReadOnly,
    /// Nothing is typed yet on this line, nor before.
    NoContext,
    /// The engine is not ready; its state in words.
    NoEngine(String),
    /// The engine refused or failed; its words.
    EngineError(String),
    /// The engine found nothing worth adding.
    NothingToAdd,
    /// Nothing better than the text that stands there was found.
    NothingBetter,
    /// All that was found would leave a bracket open where something whole stood.
    NothingWhole,
    /// A rewriting was asked for without a selection.
    NothingSelected,
    /// What it found stands in its block already, or is a part of a list where none is.
    NoPlace,
    /// What it found is too short to be worth a look.
    TooShort,
    /// What it found says again what stands there.
    Repetition,
    /// The engine is not sure enough; its confidence in percent.
    LowConfidence(u8),
    /// The text changed, or a newer request came, before the answer did.
    Superseded,
    /// The answer did not come before its deadline.
    Deadline,
}

impl Silence {
    /// For programs: stable names.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::LanguageDisabled(_) => "language-disabled",
            Self::Excluded(_) => "excluded",
            Self::SlowDisk => "slow-disk",
            Self::TooLarge(_) => "too-large",
            Self::Binary => "binary",
            Self::MidLine => "mid-line",
            Self::Selection => "selection",
            Self::ReadOnly => "read-only",
            Self::NoContext => "no-context",
            Self::NoEngine(_) => "no-engine",
            Self::EngineError(_) => "engine-error",
            Self::NothingToAdd => "nothing-to-add",
            Self::NothingBetter => "nothing-better",
            Self::NothingWhole => "nothing-whole",
            Self::NothingSelected => "nothing-selected",
            Self::NoPlace => "no-place",
            Self::TooShort => "too-short",
            Self::Repetition => "repetition",
            Self::LowConfidence(_) => "low-confidence",
            Self::Superseded => "superseded",
            Self::Deadline => "deadline",
        }
    }

    /// Whether it is worth a mark in a status bar: something is wrong, not merely quiet.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::NoEngine(_) | Self::EngineError(_) | Self::Deadline)
    }
}

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disabled => f.write_str("switched off in the settings"),
            Self::LanguageDisabled(language) => write!(f, "switched off for {language}"),
            Self::Excluded(rule) => write!(f, "this file is never sent: {rule}"),
            Self::SlowDisk => f.write_str("the disk has not said yet whether this file may be sent"),
            Self::TooLarge(what) => write!(f, "too large: {what}"),
            Self::Binary => f.write_str("not text: the file holds NUL bytes"),
            Self::MidLine => f.write_str("text follows the cursor; ask by hand to infill here"),
            Self::Selection => f.write_str("text is selected; ask by hand to infill here"),
            Self::ReadOnly => f.write_str("this file is read-only"),
            Self::NoContext => f.write_str("nothing to go by yet"),
            Self::NoEngine(state) => write!(f, "the engine is not ready: {state}"),
            Self::EngineError(words) => write!(f, "the engine could not answer: {words}"),
            Self::NothingToAdd => f.write_str("nothing to add here"),
            Self::NothingBetter => f.write_str("nothing found that fits better than what stands there"),
            Self::NothingWhole => f.write_str("nothing found that closes its brackets"),
            Self::NothingSelected => f.write_str("select the text to write anew first"),
            Self::NoPlace => f.write_str("the answer cannot stand here"),
            Self::TooShort => f.write_str("the answer was too short to show"),
            Self::Repetition => f.write_str("the answer repeated what is there"),
            Self::LowConfidence(percent) => write!(f, "not sure enough ({percent} %)"),
            Self::Superseded => f.write_str("you typed on"),
            Self::Deadline => f.write_str("no answer in time"),
        }
    }
}

/// What an editor knows of itself, and the text does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Circumstances {
    /// Text is selected.
    pub selection: bool,
    /// The document cannot be changed.
    pub read_only: bool,
}

impl Circumstances {
    /// Whether a request is worth an answer; what is selected silences typing alone.
    ///
    /// # Errors
    /// The reason for silence.
    pub fn check(self, invoked: bool) -> Result<(), Silence> {
        match self {
            Self { read_only: true, .. } => Err(Silence::ReadOnly),
            Self { selection: true, .. } if !invoked => Err(Silence::Selection),
            _ => Ok(()),
        }
    }
}

/// Characters after the cursor that are no closers, beyond which nobody is asked unbidden.
const MAX_AFTER: usize = 8;

/// Whether a request made by typing is worth an answer at this place.
///
/// # Errors
/// The reason for silence.
pub fn check(site: &Site, prefix_is_blank: bool, invoked: bool) -> Result<(), Silence> {
    if invoked {
        return Ok(());
    }
    if prefix_is_blank && site.next_text().is_none() {
        return Err(Silence::NoContext);
    }
    let rest = site.after.trim();
    let open = rest.chars().filter(|&c| !is_closing(c) && !c.is_whitespace()).count();
    let in_word = site.before.ends_with(is_word) && site.after.starts_with(is_word);
    if open > MAX_AFTER || in_word { Err(Silence::MidLine) } else { Ok(()) }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::session::status::Status;

    fn at(before: &str, after: &str) -> Result<(), Silence> {
        check(&Site { before: before.into(), after: after.into(), ..Site::default() }, false, false)
    }

    #[test]
    fn a_selection_silences_typing_and_a_read_only_file_everything() {
        let selected = Circumstances { selection: true, read_only: false };
        assert_eq!(selected.check(false), Err(Silence::Selection));
        assert_eq!(selected.check(true), Ok(()));
        let fixed = Circumstances { selection: true, read_only: true };
        assert_eq!((fixed.check(false), fixed.check(true)), (Err(Silence::ReadOnly), Err(Silence::ReadOnly)));
        assert_eq!(Circumstances::default().check(false), Ok(()));
    }

    #[test]
    fn every_silence_has_a_name_of_its_own_and_words() {
        let all = [
            Silence::Disabled,
            Silence::LanguageDisabled("rust".into()),
            Silence::Excluded("a rule".into()),
            Silence::TooLarge("the line"),
            Silence::Binary,
            Silence::MidLine,
            Silence::Selection,
            Silence::ReadOnly,
            Silence::NoContext,
            Silence::NoEngine("starting".into()),
            Silence::EngineError("out of memory".into()),
            Silence::NothingToAdd,
            Silence::NothingBetter,
            Silence::NothingWhole,
            Silence::NothingSelected,
            Silence::TooShort,
            Silence::Repetition,
            Silence::LowConfidence(12),
            Silence::Superseded,
            Silence::Deadline,
        ];
        let codes: BTreeSet<&str> = all.iter().map(Silence::code).collect();
        let words: BTreeSet<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!((codes.len(), words.len()), (all.len(), all.len()));
        for silence in &all {
            let status = Status::silence("file:///a", silence);
            assert_eq!(
                (status.reason.as_deref(), status.message),
                (Some(silence.code()), silence.to_string())
            );
        }
    }

    #[test]
    fn closers_after_the_cursor_do_not_silence() {
        assert_eq!(at("f(", ")"), Ok(()));
        assert_eq!(at("f(\"", "\");"), Ok(()));
    }

    #[test]
    fn a_line_that_goes_on_or_a_word_under_the_cursor_does() {
        assert_eq!(at("let x = ", " + something_else"), Err(Silence::MidLine));
        assert_eq!(at("le", "t x"), Err(Silence::MidLine));
    }

    #[test]
    fn eight_characters_may_follow_and_closers_do_not_count() {
        assert_eq!(at("x = ", " + 123456 )];"), Ok(()));
        assert_eq!(at("x = ", " + 1234567"), Ok(()));
        assert_eq!(at("x = ", " + 12345678"), Err(Silence::MidLine));
    }

    #[test]
    fn by_hand_anything_goes_but_an_empty_file_is_left_alone() {
        let middle = Site { before: "le".into(), after: "t x".into(), ..Site::default() };
        assert_eq!(check(&middle, false, true), Ok(()));
        assert_eq!(check(&Site::default(), true, false), Err(Silence::NoContext));
    }
}
