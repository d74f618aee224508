//! Which line a place is on, by the count of the client: LSP's line ends, or `\n` alone. It must not know columns.
//!
//! The rope counts lines as LSP does. The other count is read off it where no `\r` stands without `\n`; elsewhere the text
//! is counted through at each edit, which takes milliseconds per MiB and is needed for few texts, small ones as a rule.

use std::ops::Range;

use ropey::Rope;

/// What ends a line, by the count of the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnds {
    /// `\n`, `\r\n` and `\r` (LSP 3.18, *Text Documents*).
    #[default]
    Lsp,
    /// `\n` alone; `\r` is a character of its line. So Neovim counts, whose lines are its buffer's.
    Lf,
}

/// The lines of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines<'a> {
    text: &'a Rope,
    ends: LineEnds,
    /// Whether the rope's own count is another one.
    counted_through: bool,
}

impl<'a> Lines<'a> {
    /// Lines ended by `ends`; `lone_cr` is false only where no `\r` stands without `\n`.
    pub(super) fn new(text: &'a Rope, ends: LineEnds, lone_cr: bool) -> Self {
        Self { text, ends, counted_through: lone_cr && ends == LineEnds::Lf }
    }

    /// The number of the line that the byte is on, and where it begins; past the end: the last line's.
    pub(super) fn at(&self, byte: usize) -> (usize, usize) {
        let byte = byte.min(self.text.len_bytes());
        if !self.counted_through {
            let line = self.text.byte_to_line(byte);
            return (line, self.text.line_to_byte(line));
        }
        let (mut line, mut start, mut seen) = (0, 0, 0);
        for chunk in self.text.chunks() {
            let part = &chunk.as_bytes()[..chunk.len().min(byte - seen)];
            line += breaks(part);
            start = part.iter().rposition(|&byte| byte == b'\n').map_or(start, |at| seen + at + 1);
            seen += part.len();
            if seen == byte {
                break;
            }
        }
        (line, start)
    }

    /// The bytes of a line without its break; `None` past the last one.
    pub(super) fn bytes(&self, line: usize) -> Option<Range<usize>> {
        let start = self.start(line)?;
        if self.counted_through {
            return Some(start..self.next_break(start));
        }
        let line = self.text.line(line);
        let last = |back: usize| line.len_bytes().checked_sub(back).and_then(|at| line.get_byte(at));
        let ended_by = match (last(2), last(1)) {
            (Some(b'\r'), Some(b'\n')) if self.ends == LineEnds::Lsp => 2,
            (_, Some(b'\n')) => 1,
            (_, Some(b'\r')) if self.ends == LineEnds::Lsp => 1,
            _ => 0,
        };
        Some(start..start + line.len_bytes() - ended_by)
    }

    fn start(&self, line: usize) -> Option<usize> {
        if !self.counted_through {
            return (line < self.text.len_lines()).then(|| self.text.line_to_byte(line));
        }
        let (mut left, mut seen) = (line, 0);
        if left == 0 {
            return Some(0);
        }
        for chunk in self.text.chunks() {
            let here = breaks(chunk.as_bytes());
            if left <= here {
                let ended = chunk.match_indices('\n').nth(left - 1);
                return ended.map(|(at, _)| seen + at + 1);
            }
            left -= here;
            seen += chunk.len();
        }
        None
    }

    /// The first `\n` at or after `start`, else the end.
    fn next_break(&self, start: usize) -> usize {
        let (chunks, mut seen, _, _) = self.text.chunks_at_byte(start);
        for chunk in chunks {
            let from = start.saturating_sub(seen);
            if let Some(at) = chunk.as_bytes()[from..].iter().position(|&byte| byte == b'\n') {
                return seen + from + at;
            }
            seen += chunk.len();
        }
        self.text.len_bytes()
    }
}

fn breaks(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte == b'\n').count()
}
