//! From verdicts to figures: one row for each language and kind of hole. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    judge::Verdict,
    metrics::{self, CURVE, Gate},
    statistics::{self, Cluster, Interval},
};

/// Holes that a package must have to count in the median over packages.
const MIN_OF_PACKAGE: usize = 10;
/// Kinds in the order in which they are reported; others follow.
const ORDER: [&str; 4] = ["line", "rest", "brackets", "lines"];

/// The figures of one language and kind; shares are in [0, 1], and `None` where nothing says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// LSP language id, or `all`.
    pub language: String,
    /// Kind of hole.
    pub kind: String,
    /// Holes.
    pub holes: usize,
    /// Holes without an answer; they count as wrong.
    pub unanswered: usize,
    /// Share of exact answers.
    pub exact: f64,
    /// Where it lies with 95 % confidence, by a bootstrap over packages or problems.
    pub exact_interval: Option<Interval>,
    /// Mean edit similarity.
    pub similarity: f64,
    /// Share of answers with as many words and signs as what stood there.
    pub right_length: f64,
    /// Share of answers that add no syntax error.
    pub parses: Option<f64>,
    /// Share of holes whose text was among the first answers.
    pub in_pool: Option<f64>,
    /// Exact among the most confident 10, 30 and 50 %.
    pub curve: Option<[f64; 3]>,
    /// Precision against share shown, from the strictest gate on; empty where no answer says how sure it is.
    pub gates: Vec<Gate>,
    /// Share of answers that would be shown unasked.
    pub shown: Option<f64>,
    /// Exact among them.
    pub exact_of_shown: Option<f64>,
    /// Mean squared error of the confidence as a probability (Brier 1950).
    pub brier: Option<f64>,
    /// Share of programs, or of runs of a project's tests, that pass.
    pub passed: Option<f64>,
    /// Where that lies with 95 % confidence.
    pub passed_interval: Option<Interval>,
    /// Median of the exact share over packages with ten holes or more.
    pub median_of_packages: Option<f64>,
    /// Mean denoise steps of an answer.
    pub steps: Option<f64>,
    /// Median milliseconds from request to answer.
    pub ms_median: f64,
    /// 95 % took less.
    pub ms_p95: f64,
    /// Median milliseconds the engine worked.
    pub engine_ms_median: Option<f64>,
}

/// Figures of all languages and kinds, and of all languages together where there are several.
#[must_use]
pub fn figures(verdicts: &[Verdict]) -> Vec<Figures> {
    let groups = groups(verdicts.iter(), |verdict| (verdict.language.clone(), verdict.kind.clone()));
    groups.into_iter().map(|((language, kind), group)| sum_up(language, kind, &group)).collect()
}

/// Items by their language and kind, in the order of a report: a kind's languages, then all of them together.
pub(super) fn groups<T: Copy>(
    items: impl Iterator<Item = T>,
    of: impl Fn(T) -> (String, String),
) -> Vec<((String, String), Vec<T>)> {
    let mut kinds: BTreeMap<(usize, String), BTreeMap<String, Vec<T>>> = BTreeMap::new();
    for item in items {
        let (language, kind) = of(item);
        let place = ORDER.iter().position(|known| *known == kind).unwrap_or(ORDER.len());
        kinds.entry((place, kind)).or_default().entry(language).or_default().push(item);
    }
    let mut groups = Vec::new();
    for ((_, kind), languages) in kinds {
        let together: Vec<T> = languages.values().flatten().copied().collect();
        let several = languages.len() > 1;
        groups.extend(languages.into_iter().map(|(language, items)| ((language, kind.clone()), items)));
        if several {
            groups.push((("all".to_owned(), kind), together));
        }
    }
    groups
}

