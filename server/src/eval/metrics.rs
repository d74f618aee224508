//! How close answers come to what was cut out. Pure.

use serde::Serialize;

/// The shares of most confident answers that the confidence curve reports.
pub const CURVE: [f64; 3] = [0.1, 0.3, 0.5];

/// Whether two texts are equal, blanks at both ends left out.
#[must_use]
pub fn exact(answer: &str, wanted: &str) -> bool {
    answer.trim() == wanted.trim()
}

/// Words and signs of a text: runs of letters, digits and `_`, and all other characters but blanks one by one. So lengths can
/// be compared whatever tokens an engine counts in.
#[must_use]
pub fn length(text: &str) -> usize {
    let word = |character: char| character.is_alphanumeric() || character == '_';
    let mut before = ' ';
    let mut found = 0;
    for character in text.chars() {
        let goes_on = word(character) && word(before);
        found += usize::from(!(character.is_whitespace() || goes_on));
        before = character;
    }
    found
}

/// 1 − Levenshtein distance ÷ length of the longer text, in characters, blanks at both ends left out; in [0, 1].
#[must_use]
pub fn edit_similarity(answer: &str, wanted: &str) -> f64 {
    let answer: Vec<char> = answer.trim().chars().collect();
    let wanted: Vec<char> = wanted.trim().chars().collect();
    let longer = answer.len().max(wanted.len());
    if longer == 0 {
        return 1.0;
    }
    let mut row: Vec<usize> = (0..=wanted.len()).collect();
    for (i, a) in answer.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in wanted.iter().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    1.0 - row[wanted.len()] as f64 / longer as f64
}

/// Share of right answers among the most confident `part` of all, in [0, 1]; ties keep their order.
#[must_use]
pub fn among_most_confident(answers: &[(f64, bool)], part: f64) -> f64 {
    let mut sorted: Vec<&(f64, bool)> = answers.iter().collect();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let taken = (answers.len() as f64 * part).round() as usize;
    mean(sorted.iter().take(taken).map(|(_, right)| f64::from(u8::from(*right))))
}

/// The shares at which precision is reported.
const SHARES: [f64; 11] = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// A gate, and what comes through it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gate {
    /// The confidence from which on it shows an answer, in [0, 1].
    pub at_least: f64,
    /// Share of all requests at which it shows one.
    pub shown: f64,
    /// Share of right answers among those.
    pub exact: f64,
}

/// Precision against share shown: for each of [`SHARES`] the strictest gate that lets so many through. Answers that are
/// equally sure come through together, so that more may; a gate is told once. `requests` counts those without an
/// answer as well.
#[must_use]
pub fn gates(answers: &[(f64, bool)], requests: usize) -> Vec<Gate> {
    let mut sorted = answers.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut gates: Vec<Gate> = Vec::new();
    for share in SHARES {
        let wanted = (requests as f64 * share).round() as usize;
        let last = wanted.min(sorted.len()).checked_sub(1).and_then(|last| sorted.get(last));
        let Some(&(at_least, _)) = last else { continue };
        if gates.last().is_some_and(|gate| gate.at_least <= at_least) {
            continue;
        }
        let through = sorted.partition_point(|(sure, _)| *sure >= at_least);
        let exact = mean(sorted[..through].iter().map(|(_, right)| f64::from(u8::from(*right))));
        gates.push(Gate { at_least, shown: through as f64 / requests as f64, exact });
    }
    gates
}

/// Mean; 0 of nothing.
pub fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    sum / count.max(1) as f64
}

/// The value below which `part` of all lie; 0 of nothing.
#[must_use]
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = ((sorted.len().saturating_sub(1)) as f64 * part).round() as usize;
    sorted.get(at).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similarity_counts_edits() {
        assert_eq!(edit_similarity("kitten", "sitting"), 1.0 - 3.0 / 7.0);
        assert_eq!(edit_similarity(" same ", "same"), 1.0);
        assert_eq!(edit_similarity("", "abc"), 0.0);
    }

    #[test]
    fn length_counts_words_and_signs() {
        assert_eq!(length("let a_b = f(x);"), 8);
        assert_eq!(length("  "), 0);
    }

    #[test]
    fn the_curve_takes_the_most_confident_first() {
        let answers = [(0.1, false), (0.9, true), (0.5, false), (0.8, true)];
        assert_eq!(among_most_confident(&answers, 0.5), 1.0);
        assert_eq!(among_most_confident(&answers, 1.0), 0.5);
    }
    #[test]
    fn a_gate_lets_the_surest_through_and_equals_together() {
        let answers = [(0.9, true), (0.5, true), (0.5, false), (0.1, false)];
        let told: Vec<(f64, f64, f64)> =
            gates(&answers, 5).into_iter().map(|gate| (gate.at_least, gate.shown, gate.exact)).collect();
        assert_eq!(told, [(0.9, 0.2, 1.0), (0.5, 0.6, 2.0 / 3.0), (0.1, 0.8, 0.5)], "one has no answer");
        assert!(gates(&[], 3).is_empty());
    }
}
