//! From a line's signals to one log score: a linear ranker for whole lines, one for rests of lines.
//!
//! Fitted on the tuning packages in six languages, pools with the counts of other packages (softmax over each pool that holds
//! the right line; `engine/training/quicksilver_training/fit.py`). Knows signals, no text.

use super::rescore::Signals;

/// A fitted ranker.
pub(super) struct Ranker {
    line: f32,
    right: f32,
    both: f32,
    left_match: f32,
    right_match: f32,
    places: f32,
    nowhere: f32,
    symbols: f32,
    repeats_next: f32,
    repeats_previous: f32,
    /// On top for a rewritten line: it is new here, so its probability says little and its place much. By itself, and
    /// times `line`, `right`, `both` and `symbols`.
    rewritten: [f32; 5],
}

impl Ranker {
    /// For whole lines.
    pub(super) const LINE: Self = Self {
        line: 0.407,
        right: 0.447,
        both: 1.061,
        left_match: 0.139,
        right_match: 0.138,
        places: 0.541,
        nowhere: 0.930,
        symbols: -0.323,
        repeats_next: -0.622,
        repeats_previous: -0.787,
        rewritten: [-0.985, -0.211, -0.068, 1.164, -0.354],
    };
    /// For rests of lines.
    pub(super) const REST: Self = Self {
        line: 0.616,
        right: 0.491,
        both: 0.767,
        left_match: -0.245,
        right_match: -0.317,
        places: 0.446,
        nowhere: 0.871,
        symbols: -0.845,
        repeats_next: -0.866,
        repeats_previous: -0.863,
        rewritten: [-0.348, -0.274, -0.299, 0.921, -0.061],
    };

    /// Log score of a line.
    pub(super) fn score(&self, signals: &Signals) -> f32 {
        let log = |count: u16| (1.0 + f32::from(count)).ln();
        let flag = |yes: bool| f32::from(u8::from(yes));
        let (line, right) = (signals.line, signals.right);
        let (both, symbols) = (log(signals.left_match + signals.right_match), log(signals.symbols));
        let [alone, by_line, by_right, by_both, by_symbols] = self.rewritten;
        let rewritten = alone + by_line * line + by_right * right + by_both * both + by_symbols * symbols;
        self.line * line
            + self.right * right
            + self.both * both
            + self.left_match * log(signals.left_match)
            + self.right_match * log(signals.right_match)
            + self.places * log(signals.places)
            + self.nowhere * flag(signals.places == 0)
            + self.symbols * symbols
            + self.repeats_next * flag(signals.repeats_next)
            + self.repeats_previous * flag(signals.repeats_previous)
            + flag(signals.rewritten) * rewritten
    }
}