fn sum_up(language: String, kind: String, verdicts: &[&Verdict]) -> Figures {
    let share_of = |of: &dyn Fn(&Verdict) -> Option<bool>| -> Option<f64> {
        let known: Vec<f64> = verdicts.iter().filter_map(|verdict| of(verdict)).map(share).collect();
        (!known.is_empty()).then(|| metrics::mean(known.into_iter()))
    };
    let mean_of = |of: &dyn Fn(&Verdict) -> Option<f64>| -> Option<f64> {
        let known: Vec<f64> = verdicts.iter().filter_map(|verdict| of(verdict)).collect();
        (!known.is_empty()).then(|| metrics::mean(known.into_iter()))
    };
    let answered: Vec<&&Verdict> = verdicts.iter().filter(|verdict| verdict.error.is_none()).collect();
    let sure: Vec<(f64, bool)> =
        verdicts.iter().map(|verdict| (verdict.confidence.unwrap_or(0.0), verdict.exact)).collect();
    let told: Vec<(f64, bool)> =
        verdicts.iter().filter_map(|verdict| Some((verdict.confidence?, verdict.exact))).collect();
    let tells = verdicts.iter().any(|verdict| verdict.confidence.is_some());
    let ms: Vec<f64> = answered.iter().map(|verdict| verdict.ms).collect();
    let engine_ms: Vec<f64> = answered.iter().filter_map(|verdict| verdict.engine_ms).collect();
    let shown = |verdict: &Verdict| if verdict.shown == Some(true) { Some(verdict.exact) } else { None };
    let packages = by_cluster(verdicts, |verdict| share(verdict.exact));
    let medians: Vec<f64> =
        packages.iter().filter(|package| package.holes >= MIN_OF_PACKAGE).map(Cluster::mean).collect();
    let passed = share_of(&|verdict| verdict.passed);
    Figures {
        holes: verdicts.len(),
        unanswered: verdicts.len() - answered.len(),
        exact: metrics::mean(verdicts.iter().map(|verdict| share(verdict.exact))),
        exact_interval: statistics::interval(&packages),
        similarity: metrics::mean(verdicts.iter().map(|verdict| verdict.similarity)),
        right_length: metrics::mean(verdicts.iter().map(|verdict| share(verdict.right_length))),
        parses: share_of(&|verdict| verdict.parses),
        in_pool: share_of(&|verdict| verdict.in_pool),
        curve: tells.then(|| CURVE.map(|part| metrics::among_most_confident(&sure, part))),
        gates: metrics::gates(&told, verdicts.len()),
        shown: share_of(&|verdict| verdict.shown),
        exact_of_shown: share_of(&shown),
        brier: mean_of(&|verdict| verdict.confidence.map(|sure| (sure - share(verdict.exact)).powi(2))),
        passed_interval: passed.and_then(|_| {
            statistics::interval(&by_cluster(verdicts, |verdict| share(verdict.passed == Some(true))))
        }),
        passed,
        median_of_packages: (!medians.is_empty()).then(|| metrics::quantile(&medians, 0.5)),
        steps: mean_of(&|verdict| verdict.steps.map(f64::from)),
        ms_median: metrics::quantile(&ms, 0.5),
        ms_p95: metrics::quantile(&ms, 0.95),
        engine_ms_median: (!engine_ms.is_empty()).then(|| metrics::quantile(&engine_ms, 0.5)),
        language,
        kind,
    }
}

fn by_cluster(verdicts: &[&Verdict], of: impl Fn(&Verdict) -> f64) -> Vec<Cluster> {
    let mut clusters: BTreeMap<&str, Cluster> = BTreeMap::new();
    for verdict in verdicts {
        clusters.entry(&verdict.cluster).or_default().add(of(verdict));
    }
    clusters.into_values().collect()
}

fn share(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(language: &str, kind: &str, exact: bool, confidence: f64) -> Verdict {
        Verdict {
            language: language.into(),
            kind: kind.into(),
            cluster: "p".into(),
            exact,
            confidence: Some(confidence),
            shown: Some(confidence > 0.5),
            ..Verdict::default()
        }
    }

    #[test]
    fn kinds_come_in_their_order_and_languages_are_summed_up_last() {
        let all = [
            verdict("rust", "rest", true, 0.9),
            verdict("c", "line", false, 0.1),
            verdict("rust", "line", true, 0.6),
        ];
        let names: Vec<(String, String, usize)> =
            figures(&all).into_iter().map(|row| (row.kind, row.language, row.holes)).collect();
        let expected = [("line", "c", 1), ("line", "rust", 1), ("line", "all", 2), ("rest", "rust", 1)];
        assert_eq!(
            names,
            expected.map(|(kind, language, holes)| (kind.to_owned(), language.to_owned(), holes))
        );
    }

    #[test]
    fn holes_without_an_answer_count_as_wrong_and_unsure() {
        let none = Verdict {
            error: Some("late".into()),
            confidence: None,
            shown: None,
            ..verdict("c", "line", false, 0.0)
        };
        let rows = figures(&[verdict("c", "line", true, 0.9), none]);
        let [row] = &rows[..] else { panic!("one row") };
        assert_eq!((row.unanswered, row.exact, row.curve.map(|curve| curve[2])), (1, 0.5, Some(1.0)));
        assert_eq!(row.gates, [Gate { at_least: 0.9, shown: 0.5, exact: 1.0 }]);
        assert_eq!((row.exact_of_shown, row.passed, row.parses), (Some(1.0), None, None));
    }
}
