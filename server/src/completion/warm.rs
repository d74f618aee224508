//! What an edit left standing of the suggestion that was shown: where `reuse` cannot prove that it still fits, the engine
//! may begin from it. Pure; a guess, and told as one.
//!
//! It is the same line if the lines next to it are. What was typed against a suggestion is laid beside its words and signs,
//! and stands for as many of them as it is nearest to (Levenshtein's distance in words and signs); the rest may survive.

use super::Suggestion;
use crate::document::{ByteOffset, Snapshot};

/// The most words and signs that were typed against a suggestion; by then another text is being written.
const MOST_TYPED: usize = 16;

/// What may still stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surviving {
    /// Text up to the end of the hole.
    pub text: String,
    /// Something unknown stands between the cursor and it.
    pub tail: bool,
}

/// What is left of a suggestion at the cursor; `None` if it was for another place, or nothing is.
#[must_use]
pub fn surviving(shown: &Suggestion, now: &Snapshot, cursor: ByteOffset) -> Option<Surviving> {
    let then = Line::at(&shown.made_from, shown.at)?;
    let line = Line::at(now, cursor)?;
    if then.rest != line.rest || then.next_to != line.next_to {
        return None;
    }
    let best = &shown.best;
    let swallowed = then.rest.trim_end_matches(['\r', '\n']).get(..best.swallows)?;
    let offered = best.text.strip_suffix(swallowed)?;
    let whole = format!("{}{offered}", then.typed);
    if let Some(left) = whole.strip_prefix(&line.typed) {
        return some(left, false);
    }
    let typed = line.typed.strip_prefix(&then.typed)?;
    let first = offered.split(['\n', '\r']).next().unwrap_or_default();
    let tail = offered.get(replaced(typed, first)?..)?;
    some(if typed.ends_with([' ', '\t']) { tail.trim_start_matches([' ', '\t']) } else { tail }, true)
}

fn some(text: &str, tail: bool) -> Option<Surviving> {
    (!text.trim().is_empty()).then(|| Surviving { text: text.to_owned(), tail })
}

/// A cursor's line and its neighbours.
struct Line {
    /// Up to the cursor.
    typed: String,
    /// From there on, the line break included.
    rest: String,
    /// The lines before and after it.
    next_to: [Option<String>; 2],
}

impl Line {
    fn at(snapshot: &Snapshot, at: ByteOffset) -> Option<Self> {
        let text = snapshot.text();
        let number = text.try_byte_to_line(at.0).ok()?;
        let start = text.try_line_to_byte(number).ok()?;
        let line = text.get_line(number)?.to_string();
        let (typed, rest) = line.split_at_checked(at.0 - start)?;
        let other = |number: Option<usize>| number.and_then(|number| text.get_line(number));
        let next_to = [number.checked_sub(1), number.checked_add(1)];
        let next_to = next_to.map(|number| other(number).map(|line| line.to_string()));
        Some(Self { typed: typed.to_owned(), rest: rest.to_owned(), next_to })
    }
}

