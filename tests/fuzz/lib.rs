//! What the targets share: texts that are worth trying, and the rules of positions, counted the slow way.

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use quicksilver::document::{Encoding, LineEnds, Position};

/// A text made of what texts break on.
#[derive(Arbitrary, Debug)]
pub struct Text(Vec<Piece>);

#[derive(Arbitrary, Debug)]
enum Piece {
    Lf,
    CrLf,
    Cr,
    Nul,
    Space,
    /// Two units of UTF-16, four bytes.
    Astral,
    /// A letter and what stands on it.
    Combined,
    /// U+2028, which ends no line.
    Separator,
    Letter(u8),
    Any(char),
}

impl Text {
    /// As a string.
    pub fn written(&self) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Lf => "\n".to_owned(),
                Piece::CrLf => "\r\n".to_owned(),
                Piece::Cr => "\r".to_owned(),
                Piece::Nul => "\0".to_owned(),
                Piece::Space => " ".to_owned(),
                Piece::Astral => "🦀".to_owned(),
                Piece::Combined => "e\u{301}".to_owned(),
                Piece::Separator => "\u{2028}".to_owned(),
                Piece::Letter(letter) => char::from(b'a' + letter % 26).to_string(),
                Piece::Any(any) => any.to_string(),
            })
            .collect()
    }
}

/// How a client counts.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Counts {
    units: u8,
    lf: bool,
}

impl Counts {
    /// In which units it counts columns.
    pub fn encoding(self) -> Encoding {
        [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32][usize::from(self.units % 3)]
    }

    /// What ends its lines.
    pub fn line_ends(self) -> LineEnds {
        if self.lf { LineEnds::Lf } else { LineEnds::Lsp }
    }
}

/// Line and column, mostly small.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Place(u8, u8, Option<(u32, u32)>);

impl Place {
    /// As a position.
    pub fn position(self) -> Position {
        let (line, column) = self.2.unwrap_or((self.0.into(), self.1.into()));
        Position::new(line, column)
    }
}

/// The byte that a position names, character by character: the rule of LSP 3.18, *Text Documents*.
pub fn byte_of(text: &str, at: Position, counts: Counts) -> usize {
    let mut line = 0;
    let mut start = 0;
    let bytes = text.as_bytes();
    while line < at.line {
        let Some(length) = text[start..].find(|c| c == '\n' || c == '\r' && !counts.lf) else { return text.len() };
        let ended = start + length;
        let pair = bytes[ended] == b'\r' && bytes.get(ended + 1) == Some(&b'\n');
        start = ended + 1 + usize::from(pair);
        line += 1;
    }
    let (mut byte, mut column) = (start, 0_u64);
    for c in text[start..].chars() {
        let units = match counts.encoding() {
            Encoding::Utf8 => c.len_utf8(),
            Encoding::Utf16 => c.len_utf16(),
            Encoding::Utf32 => 1,
        };
        column += units as u64;
        if column > u64::from(at.column) || c == '\n' || c == '\r' && !counts.lf {
            break;
        }
        byte += c.len_utf8();
    }
    byte
}
