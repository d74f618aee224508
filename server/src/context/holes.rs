//! Several holes of one document, and text that is to be written anew, as requests. The gate, the window and the other
//! files are [`assemble`](super::assemble)'s: a request is made for one of the holes, and its text is cut at the others.

use std::{ops::Range, time::Instant};

use quicksilver_protocol::{
    completion::{FimRequest, Span},
    holes::{self, Rewrite},
    limits::{MAX_HOLES, MAX_REWRITE_BYTES},
};

use super::{
    Excluded, Hole, Open, Workspace,
    assemble::unix_lines,
    secrets::{Degree, blank},
    span::{max_tokens, span},
};
use crate::document::{ByteOffset, Change, Document, Encoding, Snapshot};

/// A document without the text that is to be replaced, and the places where it was, ascending.
#[derive(Clone, Debug)]
pub struct Emptied {
    /// The document.
    pub document: Open,
    /// Its holes.
    pub at: Vec<ByteOffset>,
}

/// A request for several holes.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// What is sent.
    pub request: FimRequest,
    /// Which of the holes it asks for; the others lie beyond the window.
    pub holes: Vec<usize>,
}

/// Why text cannot be written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The document is told to nobody.
    Excluded(Excluded),
    /// The text holds what looks like a key, which must not be told.
    Secret,
    /// The text is longer than is written anew at a time.
    Long,
}

impl Emptied {
    /// Takes the text of `holes` out of a document; they are in order and apart. Parses until `over`.
    pub fn of(document: &Open, holes: &[Range<usize>], over: Instant) -> Self {
        let snapshot = &document.snapshot;
        let mut edited =
            Document::open(snapshot.language().clone(), snapshot.version(), &snapshot.text().to_string())
                .counting(snapshot.line_ends());
        let place = |byte: usize| snapshot.position_at(ByteOffset(byte), Encoding::Utf8);
        // From the last, so that what is before stays where it is.
        let changes: Vec<Change> = holes
            .iter()
            .rev()
            .filter(|hole| !hole.is_empty())
            .map(|hole| Change { range: Some((place(hole.start), place(hole.end))), text: String::new() })
            .collect();
        edited.apply(&changes, snapshot.version(), Encoding::Utf8);
        edited.parse(&mut || Instant::now() > over);
        let mut gone = 0;
        let at = holes.iter().map(|hole| {
            let at = ByteOffset(hole.start - gone);
            gone += hole.len();
            at
        });
        let at = at.collect();
        Self {
            document: Open { path: document.path.clone(), snapshot: edited.snapshot(), edited: Vec::new() },
            at,
        }
    }

    fn snapshot(&self) -> &Snapshot {
        &self.document.snapshot
    }

    /// Characters between two places, as they are told.
    fn distance(&self, from: ByteOffset, to: ByteOffset) -> usize {
        unix_lines(&self.snapshot().slice(from.0..to.0)).chars().count()
    }
}

impl Workspace {
    /// The request that asks for all holes of `emptied` that fit one window.
    ///
    /// # Errors
    /// Why the document is told to nobody.
    pub fn assemble_holes(
        &self,
        emptied: &Emptied,
        chosen: Option<Span>,
        open: &[Open],
    ) -> Result<Asked, Excluded> {
        let spans: Vec<Span> = emptied
            .at
            .iter()
            .map(|&at| chosen.unwrap_or_else(|| span(emptied.snapshot(), at).span()))
            .collect();
        // The one in the middle: the window then reaches about as far on both sides.
        let middle = emptied.at.len().saturating_sub(1) / 2;
        let at = emptied.at.get(middle).copied().unwrap_or_default();
        let hole = Hole { document: emptied.document.clone(), at, span: spans.get(middle).copied() };
        let mut request = self.assemble(&hole, open)?;
        let cursor = request.prompt.chars().count();
        let whole = format!("{}{}", request.prompt, request.suffix.as_deref().unwrap_or_default());
        let characters = whole.chars().count();
        let place = |&other: &ByteOffset| {
            if other < at {
                cursor.checked_sub(emptied.distance(other, at))
            } else {
                Some(cursor + emptied.distance(at, other)).filter(|&place| place <= characters)
            }
        };
        let (mut asked, mut places) = (Vec::new(), Vec::new());
        for (number, at) in emptied.at.iter().enumerate().take(MAX_HOLES) {
            if let Some(place) = place(at) {
                asked.push(number);
                places.push(place);
            }
        }
        let mut pieces = cut(&whole, &places).into_iter();
        request.prompt = pieces.next().unwrap_or_default();
        request.suffix = pieces.next_back();
        request.span = asked.first().map(|&number| spans[number]);
        let further = pieces.zip(asked.iter().skip(1));
        request.holes =
            further.map(|(before, &number)| holes::Hole { before, span: Some(spans[number]) }).collect();
        request.max_tokens = asked.iter().map(|&number| max_tokens(spans[number])).max();
        Ok(Asked { request, holes: asked })
    }

    /// The request that asks for other text in place of `range`, which `emptied` lacks.
    ///
    /// # Errors
    /// Why it is not asked for.
    pub fn assemble_rewrite(
        &self,
        original: &Snapshot,
        range: Range<usize>,
        emptied: &Emptied,
        open: &[Open],
    ) -> Result<FimRequest, Refused> {
        let text = original.slice(range.clone());
        if text.len() > MAX_REWRITE_BYTES {
            return Err(Refused::Long);
        }
        // Whole lines: a key may reach beyond the selection.
        let lines =
            original.line_at(ByteOffset(range.start)).start..original.line_at(ByteOffset(range.end)).end;
        let lines = original.slice(lines);
        if blank(&lines, Degree::Certain) != lines {
            return Err(Refused::Secret);
        }
        let at = emptied.at.first().copied().unwrap_or_default();
        let hole = Hole { document: emptied.document.clone(), at, span: None };
        let request = self.assemble(&hole, open).map_err(Refused::Excluded)?;
        let tokens = u32::try_from(text.len()).unwrap_or(u32::MAX);
        Ok(FimRequest {
            max_tokens: request.max_tokens.max(Some(tokens)),
            rewrite: Some(Rewrite { text: unix_lines(&text), all: false }),
            ..request
        })
    }
}

/// A text cut at places, ascending, that count characters.
fn cut(text: &str, places: &[usize]) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut places = places.iter().copied().peekable();
    for (number, character) in text.chars().enumerate() {
        while places.next_if_eq(&number).is_some() {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(character);
        }
    }
    pieces.extend(places.map(|_| String::new()));
    pieces
}

#[cfg(test)]
#[path = "holes_tests.rs"]
mod tests;
