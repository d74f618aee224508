//! Each rule of polish, as users met the fault: the line with `|` for the cursor, the engine's text, what is shown.

use proptest::prelude::*;

use super::*;

/// A site from a fixture: the cursor's line is the one with `|`.
pub(in crate::completion) fn site(fixture: &str) -> Site {
    let lines: Vec<&str> = fixture.split('\n').collect();
    let at = lines.iter().position(|line| line.contains('|')).expect("a cursor");
    let (before, after) = lines[at].split_once('|').expect("a cursor");
    Site {
        before: before.into(),
        after: after.into(),
        above: at.checked_sub(1).map(|above| lines[above].into()).unwrap_or_default(),
        below: lines[at + 1..].iter().map(|&line| line.into()).collect(),
        line_break: "\n",
        indent: Indent::Spaces(4),
    }
}

pub(super) const BLOCK: Wanted = Wanted { one_line: false, invoked: false };
pub(super) const LINE: Wanted = Wanted { one_line: true, invoked: false };

/// The fixture after the suggestion was accepted.
fn accepted(fixture: &str, raw: &str, wanted: Wanted) -> Result<String, Silence> {
    let site = site(fixture);
    let polished = polish(raw, &site, wanted)?;
    let line = format!("{}{}{}", site.before, polished.text, &site.after[polished.swallows..]);
    Ok(line)
}

pub(super) fn line(fixture: &str, raw: &str) -> String {
    accepted(fixture, raw, LINE).unwrap_or_else(|silence| format!("silence: {silence:?}"))
}

pub(super) fn block(fixture: &str, raw: &str) -> String {
    accepted(fixture, raw, BLOCK).unwrap_or_else(|silence| format!("silence: {silence:?}"))
}

#[test]
fn the_text_after_the_cursor_is_not_said_twice() {
    assert_eq!(line("let x = |;", "compute();"), "let x = compute();");
    assert_eq!(line("for i in |.iter() {", "items.iter() {"), "for i in items.iter() {");
}

#[test]
fn auto_closed_brackets_are_not_doubled() {
    assert_eq!(line("foo(|)", "a, b)"), "foo(a, b)");
    assert_eq!(line("foo(|)", "a, b);"), "foo(a, b);");
    assert_eq!(line("foo(bar(|)", "x)"), "foo(bar(x))");
    assert_eq!(line("print(\"|\")", "hello\")"), "print(\"hello\")");
}

#[test]
fn a_closer_that_is_missing_is_kept() {
    assert_eq!(line("foo(|", "a, b)"), "foo(a, b)");
    assert_eq!(line("foo(bar(|)", "x))"), "foo(bar(x))");
}

#[test]
fn what_was_typed_is_not_typed_again() {
    assert_eq!(line("return sel|", "self.items"), "return self.items");
    assert_eq!(line("let total|", "let total = 0;"), "let total = 0;");
    assert_eq!(line("let x = |", " 1 + 2"), "let x = 1 + 2");
}

#[test]
fn indentation_is_not_doubled_on_a_blank_line() {
    assert_eq!(line("def f():\n    |", "    return 1"), "    return 1");
    assert_eq!(line("def f():\n    |", "return 1"), "    return 1");
}

#[test]
fn one_line_means_one_line() {
    assert_eq!(line("let x = |", "1;\nlet y = 2;"), "let x = 1;");
}

#[test]
fn lines_that_follow_anyway_are_left_out() {
    assert_eq!(block("    a = 1\n    |\n    return a", "b = 2\n    return a"), "    b = 2");
    assert_eq!(line("    |\n    return a", "return a"), "silence: Repetition");
}

#[test]
fn a_block_ends_where_it_leaves_its_indentation() {
    assert_eq!(block("    |", "a()\n    b()\n}\nfn next() {"), "    a()\n    b()");
}

#[test]
fn chanting_is_cut() {
    assert_eq!(block("|", "a();\na();\na();\na();"), "a();\na();");
}

#[test]
fn the_line_above_is_not_offered_again() {
    assert_eq!(line("x = 1\n|", "x = 1"), "silence: Repetition");
}

#[test]
fn what_stands_right_before_the_cursor_is_not_said_again() {
    assert_eq!(line("// try `fill shop.rs:20`.|", " `fill shop.rs:20`."), "silence: Repetition");
    assert_eq!(line("x = a.one + |", "a.one"), "x = a.one + a.one");
    assert_eq!(line("[0, 0, 0, 0, 0, 0, |", "0, 0, 0, 0, 0, 0"), "[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0");
}

#[test]
fn next_to_nothing_is_nothing_unless_asked_for() {
    assert_eq!(line("x|", "  "), "silence: NothingToAdd");
    assert_eq!(line("x|", ";"), "silence: TooShort");
    assert_eq!(accepted("x|", ";", Wanted { one_line: true, invoked: true }), Ok("x;".into()));
}

#[test]
fn the_documents_line_ends_and_tabs_are_kept() {
    let mut crlf = site("if a {|");
    crlf.line_break = "\r\n";
    assert_eq!(polish("\n    b\n}", &crlf, BLOCK).map(|polished| polished.text), Ok("\r\n    b\r\n}".into()));
    let mut tabs = site("\tif a {|");
    tabs.indent = Indent::Tab;
    assert_eq!(polish("\n        body", &tabs, BLOCK).map(|polished| polished.text), Ok("\n\t\tbody".into()));
}

#[test]
fn invisible_and_control_characters_never_reach_the_buffer() {
    assert_eq!(line("x = |", "a\u{202e}b\u{1b}[31m\0c\u{feff}"), "x = ab[31mc");
    assert_eq!(line("x = |", "a\u{61c}b\u{200b}c\u{2028}d\u{e0041}\u{e007f}e\u{2060}"), "x = abcde");
    assert_eq!(
        line("x = |", "👩\u{200d}👧 नमस्\u{200d}ते"),
        "x = 👩\u{200d}👧 नमस्\u{200d}ते",
        "joiners within a character stay"
    );
}

proptest! {
    #[test]
    fn any_text_at_any_place_is_polished_or_refused(
        before in "[ \\ta-z(\\[{\"é😀]{0,12}", after in "[ a-z)\\]}\";,é😀]{0,12}", raw in "[\\PC\\n\\t\\r\\x00-\\x1f\u{202e}]{0,40}", one_line: bool, invoked: bool,
    ) {
        let site = Site { before, after, line_break: "\n", ..Site::default() };
        if let Ok(polished) = polish(&raw, &site, Wanted { one_line, invoked }) {
            prop_assert!(polished.swallows <= site.after.len() && site.after.is_char_boundary(polished.swallows));
            prop_assert!(polished.text.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
            prop_assert!(!one_line || !polished.text.contains('\n'));
            prop_assert!(!polished.text.trim().is_empty());
        }
    }
}

#[test]
fn closers_at_the_end_that_stand_there_may_stay() {
    for (text, after, before) in [
        ("sheet, row)", ")", Some("sheet, row")),
        ("f(x));", ");", Some("f(x)")),
        ("a).b()", ")", None),
        (")", ")", None),
        ("a, b", ")", None),
    ] {
        let polished = Polished { text: text.into(), swallows: after.len() };
        assert_eq!(polished.before_closers(after), before, "{text} before {after}");
    }
    assert_eq!(Polished { text: "a)".into(), swallows: 0 }.before_closers(")"), None);
}
