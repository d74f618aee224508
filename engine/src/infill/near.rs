//! Lines that differ from a given one in a single name: what a slip of the hand, or of the mind, leaves behind.
//!
//! A name that stands nowhere else may be a misspelling of one that does; a name that does may stand where others stand
//! between the same neighbours. Knows text and how often its names occur, no probabilities.

use std::ops::Range;

use rustc_hash::FxHashMap;

/// Letters of the shortest name that may be misspelt.
const SHORTEST: usize = 4;
/// Letters from which two of them may be wrong.
const LONG: usize = 8;
/// How often a name must stand elsewhere to be what was meant.
const KNOWN: u32 = 2;
/// Names tried between the same neighbours.
const BETWEEN: usize = 8;

/// The names of the text around, with how often each stands there.
#[derive(Debug, Default)]
pub(super) struct Names<'t> {
    counts: FxHashMap<&'t str, u32>,
    /// Names between a name or sign on the left, two of them, and one on the right.
    between: FxHashMap<[&'t str; 3], Vec<&'t str>>,
}

/// A line in which one name was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Near {
    pub(super) line: String,
    /// The bytes of the name that was replaced.
    pub(super) at: Range<usize>,
    /// What stands there now.
    pub(super) name: String,
    pub(super) why: Why,
}

/// Why a name may be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The other stands nowhere else and is spelled almost like it.
    Misspelt,
    /// It stands between the same neighbours elsewhere.
    Between,
}

impl<'t> Names<'t> {
    /// Adds a text.
    pub(super) fn read(&mut self, text: &'t str) {
        let lexemes: Vec<&str> = lexemes(text).map(|(_, lexeme)| lexeme).collect();
        for window in lexemes.windows(4) {
            let &[far, left, name, right] = window else { continue };
            if is_name(name) {
                self.between.entry([far, left, right]).or_default().push(name);
            }
        }
        for name in lexemes.into_iter().filter(|lexeme| is_name(lexeme)) {
            *self.counts.entry(name).or_default() += 1;
        }
    }

    fn count(&self, name: &str) -> u32 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// The lines near `line`, whose own names count for nothing: it was read with the text `own` times.
    pub(super) fn near(&self, line: &str, own: u32) -> Vec<Near> {
        let lexemes: Vec<(usize, &str)> = lexemes(line).collect();
        let lexeme = |at: Option<usize>| at.and_then(|at| lexemes.get(at)).map_or("", |(_, lexeme)| lexeme);
        let mut all = Vec::new();
        for (number, &(start, name)) in lexemes.iter().enumerate().filter(|(_, (_, lexeme))| is_name(lexeme))
        {
            let here = lexemes.iter().filter(|(_, other)| *other == name).count() as u32;
            let (others, why) = if here == 1 && self.count(name) <= own {
                (self.misspelt(name), Why::Misspelt)
            } else {
                let left = number.checked_sub(1);
                let neighbours = [lexeme(number.checked_sub(2)), lexeme(left), lexeme(Some(number + 1))];
                (self.between(neighbours, name), Why::Between)
            };
            let at = start..start + name.len();
            all.extend(others.into_iter().map(|other| Near {
                line: format!("{}{other}{}", &line[..at.start], &line[at.end..]),
                at: at.clone(),
                name: other.to_owned(),
                why,
            }));
        }
        all
    }

    /// Names that `name` may be a misspelling of.
    fn misspelt(&self, name: &str) -> Vec<&'t str> {
        let most = if name.len() >= LONG { 2 } else { 1 };
        if name.len() < SHORTEST {
            return Vec::new();
        }
        let known = self.counts.iter().filter(|(_, count)| **count >= KNOWN).map(|(other, _)| *other);
        let mut found: Vec<&str> = known
            .filter(|other| other.len().abs_diff(name.len()) <= most && digits(other).eq(digits(name)))
            .filter(|other| distance(name.as_bytes(), other.as_bytes()) <= most)
            .collect();
        found.sort_unstable();
        found
    }

    /// Names that stand between these neighbours elsewhere, the most frequent first.
    fn between(&self, neighbours: [&str; 3], name: &str) -> Vec<&'t str> {
        let mut counts: FxHashMap<&'t str, u32> = FxHashMap::default();
        for other in self.between.get(&neighbours).into_iter().flatten().filter(|other| **other != name) {
            *counts.entry(other).or_default() += 1;
        }
        let mut found: Vec<(&str, u32)> = counts.into_iter().collect();
        found.sort_unstable_by_key(|&(other, count)| (std::cmp::Reverse(count), other));
        found.into_iter().take(BETWEEN).map(|(other, _)| other).collect()
    }
}

/// `x1` is no misspelling of `x2`.
fn digits(name: &str) -> impl Iterator<Item = char> + '_ {
    name.chars().filter(char::is_ascii_digit)
}

fn is_name(lexeme: &str) -> bool {
    lexeme.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words and signs with their places; blanks are left out.
fn lexemes(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let blanks = rest.len() - rest.trim_start().len();
        let rest = &rest[blanks..];
        let first = rest.chars().next()?;
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length =
            if is_word(first) { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let start = at + blanks;
        at = start + length;
        Some((start, &rest[..length]))
    })
}

/// Letters to add, drop, change or swap with their neighbour (optimal string alignment).
fn distance(one: &[u8], other: &[u8]) -> usize {
    let width = other.len() + 1;
    let mut rows = vec![(0..width).collect::<Vec<usize>>()];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut least = (rows[i][j] + usize::from(a != b)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(text: &str, line: &str) -> Vec<String> {
        let mut names = Names::default();
        names.read(text);
        names.near(line, 0).into_iter().map(|near| near.line).collect()
    }

    #[test]
    fn a_name_that_stands_nowhere_else_may_be_a_misspelling_of_one_that_does() {
        let text = "let length = a.length(); width1(); width1();";
        assert_eq!(near(text, "x.lenght()"), ["x.length()"]);
        assert_eq!(near(text, "x.lengths()"), ["x.length()"]);
        assert!(near(text, "x.width2()").is_empty(), "another number is another name");
        assert!(near(text, "y.entirely()").is_empty());
    }

    #[test]
    fn a_known_name_may_stand_where_others_do() {
        let text = "self.first(); self.first(); self.second(); other()";
        assert_eq!(near(text, "self.other(1)"), ["self.first(1)", "self.second(1)"]);
    }

    #[test]
    fn letters_are_added_dropped_changed_and_swapped() {
        let far = |a: &str, b: &str| distance(a.as_bytes(), b.as_bytes());
        let pairs = [("abc", "abc"), ("abc", "acb"), ("abc", "ab"), ("abc", "xbc"), ("ab", "ba"), ("", "ab")];
        assert_eq!(pairs.map(|(a, b)| far(a, b)), [0, 1, 1, 1, 1, 2]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_and_lines_stay_text(text in "\\PC{0,60}", line in "\\PC{0,30}") {
            let mut names = Names::default();
            names.read(&text);
            for near in names.near(&line, 0) {
                proptest::prop_assert!(near.line.contains(&near.name));
            }
        }
    }
}
