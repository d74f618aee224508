//! Two runs on the same holes, hole by hole.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use super::{
    EvalError,
    figures::groups,
    journal::{Kept, Run},
    judge::Verdict,
    statistics::{Cluster, Interval, interval, mcnemar},
};

/// The difference of two runs in one respect, for one language and kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// LSP language id, or `all`.
    pub language: String,
    /// Kind of hole.
    pub kind: String,
    /// `exact`, `passed` or `similarity`; `steps` or `ms` of an answer.
    pub of: &'static str,
    /// Holes that both runs judged.
    pub holes: usize,
    /// Packages or problems they are from.
    pub clusters: usize,
    /// Share or mean of the first run: in [0, 1], but for steps and ms.
    pub first: f64,
    /// Of the second.
    pub second: f64,
    /// Second less first, in points: hundredths; steps and ms as they are.
    pub points: f64,
    /// Where that lies with 95 % confidence.
    pub interval: Option<Interval>,
    /// Holes that only the first run gets right, and only the second; `None` of what is no yes or no.
    pub only: Option<[usize; 2]>,
    /// McNemar's exact test of these.
    pub p: Option<f64>,
}

/// Two runs and how they differ.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The first run.
    pub first: Run,
    /// The second.
    pub second: Run,
    /// Holes that only one of them judged.
    pub unpaired: usize,
    /// By kind and language.
    pub differences: Vec<Difference>,
}

/// Compares the last runs of two journals.
///
/// # Errors
/// [`EvalError::File`], [`EvalError::Format`], and [`EvalError::Nothing`] when no hole is in both.
pub fn compare(first: &Path, second: &Path) -> Result<Comparison, EvalError> {
    let (first, one) = last(first)?;
    let (second, mut other) = last(second)?;
    if first.configuration.set_digest != second.configuration.set_digest {
        let why = "the runs are of different sets of holes: compare two of the same command and files";
        return Err(EvalError::Nothing(why.to_owned()));
    }
    let count = one.len() + other.len();
    let pairs: Vec<(Verdict, Verdict)> =
        one.into_iter().filter_map(|(id, one)| Some((one, other.remove(&id)?))).collect();
    if pairs.is_empty() {
        return Err(EvalError::Nothing(
            "no hole is in both runs: give them the same --seed and kinds".to_owned(),
        ));
    }
    let groups = groups(pairs.iter(), |(one, _)| (one.language.clone(), one.kind.clone()));
    let differences = groups.iter().flat_map(|((language, kind), pairs)| {
        let tested = pairs.iter().all(|(one, other)| one.passed.is_some() && other.passed.is_some());
        // An engine may say no steps for an answer that has no text.
        let counted = |pair: &&&(Verdict, Verdict)| pair.0.steps.is_some() && pair.1.steps.is_some();
        let counted: Vec<&(Verdict, Verdict)> = pairs.iter().filter(counted).copied().collect();
        let of = |of, value: &dyn Fn(&Verdict) -> f64| difference(language, kind, of, pairs, value);
        [
            Some(of("exact", &|verdict| share(verdict.exact))),
            tested.then(|| of("passed", &|verdict| share(verdict.passed == Some(true)))),
            Some(mean(of("similarity", &|verdict| verdict.similarity))),
            (!counted.is_empty()).then(|| {
                let steps = |verdict: &Verdict| verdict.steps.map_or(0.0, f64::from);
                plain(difference(language, kind, "steps", &counted, &steps))
            }),
            Some(plain(of("ms", &|verdict| verdict.ms))),
        ]
    });
    let differences = differences.flatten().collect();
    Ok(Comparison { first, second, unpaired: count - 2 * pairs.len(), differences })
}

/// The run that a journal ends with, and its verdicts in the order of their names.
fn last(path: &Path) -> Result<(Run, BTreeMap<String, Verdict>), EvalError> {
    let kept = Kept::read(path)?;
    let run = kept.runs.last().cloned();
    let verdicts = run.as_ref().and_then(|run| kept.of(&run.hash));
    match (run, verdicts) {
        (Some(run), Some(verdicts)) => {
            let verdicts = verdicts.iter().map(|(id, verdict)| (id.clone(), verdict.clone())).collect();
            Ok((run, verdicts))
        }
        _ => Err(EvalError::Format { path: path.to_owned(), why: "no hole is judged in it".to_owned() }),
    }
}

