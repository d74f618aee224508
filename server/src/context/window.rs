//! Which part of the document is told: as much before and after the cursor as the budget allows, in whole
//! lines where lines are short enough.

use std::ops::Range;

use crate::document::{ByteOffset, Snapshot, position::floor};

/// Bytes of the document before the cursor, where there is more.
pub const PREFIX_BYTES: usize = 30 * 1024;
/// Bytes after it.
pub const SUFFIX_BYTES: usize = 18 * 1024;

/// The part of a document around a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Bytes before the cursor.
    pub prefix: Range<usize>,
    /// Bytes after it.
    pub suffix: Range<usize>,
}

/// The window around `at` with at most `prefix + suffix` bytes; what one side leaves the other may use.
pub fn window(snapshot: &Snapshot, at: ByteOffset, prefix: usize, suffix: usize) -> Window {
    let text = snapshot.text();
    let at = floor(text, at.0).0;
    let (before, after) = (at, text.len_bytes() - at);
    let prefix_budget = prefix + suffix.saturating_sub(after);
    let suffix_budget = suffix + prefix.saturating_sub(before);
    Window { prefix: start(snapshot, at, prefix_budget)..at, suffix: at..end(snapshot, at, suffix_budget) }
}

/// The first line that begins within `budget` bytes before `at`; on a line longer than that, the first character.
fn start(snapshot: &Snapshot, at: usize, budget: usize) -> usize {
    let text = snapshot.text();
    let earliest = at.saturating_sub(budget);
    if earliest == 0 {
        return 0;
    }
    // A line that begins exactly there counts: look from the byte before.
    let line = text.line_to_byte(text.byte_to_line(earliest - 1) + 1);
    if line <= at { line } else { ceil(snapshot, earliest) }
}

/// The end of the last line that ends, with its break, within `budget` bytes after `at`; else the last character.
fn end(snapshot: &Snapshot, at: usize, budget: usize) -> usize {
    let text = snapshot.text();
    let latest = at + budget;
    if latest >= text.len_bytes() {
        return text.len_bytes();
    }
    let line = text.line_to_byte(text.byte_to_line(latest));
    if line > at { line } else { floor(text, latest).0 }
}

fn ceil(snapshot: &Snapshot, byte: usize) -> usize {
    let text = snapshot.text();
    if floor(text, byte).0 == byte { byte } else { text.char_to_byte(text.byte_to_char(byte) + 1) }
}
