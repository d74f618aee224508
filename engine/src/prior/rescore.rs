//! How well a line fits between its neighbours: its own probability, that of the text right of the hole after it, and what
//! else speaks for it, summed to one score.

use super::{distribution::Model, symbols::Local};

/// Symbols right of the hole that are looked at, after the one that ends the line.
const RIGHT_SYMBOLS: usize = 12;
/// What they weigh.
const RIGHT_WEIGHT: f32 = 0.391;

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
    /// Whether the next line says the same.
    pub repeats_next: bool,
    /// Whether the line before says the same.
    pub repeats_previous: bool,
}

impl Signals {
    /// Log score of the line: a linear ranker, fitted on the tuning packages (softmax over each pool that holds the right line).
    pub(super) fn score(&self) -> f32 {
        let log = |count: u16| (1.0 + f32::from(count)).ln();
        let flag = |yes: bool| f32::from(u8::from(yes));
        let both = log(self.left_match + self.right_match);
        let score = 0.376 * self.line + RIGHT_WEIGHT * self.right + 1.537 * both
            - 0.085 * log(self.left_match)
            - 0.31 * log(self.right_match)
            + 0.694 * log(self.places)
            + 0.846 * flag(self.places == 0)
            - 0.702 * log(self.symbols)
            - 0.696 * flag(self.repeats_next)
            - 0.855 * flag(self.repeats_previous);
        // A rewritten line is new here, so its probability says little and its place much.
        let rewritten =
            -0.919 - 0.254 * self.line + 0.042 * self.right + 0.852 * both - 0.207 * log(self.symbols);
        score + flag(self.rewritten) * rewritten
    }
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
