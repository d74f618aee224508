//! The span while it is refined: a row of cells, each masked or holding a token.
//!
//! Owns what a cell is and how cells come and go. Knows no denoiser and no rule; a position outside the span is
//! ignored everywhere.

use std::ops::Range;

use super::CanvasIdx;
use crate::tokens::TokenId;

/// Whether a position is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Undecided.
    Masked,
    /// Decided in that step; steps count from 1, and 0 stands for "before the first".
    Committed {
        /// The step.
        step: u32,
    },
    /// Not to be decided: it was given, and stays.
    Given,
}

/// One position of the span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// The token that stands here; while masked the likeliest so far, if one is known.
    pub token: Option<TokenId>,
    /// Whether it is decided.
    pub state: State,
    /// Probability of `token` when it was last looked at, in [0, 1].
    pub confidence: f32,
    /// How often it was masked again.
    pub remasked: u32,
}

impl Cell {
    const MASKED: Self = Self { token: None, state: State::Masked, confidence: 0.0, remasked: 0 };

    /// Whether it is undecided.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.state == State::Masked
    }
}

/// A span of cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Canvas {
    cells: Vec<Cell>,
}

impl Canvas {
    /// `length` masks: a span of which nothing is known.
    #[must_use]
    pub fn masked(length: usize) -> Self {
        Self { cells: vec![Cell::MASKED; length] }
    }

    /// Masks that already carry a guess: a draft that is still to be believed.
    #[must_use]
    pub fn draft(tokens: &[(TokenId, f32)]) -> Self {
        let cell = |&(token, confidence)| Cell { token: Some(token), confidence, ..Cell::MASKED };
        Self { cells: tokens.iter().map(cell).collect() }
    }

    /// Adds text at the right end that stays as it is: what stands between two holes of one canvas.
    pub fn give(&mut self, tokens: &[TokenId]) {
        let cell = |&token| Cell { token: Some(token), state: State::Given, confidence: 1.0, remasked: 0 };
        self.cells.extend(tokens.iter().map(cell));
    }

    /// Adds the cells of another span at the right end.
    pub fn join(&mut self, hole: Self) {
        self.cells.extend(hole.cells);
    }

    /// The holes, left to right: what given text leaves between it. Without any there is one, the whole span.
    #[must_use]
    pub fn holes(&self) -> Vec<Range<usize>> {
        let mut holes: Vec<Range<usize>> = Vec::new();
        let mut start = 0;
        for (at, cell) in self.cells.iter().enumerate() {
            if cell.state == State::Given {
                if at > start {
                    holes.push(start..at);
                }
                start = at + 1;
            }
        }
        if start < self.cells.len() || holes.is_empty() {
            holes.push(start..self.cells.len());
        }
        holes
    }

    /// A hole as a span of its own.
    #[must_use]
    pub fn part(&self, hole: Range<usize>) -> Self {
        Self { cells: self.cells.get(hole).unwrap_or_default().to_vec() }
    }

    /// Whether no undecided or decided position of the same hole stands left of `at`.
    #[must_use]
    pub fn begins_hole(&self, at: CanvasIdx) -> bool {
        let left = at.0.checked_sub(1).and_then(|left| self.cells.get(left));
        left.is_none_or(|cell| cell.state == State::Given)
    }

    /// All cells, left to right.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Number of positions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there is no position.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The undecided positions, ascending.
    #[must_use]
    pub fn masks(&self) -> Vec<CanvasIdx> {
        let cells = self.cells.iter().enumerate();
        cells.filter(|(_, cell)| cell.is_masked()).map(|(at, _)| CanvasIdx(at)).collect()
    }

    /// The span as a denoiser reads it: `mask` where undecided, guesses left out.
    #[must_use]
    pub fn tokens(&self, mask: TokenId) -> Vec<TokenId> {
        let token = |cell: &Cell| match cell.state {
            State::Masked => mask,
            State::Committed { .. } | State::Given => cell.token.unwrap_or(mask),
        };
        self.cells.iter().map(token).collect()
    }

    /// The span as it would be answered now: guesses where undecided, nothing where there is no guess.
    #[must_use]
    pub fn decoded(&self) -> Vec<TokenId> {
        self.cells.iter().filter_map(|cell| cell.token).collect()
    }

    /// Decides a position in a step.
    pub fn commit(&mut self, at: CanvasIdx, token: TokenId, confidence: f32, step: u32) {
        if let Some(cell) = self.cells.get_mut(at.0) {
            *cell = Cell { token: Some(token), state: State::Committed { step }, confidence, ..*cell };
        }
    }

    /// Notes what a masked position would become.
    pub fn guess(&mut self, at: CanvasIdx, token: Option<TokenId>, confidence: f32) {
        if let Some(cell) = self.cells.get_mut(at.0).filter(|cell| cell.is_masked()) {
            *cell = Cell { token, confidence, ..*cell };
        }
    }

    /// Makes a committed position undecided again; its token stays as a guess.
    pub fn remask(&mut self, at: CanvasIdx) {
        if let Some(cell) = self.cells.get_mut(at.0)
            && matches!(cell.state, State::Committed { .. })
        {
            *cell = Cell { state: State::Masked, remasked: cell.remasked + 1, ..*cell };
        }
    }

    /// Takes a position away.
    pub fn remove(&mut self, at: CanvasIdx) {
        if at.0 < self.cells.len() {
            self.cells.remove(at.0);
        }
    }

    /// Takes positions away.
    pub fn cut(&mut self, range: Range<usize>) {
        let end = range.end.min(self.cells.len());
        self.cells.drain(range.start.min(end)..end);
    }

    /// Adds masks at the right end.
    pub fn grow(&mut self, masks: usize) {
        self.cells.resize(self.cells.len() + masks, Cell::MASKED);
    }

    /// Puts two masks in the place of one position.
    pub fn split(&mut self, at: CanvasIdx) {
        if at.0 < self.cells.len() {
            self.cells.splice(at.0..=at.0, [Cell::MASKED; 2]);
        }
    }

    /// The span as a line of text: `▒` a mask, `[x]` decided in `step`, `x` decided earlier. `name` spells a token.
    #[must_use]
    pub fn render(&self, step: u32, name: &dyn Fn(TokenId) -> String) -> String {
        let cell = |cell: &Cell| match (cell.state, cell.token) {
            (State::Masked, _) | (_, None) => "▒".to_owned(),
            (State::Committed { step: decided }, Some(token)) if decided == step => {
                format!("[{}]", name(token))
            }
            (State::Committed { .. } | State::Given, Some(token)) => name(token),
        };
        self.cells.iter().map(cell).collect::<Vec<_>>().join(" ")
    }
}
