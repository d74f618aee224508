//! How well a line fits between its neighbours: its own probability, that of the text right of the hole after it, and what
//! else speaks for it. [`super::ranker`] makes one score of that.

use super::{distribution::Model, symbols::Local};

/// Symbols right of the hole that are looked at, after the one that ends the line.
const RIGHT_SYMBOLS: usize = 12;

/// What speaks for a line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Signals {
    /// Log-probability of the line and of what ends it.
    pub line: f32,
    /// Log-probability of the next symbols after that, 12 at most.
    pub right: f32,
    /// Symbols of the line.
    pub symbols: u16,
    /// Symbols that match left of the same line elsewhere, 64 at most; 0 if it stands nowhere.
    pub left_match: u16,
    /// Symbols that match right of it there, 64 at most.
    pub right_match: u16,
    /// How often the line stands elsewhere, between whatever neighbours on the other side.
    pub places: u16,
    /// Whether the line was rewritten from one between similar neighbours; the matches are then those of its place.
    pub rewritten: bool,
    /// Whether it is several lines that stand between the same neighbours elsewhere.
    pub twin: bool,
    /// Whether it filled the hole before the last edit, or ends with what did.
    pub previous: bool,
    /// Whether the next line says the same.
    pub repeats_next: bool,
    /// Whether the line before says the same.
    pub repeats_previous: bool,
}

/// The probabilities of a line between `before` and `after`, whose first symbol ends the line.
pub(super) fn fit(model: &mut Model<'_>, before: &[Local], line: &[Local], after: &[Local]) -> Signals {
    let mut context = before.to_vec();
    let mut log_probability = |local: Local| {
        let distribution = model.after(&context);
        let probability = model.probability(&distribution, local);
        context.push(local);
        probability.ln()
    };
    let own: f32 = line.iter().chain(after.first()).map(|&local| log_probability(local)).sum();
    let right: f32 = after.iter().skip(1).take(RIGHT_SYMBOLS).map(|&local| log_probability(local)).sum();
    Signals { line: own, right, symbols: line.len() as u16, ..Signals::default() }
}
