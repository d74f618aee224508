//! Where the hole ends: with the line, or with the block, and why. From the syntax tree where there is one, else
//! from the lines alone. Pure.

use std::fmt;

use quicksilver_protocol::completion::Span;
use tree_sitter::Node;

use super::opener::opens;
use crate::document::{ByteOffset, Snapshot};

/// What surrounds the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Code.
    Code,
    /// A comment.
    Comment,
    /// A string literal.
    Literal,
    /// Brackets that opened on this line: arguments, an index, a list.
    Brackets,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code => "code",
            Self::Comment => "a comment",
            Self::Literal => "a string",
            Self::Brackets => "brackets that opened on its line",
        })
    }
}

/// Why a hole gets the span that it gets. The reason decides the kind, so neither is told without the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The user chose this one.
    Chosen(Span),
    /// Text stands after the cursor on its line.
    TextAfter,
    /// The cursor is within something that ends with the line.
    Within(Place),
    /// A block opens before the cursor and holds nothing yet.
    EmptyBlock,
    /// Nothing stands on the cursor's line, and its block has lines already.
    FilledBlock,
    /// Nothing stands on the cursor's line, and no block opens above it.
    EmptyLine,
    /// The cursor's line has begun.
    TextBefore,
}

impl Why {
    /// The kind of span that this is a reason for.
    pub fn span(self) -> Span {
        match self {
            Self::Chosen(span) => span,
            Self::TextAfter | Self::Within(_) | Self::TextBefore => Span::Rest,
            Self::EmptyBlock => Span::Block,
            Self::FilledBlock | Self::EmptyLine => Span::Line,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen(_) => f.write_str("as chosen"),
            Self::TextAfter => f.write_str("text stands after the cursor on its line"),
            Self::Within(place) => write!(f, "the cursor stands in {place}"),
            Self::EmptyBlock => f.write_str("a block opens before the cursor and is empty"),
            Self::FilledBlock => f.write_str("the cursor's line is empty, and its block has lines already"),
            Self::EmptyLine => f.write_str("the cursor's line is empty"),
            Self::TextBefore => f.write_str("text stands before the cursor on its line"),
        }
    }
}

/// The most tokens a span of this kind is worth asking for.
pub fn max_tokens(span: Span) -> u32 {
    match span {
        Span::Rest => 32,
        Span::Line => 40,
        Span::Block => 128,
        Span::Tokens(tokens) => tokens,
    }
}

/// The kind of span that the hole at `at` wants, as the reason for it.
pub fn span(snapshot: &Snapshot, at: ByteOffset) -> Why {
    let lines = Lines::at(snapshot, at);
    if !lines.after.trim().is_empty() {
        return Why::TextAfter;
    }
    let place = place(snapshot, at);
    if place != Place::Code {
        return Why::Within(place);
    }
    if lines.before.trim().is_empty() {
        let opened = lines.above(|line| !line.trim().is_empty());
        return match opened {
            Some(above) if opens(snapshot.language(), &above) && lines.block_is_filled(&above) => {
                Why::FilledBlock
            }
            Some(above) if opens(snapshot.language(), &above) => Why::EmptyBlock,
            _ => Why::EmptyLine,
        };
    }
    if opens(snapshot.language(), &lines.before) && !lines.block_is_filled(&lines.before) {
        Why::EmptyBlock
    } else {
        Why::TextBefore
    }
}

/// What surrounds the cursor.
pub fn place(snapshot: &Snapshot, at: ByteOffset) -> Place {
    let line = snapshot.line_at(at);
    match snapshot.tree() {
        Some(tree) => {
            // The cursor at the end of an unfinished string or line comment is still within it.
            let from = at.0.saturating_sub(1).max(line.start);
            let node = tree.root_node().descendant_for_byte_range(from, from.max(at.0));
            let solid = line.start + snapshot.slice(line.start..at.0).trim_end().len();
            node.map_or(Place::Code, |node| place_of(node, at.0, line.start, solid))
        }
        None => {
            let before = snapshot.slice(line.start..at.0);
            let mut comments = snapshot.language().line_comments().iter();
            let commented = comments.any(|token| before.trim_start().starts_with(token));
            if commented { Place::Comment } else { Place::Code }
        }
    }
}

