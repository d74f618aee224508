//! Where something is in a text: all UTF-8/16/32 arithmetic of the project.
//!
//! Line ends are `\n`, `\r\n` and `\r`, or `\n` alone ([`LineEnds`](super::LineEnds)), and nothing else: U+2028, U+2029, VT, FF and NEL are
//! text (LSP 3.18, *Text Documents*; the rope is built with `cr_lines` and without `unicode_lines`).
//!
//! A position from outside is never refused but clamped: past the end of a line to the line's end, past the
//! end of the text to its end, inside a character to its start.

use std::ops::Range;

use ropey::Rope;

use super::lines::Lines;

/// Unit of [`Position::column`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// UTF-16 code units: what LSP has when nothing is agreed.
    #[default]
    Utf16,
    /// Unicode scalar values.
    Utf32,
}

/// A place as an editor names it; both count from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Lines before it.
    pub line: u32,
    /// Units of an [`Encoding`] before it on its line.
    pub column: u32,
}

impl Position {
    /// Line and column, both from 0.
    pub fn new(line: u32, column: u32) -> Self {
        Self { line, column }
    }
}

/// A place in a text: bytes before it. Always on a character boundary of the text it was made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteOffset(pub usize);

/// The place that `at` names in a text, clamped.
pub(super) fn to_byte(text: &Rope, lines: Lines<'_>, at: Position, encoding: Encoding) -> ByteOffset {
    let Some(Range { start, end }) = lines.bytes(at.line as usize) else {
        return ByteOffset(text.len_bytes());
    };
    let column = at.column as usize;
    let wanted = match encoding {
        Encoding::Utf8 => start.saturating_add(column),
        Encoding::Utf16 => {
            let unit = text.char_to_utf16_cu(text.byte_to_char(start)).saturating_add(column);
            if unit >= text.len_utf16_cu() { end } else { text.char_to_byte(text.utf16_cu_to_char(unit)) }
        }
        Encoding::Utf32 => {
            let char = text.byte_to_char(start).saturating_add(column);
            if char >= text.len_chars() { end } else { text.char_to_byte(char) }
        }
    };
    floor(text, wanted.min(end))
}

/// The position of `at`; an offset past the end is the end.
pub(super) fn to_position(text: &Rope, lines: Lines<'_>, at: ByteOffset, encoding: Encoding) -> Position {
    let at = floor(text, at.0).0;
    let (line, start) = lines.at(at);
    let column = match encoding {
        Encoding::Utf8 => at - start,
        Encoding::Utf16 => {
            text.char_to_utf16_cu(text.byte_to_char(at)) - text.char_to_utf16_cu(text.byte_to_char(start))
        }
        Encoding::Utf32 => text.byte_to_char(at) - text.byte_to_char(start),
    };
    Position { line: to_u32(line), column: to_u32(column) }
}

/// The character boundary at or before `byte`.
pub fn floor(text: &Rope, byte: usize) -> ByteOffset {
    let byte = byte.min(text.len_bytes());
    ByteOffset(text.char_to_byte(text.byte_to_char(byte)))
}

/// Length of `text` in units of `encoding`.
pub fn units(text: &str, encoding: Encoding) -> usize {
    match encoding {
        Encoding::Utf8 => text.len(),
        Encoding::Utf16 => text.chars().map(char::len_utf16).sum(),
        Encoding::Utf32 => text.chars().count(),
    }
}

fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::LineEnds;

    const ENCODINGS: [Encoding; 3] = [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32];

    /// Byte of `line:column` in each encoding, UTF-8 first.
    fn bytes(text: &str, line: u32, column: u32) -> [usize; 3] {
        counted(LineEnds::Lsp, text, line, column)
    }

    fn counted(ends: LineEnds, text: &str, line: u32, column: u32) -> [usize; 3] {
        let rope = Rope::from_str(text);
        let lines = Lines::new(&rope, ends, true);
        ENCODINGS.map(|encoding| to_byte(&rope, lines, Position::new(line, column), encoding).0)
    }

    #[test]
    fn columns_count_the_units_of_their_encoding() {
        assert_eq!(bytes("aé😀z", 0, 3), [3, 3, 7]);
        assert_eq!(bytes("aé😀z", 0, 4), [3, 7, 8]);
    }

    #[test]
    fn inside_a_character_is_its_start() {
        assert_eq!(bytes("😀", 0, 1), [0, 0, 4]);
        assert_eq!(bytes("é", 0, 1), [0, 2, 2]);
    }

    #[test]
    fn past_the_line_is_before_its_break() {
        for (text, end) in [("ab\ncd", 2), ("ab\r\ncd", 2), ("ab\rcd", 2)] {
            assert_eq!(bytes(text, 0, 3), [end; 3], "{text:?}");
            assert_eq!(bytes(text, 0, u32::MAX), [end; 3], "{text:?}");
        }
    }

    #[test]
    fn past_the_text_is_its_end() {
        assert_eq!(bytes("ab\n", 1, 9), [3; 3]);
        assert_eq!(bytes("ab\n", 7, 0), [3; 3]);
        assert_eq!(bytes("", u32::MAX, u32::MAX), [0; 3]);
    }

    #[test]
    fn where_lf_alone_ends_lines_a_cr_is_a_character() {
        for (text, line, column, byte) in [
            ("a\rb\nc", 0, 3, 3),
            ("a\rb\nc", 0, 9, 3),
            ("a\rb\nc", 1, 0, 4),
            ("a\r\nb", 0, 2, 2),
            ("a\r\nb", 1, 1, 4),
            ("a\rb\rc", 0, 5, 5),
            ("a\rb\rc", 1, 0, 5),
        ] {
            assert_eq!(counted(LineEnds::Lf, text, line, column), [byte; 3], "{text:?} {line}:{column}");
        }
    }

    #[test]
    fn unicode_separators_are_text() {
        assert_eq!(bytes("a\u{2028}b\u{0b}c\u{85}d", 1, 0), [10; 3]);
        assert_eq!(Rope::from_str("a\u{2028}b\u{0b}c\u{0c}\u{85}\u{2029}d").len_lines(), 1);
    }

    #[test]
    fn positions_come_back() {
        let text = "aé\r\n😀z\rq\n\u{2028}x";
        let rope = Rope::from_str(text);
        // 4 is inside the `\r\n`.
        for (at, _) in text.char_indices().filter(|(at, _)| *at != 4) {
            for (encoding, ends) in
                ENCODINGS.into_iter().zip([LineEnds::Lsp, LineEnds::Lf].into_iter().cycle())
            {
                let lines = Lines::new(&rope, ends, true);
                let position = to_position(&rope, lines, ByteOffset(at), encoding);
                let back = to_byte(&rope, lines, position, encoding).0;
                assert_eq!(back, at, "{at} as {position:?} {encoding:?} {ends:?}");
            }
        }
    }
}
