//! The prior on readable text: a file with its hole, and the pool expected.

use super::{Extent, Hole, Pool, Previous, Vocabulary, heal, propose, toy::Toy};
use crate::tokens::TokenId;

/// Fills the hole `$0` of a file and answers with the texts of the pool, best first.
fn fill(file: &str, others: &[&str], extent: Extent) -> Vec<String> {
    let (toy, pool) = pool_of(file, others, extent);
    pool.hypotheses.iter().map(|hypothesis| toy.decode(&hypothesis.tokens)).collect()
}

fn pool_of(file: &str, others: &[&str], extent: Extent) -> (Toy, Pool) {
    recalled_in(file, others, extent, None)
}

/// The same, where `previous` filled the hole before: its text, and whether it is a tail.
fn recalled_in(file: &str, others: &[&str], extent: Extent, previous: Option<(&str, bool)>) -> (Toy, Pool) {
    let (prefix, suffix) = file.split_once("$0").unwrap();
    let before = previous.map_or("", |(text, _)| text);
    let toy = Toy::of(&[&[prefix, suffix, before][..], others].concat());
    let typed = toy.encode(prefix);
    let healed = heal(&typed, &toy);
    let whole = toy.encode(&format!("{}{before}", str::from_utf8(&healed.bytes).unwrap()));
    let tail = previous.filter(|(_, tail)| *tail).map(|(text, _)| toy.encode(text));
    let hole = Hole {
        prefix: &typed[..healed.kept],
        suffix: &toy.encode(suffix),
        files: &others.iter().map(|text| toy.encode(text)).collect::<Vec<_>>(),
        heal: &healed.bytes,
        extent,
        max_tokens: 64,
        allow_empty: false,
        common: None,
        previous: previous.map(|_| Previous { tokens: &whole, tail: tail.as_deref() }),
    };
    let pool = propose(&hole, &toy, &|| false);
    (toy, pool)
}

#[test]
fn a_line_between_known_neighbours_is_copied() {
    let file = "\
fn a() {
    let lock = self.inner.lock();
    lock.push(1);
}
fn b() {
    $0
    lock.push(2);
}
";
    assert_eq!(fill(file, &[], Extent::Line)[0], "    let lock = self.inner.lock();");
}

#[test]
fn half_a_word_is_healed() {
    let other = "use std::collections::HashMap;\nuse std::fmt;\n";
    assert_eq!(fill("use std::collections::Ha$0\n\nfn main() {}\n", &[other], Extent::Rest)[0], "HashMap;");
}

#[test]
fn bytes_unknown_to_the_request_are_spelled_out() {
    let lines = fill("let a = 1;\nlet b = 1;\nlet zebra$0\n", &[], Extent::Rest);
    assert!(lines.iter().all(|line| line.starts_with("zebra") || line.starts_with(" zebra")), "{lines:?}");
}

#[test]
fn the_right_context_chooses_between_two_copies() {
    let file = "\
start();
close_blue();
open();
red();
close_red();
open();
blue();
close_blue();
open();
$0
close_red();
";
    assert_eq!(fill(file, &[], Extent::Line)[0], "red();");
}

#[test]
fn a_hole_ends_at_the_text_right_of_it() {
    let file = "f(alpha, beta);\ng(alpha, beta);\nh(alpha$0);\n";
    assert_eq!(fill(file, &[], Extent::Rest)[0], "alpha, beta");
}

#[test]
fn a_block_goes_on_while_it_is_sure_and_stops_where_the_text_after_it_follows() {
    let file = "\
fn a() {
    let lock = self.inner.lock();
    if lock.is_poisoned() {
        return Err(Poisoned);
    }
    lock.push(1);
    Ok(())
}
mod deeper {
    fn b() {
        let lock = self.inner.lock();
        $0
        lock.push(1);
        Ok(())
    }
}
";
    let block = "        if lock.is_poisoned() {\n            return Err(Poisoned);\n        }";
    assert_eq!(fill(file, &[], Extent::Block)[0], block);
}

