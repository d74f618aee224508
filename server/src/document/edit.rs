//! One open document: changes in, snapshots out. Applying changes never fails and never reads the clock; it
//! must not know where they come from.

use std::ops::Range;

use ropey::Rope;
use tree_sitter::{InputEdit, Point};

use super::{
    Digest, Encoding, Language, LineEnds, Position, Snapshot, Version,
    lines::Lines,
    syntax::{Parsed, Syntax},
};

/// One change: `text` in place of `range`, or of everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// From, to; clamped, and turned round when reversed. `None` is the whole document.
    pub range: Option<(Position, Position)>,
    /// What stands there now.
    pub text: String,
}

/// Whether the versions came as they should. The changes are applied either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The version rose.
    Rose,
    /// It stayed or fell: something was lost or sent twice, and the text can no longer be trusted until the
    /// document is opened again or replaced as a whole.
    Fell {
        /// The version before.
        from: Version,
    },
}

/// An open document. Owned by the session; everyone else gets a [`Snapshot`].
pub struct Document {
    now: Snapshot,
    syntax: Syntax,
}

impl Document {
    /// A document as the editor opened it. Not parsed yet: see [`Document::parse`].
    pub fn open(language: Language, version: Version, text: &str) -> Self {
        let syntax = Syntax::new(&language);
        let now = Snapshot {
            text: Rope::from_str(text),
            tree: None,
            version,
            language,
            binary: text.as_bytes().contains(&0),
            ends: LineEnds::default(),
            lone_cr: has_lone_cr(text),
        };
        Self { now, syntax }
    }

    /// The same document, whose positions count lines so.
    #[must_use]
    pub fn counting(mut self, ends: LineEnds) -> Self {
        self.count_lines(ends);
        self
    }

    /// Counts lines so from here on.
    pub fn count_lines(&mut self, ends: LineEnds) {
        self.now.ends = ends;
    }

    /// A document as it was at `snapshot`, to be changed apart from the editor's.
    pub fn from(snapshot: &Snapshot) -> Self {
        let syntax = Syntax::resumed(&snapshot.language, snapshot.tree.clone());
        Self { now: snapshot.clone(), syntax }
    }

    /// Applies `changes` one after the other, each to what the one before it left; the text is then `version`.
    /// The tree is edited, and out of date until [`Document::parse`].
    pub fn apply(&mut self, changes: &[Change], version: Version, encoding: Encoding) -> Order {
        self.apply_noting(changes, version, encoding, &mut |_, _| {})
    }

    /// The same; `note` is told of each change which bytes it replaced, `None` for all, and by how many.
    pub fn apply_noting(
        &mut self,
        changes: &[Change],
        version: Version,
        encoding: Encoding,
        note: &mut dyn FnMut(Option<Range<usize>>, usize),
    ) -> Order {
        let from = self.now.version;
        self.now.version = version;
        self.now.tree = None;
        for change in changes {
            let replaced = match change.range {
                Some((start, end)) => Some(self.splice(start, end, &change.text, encoding)),
                None => {
                    self.replace(&change.text);
                    None
                }
            };
            note(replaced, change.text.len());
        }
        if version > from { Order::Rose } else { Order::Fell { from } }
    }

    /// Brings the tree up to date, unless `over` says that time is over first; then the next call goes on from
    /// there. `over` is asked every few microseconds.
    pub fn parse(&mut self, over: &mut dyn FnMut() -> bool) -> Parsed {
        let parsed = if self.now.binary { Parsed::Never } else { self.syntax.parse(&self.now.text, over) };
        self.now.tree = if parsed == Parsed::Done { self.syntax.tree().cloned() } else { None };
        parsed
    }

    /// The document as it is now.
    pub fn snapshot(&self) -> Snapshot {
        self.now.clone()
    }

    /// The version of the text.
    pub fn version(&self) -> Version {
        self.now.version
    }

    /// Its language.
    pub fn language(&self) -> &Language {
        &self.now.language
    }

    /// What an editor compares with its buffer.
    pub fn digest(&self) -> Digest {
        self.now.digest()
    }

    fn replace(&mut self, text: &str) {
        self.now.text = Rope::from_str(text);
        self.now.binary = text.as_bytes().contains(&0);
        self.now.lone_cr = has_lone_cr(text);
        self.syntax.forget();
    }

    fn splice(&mut self, start: Position, end: Position, inserted: &str, encoding: Encoding) -> Range<usize> {
        let (a, b) = (self.now.byte_at(start, encoding).0, self.now.byte_at(end, encoding).0);
        let (start, end) = (a.min(b), a.max(b));
        let before = (self.point(start), self.point(end));

        let rope = &mut self.now.text;
        let (from, to) = (rope.byte_to_char(start), rope.byte_to_char(end));
        rope.remove(from..to);
        rope.insert(from, inserted);

        self.now.binary |= inserted.as_bytes().contains(&0);
        self.now.lone_cr |=
            has_lone_cr(inserted) || start.checked_sub(1).is_some_and(|at| rope.byte(at) == b'\r');
        let new_end = start + inserted.len();
        self.syntax.edit(&InputEdit {
            start_byte: start,
            old_end_byte: end,
            new_end_byte: new_end,
            start_position: before.0,
            old_end_position: before.1,
            new_end_position: self.point(new_end),
        });
        start..end
    }

    /// Row and column as tree-sitter counts them: rows end at `\n` only, columns are bytes.
    fn point(&self, byte: usize) -> Point {
        let (row, start) = Lines::new(&self.now.text, LineEnds::Lf, self.now.lone_cr).at(byte);
        Point { row, column: byte - start }
    }
}

fn has_lone_cr(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().any(|(at, &byte)| byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
}