/// What surrounds `at` in a node; on its line, what is not blank ends at `solid`.
fn place_of(node: Node<'_>, at: usize, line_start: usize, solid: usize) -> Place {
    let mut node = Some(node);
    while let Some(current) = node {
        let kind = current.kind();
        let inside = current.start_byte() < at && at < current.end_byte();
        // A line comment ends where the cursor stands; Rust's doc comments own their line break.
        if kind.contains("comment") && current.start_byte() < at && (inside || !kind.contains("block")) {
            return Place::Comment;
        }
        if inside
            && (kind.contains("string") || matches!(kind, "char_literal" | "rune_literal"))
            && !kind.contains("interpolation")
        {
            return Place::Literal;
        }
        if kind.contains("interpolation") || kind.contains("substitution") {
            return Place::Code;
        }
        match opened(current, at, line_start) {
            Some(opener) if opener.kind() != "{" => return Place::Brackets,
            // With nothing in them yet they are filled as a block is.
            Some(opener) if is_literal(kind) && opener.end_byte() < solid => return Place::Brackets,
            Some(_) => return Place::Code,
            None => {}
        }
        // Within a block of its own, what is outside no longer matters.
        if kind.contains("block") || kind.ends_with("body") || kind == "statement" {
            return Place::Code;
        }
        node = current.parent();
    }
    Place::Code
}

/// The innermost of a node's own brackets that opened on the cursor's line and is not closed before the cursor.
fn opened(node: Node<'_>, at: usize, line_start: usize) -> Option<Node<'_>> {
    let mut open = Vec::new();
    let mut cursor = node.walk();
    let mut more = cursor.goto_first_child_for_byte(line_start).is_some();
    while more && cursor.node().start_byte() < at {
        let child = cursor.node();
        match child.kind() {
            "(" | "[" | "{" if !child.is_missing() && child.start_byte() >= line_start => open.push(child),
            ")" | "]" | "}" if !child.is_missing() => {
                open.pop();
            }
            _ => {}
        }
        more = cursor.goto_next_sibling();
    }
    open.pop()
}

/// Whether a node of this kind writes a value, or takes one apart, within braces.
fn is_literal(kind: &str) -> bool {
    let named =
        ["object", "object_pattern", "dictionary", "set", "literal_value", "named_imports", "export_clause"];
    let ends = ["initializer", "initializer_list", "comprehension", "use_list", "struct_pattern"];
    named.contains(&kind) || ends.iter().any(|end| kind.ends_with(end))
}

/// The lines around the cursor.
struct Lines<'a> {
    snapshot: &'a Snapshot,
    line: usize,
    before: String,
    after: String,
}

impl<'a> Lines<'a> {
    /// How many lines up and down are looked at.
    const REACH: usize = 64;

    fn at(snapshot: &'a Snapshot, at: ByteOffset) -> Self {
        let range = snapshot.line_at(at);
        let line = snapshot.text().byte_to_line(range.start);
        let (before, after) = (snapshot.slice(range.start..at.0), snapshot.slice(at.0..range.end));
        Self { snapshot, line, before, after }
    }

    fn text(&self, line: usize) -> String {
        let start = self.snapshot.text().line_to_byte(line);
        self.snapshot.slice(self.snapshot.line_at(ByteOffset(start)))
    }

    fn above(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let lines = (self.line.saturating_sub(Self::REACH)..self.line).rev();
        lines.map(|line| self.text(line)).find(|line| wanted(line))
    }

    /// Whether the next line with anything on it is deeper than `opener`: then its block has content already.
    fn block_is_filled(&self, opener: &str) -> bool {
        let below = self.line + 1..(self.line + 1 + Self::REACH).min(self.snapshot.text().len_lines());
        let next = below.map(|line| self.text(line)).find(|line| !line.trim().is_empty());
        next.is_some_and(|next| depth(&next) > depth(opener))
    }
}

/// Width of the indentation; a tab counts as four blanks.
fn depth(line: &str) -> usize {
    line.chars().take_while(|c| c.is_whitespace()).map(|c| if c == '\t' { 4 } else { 1 }).sum()
}