#[test]
fn a_block_between_the_same_neighbours_is_copied_whole() {
    // By what stands before the hole alone, `check` would be likelier: it came last, and more often.
    let file = |end: &str| {
        format!(
            "\
fn a() {{
    let lock = self.inner.lock();
    lock.write(2);
    lock.flush(4);
    lock.push(1);
    Ok(())
}}
fn b() {{
    let lock = self.inner.lock();
    lock.check(3);
    lock.clear(5);
    drop(lock);
    None
}}
fn c() {{
    let lock = self.inner.lock();
    lock.check(3);
    lock.clear(5);
    drop(lock);
    None
}}
fn d() {{
    let lock = self.inner.lock();
    $0
{end}
}}
"
        )
    };
    let filled = |end: &str| fill(&file(end), &[], Extent::Block).swap_remove(0);
    assert_eq!(filled("    lock.push(1);\n    Ok(())"), "    lock.write(2);\n    lock.flush(4);");
    assert_eq!(filled("    drop(lock);\n    None"), "    lock.check(3);\n    lock.clear(5);");
}

#[test]
fn a_similar_place_is_copied_with_its_words_replaced() {
    let file = "\
fn width(&self) -> u32 {
    self.load();
    self.size.width
}
fn height(&self) -> u32 {
    self.load();
    self.size.height
}
fn depth(&self) -> u32 {
    self.load();
    $0
}
fn check(&self) {
    self.depth();
}
";
    assert!(fill(file, &[], Extent::Line).contains(&"    self.size.depth".to_owned()));
}

#[test]
fn the_same_hole_gives_the_same_pool() {
    let file = "a = b;\na = c;\na = d;\nx = b;\nx = c;\na = $0\n";
    assert_eq!(pool_of(file, &[file], Extent::Rest).1, pool_of(file, &[file], Extent::Rest).1);
}

#[test]
fn a_cancelled_proposal_is_empty() {
    let toy = Toy::of(&[]);
    let text = toy.encode("a\nb\na\n");
    let hole = Hole {
        prefix: &text,
        suffix: &[],
        files: &[],
        heal: &[],
        extent: Extent::Line,
        max_tokens: 64,
        allow_empty: false,
        common: None,
        previous: None,
    };
    assert_eq!(propose(&hole, &toy, &|| true), Pool::default());
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(200))]

    #[test]
    fn arbitrary_ids_never_panic(
        prefix in proptest::collection::vec(0u32..300, 0..200),
        suffix in proptest::collection::vec(0u32..300, 0..100),
        file in proptest::collection::vec(proptest::num::u32::ANY, 0..100),
        heal in proptest::collection::vec(proptest::num::u8::ANY, 0..4),
        max_tokens in 0usize..200,
        kind in 0usize..4,
    ) {
        let toy = Toy::of(&["some words of text"]);
        let ids = |ids: Vec<u32>| ids.into_iter().map(TokenId).collect::<Vec<_>>();
        let extent = [Extent::Rest, Extent::Line, Extent::Block, Extent::Tokens(7)][kind];
        let (prefix, suffix, files) = (ids(prefix), ids(suffix), [ids(file)]);
        let hole = Hole { prefix: &prefix, suffix: &suffix, files: &files, heal: &heal, extent, max_tokens, allow_empty: true, common: None, previous: None };
        let pool = propose(&hole, &toy, &|| false);
        let shares: f32 = pool.hypotheses.iter().map(|hypothesis| hypothesis.share).sum();
        proptest::prop_assert!(pool.hypotheses.is_empty() || (shares - 1.0).abs() < 1e-4);
        for hypothesis in &pool.hypotheses {
            let text: Vec<u8> = hypothesis.tokens.iter().flat_map(|&token| toy.bytes(token).to_vec()).collect();
            proptest::prop_assert!(text.starts_with(&heal));
            proptest::prop_assert!(hypothesis.tokens.len() <= max_tokens);
        }
    }
}

#[test]
fn what_filled_the_hole_before_is_one_line_more_to_choose_from() {
    let file = "let a = zebra(1);\nlet b = ze$0\n";
    let recalled = |previous| {
        let (toy, pool) = recalled_in(file, &[], Extent::Rest, Some(previous));
        let again = pool.hypotheses.iter().filter(|hypothesis| hypothesis.signals.previous);
        let mut texts: Vec<String> = again.map(|hypothesis| toy.decode(&hypothesis.tokens)).collect();
        texts.sort();
        texts
    };
    assert_eq!(recalled(("ro(2);", false)), [" zero(2);"]);
    assert_eq!(
        recalled(("(2);", true)),
        [" ze(2);", " zebra(2);"],
        "a tail behind what is typed, and behind another line's name"
    );
    assert_eq!(recalled(("(2);\nmore", true)).len(), 2, "its first line");
}
