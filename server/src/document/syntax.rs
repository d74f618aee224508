//! The tree-sitter tree of a document, edited with it and parsed again in slices of time.

use std::ops::ControlFlow;

use ropey::Rope;
use tree_sitter::{InputEdit, ParseOptions, Parser, Tree};

use super::{Language, limits::MAX_PARSED_BYTES};

/// What came of an attempt to parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// The tree is of this very text.
    Done,
    /// Time ran out: call again, best when nothing else is to do.
    Later,
    /// There is no grammar, or the text is too large or binary.
    Never,
}

/// A parser and the tree it made last, which [`Syntax::edit`] keeps roughly in place.
pub(super) struct Syntax {
    parser: Option<Parser>,
    tree: Option<Tree>,
    fresh: bool,
}

impl Syntax {
    pub(super) fn new(language: &Language) -> Self {
        let parser = language.grammar().and_then(|grammar| {
            let mut parser = Parser::new();
            parser.set_language(&grammar).ok().map(|()| parser)
        });
        Self { parser, tree: None, fresh: false }
    }

    /// Goes on from a tree of the very text that is there.
    pub(super) fn resumed(language: &Language, tree: Option<Tree>) -> Self {
        Self { fresh: tree.is_some(), tree, ..Self::new(language) }
    }

    pub(super) fn tree(&self) -> Option<&Tree> {
        self.tree.as_ref()
    }

    /// Forgets what was parsed: the text is another one.
    pub(super) fn forget(&mut self) {
        self.tree = None;
        self.edited();
    }

    pub(super) fn edit(&mut self, edit: &InputEdit) {
        if let Some(tree) = &mut self.tree {
            tree.edit(edit);
        }
        self.edited();
    }

    /// A parse that was put off read the text before the edit: it must not go on.
    fn edited(&mut self) {
        self.fresh = false;
        if let Some(parser) = &mut self.parser {
            parser.reset();
        }
    }

    pub(super) fn parse(&mut self, text: &Rope, over: &mut dyn FnMut() -> bool) -> Parsed {
        if self.fresh {
            return Parsed::Done;
        }
        let Some(parser) = &mut self.parser else { return Parsed::Never };
        if text.len_bytes() > MAX_PARSED_BYTES {
            self.tree = None;
            return Parsed::Never;
        }
        let mut progress = |_: &_| if over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let options = ParseOptions::new().progress_callback(&mut progress);
        match parser.parse_with_options(&mut |at, _| read(text, at), self.tree.as_ref(), Some(options)) {
            Some(tree) => {
                self.tree = Some(tree);
                self.fresh = true;
                Parsed::Done
            }
            None => Parsed::Later,
        }
    }
}

/// The rest of the rope's chunk at `byte`; empty at the end.
fn read(text: &Rope, byte: usize) -> &[u8] {
    if byte >= text.len_bytes() {
        return &[];
    }
    let (chunk, start, _, _) = text.chunk_at_byte(byte);
    &chunk.as_bytes()[byte - start..]
}
