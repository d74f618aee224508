//! The window of any text, at any place, with any budget.

use proptest::prelude::*;

use super::window::window;
use crate::document::{ByteOffset, Document, Language, Version};

proptest! {
    #[test]
    fn a_window_is_text_around_the_cursor_within_its_budget(
        text in "([a-zé😀]{0,12}(\n|\r\n|\r)?){0,40}",
        at in 0_usize..600, prefix in 0_usize..200, suffix in 0_usize..200,
    ) {
        // No cursor stands within a line break.
        prop_assume!(text.get(..at).is_none_or(|before| !(before.ends_with('\r') && text[at..].starts_with('\n'))));
        let document = Document::open(Language::from_id("rust"), Version(0), &text);
        let window = window(&document.snapshot(), ByteOffset(at), prefix, suffix);
        prop_assert!(window.prefix.end == window.suffix.start);
        prop_assert!(window.suffix.end - window.prefix.start <= prefix + suffix);
        let told = (text.get(window.prefix.clone()), text.get(window.suffix.clone()));
        let (Some(told_before), Some(told_after)) = told else { panic!("inside a character: {window:?}") };
        let broken = |text: &str| text.is_empty() || text.ends_with(['\n', '\r']);
        // Cut within a line only where no whole line fits.
        prop_assert!(broken(&text[..window.prefix.start]) || !told_before.contains(['\n', '\r']));
        prop_assert!(window.suffix.end == text.len() || broken(told_after) || !told_after.contains(['\n', '\r']));
    }
}

/// Prefix and suffix of a cursor at byte `at`.
fn sides(text: &str, at: usize, prefix: usize, suffix: usize) -> (String, String) {
    let snapshot = Document::open(Language::from_id("rust"), Version(0), text).snapshot();
    let window = window(&snapshot, ByteOffset(at), prefix, suffix);
    (snapshot.slice(window.prefix), snapshot.slice(window.suffix))
}

#[test]
fn lines_stay_whole() {
    let text = "one\ntwo\nthree\nfour\nfive\n";
    assert_eq!(sides(text, 10, 7, 9), ("two\nth".into(), "ree\nfour\n".into()));
}

#[test]
fn a_line_that_begins_exactly_at_the_budget_is_in() {
    assert_eq!(sides("one\ntwo\nxyz", 8, 4, 0), ("two\n".into(), String::new()));
}

#[test]
fn a_line_longer_than_the_budget_is_cut_at_a_character() {
    assert_eq!(sides("ééééééé", 6, 3, 3), ("é".into(), "é".into()));
}

#[test]
fn what_one_side_leaves_the_other_takes() {
    let text = "aaaa\nbbbb\ncccc\n";
    assert_eq!(sides(text, 15, 10, 5), (text.into(), String::new()));
    assert_eq!(sides(text, 0, 10, 5), (String::new(), text.into()));
}
