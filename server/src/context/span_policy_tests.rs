//! The policy of spans, language by language: a document with `$0` for the cursor, and what its hole wants and why.

use quicksilver_protocol::completion::Span;

use super::span::{Place, Why, span};
use crate::document::{ByteOffset, Document, Language, Version};

const COMMENT: Why = Why::Within(Place::Comment);
const LITERAL: Why = Why::Within(Place::Literal);
const BRACKETS: Why = Why::Within(Place::Brackets);

fn check(language: &str, cases: &[(&str, Why)]) {
    let differs = |(fixture, expected): &(&str, Why)| {
        let cursor = fixture.find("$0").expect("a cursor");
        let mut document =
            Document::open(Language::from_id(language), Version(0), &fixture.replace("$0", ""));
        document.parse(&mut || false);
        let why = span(&document.snapshot(), ByteOffset(cursor));
        (why != *expected).then(|| format!("{fixture}\n   found {why:?}\n  wanted {expected:?}"))
    };
    let wrong: Vec<String> = cases.iter().filter_map(differs).collect();
    assert!(wrong.is_empty(), "{language}\n{}", wrong.join("\n"));
}

#[test]
fn rust() {
    check(
        "rust",
        &[
            // The rest of a line.
            ("fn f() {\n    let x = $0\n}\n", Why::TextBefore),
            ("fn f() {\n    let x = foo(a)$0\n}\n", Why::TextBefore),
            ("const URL: &str = \"http://x\";$0\n", Why::TextBefore),
            // Inside brackets.
            ("fn f() {\n    let x = [1,$0\n        2];\n}\n", BRACKETS),
            ("fn f() {\n    let (a,$0\n        b) = c;\n}\n", BRACKETS),
            ("fn f() {\n    let p = P { a: 1,$0\n        b: 2 };\n}\n", BRACKETS),
            ("use a::{b,$0\n    c};\n", BRACKETS),
            ("fn f() {\n    let v = vec![1,$0\n        2];\n}\n", BRACKETS),
            // An argument list, of a call and of a function.
            ("fn f() {\n    g(a,$0\n        b);\n}\n", BRACKETS),
            ("fn f() {\n    g(a,$0\n", BRACKETS),
            ("fn f(a: A,$0\n    b: B) {}\n", BRACKETS),
            ("fn f() {\n    g(\n        $0\n    );\n}\n", Why::EmptyLine),
            // An empty block.
            ("fn f() {\n    $0\n}\n", Why::EmptyBlock),
            ("fn f() {$0\n}\n", Why::EmptyBlock),
            ("fn f() {\n    if url == \"http://x\" {$0\n    }\n}\n", Why::EmptyBlock),
            ("fn f() {\n    if url == \"http://x\" {\n        $0\n    }\n}\n", Why::EmptyBlock),
            ("fn f() {\n    g(|a| {$0\n    });\n}\n", Why::EmptyBlock),
            ("fn f() {\n    if c == '{' {$0\n    }\n}\n", Why::EmptyBlock),
            ("struct S {$0\n}\n", Why::EmptyBlock),
            ("fn f() {$0\n    let a = 1;\n}\n", Why::TextBefore),
            ("fn f() {\n    $0\n    let a = 1;\n}\n", Why::FilledBlock),
            // A string.
            ("const S: &str = \"a {$0\n    b\";\n", LITERAL),
            ("const S: &str = r#\"\nif a {$0\n\"#;\n", LITERAL),
            // A comment.
            ("fn f() {\n    // if a {$0\n}\n", COMMENT),
            ("/// Opens {$0\nfn f() {}\n", COMMENT),
            ("/*\n $0\n*/\n", COMMENT),
            // The middle of a line, even of an empty block.
            ("fn f() { $0 }\n", Why::TextAfter),
            ("fn f() {\n    if a {$0}\n}\n", Why::TextAfter),
            ("fn f() {\n    g($0)\n}\n", Why::TextAfter),
        ],
    );
}

#[test]
fn python() {
    check(
        "python",
        &[
            // The rest of a line.
            ("def f():\n    return $0\n", Why::TextBefore),
            ("class A:\n    field:$0\n", Why::TextBefore),
            ("x = xs[1]$0\n", Why::TextBefore),
            // Inside brackets.
            ("x = [1,$0\n     2]\n", BRACKETS),
            ("x = {\"a\": 1,$0\n     \"b\": 2}\n", BRACKETS),
            ("x = {\"a\":$0\n     1}\n", BRACKETS),
            ("x = {1,$0\n     2}\n", BRACKETS),
            ("x = (1,$0\n     2)\n", BRACKETS),
            ("x = xs[1:$0\n       2]\n", BRACKETS),
            ("x = [a for a in b$0\n     if a]\n", BRACKETS),
            ("x = {a: 1 for a in b$0\n     if a}\n", BRACKETS),
            ("from a import (b,$0\n    c)\n", BRACKETS),
            ("x = {\n    \"a\":\n    $0\n}\n", Why::EmptyLine),
            // An argument list, of a call and of a function.
            ("g(a,$0\n  b)\n", BRACKETS),
            ("g(a,$0\n", BRACKETS),
            ("g(lambda:$0\n  1)\n", BRACKETS),
            ("def f(a,$0\n      b):\n    pass\n", BRACKETS),
            ("g(\n    $0\n)\n", Why::EmptyLine),
            // An empty block.
            ("def f():\n    $0\n", Why::EmptyBlock),
            ("def f():$0\n", Why::EmptyBlock),
            ("if tag == \"#a\":$0\n", Why::EmptyBlock),
            ("if tag == '#a':\n    $0\n", Why::EmptyBlock),
            ("def f(\n    a,\n) -> dict[str, int]:$0\n", Why::EmptyBlock),
            ("try:\n    a()\nexcept E:\n    $0\n", Why::EmptyBlock),
            ("def f():$0\n    return 1\n", Why::TextBefore),
            // A string.
            ("s = \"\"\"if a:$0\n\"\"\"\n", LITERAL),
            ("def f():\n    \"\"\"Does:\n    $0\n    \"\"\"\n", LITERAL),
            ("s = f\"\"\"a {b} if:$0\n\"\"\"\n", LITERAL),
            // A comment.
            ("x = 1  # while:$0\n", COMMENT),
            ("# if a:$0\n", COMMENT),
            // The middle of a line.
            ("if $0:\n    pass\n", Why::TextAfter),
            ("def f(): $0; return\n", Why::TextAfter),
            ("g($0)\n", Why::TextAfter),
        ],
    );
}

