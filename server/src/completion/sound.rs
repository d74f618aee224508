//! Which texts leave the document's syntax sound, and which of them soundest. Not async; the caller brings the clock.

use super::{Polished, Site, brackets::balance, closing::closed, twice::defines_again};
use crate::document::{ByteOffset, Change, Document, Encoding, Snapshot, faults};

/// Leaves out what cannot stand at the cursor, puts the text that leaves the fewest syntax errors first, and, unless one
/// line is wanted, makes blocks whole. Nothing may be left. `over` says when there is no more time to look; what was not looked at by then stays as it is.
pub fn made_sound(
    texts: &mut Vec<Polished>,
    site: &Site,
    one_line: bool,
    made_from: &Snapshot,
    at: ByteOffset,
    over: &mut dyn FnMut() -> bool,
) {
    without_strays(texts, made_from, at, over);
    sound_first(texts, made_from, at, over);
    if !one_line {
        closed_blocks(texts, site, made_from, at, over);
    }
}

/// Leaves out what cannot stand at the cursor: an item that its block has already, and a part of a list (`self,`) where the
/// document is sound without it and not with it.
fn without_strays(
    texts: &mut Vec<Polished>,
    made_from: &Snapshot,
    at: ByteOffset,
    over: &mut dyn FnMut() -> bool,
) {
    let mut sound = None;
    texts.retain(|text| {
        let is_part = text.text.ends_with(',') && balance(&text.text).open.is_empty();
        if !is_part {
            return !defines_again(&text.text, made_from, at);
        }
        let sound = *sound.get_or_insert_with(|| made_from.tree().is_some_and(|tree| faults(tree) == 0));
        !(sound && faults_with(text, made_from, at, over).is_some_and(|faults| faults > 0))
    });
}

/// Where the first text leaves syntax errors that another one does not, puts the one that leaves the fewest before it. The
/// document as it stands says little: the hole is an error itself. `over` says when there is no more time to look;
/// what was not looked at by then is not held against the first.
fn sound_first(texts: &mut [Polished], made_from: &Snapshot, at: ByteOffset, over: &mut dyn FnMut() -> bool) {
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

/// Makes texts of several lines whole where they end within a block and the document is the sounder for it.
fn closed_blocks(
    texts: &mut Vec<Polished>,
    site: &Site,
    made_from: &Snapshot,
    at: ByteOffset,
    over: &mut dyn FnMut() -> bool,
) {
    if made_from.tree().is_none() {
        return;
    }
    for text in &mut *texts {
        let unix = text.text.replace(site.line_break, "\n");
        let Some(whole) = closed(&unix, site).filter(|_| text.swallows == 0) else { continue };
        let whole = Polished { text: whole.replace('\n', site.line_break), swallows: 0 };
        let mut faults = |text: &Polished| faults_with(text, made_from, at, over);
        if let (Some(as_it_is), Some(closed)) = (faults(text), faults(&whole))
            && closed < as_it_is
        {
            *text = whole;
        }
    }
    let mut seen: Vec<Polished> = Vec::new();
    texts.retain(|text| {
        !seen.contains(text) && {
            seen.push(text.clone());
            true
        }
    });
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
