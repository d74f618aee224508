//! Figures per language and kind of hole.

use super::{
    corpus::Language,
    holes::CutOut,
    metrics::{self, CURVE},
};
use serde::Serialize;
use std::fmt;

/// What filled a hole, and how it went.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The text for the hole.
    pub text: String,
    /// Whatever orders answers by how sure they are.
    pub confidence: f32,
    /// Whether it would be shown unasked.
    pub show: bool,
    /// Whether the right text was among the candidates at all.
    pub in_pool: bool,
    /// Milliseconds.
    pub ms: f64,
}

/// The figures of one language and kind; shares are in [0, 1].
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// `rust`, `python`.
    pub language: String,
    /// `line`, `rest`.
    pub kind: &'static str,
    /// Holes.
    pub holes: usize,
    /// Share of exact answers.
    pub exact: f64,
    /// Mean edit similarity.
    pub similarity: f64,
    /// Share of holes whose text was among the candidates.
    pub in_pool: f64,
    /// Exact among the most confident 10, 30 and 50 %.
    pub curve: [f64; 3],
    /// Share of answers shown.
    pub shown: f64,
    /// Exact among them.
    pub exact_of_shown: f64,
    /// Mean squared error of the confidence as a probability (Brier 1950).
    pub brier: f64,
    /// Median over packages with ten holes or more.
    pub median_of_packages: f64,
    /// Median milliseconds an answer took.
    pub ms_median: f64,
    /// 95 % took less.
    pub ms_p95: f64,
}

/// Fills holes and sums up; `fill` is asked for each in order.
pub fn measure(language: &Language, holes: &[CutOut], mut fill: impl FnMut(&CutOut) -> Answer) -> Figures {
    let mut graded: Vec<(f32, bool)> = Vec::with_capacity(holes.len());
    let mut similarity = Vec::with_capacity(holes.len());
    let mut by_package = vec![Vec::new(); language.packages.len()];
    let (mut in_pool, mut ms, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    for hole in holes {
        let answer = fill(hole);
        let wanted = &language.packages[hole.package].files[hole.file].text[hole.start..hole.end];
        let exact = metrics::exact(&answer.text, wanted);
        graded.push((answer.confidence, exact));
        similarity.push(metrics::edit_similarity(&answer.text, wanted));
        by_package[hole.package].push(share(exact));
        in_pool.push(share(answer.in_pool));
        ms.push(answer.ms);
        if answer.show {
            shown.push(share(exact));
        }
    }
    let medians: Vec<f64> = by_package
        .into_iter()
        .filter(|holes| holes.len() >= 10)
        .map(|holes| metrics::mean(holes.into_iter()))
        .collect();
    Figures {
        language: language.name.clone(),
        kind: holes.first().map_or("none", |hole| hole.kind.name()),
        holes: holes.len(),
        exact: metrics::mean(graded.iter().map(|(_, exact)| share(*exact))),
        similarity: metrics::mean(similarity.into_iter()),
        in_pool: metrics::mean(in_pool.into_iter()),
        curve: CURVE.map(|part| metrics::among_most_confident(&graded, part)),
        shown: shown.len() as f64 / holes.len().max(1) as f64,
        exact_of_shown: metrics::mean(shown.into_iter()),
        brier: metrics::mean(graded.iter().map(|(sure, exact)| (f64::from(*sure) - share(*exact)).powi(2))),
        median_of_packages: metrics::quantile(&medians, 0.5),
        ms_median: metrics::quantile(&ms, 0.5),
        ms_p95: metrics::quantile(&ms, 0.95),
    }
}

fn share(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

impl Figures {
    /// The table's head, for [`fmt::Display`]'s lines.
    pub const HEAD: &'static str = "language kind  holes  exact  similar  in pool  top 10/30/50 %      shown (exact)  Brier  package median  ms median/p95";
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [ten, thirty, fifty] = self.curve.map(|share| 100.0 * share);
        write!(
            f,
            "{:<8} {:<5} {:>5} {:>6.1} {:>8.3} {:>8.1}  {ten:>5.1}/{thirty:>5.1}/{fifty:>5.1}  {:>6.1} ({:>5.1})  {:>6.3} {:>15.1}  {:>5.2}/{:.2}",
            self.language,
            self.kind,
            self.holes,
            100.0 * self.exact,
            self.similarity,
            100.0 * self.in_pool,
            100.0 * self.shown,
            100.0 * self.exact_of_shown,
            self.brier,
            100.0 * self.median_of_packages,
            self.ms_median,
            self.ms_p95,
        )
    }
}
