//! A line typed out, key by key: what beginning from the suggestion before is worth, hole by hole beside beginning from masks.
//!
//! First a line near the hole is missing, and then it is there: an edit elsewhere. Then what stood in the hole is typed.
//! Keys that reuse or the gate answers are not asked about; where a suggestion left something standing, the engine is asked
//! twice, with it and without, in turns. Every suggestion counts as shown, sure or not.

use futures_util::{StreamExt, stream};

use super::{
    Dataset, EvalError, Hole, Posed,
    ask::{Answer, Asker},
    journal::Journal,
    judge::{Verdict, judge},
    packages::{Packages, Scene},
    run::Reach,
};
use crate::completion::{History, Polished, Site, Suggestion, gate, polish, warm::Surviving};
use crate::context::recall;
use crate::document::{ByteOffset, Document, Snapshot, Version};
use crate::engine::AskError;

/// Lines above the hole's own among which the missing one is looked for, the nearest first; those next to it stay.
const NEAR: std::ops::RangeInclusive<usize> = 2..=12;

/// How often what happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Keys typed.
    pub keys: usize,
    /// Answered by what was shown already.
    pub reused: usize,
    /// Not asked about, by the gate's word.
    pub silent: usize,
    /// Asked, nothing of an earlier suggestion being left.
    pub cold: usize,
    /// Asked both ways.
    pub pairs: usize,
}

/// The journals of a run: without, and with what was suggested before.
pub struct Journals {
    /// From masks.
    pub cold: Journal,
    /// From what is left.
    pub warm: Journal,
}

/// Types out all holes that are one line and not in the journals yet.
///
/// # Errors
/// What ends the run; the holes typed until then are in the journals.
pub async fn run(
    set: &Packages,
    asker: &Asker,
    journals: &mut Journals,
    reach: Reach,
    tell: &mut dyn FnMut(),
) -> Result<Counts, EvalError> {
    let holes = set.holes();
    let all = reach.limit.min(holes.len());
    let open: Vec<usize> = (0..all).filter(|at| !is_known(journals, &holes[*at])).collect();
    let mut done = all - open.len();
    let mut counts = Counts::default();
    let mut typed =
        stream::iter(open).map(|at| type_out(set, at, asker)).buffer_unordered(reach.parallel.max(1));
    while let Some(typed) = typed.next().await {
        let typed = typed.map_err(|error| match error {
            Halt::Engine(error) => EvalError::Engine { error, done, all },
            Halt::Here(error) => error,
        })?;
        for [cold, warm] in typed.pairs {
            journals.cold.add(cold)?;
            journals.warm.add(warm)?;
        }
        let of = typed.counts;
        counts.keys += of.keys;
        counts.reused += of.reused;
        counts.silent += of.silent;
        counts.cold += of.cold;
        counts.pairs += of.pairs;
        done += 1;
        tell();
    }
    Ok(counts)
}

/// Whether a hole was typed out already.
#[must_use]
pub fn is_known(journals: &Journals, hole: &Hole) -> bool {
    (0..=hole.wanted.chars().count()).any(|key| journals.warm.has_answer(&name(hole, key)))
}

enum Halt {
    Engine(AskError),
    Here(EvalError),
}

/// A hole, typed out.
#[derive(Default)]
struct Typed {
    pairs: Vec<[Verdict; 2]>,
    counts: Counts,
}

