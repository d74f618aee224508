//! Names in doubt: from a snapshot to what the engine doubts in it, or to the reason for silence.
//!
//! A name in doubt stands once in its document, so it is found again by its letters after any change.

use std::{sync::Arc, time::Instant};

use quicksilver_protocol::holes::Doubt;

use super::{Silence, fill::FillAsk, settled::apart, task};
use crate::context::{
    Hole,
    span::{Place, place},
    window::{PREFIX_BYTES, SUFFIX_BYTES, window},
};
use crate::document::{ByteOffset, Snapshot};

/// A name in doubt.
#[derive(Clone, Debug, PartialEq)]
pub struct Doubted {
    /// The name.
    pub name: String,
    /// What is probably meant.
    pub instead: String,
    /// By how many nats that fits better.
    pub margin: f32,
}

impl Doubted {
    /// Where the name stands now; `None` if it stands nowhere as a whole word, or no longer once.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<std::ops::Range<usize>> {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let whole = |at: &usize| {
            !text[..*at].ends_with(is_word) && !text[*at + self.name.len()..].starts_with(is_word)
        };
        let mut places = text.match_indices(&self.name).map(|(at, _)| at).filter(whole);
        let first = places.next()?;
        places.next().is_none().then(|| first..first + self.name.len())
    }
}

/// What the engine doubts in the document of `ask`, the most doubtful first; not in comments and strings. A document that
/// is longer than what an engine is told at once is looked through a window at a time, until the deadline.
///
/// # Errors
/// Why it was not asked, or why the first answer did not come.
pub async fn doubts(ask: &FillAsk) -> Result<Vec<Doubted>, Silence> {
    tokio::task::yield_now().await;
    let snapshot = &ask.document.snapshot;
    let until = Instant::now() + ask.settings.deadline();
    let mut all: Vec<Doubted> = Vec::new();
    for (number, at) in middles(snapshot).enumerate() {
        match doubts_around(ask, at).await {
            Ok(found) => all.extend(found),
            Err(silence) if number == 0 => return Err(silence),
            Err(_) => break,
        }
        if Instant::now() >= until {
            break;
        }
    }
    // What stands once in a window may stand elsewhere, too.
    let text = snapshot.text().to_string();
    all.retain(|doubted| doubted.find(&text).is_some());
    all.sort_by(|a, b| b.margin.total_cmp(&a.margin));
    Ok(all)
}

/// The places around which windows lie that together show all of a document, each from where the one before ended.
fn middles(snapshot: &Snapshot) -> impl Iterator<Item = usize> + '_ {
    let length = snapshot.text().len_bytes();
    let mut seen = Some(0);
    std::iter::from_fn(move || {
        let from = seen?;
        // The middle of what is left, where a window can reach back from there.
        let at = from + PREFIX_BYTES.min((length - from) / 2);
        // The start of a line, but for one that is longer than a window.
        let at = Some(snapshot.line_at(ByteOffset(at)).start).filter(|start| *start >= from).unwrap_or(at);
        let end = window(snapshot, ByteOffset(at), PREFIX_BYTES, SUFFIX_BYTES).suffix.end;
        seen = (end > from && end < length).then_some(end);
        Some(at)
    })
}

/// What the engine doubts in the window around byte `at`.
async fn doubts_around(ask: &FillAsk, at: usize) -> Result<Vec<Doubted>, Silence> {
    let snapshot = &ask.document.snapshot;
    task::refuse(&ask.settings, snapshot, ByteOffset(at))?;
    let hole = Hole { document: ask.document.clone(), at: ByteOffset(at), span: None };
    let (others, workspace) = (ask.settled().await?, Arc::clone(&ask.workspace));
    let assembly = apart(move || workspace.explain(&hole, &others, &mut || false));
    let assembly = assembly.await?.map_err(|why| Silence::Excluded(why.to_string()))?;
    let mut request = assembly.request;
    request.doubt = true;
    let first = snapshot.text().byte_to_line(at).saturating_sub(request.prompt.matches('\n').count());
    let response = ask.ask(&request, None).await?;
    let found = response.quicksilver.map(|report| report.doubts).unwrap_or_default();
    // A line that the window cuts has other columns.
    let whole = |doubt: &Doubt| doubt.line > 0 || !assembly.prefix.cut;
    Ok(found.into_iter().filter(whole).filter_map(|doubt| doubted(snapshot, first, doubt)).collect())
}

fn doubted(snapshot: &Snapshot, first: usize, doubt: Doubt) -> Option<Doubted> {
    let line = first + doubt.line as usize;
    let text = snapshot.text();
    let start = (line < text.len_lines()).then(|| text.line_to_byte(line))?;
    let content = snapshot.slice(snapshot.line_at(ByteOffset(start)));
    let length = doubt.end.checked_sub(doubt.start)? as usize;
    let name: String = content.chars().skip(doubt.start as usize).take(length).collect();
    let before: usize = content.chars().take(doubt.start as usize).map(char::len_utf8).sum();
    let is_code = !matches!(place(snapshot, ByteOffset(start + before + 1)), Place::Comment | Place::Literal);
    let is_name = name.chars().count() == length && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_code && is_name).then_some(Doubted { name, instead: doubt.instead, margin: doubt.margin })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::{Document, Language, Version};

    proptest! {
        #[test]
        fn windows_show_all_of_a_document_and_come_to_an_end(
            lengths in prop::collection::vec(prop_oneof![4 => 0_usize..200, 4 => 0_usize..SUFFIX_BYTES, 1 => 0_usize..60_000], 0..12),
        ) {
            let text: String = lengths.iter().map(|&length| "é".repeat(length / 2) + "\n").collect();
            let snapshot = Document::open(Language::from_id("rust"), Version(0), &text).snapshot();
            let mut seen = 0;
            for (number, at) in middles(&snapshot).enumerate() {
                let window = window(&snapshot, ByteOffset(at), PREFIX_BYTES, SUFFIX_BYTES);
                // A line longer than a window may be left out of it.
                let short = lengths.iter().all(|&length| length < SUFFIX_BYTES);
                prop_assert!(!short || window.prefix.start <= seen, "{} of {window:?}", seen);
                prop_assert!(window.suffix.end > seen || text.is_empty());
                prop_assert!(number <= text.len() / SUFFIX_BYTES);
                seen = window.suffix.end;
            }
            prop_assert_eq!(seen, text.len());
        }
    }

    #[test]
    fn a_name_is_found_while_it_stands_once_as_a_word() {
        let doubted = Doubted { name: "conut".into(), instead: "count".into(), margin: 13.0 };
        assert_eq!(doubted.find("é = conut + conuts"), Some(5..10));
        assert_eq!(doubted.find("conut + conut"), None);
        assert_eq!(doubted.find("a_conut"), None);
    }
}
