//! The lines around the cursor, as the rules of this folder want them. Pure text.

use crate::document::{ByteOffset, LineEnds, Snapshot};

/// Lines below the cursor that the rules look at.
const LINES_BELOW: usize = 8;

/// The place of a hole, line by line, line breaks left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// The cursor's line up to the cursor.
    pub before: String,
    /// The cursor's line from the cursor on.
    pub after: String,
    /// The line above; empty at the top.
    pub above: String,
    /// The lines below, nearest first.
    pub below: Vec<String>,
    /// What ends lines in this document.
    pub line_break: &'static str,
    /// What indents lines in this document.
    pub indent: Indent,
}

/// One level of indentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indent {
    /// A tab.
    Tab,
    /// So many blanks.
    Spaces(usize),
}

impl Default for Indent {
    fn default() -> Self {
        Self::Spaces(4)
    }
}

impl Site {
    /// The place of a cursor.
    #[must_use]
    pub fn at(snapshot: &Snapshot, cursor: ByteOffset) -> Self {
        let text = snapshot.text();
        let line_range = snapshot.line_at(cursor);
        let line = text.byte_to_line(cursor.0.min(text.len_bytes()));
        let content = |line: usize| snapshot.slice(snapshot.line_at(ByteOffset(text.line_to_byte(line))));
        let below = (line + 1..text.len_lines()).take(LINES_BELOW).map(content).collect();
        Self {
            before: snapshot.slice(line_range.start..cursor.0),
            after: snapshot.slice(cursor.0..line_range.end),
            above: line.checked_sub(1).map(content).unwrap_or_default(),
            below,
            line_break: line_break(snapshot),
            indent: indent(snapshot, line),
        }
    }

    /// The first line below with anything on it.
    #[must_use]
    pub fn next_text(&self) -> Option<&str> {
        self.below.iter().map(|line| line.trim()).find(|line| !line.is_empty())
    }

    /// The blanks that the cursor's line begins with.
    #[must_use]
    pub fn indentation(&self) -> &str {
        leading(&self.before)
    }
}

/// The blanks and tabs that a line begins with.
pub(super) fn leading(line: &str) -> &str {
    line.split_at(line.len() - line.trim_start_matches([' ', '\t']).len()).0
}

/// How far a run of blanks reaches; a tab counts as four.
pub(super) fn columns(blanks: &str) -> usize {
    blanks.chars().map(|c| if c == '\t' { 4 } else { 1 }).sum()
}

/// What ends the document's first line.
fn line_break(snapshot: &Snapshot) -> &'static str {
    let text = snapshot.text();
    if text.len_lines() < 2 {
        return "\n";
    }
    let end = snapshot.line_at(ByteOffset(0)).end;
    match (text.get_byte(end), text.get_byte(end + 1)) {
        (Some(b'\r'), Some(b'\n')) => "\r\n",
        (Some(b'\r'), _) if snapshot.line_ends() == LineEnds::Lsp => "\r",
        _ => "\n",
    }
}

/// The unit that most lines near the cursor are indented by: the smallest indentation seen.
fn indent(snapshot: &Snapshot, line: usize) -> Indent {
    const LOOK: usize = 200;
    let text = snapshot.text();
    let lines = line.saturating_sub(LOOK)..(line + LOOK).min(text.len_lines());
    let mut smallest = usize::MAX;
    for line in lines {
        let mut blanks = 0;
        let mut characters = text.line(line).chars();
        match characters.next() {
            Some('\t') => return Indent::Tab,
            Some(' ') => blanks += 1,
            _ => continue,
        }
        let rest = characters.by_ref().take_while(|&c| c == ' ').count();
        blanks += rest;
        if blanks >= 2 {
            smallest = smallest.min(blanks);
        }
    }
    if smallest > 8 { Indent::default() } else { Indent::Spaces(smallest) }
}