async fn type_out(set: &Packages, at: usize, asker: &Asker) -> Result<Typed, Halt> {
    let hole = &set.holes()[at];
    let gone = || Halt::Here(EvalError::Nothing(format!("there is no hole {at}")));
    let scene = set.scene(at).ok_or_else(gone)?;
    let mut typed = Typed::default();
    if hole.wanted.contains(['\n', '\r']) {
        return Ok(typed);
    }
    let mut history = History::default();
    let without = without_a_line(scene.before);
    if let Some(before) = &without {
        let here = Here::at(&scene, before);
        if let Ok(answer) = ask(asker, here.posed(&scene)?.request).await? {
            here.show(&answer, 0, &mut history);
        }
    }
    let first = usize::from(without.is_none());
    let keys = hole.wanted.char_indices().map(|(byte, _)| byte).enumerate();
    for (key, byte) in keys.skip(first) {
        let (done, left) = hole.wanted.split_at(byte);
        let here = Here::at(&scene, &format!("{}{done}", scene.before));
        typed.counts.keys += 1;
        if history.fitting(&here.snapshot, here.at).is_some() {
            typed.counts.reused += 1;
            continue;
        }
        if gate::check(&here.site, false, false).is_err() {
            typed.counts.silent += 1;
            continue;
        }
        let posed = here.posed(&scene)?;
        let survives = history.surviving(&here.snapshot, here.at);
        let warm =
            survives.as_ref().map(|Surviving { text, tail }| recall(posed.request.clone(), text, *tail));
        let answer = match warm.filter(|warm| warm.previous.is_some()) {
            None => {
                typed.counts.cold += 1;
                ask(asker, posed.request).await?
            }
            Some(warm) => {
                typed.counts.pairs += 1;
                let cold = posed.request.clone();
                let (cold, warm) = if (at + key).is_multiple_of(2) {
                    let cold = ask(asker, cold).await?;
                    (cold, ask(asker, warm).await?)
                } else {
                    let warm = ask(asker, warm).await?;
                    (ask(asker, cold).await?, warm)
                };
                let tail = survives.is_some_and(|survives| survives.tail);
                let kind = if key == 0 {
                    "edited elsewhere"
                } else if tail {
                    "typed against"
                } else {
                    "typed"
                };
                let asked = Hole { id: name(hole, key), kind, wanted: left.to_owned(), ..hole.clone() };
                typed.pairs.push([judge(&asked, &posed, cold), judge(&asked, &posed, warm.clone())]);
                warm
            }
        };
        if let Ok(answer) = answer {
            here.show(&answer, key as u64 + 1, &mut history);
        }
    }
    Ok(typed)
}

fn name(hole: &Hole, key: usize) -> String {
    format!("{}@{key}", hole.id)
}

async fn ask(
    asker: &Asker,
    request: quicksilver_protocol::completion::FimRequest,
) -> Result<Result<Answer, String>, Halt> {
    asker.ask(&request).await.map_err(Halt::Engine)
}

/// The text without its nearest line above the last but one that says something.
fn without_a_line(before: &str) -> Option<String> {
    let lines: Vec<&str> = before.split_inclusive('\n').collect();
    let last = lines.len().checked_sub(usize::from(!before.ends_with('\n')))?;
    let says = |at: &usize| lines[*at].contains(char::is_alphanumeric);
    let gone = NEAR.filter_map(|above| last.checked_sub(above)).find(says)?;
    Some([&lines[..gone], &lines[gone + 1..]].concat().concat())
}

/// The document and the cursor behind what is typed.
struct Here {
    snapshot: Snapshot,
    at: ByteOffset,
    site: Site,
    before: String,
}

impl Here {
    fn at(scene: &Scene<'_>, before: &str) -> Self {
        let text = format!("{before}{}", scene.after);
        let snapshot = Document::open(scene.language.clone(), Version::default(), &text).snapshot();
        let at = ByteOffset(before.len());
        Self { site: Site::at(&snapshot, at), snapshot, at, before: before.to_owned() }
    }

    fn posed(&self, scene: &Scene<'_>) -> Result<Posed, Halt> {
        scene.posed(&self.before).map_err(Halt::Here)
    }

    /// Remembers an answer as it would be shown.
    fn show(&self, answer: &Answer, id: u64, history: &mut History) {
        let wanted = polish::Wanted { one_line: true, invoked: false };
        let best: Polished = match polish::polish(&answer.text, &self.site, wanted) {
            Ok(best) => best,
            Err(_) => return,
        };
        let (others, made_from) = (Vec::new(), self.snapshot.clone());
        history.shown(Suggestion { id, best, others, at: self.at, confidence: 1.0, made_from });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_is_missing_at_first_says_something_and_is_no_neighbour() {
        assert_eq!(without_a_line("a\nb\n\nc\n  d").as_deref(), Some("a\n\nc\n  d"));
        assert_eq!(without_a_line("a\nb\n").as_deref(), Some("b\n"));
        assert_eq!(without_a_line("{\n}\nb\n"), None);
        assert_eq!(without_a_line("a\nb"), None);
        assert_eq!(without_a_line(""), None);
    }
}
