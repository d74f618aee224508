//! A document at one version: immutable, cheap to copy, free to send to another thread.

use std::ops::Range;

use ropey::Rope;
use tree_sitter::Tree;

use super::{
    ByteOffset, Digest, Encoding, Language, LineEnds, Position,
    lines::Lines,
    position::{to_byte, to_position},
};

/// An LSP document version. Rises with every change of one open document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub i32);

/// A document at one version. A clone shares the text.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(super) text: Rope,
    pub(super) tree: Option<Tree>,
    pub(super) version: Version,
    pub(super) language: Language,
    pub(super) binary: bool,
    /// What ends lines in positions from the client and to it.
    pub(super) ends: LineEnds,
    /// Whether a `\r` without `\n` may be in the text.
    pub(super) lone_cr: bool,
}

impl Snapshot {
    /// The text.
    pub fn text(&self) -> &Rope {
        &self.text
    }

    /// The syntax tree of exactly this text: `None` where the language has no grammar, the text is too large or
    /// binary, or it is not parsed yet.
    pub fn tree(&self) -> Option<&Tree> {
        self.tree.as_ref()
    }

    /// The version that the text is.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Its language.
    pub fn language(&self) -> &Language {
        &self.language
    }

    /// Whether a NUL byte came into it since it was opened or replaced.
    pub fn is_binary(&self) -> bool {
        self.binary
    }

    /// The place that an editor's position names, clamped.
    pub fn byte_at(&self, at: Position, encoding: Encoding) -> ByteOffset {
        to_byte(&self.text, self.lines(), at, encoding)
    }

    /// The editor's position of a place.
    pub fn position_at(&self, at: ByteOffset, encoding: Encoding) -> Position {
        to_position(&self.text, self.lines(), at, encoding)
    }

    /// What ends lines in an editor's positions.
    pub fn line_ends(&self) -> LineEnds {
        self.ends
    }

    /// The lines of the editor's positions.
    pub(super) fn lines(&self) -> Lines<'_> {
        Lines::new(&self.text, self.ends, self.lone_cr)
    }

    /// Bytes of the line that `at` is on, without its line break, which may be any of LSP's: so models read the text.
    pub fn line_at(&self, at: ByteOffset) -> Range<usize> {
        let lines = Lines::new(&self.text, LineEnds::Lsp, self.lone_cr);
        let (line, start) = lines.at(at.0);
        lines.bytes(line).unwrap_or(start..start)
    }

    /// The text of a range of bytes, clamped to the text and to character boundaries.
    pub fn slice(&self, range: Range<usize>) -> String {
        let end = super::position::floor(&self.text, range.end).0;
        let start = super::position::floor(&self.text, range.start).0.min(end);
        self.text.byte_slice(start..end).to_string()
    }

    /// What an editor compares with its buffer.
    pub fn digest(&self) -> Digest {
        Digest::of(self)
    }
}
