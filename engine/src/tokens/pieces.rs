//! The split before the merges: a text cut into pieces that no token crosses.
//!
//! Only the splits that byte-level models use are taken, with the file's own regular expressions; each
//! other kind is refused by name at load. No token is looked for here, so nothing in a text can be special.

use std::ops::Range;

use tokenizers::{
    PreTokenizerWrapper, SplitDelimiterBehavior,
    pre_tokenizers::{
        digits::Digits,
        split::{Split, SplitPattern},
    },
    utils::SysRegex,
};

/// GPT-2's split, which `ByteLevel` brings along unless told not to.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// A text whose line breaks some piece swallows, if there is such a piece.
const BREAKS: &str = "a \n b\n\n  c;\n\t\n\n)}\n \n\r\n\"\n\n1\n";

/// One split of the sequence.
enum Step {
    Regex(SysRegex),
    Digits { each: bool },
}

/// The splits of one tokenizer, in order.
pub(super) struct Pieces {
    steps: Vec<Step>,
    /// The first pattern asks for a line break before anything else.
    breaks_first: bool,
}

impl Pieces {
    /// Reads the file's `pre_tokenizer`.
    ///
    /// # Errors
    /// What is wrong, beginning with the field's name.
    pub(super) fn new(split: Option<&PreTokenizerWrapper>) -> Result<Self, String> {
        let Some(split) = split else {
            return Err(
                "pre_tokenizer: is missing; a byte-level tokenizer has one of type ByteLevel".to_owned()
            );
        };
        let list = match split {
            PreTokenizerWrapper::Sequence(list) => list.as_ref(),
            one => std::slice::from_ref(one),
        };
        let mut steps = Vec::new();
        let mut byte_level = false;
        for (at, one) in list.iter().enumerate() {
            if byte_level {
                return Err(format!(
                    "pre_tokenizer.pretokenizers[{at}]: stands after ByteLevel, which must be the last"
                ));
            }
            match one {
                PreTokenizerWrapper::Split(split) => steps.push(Step::Regex(isolating(split, at)?)),
                PreTokenizerWrapper::Digits(Digits { individual_digits, .. }) => {
                    steps.push(Step::Digits { each: *individual_digits });
                }
                PreTokenizerWrapper::ByteLevel(level) => {
                    if level.add_prefix_space {
                        return Err(
                            "pre_tokenizer.add_prefix_space: must be false, or text would gain a blank"
                                .to_owned(),
                        );
                    }
                    if level.use_regex {
                        steps.push(Step::Regex(SysRegex::new(GPT2).map_err(|e| e.to_string())?));
                    }
                    byte_level = true;
                }
                other => {
                    return Err(format!(
                        "pre_tokenizer.pretokenizers[{at}].type: {} is not supported",
                        kind(other)
                    ));
                }
            }
        }
        if byte_level {
            let first = match list.first() {
                Some(PreTokenizerWrapper::Split(split)) => Some(&split.pattern),
                _ => None,
            };
            let breaks_first =
                matches!(first, Some(SplitPattern::Regex(pattern)) if pattern.starts_with(r"\n|"));
            Ok(Self { steps, breaks_first })
        } else {
            Err("pre_tokenizer: has no ByteLevel; only byte-level tokenizers are supported".to_owned())
        }
    }

    /// Whether each line break is a piece of its own, whatever stands around it.
    pub(super) fn isolate_line_breaks(&self) -> bool {
        let mut pieces = Vec::new();
        self.split(BREAKS, &mut pieces);
        let alone = |text: &str| text == "\n" || !text.contains('\n');
        self.breaks_first && pieces.into_iter().all(|piece| BREAKS.get(piece).is_some_and(alone))
    }

    /// The pieces of `text`, in order, without gaps, onto the cleared `out`.
    pub(super) fn split(&self, text: &str, out: &mut Vec<Range<usize>>) {
        out.clear();
        if text.is_empty() {
            return;
        }
        out.push(0..text.len());
        let mut next = Vec::new();
        for step in &self.steps {
            for piece in out.iter() {
                step.split(text, piece.clone(), &mut next);
            }
            std::mem::swap(out, &mut next);
            next.clear();
        }
    }
}

impl Step {
    /// Cuts `text[piece]`: matches and what lies between them are pieces of their own.
    fn split(&self, text: &str, piece: Range<usize>, out: &mut Vec<Range<usize>>) {
        let Some(inside) = text.get(piece.clone()) else { return };
        match self {
            Self::Regex(regex) => {
                let mut done = 0;
                for (start, end) in regex.find_iter(inside) {
                    for part in [done..start, start..end] {
                        if !part.is_empty() {
                            out.push(piece.start + part.start..piece.start + part.end);
                        }
                    }
                    done = end;
                }
                if done < inside.len() {
                    out.push(piece.start + done..piece.end);
                }
            }
            Self::Digits { each } => {
                let mut start = 0;
                let mut before = None;
                for (at, char) in inside.char_indices() {
                    let digit = char.is_numeric();
                    if before.is_some_and(|was: bool| was != digit || (digit && *each)) {
                        out.push(piece.start + start..piece.start + at);
                        start = at;
                    }
                    before = Some(digit);
                }
                out.push(piece.start + start..piece.end);
            }
        }
    }
}

/// The regular expression of a split that keeps every character.
fn isolating(split: &Split, at: usize) -> Result<SysRegex, String> {
    let field = format!("pre_tokenizer.pretokenizers[{at}]");
    if split.behavior != SplitDelimiterBehavior::Isolated {
        return Err(format!("{field}.behavior: only Isolated is supported"));
    }
    // Isolated keeps matches and gaps alike, so `invert` makes no difference.
    let SplitPattern::Regex(pattern) = &split.pattern else {
        return Err(format!("{field}.pattern: only Regex is supported"));
    };
    SysRegex::new(pattern).map_err(|e| format!("{field}.pattern.Regex: {e}"))
}

/// The name that the file gives a kind of split.
fn kind(split: &PreTokenizerWrapper) -> &'static str {
    use PreTokenizerWrapper as P;
    match split {
        P::BertPreTokenizer(_) => "BertPreTokenizer",
        P::ByteLevel(_) => "ByteLevel",
        P::Delimiter(_) => "CharDelimiterSplit",
        P::Metaspace(_) => "Metaspace",
        P::Whitespace(_) => "Whitespace",
        P::Sequence(_) => "Sequence in a Sequence",
        P::Split(_) => "Split",
        P::Punctuation(_) => "Punctuation",
        P::WhitespaceSplit(_) => "WhitespaceSplit",
        P::Digits(_) => "Digits",
        P::UnicodeScripts(_) => "UnicodeScripts",
        P::FixedLength(_) => "FixedLength",
    }
}