/// The byte of `offered` up to which `typed` stands in its place.
fn replaced(typed: &str, offered: &str) -> Option<usize> {
    let typed: Vec<&str> = units(typed).map(|(_, unit)| unit).collect();
    let offered: Vec<(usize, &str)> = units(offered).collect();
    if typed.is_empty() || typed.len() > MOST_TYPED {
        return None;
    }
    // `row[j]`: distance of what was typed so far from the first `j` of what was offered.
    let most = offered.len().min(typed.len() + MOST_TYPED);
    let mut row: Vec<usize> = (0..=most).collect();
    for (i, unit) in typed.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for j in 0..most {
            let substituted = diagonal + exchange(unit, offered[j].1);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    // Of equals the one that ends as what was typed does, then the one that replaces as much as was typed.
    let differs = |j: usize| typed.last() != Some(&offered[j - 1].1);
    let nearest = (1..=most).min_by_key(|&j| (row[j], differs(j), j.abs_diff(typed.len())))?;
    offered.get(nearest - 1).map(|(at, unit)| at + unit.len())
}

/// What it costs that one word or sign stands for another: signs hold the line together, names come and go.
fn exchange(one: &str, other: &str) -> usize {
    let is_word = |unit: &str| unit.starts_with(is_of_word);
    if one == other {
        0
    } else if is_word(one) && is_word(other) {
        1
    } else {
        2
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Words, and signs one by one, each with its first byte; blanks are left out.
fn units(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += text.get(at..)?.find(|c: char| !c.is_whitespace())?;
        let rest = &text[at..];
        let first = rest.chars().next()?;
        let word = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
        let end = word.max(first.len_utf8());
        at += end;
        Some((at - end, &rest[..end]))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::completion::{Polished, reuse::fixture::at};

    /// What survives of `text`, shown in `then`, when the document has become `now`; a tail has `…` in front.
    fn left(then: &str, text: &str, swallows: usize, now: &str) -> Option<String> {
        let (made_from, cursor) = at(then);
        let best = Polished { text: text.into(), swallows };
        let shown = Suggestion { id: 1, best, others: Vec::new(), at: cursor, confidence: 1.0, made_from };
        let (now, cursor) = at(now);
        let Surviving { text, tail } = surviving(&shown, &now, cursor)?;
        Some(if tail { format!("…{text}") } else { text })
    }

    #[test]
    fn an_edit_elsewhere_leaves_all_of_it() {
        let then = "use a;\n\nlet x = |\nend\n";
        let now = "use a;\nuse b;\n\nlet x = |\nend\nmore\n";
        assert_eq!(left(then, "f(1);", 0, now).as_deref(), Some("f(1);"));
        assert_eq!(left(then, "f(1);", 0, &now.replace('|', "f(|")).as_deref(), Some("1);"), "typed along");
        assert_eq!(
            left(then, "f(1);", 0, &now.replace("x = |", "|")).as_deref(),
            Some("x = f(1);"),
            "deleted"
        );
    }

    #[test]
    fn what_is_typed_against_it_replaces_words_and_signs_and_the_rest_stays() {
        let of = |text, now: &str| left("let x = |\n", text, 0, &format!("let x = {now}|\n"));
        assert_eq!(of("compute(a, b);", "f").as_deref(), Some("…(a, b);"));
        assert_eq!(of("compute(a, b);", "cop").as_deref(), Some("…(a, b);"));
        assert_eq!(of("compute(a, b);", "f(").as_deref(), Some("…a, b);"));
        assert_eq!(of("compute(a, b);", "compute(x").as_deref(), Some("…, b);"));
        assert_eq!(of("compute(a, b);", "compute(x, ").as_deref(), Some("…b);"));
        assert_eq!(of("compute(a, b);", "self.compute(").as_deref(), Some("…a, b);"), "typed between");
        assert_eq!(of("self.compute(a);", "compute(").as_deref(), Some("…a);"), "left out");
        assert_eq!(of("f(\n    a,\n);", "g").as_deref(), Some("…(\n    a,\n);"));
        assert_eq!(of("compute", "f"), None, "nothing is left");
    }

    #[test]
    fn another_line_has_nothing_of_it() {
        assert_eq!(left("a\n  let x = |\nb\n", "f();", 0, "a\n  let x = 1;\n  |\nb\n"), None, "a new line");
        assert_eq!(left("a\n  let x = |\nb\n", "f();", 0, "a\n  let x =\n  |b\n"), None);
        assert_eq!(left("a\nlet x = |\nb\n", "f();", 0, "c\nlet x = |\nb\n"), None, "its neighbour changed");
        assert_eq!(left("let x = |;\n", "f()", 0, "let x = |\n"), None, "its end changed");
    }

    #[test]
    fn what_it_swallows_is_no_part_of_the_hole() {
        assert_eq!(left("a\n\nf(|)\n", "a, b)", 1, "b\n\nf(|)\n").as_deref(), Some("a, b"));
        assert_eq!(left("a\n\nf(|)\n", "a, b", 1, "b\n\nf(|)\n"), None);
    }

    proptest! {
        #[test]
        fn what_survives_is_the_end_of_what_was_offered(
            before in "[a(é ]{0,4}",
            text in "[a-c(, )é\n]{1,12}",
            typed in "[a-c(, )é]{0,8}",
            rest in "[) ]{0,2}",
            swallows in 0_usize..3,
        ) {
            let now = format!("{before}{typed}|{rest}\n");
            if let Some(left) = left(&format!("{before}|{rest}\n"), &text, swallows, &now) {
                let (tail, left) = left.strip_prefix('…').map_or((false, left.as_str()), |left| (true, left));
                let whole = format!("{before}{text}");
                let offered = &whole[..whole.len() - swallows.min(rest.len())];
                prop_assert!(offered.ends_with(left), "{left:?} of {offered:?}");
                let filled = [before, typed, left.to_owned()].concat();
                prop_assert!(tail || offered == filled);
            }
        }
    }
}
