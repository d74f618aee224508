//! From the span's bytes to the text for the hole.
//!
//! Owns what is cut off: healed bytes in front; stop strings, line breaks that are too many and repeated lines behind.

use quicksilver_protocol::completion::FinishReason;

use super::task::Task;
use crate::tokens::detokenize::whole_characters;

/// A text and why it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) finish: FinishReason,
}

/// Cuts the span's `bytes`; `finish` says why the span ended, if nothing is cut off behind.
pub(super) fn answer(bytes: &[u8], task: &Task, finish: FinishReason) -> Answer {
    // A span that lacks the healed bytes cannot stand at the cursor (only a guess at the deadline can lack them).
    let text = whole_characters(bytes.strip_prefix(task.heal.as_slice()).unwrap_or_default());
    let line_break =
        if task.one_line() { text.find('\n') } else { repeated(&text, task.next_line.as_deref()) };
    let stop = task.stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| text.find(stop)).min();
    let end = stop.into_iter().chain(line_break).min();
    let cut = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
    Answer {
        text: with_line_ends(cut, task.crlf),
        finish: if end.is_some() { FinishReason::Stop } else { finish },
    }
}

/// Line ends as the file has them.
pub(super) fn with_line_ends(text: &str, crlf: bool) -> String {
    if crlf { text.replace('\n', "\r\n") } else { text.to_owned() }
}

/// Where a text of several lines begins to say once more what stands after the hole: the line break before it.
fn repeated(text: &str, next_line: Option<&str>) -> Option<usize> {
    let next_line = next_line?;
    // Brackets and keywords of a block's end may well repeat, at another depth.
    let same = |line: &str| {
        if next_line.chars().filter(|c| c.is_alphanumeric()).count() > 4 {
            line.trim() == next_line.trim()
        } else {
            line.trim_end() == next_line.trim_end()
        }
    };
    let mut breaks = text.match_indices('\n').map(|(at, _)| at);
    breaks.find(|&at| text.get(at + 1..).and_then(|rest| rest.split('\n').next()).is_some_and(same))
}
