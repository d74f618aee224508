//! A text cut into windows of some lines, each with its words: of a large file only what is like the place at the
//! cursor goes along. Pure.

use std::ops::Range;

use super::identifiers::identifiers;

/// Lines of a window, as GitHub Copilot has it for neighbouring tabs.
pub(super) const WINDOW_LINES: usize = 60;

/// Some lines of a text.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// Its bytes.
    pub(super) bytes: Range<usize>,
    /// Its identifiers, as [`identifiers`] has them.
    pub(super) words: Box<[u64]>,
}

/// The windows of `text`, one after the other.
pub(super) fn windows(text: &str) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let rest = text.get(start..).unwrap_or_default();
        let end = rest.match_indices('\n').nth(WINDOW_LINES - 1).map_or(text.len(), |(at, _)| start + at + 1);
        let words = identifiers(text.get(start..end).unwrap_or_default()).into();
        windows.push(Window { bytes: start..end, words });
        start = end;
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_follow_each_other_and_leave_nothing_out() {
        let line = "let x = 1;\n";
        for (lines, expected) in
            [(0, 0), (1, 1), (WINDOW_LINES, 1), (WINDOW_LINES + 1, 2), (3 * WINDOW_LINES, 3)]
        {
            let text = line.repeat(lines);
            let cut = windows(&text);
            assert_eq!(cut.len(), expected, "{lines}");
            let joined: String = cut.iter().map(|window| &text[window.bytes.clone()]).collect();
            assert_eq!(joined, text);
        }
        assert_eq!(windows("no line break").len(), 1);
    }
}
