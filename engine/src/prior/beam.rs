//! Likely lines, symbol by symbol: a narrow beam over the model, from the hole's left edge to the end of the line.
//!
//! Knows nothing of the text right of the hole but the symbol that ends the line; [`super::rescore`] does the rest.

use super::{
    Vocabulary,
    distribution::{Follower, Model},
    heal,
    symbols::Local,
};

/// Lines kept per step.
const WIDTH: usize = 4;
/// The same where counts of other packages are known: more of the lines are likely ones.
const KNOWING_WIDTH: usize = 8;

/// A way to fill the rest of a line; the symbol that ends it is left out.
pub(super) type Line = Vec<Local>;

/// What the lines must keep to.
pub(super) struct Frame<'a> {
    /// The text before the hole, nearest last.
    pub(super) before: &'a [Local],
    /// Bytes that a line must begin with, indentation left out.
    pub(super) owed: &'a [u8],
    /// A symbol right of the hole on the same line, which ends a line as a line feed does elsewhere.
    pub(super) stop: Option<Local>,
    /// The most symbols of a line.
    pub(super) max_symbols: usize,
}

impl Frame<'_> {
    fn ends(&self, model: &Model<'_>, local: Local) -> bool {
        match self.stop {
            Some(stop) => local == stop,
            None => model.caches.symbols.breaks(local),
        }
    }
}

struct State<'a> {
    line: Line,
    context: Vec<Local>,
    owed: &'a [u8],
    log_probability: f32,
}

/// A step that a state can take.
struct Step {
    state: usize,
    follower: Follower,
    log_probability: f32,
}

/// The likeliest lines, best first; every one ended by itself.
pub(super) fn lines(
    model: &mut Model<'_>,
    frame: &Frame<'_>,
    vocabulary: &impl Vocabulary,
    cancelled: &dyn Fn() -> bool,
) -> Vec<Line> {
    let start =
        State { line: Vec::new(), context: frame.before.to_vec(), owed: frame.owed, log_probability: 0.0 };
    let width = if model.knows_others() { KNOWING_WIDTH } else { WIDTH };
    let mut live = vec![start];
    let mut finished: Vec<(f32, Line)> = Vec::new();
    for _ in 0..=frame.max_symbols {
        if live.is_empty() || cancelled() {
            break;
        }
        let mut steps: Vec<Step> = Vec::new();
        for (state, from) in live.iter().enumerate() {
            for follower in candidates(model, frame, vocabulary, from, 2 * width) {
                let log_probability = from.log_probability + follower.probability.ln();
                steps.push(Step { state, follower, log_probability });
            }
        }
        steps.sort_by(|a, b| {
            b.log_probability
                .total_cmp(&a.log_probability)
                .then(b.follower.last.cmp(&a.follower.last))
                .then((a.state, a.follower.local).cmp(&(b.state, b.follower.local)))
        });
        let mut next: Vec<State<'_>> = Vec::with_capacity(width);
        for step in steps {
            let (from, local) = (&live[step.state], step.follower.local);
            if from.owed.is_empty() && frame.ends(model, local) {
                finished.push((step.log_probability, from.line.clone()));
            }
            // A stop that nothing suggests ends its line, and that is all.
            let suggested = Some(local) != frame.stop || step.follower.last > 0;
            if suggested && !model.caches.symbols.breaks(local) && from.line.len() < frame.max_symbols {
                let bytes = model.caches.symbols.bytes(local, is_first(model, from), vocabulary);
                next.push(State {
                    line: [&from.line[..], &[local]].concat(),
                    context: [&from.context[..], &[local]].concat(),
                    owed: heal::after(from.owed, bytes).unwrap_or(from.owed),
                    log_probability: step.log_probability,
                });
                if next.len() == width {
                    break;
                }
            }
        }
        finished.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        finished.truncate(2 * width);
        live = next;
        let worst = finished.get(width - 1).map(|line| line.0);
        if let (Some(worst), Some(best)) = (worst, live.first())
            && best.log_probability <= worst
        {
            break;
        }
    }
    finished.into_iter().map(|(_, line)| line).collect()
}

/// Whether a line's first word comes next.
fn is_first(model: &Model<'_>, state: &State<'_>) -> bool {
    state.context.last().is_some_and(|&last| model.caches.symbols.is_step(last))
}

/// The likeliest next symbols of one state, in no useful order.
fn candidates(
    model: &mut Model<'_>,
    frame: &Frame<'_>,
    vocabulary: &impl Vocabulary,
    from: &State<'_>,
    most: usize,
) -> Vec<Follower> {
    let distribution = model.after(&from.context);
    let symbols = &model.caches.symbols;
    let mut best: Vec<Follower> = if from.owed.is_empty() {
        model.followers(&distribution)
    } else {
        let agreeing = symbols.agreeing(from.owed, is_first(model, from), vocabulary);
        model.among(&distribution, &agreeing)
    };
    if best.len() > most {
        best.select_nth_unstable_by(most, |a, b| {
            b.probability.total_cmp(&a.probability).then(b.last.cmp(&a.last)).then(a.local.cmp(&b.local))
        });
        best.truncate(most);
    }
    if let Some(stop) = frame.stop
        && from.owed.is_empty()
        && !best.iter().any(|follower| follower.local == stop)
    {
        best.push(model.follower(&distribution, stop));
    }
    best
}