fn difference(
    language: &str,
    kind: &str,
    of: &'static str,
    pairs: &[&(Verdict, Verdict)],
    value: &dyn Fn(&Verdict) -> f64,
) -> Difference {
    let mut clusters: BTreeMap<&str, Cluster> = BTreeMap::new();
    let (mut first, mut second, mut only) = (Cluster::default(), Cluster::default(), [0, 0]);
    for (one, other) in pairs {
        let (a, b) = (value(one), value(other));
        first.add(a);
        second.add(b);
        only[0] += usize::from(a > b);
        only[1] += usize::from(b > a);
        clusters.entry(&one.cluster).or_default().add(b - a);
    }
    let clusters: Vec<Cluster> = clusters.into_values().collect();
    Difference {
        language: language.to_owned(),
        kind: kind.to_owned(),
        of,
        holes: pairs.len(),
        clusters: clusters.len(),
        first: first.mean(),
        second: second.mean(),
        points: 100.0 * (second.mean() - first.mean()),
        interval: interval(&clusters).map(|ends| ends.map(|end| 100.0 * end)),
        only: Some(only),
        p: Some(mcnemar(only[0], only[1])),
    }
}

/// Of what is no yes or no.
fn mean(of: Difference) -> Difference {
    Difference { only: None, p: None, ..of }
}

/// Of what is no share.
fn plain(of: Difference) -> Difference {
    let interval = of.interval.map(|ends| ends.map(|end| end / 100.0));
    mean(Difference { points: of.points / 100.0, interval, ..of })
}

impl Difference {
    /// Whether its figures are shares.
    #[must_use]
    pub fn is_of_shares(&self) -> bool {
        !matches!(self.of, "steps" | "ms")
    }
}

fn share(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{
        journal::{Configuration, Journal},
        machine::Machine,
    };

    fn write(path: &Path, set: &str, right: &[(&str, bool)]) -> Result<(), EvalError> {
        write_all(path, set, right.iter().map(|(id, exact)| (*id, *exact, None)))
    }

    fn write_all<'a>(
        path: &Path,
        set: &str,
        verdicts: impl IntoIterator<Item = (&'a str, bool, Option<u32>)>,
    ) -> Result<(), EvalError> {
        let configuration = Configuration { set_digest: set.to_owned(), ..Configuration::default() };
        let run = Run { hash: configuration.hash(), configuration, machine: Machine::default(), parallel: 1 };
        let mut journal = Journal::open(path, &run)?;
        for (id, exact, steps) in verdicts {
            let cluster = id.split('/').next().unwrap_or_default().to_owned();
            journal.add(Verdict {
                id: id.to_owned(),
                cluster,
                kind: "line".into(),
                exact,
                steps,
                ..Verdict::default()
            })?;
        }
        Ok(())
    }

    #[test]
    fn steps_are_compared_where_both_say_how_many() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
        write_all(&a, "set", [("p/1", false, Some(13)), ("p/2", false, Some(9))])?;
        write_all(&b, "set", [("p/1", false, Some(4)), ("p/2", false, None)])?;
        let found = compare(&a, &b)?.differences;
        let steps = found.iter().find(|difference| difference.of == "steps").ok_or("no steps")?;
        assert_eq!((steps.holes, steps.first, steps.second), (1, 13.0, 4.0));
        Ok(())
    }

    #[test]
    fn holes_of_both_are_paired_and_the_difference_is_in_points() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
        write(&a, "set", &[("p/1", true), ("p/2", false), ("q/1", false), ("q/2", false), ("q/3", true)])?;
        write(&b, "set", &[("p/1", true), ("p/2", true), ("q/1", true), ("q/2", false)])?;
        let found = compare(&a, &b)?;
        let exact = &found.differences[0];
        assert_eq!((found.unpaired, exact.holes, exact.clusters), (1, 4, 2));
        assert_eq!((exact.first, exact.second, exact.points, exact.only), (0.25, 0.75, 50.0, Some([0, 2])));
        assert_eq!((exact.interval, exact.p), (Some([50.0, 50.0]), Some(0.5)));
        write(&c, "another", &[("p/1", true)])?;
        assert!(compare(&a, &c).is_err_and(|error| error.to_string().contains("different sets")));
        Ok(())
    }
}
