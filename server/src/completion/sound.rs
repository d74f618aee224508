//! Which of several texts leaves the document's syntax soundest. Not async; the caller brings the clock.

use super::Polished;
use crate::document::{ByteOffset, Change, Document, Encoding, Snapshot, faults};

/// Where the first text leaves syntax errors that another one does not, puts the one that leaves the fewest before it. The
/// document as it stands says little: the hole is an error itself. `over` says when there is no more time to look;
/// what was not looked at by then is not held against the first.
pub fn sound_first(
    texts: &mut [Polished],
    made_from: &Snapshot,
    at: ByteOffset,
    over: &mut dyn FnMut() -> bool,
) {
    let [first, others @ ..] = &*texts else { return };
    if others.is_empty() || made_from.tree().is_none() || goes_on(&first.text) {
        return;
    }
    let Some(mut fewest) = faults_with(first, made_from, at, over).filter(|faults| *faults > 0) else {
        return;
    };
    let mut best = 0;
    for (other, number) in others.iter().zip(1..) {
        let Some(faults) = faults_with(other, made_from, at, over) else { break };
        if faults < fewest {
            (fewest, best) = (faults, number);
        }
    }
    texts[..=best].rotate_right(1);
}

/// Whether a text ends within something, as the head of a block does: what is missing then is still to be written.
fn goes_on(text: &str) -> bool {
    let last = text.chars().next_back();
    last.is_some_and(|last| !(last.is_alphanumeric() || "_)]};\"'`>?!".contains(last)))
}

/// Syntax errors of the document with the text in its place; `None` where time is over.
fn faults_with(
    text: &Polished,
    made_from: &Snapshot,
    at: ByteOffset,
    over: &mut dyn FnMut() -> bool,
) -> Option<usize> {
    let encoding = Encoding::Utf16;
    let place = |byte| made_from.position_at(ByteOffset(byte), encoding);
    let range = Some((place(at.0), place(at.0 + text.swallows)));
    let mut document = Document::from(made_from);
    document.apply(&[Change { range, text: text.text.clone() }], made_from.version(), encoding);
    document.parse(over);
    document.snapshot().tree().map(faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Language, Version};

    /// The texts in their new order; `|` is the cursor.
    fn ordered(language: &str, marked: &str, texts: &[&str], late: bool) -> Vec<String> {
        let at = marked.find('|').expect("a cursor");
        let mut document =
            Document::open(Language::from_id(language), Version(0), &marked.replacen('|', "", 1));
        document.parse(&mut || false);
        let mut texts: Vec<Polished> =
            texts.iter().map(|&text| Polished { text: text.into(), swallows: 0 }).collect();
        sound_first(&mut texts, &document.snapshot(), ByteOffset(at), &mut || late);
        texts.into_iter().map(|polished| polished.text).collect()
    }

    #[test]
    fn step_11_a_text_without_new_syntax_errors_comes_first() {
        let cases: [(&str, &str, &[&str], &[&str]); 8] = [
            ("rust", "fn f() {\n    let x = |\n}\n", &["g(a;", "g(a);", "a;"], &["g(a);", "g(a;", "a;"]),
            ("rust", "fn f() {\n    let x = |\n}\n", &["g(a);", "a;"], &["g(a);", "a;"]),
            ("python", "def f():\n    return |\n", &["a if", "xs[", "a"], &["a", "a if", "xs["]),
            ("typescript", "const x = |\n", &["f(;", "f();"], &["f();", "f(;"]),
            ("go", "package p\n\nvar x = |\n", &["[]int{1", "1"], &["1", "[]int{1"]),
            // The head of a block lacks the block.
            ("rust", "fn f() {\n    |\n}\n", &["if a {", "a();"], &["if a {", "a();"]),
            ("python", "def f():\n    |\n", &["if a:", "a()"], &["if a:", "a()"]),
            // All alike: the engine's order stays.
            ("rust", "fn f() {\n    let x = |\n}\n", &["g(a;", "h(b;"], &["g(a;", "h(b;"]),
        ];
        for (language, marked, texts, expected) in cases {
            assert_eq!(ordered(language, marked, texts, false), expected, "{language}: {marked}");
        }
    }

    #[test]
    fn errors_that_stand_there_already_are_not_the_texts() {
        assert_eq!(ordered("rust", "fn g( {\nfn f() { a(|) }\n", &["b", "c"], false), ["b", "c"]);
    }

    #[test]
    fn without_a_grammar_or_without_time_the_engines_order_stays() {
        assert_eq!(ordered("plaintext", "x = |", &["f(", "f()"], false), ["f(", "f()"]);
        let long = format!("fn f() {{\n    let x = |\n}}\n{}", "fn g() { h(1, 2); }\n".repeat(2000));
        assert_eq!(
            ordered("rust", &long, &["g(a;", "a;"], true).len(),
            2,
            "none is lost, whatever the order"
        );
    }
}
