//! What users of other completion tools complain of, and the steps that good ones take, as tables: the cursor's line is
//! the one with `|`; beside it what the engine says, and the line, or lines, once it is taken.
//!
//! Numbers are those of the issue's research: pains 8 to 16 are about wrong text and are answered here, 17 to 22 about
//! stale or misplaced text and are answered in `tests/tests/lsp_pains.rs`. 20 is the editors' alone.

use super::tests::{BLOCK, LINE, block, line, site};
use super::*;

/// Number, fixture, what the engine says, whether one line is wanted, what stands there then.
type Case = (u8, &'static str, &'static str, bool, &'static str);

fn check(cases: &[Case]) {
    let differs = |(number, fixture, raw, one_line, expected): &Case| {
        let shown = if *one_line { line(fixture, raw) } else { block(fixture, raw) };
        (shown != *expected)
            .then(|| format!("{number}: {fixture:?} {raw:?}\n   shown {shown:?}\n  wanted {expected:?}"))
    };
    let wrong: Vec<String> = cases.iter().filter_map(differs).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn pains_of_wrong_text() {
    check(&[
        // 8: it repeats what stands after the cursor, on the line and below it.
        (8, "let x = |;", "compute();", true, "let x = compute();"),
        (8, "foo(|, b)", "one, b)", true, "foo(one, b)"),
        (8, "if a {\n    |\n    c();\n}", "b();\n    c();\n}", false, "    b();"),
        (8, "    |\n}\n\nfn g() {", "b();\n}\n\nfn g() {", false, "    b();"),
        // 9: brackets and quotes that the editor closed are doubled.
        (9, "print(|)", "xs)", true, "print(xs)"),
        (9, "let a = [|]", "1, 2]", true, "let a = [1, 2]"),
        (9, "say(\"|\")", "hello\")", true, "say(\"hello\")"),
        // 10: what stands on the same line is not heeded.
        (10, "let total = | + tax;", "price", true, "let total = price + tax;"),
        (10, "let total = | + tax;", "price + tax;", true, "let total = price + tax;"),
        // 11: the first line of a block is indented wrongly, worst in Python.
        (11, "def f():\n    |", "    return 1", true, "    return 1"),
        (11, "def f():\n    |", "        return 1", true, "    return 1"),
        (11, "def f():\n    if a:\n    |", "        return 1", true, "        return 1"),
        (11, "    a;\n    |", "        b(c)", true, "    b(c)"),
        (11, "    foo(a,\n|", "        b)", true, "        b)"),
        (11, "def f():|", "\n    a = 1\n    return a", false, "def f():\n    a = 1\n    return a"),
        // 13: a blank too many.
        (13, "let x = |", " 10", true, "let x = 10"),
        (13, "foo(|)", "aa", true, "foo(aa)"),
        // 14: a line of blanks alone.
        (14, "        |", "    deep()", true, "        deep()"),
        (14, "\t|", "\treturn", true, "\treturn"),
    ]);
}

#[test]
fn pain_12_tabs_and_blanks_are_the_documents_own() {
    for (place, indent, raw, expected) in [
        ("x {|", Indent::Tab, "\n        a\n            b", "\n\t\ta\n\t\t\tb"),
        ("x {|", Indent::Spaces(2), "\n\ta\n\t\tb", "\n  a\n    b"),
        ("x {|", Indent::Spaces(4), "\n    a\n        b", "\n    a\n        b"),
        // The first line, too, where it begins at the margin; else its blanks are no indentation.
        ("x {\n|", Indent::Tab, "    aa\n        b", "\taa\n\t\tb"),
        ("x {\n|", Indent::Spaces(2), "\taa", "  aa"),
        ("x =|", Indent::Tab, "    aa", "    aa"),
    ] {
        let site = Site { indent, ..site(place) };
        assert_eq!(
            polish(raw, &site, BLOCK).map(|polished| polished.text),
            Ok(expected.into()),
            "{indent:?}"
        );
    }
}

#[test]
fn pain_15_no_carriage_return_comes_in_and_none_is_lost() {
    for (line_break, raw, expected) in [
        ("\n", "a\r\n    b", "a\n    b"),
        ("\r\n", "a\n    b", "a\r\n    b"),
        ("\r\n", "a\r\n    b\r", "a\r\n    b"),
    ] {
        let site = Site { line_break, ..site("|") };
        assert_eq!(polish(raw, &site, BLOCK).map(|polished| polished.text), Ok(expected.into()));
    }
}

#[test]
fn pain_16_what_is_replaced_ends_on_the_line_and_between_characters() {
    for (fixture, raw) in
        [("f(|é)", "a)"), ("f(|)é", "a)"), ("f(|\u{1f600})", "x\u{1f600})"), ("(|)  ", "1)")]
    {
        let site = site(fixture);
        if let Ok(polished) = polish(raw, &site, LINE) {
            assert!(site.after.is_char_boundary(polished.swallows), "{fixture}");
            assert!(
                is_subsequence(&site.after[..polished.swallows], &polished.text),
                "{fixture}: {polished:?}"
            );
        }
    }
}

#[test]
fn the_fourteen_steps() {
    // 11, candidates without new syntax errors first, is of `sound`; 13, what the popup has selected, and 14, ranges that VS Code takes, are of `lsp::to_proto`.
    check(&[
        (1, "x = |", "10<|endoftext|>2", true, "x = 10"),
        (1, "x(|\nconst END: &str = \"<|end|>\";", "\"<|endoftext|>\")", true, "x(\"<|endoftext|>\")"),
        (2, "|", "a()\n<|file_sep|>src/other.rs\nb()", false, "a()"),
        (3, "x = |", "1;\ny = 2;", true, "x = 1;"),
        (4, "let total|", "let total = 0;", true, "let total = 0;"),
        (4, "return sel|", "self.items", true, "return self.items"),
        (5, "a(|, c);", "bb, c);", true, "a(bb, c);"),
        (5, "a\n|\nb\nc", "xs\nb\nc", false, "xs"),
        (6, "    a(|", "b))", true, "    a(b))"),
        (6, "foo(bar(|)", "x)))", true, "foo(bar(x))"),
        (7, "foo(|)", "a, b);", true, "foo(a, b);"),
        (8, "    |", "aa\nb", false, "    aa"),
        (9, "x = 1\n|", "x = 1", true, "silence: Repetition"),
        (9, "|\nx = 1", "x = 1", true, "silence: Repetition"),
        (9, "x|", ";", true, "silence: TooShort"),
        (9, "x|", " \n ", false, "silence: NothingToAdd"),
        (10, "|", "a()\na()\na()\na()", false, "a()\na()"),
        (10, "|", "a()\nb()\na()\nb()\na()\nb()\na()", false, "a()\nb()\na()\nb()"),
        (10, "x = |", "f.get(f.get(f.get(f.get(f.get(f.get(", true, "silence: Repetition"),
        (10, "x = [|", "0, 0, 0, 0, 0, 0, 0, 0]", true, "x = [0, 0, 0, 0, 0, 0, 0, 0]"),
    ]);
    // 12: the document's line ends.
    for (line_break, expected) in [("\n", "x = f(\n    a)"), ("\r\n", "x = f(\r\n    a)")] {
        let site = Site { line_break, ..site("|") };
        let polished = polish("x = f(\n    a)", &site, BLOCK).map(|polished| polished.text);
        assert_eq!(polished, Ok(expected.into()), "12: {line_break:?}");
    }
}