#[test]
fn typescript() {
    check(
        "typescript",
        &[
            // The rest of a line.
            ("const x = $0\n", Why::TextBefore),
            ("const url = 'http://x';$0\n", Why::TextBefore),
            // Inside brackets.
            ("const x = [1,$0\n  2];\n", BRACKETS),
            ("const x = { a: 1,$0\n  b: 2 };\n", BRACKETS),
            ("const { a,$0\n  b } = c;\n", BRACKETS),
            ("import { a,$0\n  b } from 'c';\n", BRACKETS),
            ("const x = (a +$0\n  b);\n", BRACKETS),
            // An argument list, of a call and of a function.
            ("g(a,$0\n  b);\n", BRACKETS),
            ("g(a,$0\n", BRACKETS),
            ("function f(a: A,$0\n  b: B) {}\n", BRACKETS),
            ("g(\n  $0\n);\n", Why::EmptyLine),
            // An empty block.
            ("function f() {\n  $0\n}\n", Why::EmptyBlock),
            ("if (url === 'http://x') {$0\n}\n", Why::EmptyBlock),
            ("if (url === `http://x`) {\n  $0\n}\n", Why::EmptyBlock),
            ("g(() => {$0\n});\n", Why::EmptyBlock),
            ("g({$0\n});\n", Why::EmptyBlock),
            ("const x = {$0\n};\n", Why::EmptyBlock),
            ("class A {\n  $0\n}\n", Why::EmptyBlock),
            ("function f() {\n  $0\n  a();\n}\n", Why::FilledBlock),
            // A string.
            ("const s = `if {$0\n`;\n", LITERAL),
            ("const s = `a ${b} {\n$0\n`;\n", LITERAL),
            // A comment.
            ("// if (a) {$0\n", COMMENT),
            ("/**\n * {$0\n */\n", COMMENT),
            // The middle of a line.
            ("if (a) {$0}\n", Why::TextAfter),
            ("g($0);\n", Why::TextAfter),
            ("const f = () => { $0 };\n", Why::TextAfter),
        ],
    );
}

#[test]
fn go() {
    check(
        "go",
        &[
            // The rest of a line.
            ("package p\n\nfunc f() {\n\tx := $0\n}\n", Why::TextBefore),
            ("package p\n\nvar url = \"http://x\"$0\n", Why::TextBefore),
            // Inside brackets.
            ("package p\n\nvar x = []int{1,$0\n\t2}\n", BRACKETS),
            ("package p\n\nvar x = T{A: 1,$0\n\tB: 2}\n", BRACKETS),
            ("package p\n\nvar x = a[b +$0\n\tc]\n", BRACKETS),
            ("package p\n\nvar x = (a +$0\n\tb)\n", BRACKETS),
            // An argument list, of a call and of a function.
            ("package p\n\nfunc f() {\n\tg(a,$0\n\t\tb)\n}\n", BRACKETS),
            ("package p\n\nfunc f() {\n\tg(a,$0\n", BRACKETS),
            ("package p\n\nfunc f(a A,$0\n\tb B) {\n}\n", BRACKETS),
            ("package p\n\nfunc f() {\n\tg(\n\t\t$0\n\t)\n}\n", Why::EmptyLine),
            // An empty block.
            ("package p\n\nfunc f() {\n\t$0\n}\n", Why::EmptyBlock),
            ("package p\n\nfunc f() {\n\tif url == \"http://x\" {$0\n\t}\n}\n", Why::EmptyBlock),
            ("package p\n\nfunc f() {\n\tif url == `http://x` {\n\t\t$0\n\t}\n}\n", Why::EmptyBlock),
            ("package p\n\nfunc f() {\n\tgo func() {$0\n\t}()\n}\n", Why::EmptyBlock),
            ("package p\n\nvar x = T{$0\n}\n", Why::EmptyBlock),
            ("package p\n\ntype T struct {\n\t$0\n}\n", Why::EmptyBlock),
            ("package p\n\nfunc f() {\n\t$0\n\tg()\n}\n", Why::FilledBlock),
            // A string.
            ("package p\n\nvar s = `if {$0\n`\n", LITERAL),
            // A comment.
            ("package p\n\n// if a {$0\n", COMMENT),
            ("package p\n\n/* {$0\n*/\n", COMMENT),
            // The middle of a line.
            ("package p\n\nfunc f() {$0}\n", Why::TextAfter),
            ("package p\n\nfunc f() {\n\tg($0)\n}\n", Why::TextAfter),
            ("package p\n\nvar x = []int{$0}\n", Why::TextAfter),
        ],
    );
}

#[test]
fn a_hole_within_a_line_never_gets_several_lines_unless_chosen() {
    for why in [Why::TextAfter, Why::TextBefore, COMMENT, LITERAL, BRACKETS] {
        assert_eq!(why.span(), Span::Rest, "{why}");
    }
    assert_eq!(Why::Chosen(Span::Block).span(), Span::Block);
}
