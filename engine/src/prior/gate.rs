//! From a pool to a calibrated probability that its winner is what the user wants, and whether to show it unasked.
//!
//! A logistic regression per kind of span, fitted on the winners of 6,300 holes in the tuning packages of six languages, and between
//! brackets of 6,100 in eight (`engine/training/quicksilver_training/fit.py`). Knows signals, no text.

use super::{Extent, Pool};

/// Probability from which an answer is shown unasked: about the surest 30 % of whole lines, 50 % of rests of lines, and 45 % of
/// what stands between brackets.
const SHOWN_FROM: f32 = 0.25;
/// The same for several lines, which cost more to read and to undo.
const BLOCK_SHOWN_FROM: f32 = 0.5;
/// Right-hand symbols that a full score has.
const RIGHT_SYMBOLS: f32 = 12.0;

/// How sure the prior is of its winner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Confidence {
    /// Probability that the winner is exactly what stands there in the end, in [0, 1].
    pub probability: f32,
    /// Whether to show it unasked.
    pub show: bool,
}

/// A fitted logistic.
struct Logistic {
    share: f32,
    both_matches: f32,
    right_match: f32,
    mean_line: f32,
    symbols: f32,
    mean_right: f32,
    rewritten: f32,
    places: f32,
    bias: f32,
}

const LINE: Logistic = Logistic {
    share: 0.599,
    both_matches: 0.654,
    right_match: 0.148,
    mean_line: 0.843,
    symbols: -0.792,
    mean_right: 0.5,
    rewritten: 2.051,
    places: 0.642,
    bias: -2.375,
};
const REST: Logistic = Logistic {
    share: 0.772,
    both_matches: 0.188,
    right_match: -0.011,
    mean_line: 0.212,
    symbols: -0.599,
    mean_right: 0.274,
    rewritten: 0.633,
    places: 0.335,
    bias: -0.628,
};
/// Text that goes on right of the hole says less of what is missing than the end of the line does, and a share that is near one less
/// still: what differs between two calls that are otherwise alike is what stands between their brackets.
const INSIDE: Logistic = Logistic {
    share: 0.275,
    both_matches: 0.534,
    right_match: 0.03,
    mean_line: 0.411,
    symbols: -0.883,
    mean_right: 0.929,
    rewritten: 0.0,
    places: 0.445,
    bias: -0.975,
};

/// Calibrates the winner of a pool; an empty pool is not sure of anything.
#[must_use]
pub fn calibrate(pool: &Pool, extent: Extent) -> Confidence {
    let Some(winner) = pool.hypotheses.first() else { return Confidence::default() };
    let (logistic, shown_from) = match extent {
        Extent::Rest => (&REST, SHOWN_FROM),
        Extent::Inside => (&INSIDE, SHOWN_FROM),
        Extent::Line => (&LINE, SHOWN_FROM),
        Extent::Block | Extent::Tokens(_) => (&LINE, BLOCK_SHOWN_FROM),
    };
    let log = |count: u16| (1.0 + f32::from(count)).ln();
    let share = winner.share.clamp(1e-4, 1.0 - 1e-4);
    let signals = &winner.signals;
    let logit = logistic.share * (share / (1.0 - share)).ln()
        + logistic.both_matches * log(winner.evidence())
        + logistic.right_match * log(signals.right_match)
        + logistic.mean_line * signals.line / (f32::from(signals.symbols) + 1.0)
        + logistic.symbols * log(signals.symbols)
        + logistic.mean_right * signals.right / RIGHT_SYMBOLS
        + logistic.rewritten * f32::from(u8::from(signals.rewritten))
        + logistic.places * log(signals.places)
        + logistic.bias;
    let probability = match signals.twin {
        true => twin(signals.left_match, signals.right_match),
        false => 1.0 / (1.0 + (-logit).exp()),
    };
    Confidence { probability, show: probability >= shown_from }
}

/// Probability that a block is what belongs here, from the symbols that match left and right of it where it stands: fitted on 1,134
/// of them, in the tuning packages of six languages.
pub(super) fn twin(left: u16, right: u16) -> f32 {
    let log = |count: u16| (1.0 + f32::from(count)).ln();
    let logit = 0.983 * log(left) + 1.198 * log(right) - 7.63;
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
mod tests {
    use super::super::{Hypothesis, Signals};
    use super::*;

    fn sure(share: f32, left_match: u16, right_match: u16) -> f32 {
        sure_of(Extent::Line, share, left_match, right_match)
    }

    fn sure_of(extent: Extent, share: f32, left_match: u16, right_match: u16) -> f32 {
        let signals =
            Signals { line: -1.0, right: -1.0, symbols: 6, left_match, right_match, ..Signals::default() };
        let winner = Hypothesis { tokens: Vec::new(), score: 0.0, share, signals };
        calibrate(&Pool { hypotheses: vec![winner] }, extent).probability
    }

    #[test]
    fn share_and_evidence_make_sure() {
        assert!(sure(0.9, 5, 5) > sure(0.5, 5, 5));
        assert!(sure(0.9, 20, 20) > sure(0.9, 2, 2));
        assert!((0.0..=1.0).contains(&sure(1.0, 64, 64)) && (0.0..=1.0).contains(&sure(0.0, 0, 0)));
    }

    #[test]
    fn what_one_other_place_has_between_brackets_is_less_sure_than_how_it_ends_its_line() {
        assert!(sure_of(Extent::Rest, 0.999, 8, 4) > 0.9);
        assert!(sure_of(Extent::Inside, 0.999, 8, 4) < 0.75);
        assert!(sure_of(Extent::Inside, 0.999, 30, 30) > sure_of(Extent::Inside, 0.999, 8, 4));
    }

    #[test]
    fn a_block_is_as_sure_as_its_neighbours_are_alike_whatever_its_share() {
        let of = |left_match, right_match, share| {
            let signals = Signals { left_match, right_match, twin: true, ..Signals::default() };
            let winner = Hypothesis { tokens: Vec::new(), score: 0.0, share, signals };
            calibrate(&Pool { hypotheses: vec![winner] }, Extent::Block)
        };
        assert!(!of(3, 3, 1.0).show && of(64, 64, 0.1).show);
        assert!(of(3, 20, 0.5).probability > of(3, 10, 0.5).probability);
        assert!(of(20, 10, 0.5).probability > of(10, 10, 0.5).probability);
    }

    #[test]
    fn an_empty_pool_is_not_shown() {
        assert_eq!(calibrate(&Pool::default(), Extent::Rest), Confidence::default());
    }
}
