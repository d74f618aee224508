//! A run: every hole that is not in the journal yet is posed, asked, judged and written down.

use futures_util::{StreamExt, stream};
use tokio::sync::Mutex;

use super::{
    Dataset, EvalError, Posed,
    ask::Asker,
    journal::Journal,
    judge::{Verdict, judge},
    python::{Ending, Python},
    trial::Trial,
};
use crate::engine::AskError;

/// What runs code, if the user allowed that.
pub enum Tester {
    /// Nothing: texts are compared.
    None,
    /// Each program by itself, in the sandbox.
    Python(Python),
    /// The project's own tests, in a copy of it.
    Trial(Mutex<Trial>),
}

impl Tester {
    /// What runs code and within which limits, for reports; empty for nothing.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Python(python) => python.describe(),
            Self::Trial(trial) => trial.try_lock().map(|trial| trial.describe()).unwrap_or_default(),
        }
    }
}

/// How many holes, and how many at once.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// The first so many.
    pub limit: usize,
    /// Asked at once.
    pub parallel: usize,
}

/// Answers all holes and returns the verdicts in the set's order. `tell` is called with each new verdict.
///
/// # Errors
/// What ends the run; everything judged until then is in the journal.
pub async fn run(
    dataset: &dyn Dataset,
    asker: &Asker,
    tester: &Tester,
    journal: &mut Journal,
    reach: Reach,
    tell: &mut dyn FnMut(&Verdict),
) -> Result<Vec<Verdict>, EvalError> {
    let holes = dataset.holes();
    let all = reach.limit.min(holes.len());
    let open: Vec<usize> = (0..all).filter(|at| !journal.has_answer(&holes[*at].id)).collect();
    let mut done = all - open.len();
    let mut verdicts =
        stream::iter(open).map(|at| one(dataset, at, asker, tester)).buffer_unordered(reach.parallel.max(1));
    while let Some(verdict) = verdicts.next().await {
        let verdict = verdict.map_err(|stop| match stop {
            Halt::Engine(error) => EvalError::Engine { error, done, all },
            Halt::Here(error) => error,
        })?;
        tell(&verdict);
        journal.add(verdict)?;
        done += 1;
    }
    Ok(holes[..all].iter().filter_map(|hole| journal.verdict(&hole.id).cloned()).collect())
}

enum Halt {
    Engine(AskError),
    Here(EvalError),
}

async fn one(dataset: &dyn Dataset, at: usize, asker: &Asker, tester: &Tester) -> Result<Verdict, Halt> {
    let posed = dataset.pose(at).map_err(Halt::Here)?;
    let answer = asker.ask(&posed.request).await.map_err(Halt::Engine)?;
    let mut verdict = judge(&dataset.holes()[at], &posed, answer);
    match test(&verdict, &posed, at, tester).await.map_err(Halt::Here)? {
        Some(Ending::Passed) => verdict.passed = Some(true),
        Some(other) => (verdict.passed, verdict.ending) = (Some(false), Some(other.to_string())),
        None => {}
    }
    Ok(verdict)
}

async fn test(
    verdict: &Verdict,
    posed: &Posed,
    at: usize,
    tester: &Tester,
) -> Result<Option<Ending>, EvalError> {
    match (tester, &posed.test) {
        (Tester::Python(python), Some(test)) => {
            let program = posed.filled(&verdict.text) + test;
            python.run(&program).await.map(Some)
        }
        (Tester::Trial(trial), _) => {
            // What stood there has passed already, before anything was changed.
            if verdict.exact {
                return Ok(Some(Ending::Passed));
            }
            trial.lock().await.run(at, &posed.filled(&verdict.text)).await.map(Some)
        }
        _ => Ok(None),
    }
}
