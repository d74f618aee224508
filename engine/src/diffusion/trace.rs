//! What happened, step by step: for tests, for the log, for whoever asks why an answer is what it is.
//!
//! Numbers only; the span itself goes to [`Watcher::frame`](super::Watcher::frame).

/// One step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// Masks before it.
    pub masks: usize,
    /// Positions decided, marks included.
    pub committed: usize,
    /// Positions taken away.
    pub deleted: usize,
    /// Positions that became two masks.
    pub expanded: usize,
    /// Positions masked again.
    pub remasked: usize,
    /// Filled positions that were given another token.
    pub edited: usize,
    /// The smallest probability that was committed, in [0, 1].
    pub least: f32,
}

/// All steps of one span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// In order.
    pub steps: Vec<Step>,
}

impl std::fmt::Display for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, step) in self.steps.iter().enumerate() {
            let Step { masks, committed, deleted, expanded, remasked, edited, least } = step;
            write!(f, "{}: {masks} masks, {committed} committed ≥ {least:.2}", at + 1)?;
            let counts =
                [(deleted, "deleted"), (expanded, "expanded"), (remasked, "remasked"), (edited, "edited")];
            for (count, what) in counts {
                if *count > 0 {
                    write!(f, ", {count} {what}")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
