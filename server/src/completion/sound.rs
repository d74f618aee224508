//! Which of several texts leave the document's syntax as sound as it was. Not async; the caller brings the clock.

use super::Polished;
use crate::document::{ByteOffset, Change, Document, Encoding, Snapshot, faults};

/// Puts the first text that adds no syntax error before those that do; where none is known to be sound, or the first one
/// is, nothing changes. `over` says when there is no more time to look.
pub(super) fn sound_first(
    texts: &mut [Polished],
    made_from: &Snapshot,
    at: ByteOffset,
    over: &mut dyn FnMut() -> bool,
) {
    let Some(before) = made_from.tree().map(faults).filter(|_| texts.len() > 1) else { return };
    let mut looked = texts.iter().map(|text| Some(faults_with(text, made_from, at, over)? <= before));
    // What could not be looked at in time is not held against the engine's own order.
    let first = looked.by_ref().take_while(Option::is_some).position(|sound| sound == Some(true));
    if let Some(first) = first {
        texts[..=first].rotate_right(1);
    }
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
        let cases: [(&str, &str, &[&str], &[&str]); 6] = [
            ("rust", "fn f() {\n    let x = |\n}\n", &["g(a;", "g(a);", "a;"], &["g(a);", "g(a;", "a;"]),
            ("rust", "fn f() {\n    let x = |\n}\n", &["g(a);", "a;"], &["g(a);", "a;"]),
            ("python", "def f():\n    return |\n", &["a if", "xs[", "a"], &["a", "a if", "xs["]),
            ("typescript", "const x = |\n", &["f(;", "f();"], &["f();", "f(;"]),
            ("go", "package p\n\nvar x = |\n", &["[]int{1", "1"], &["1", "[]int{1"]),
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
        let long = format!("{}fn f() {{\n    let x = |\n}}\n", "fn g() { h(1, 2); }\n".repeat(2000));
        assert_eq!(ordered("rust", &long, &["g(a;", "a;"], true).len(), 2);
    }
}
