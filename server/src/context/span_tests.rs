//! Fixtures: a document with `$0` for the cursor, and the kind of span it wants.

use quicksilver_protocol::completion::Span;

use super::span::{Place, Why, place, span};
use crate::document::{ByteOffset, Document, Language, Snapshot, Version};

fn at(language: &str, fixture: &str) -> (Snapshot, ByteOffset) {
    let cursor = fixture.find("$0").expect("a cursor");
    let mut document = Document::open(Language::from_id(language), Version(0), &fixture.replace("$0", ""));
    document.parse(&mut || false);
    (document.snapshot(), ByteOffset(cursor))
}

fn check(language: &str, fixture: &str, expected: Span) {
    let (snapshot, cursor) = at(language, fixture);
    assert_eq!(span(&snapshot, cursor).span(), expected, "{language}:\n{fixture}");
}

#[test]
fn the_rest_of_a_line_that_has_begun() {
    check("rust", "fn f() {\n    let x = $0\n}\n", Span::Rest);
    check("python", "def f():\n    return $0\n", Span::Rest);
    check("rust", "fn f() {\n    foo($0)\n}\n", Span::Rest);
    check("rust", "let x = $0;\n", Span::Rest);
}

#[test]
fn a_line_where_nothing_stands_yet() {
    check("rust", "fn f() {\n    let a = 1;\n    $0\n}\n", Span::Line);
    check("python", "x = 1\n$0\ny = 2\n", Span::Line);
    check("plaintext", "one\n$0\n", Span::Line);
}

#[test]
fn a_block_that_is_empty() {
    check("rust", "fn f() {\n    $0\n}\n", Span::Block);
    check("rust", "fn f() {$0\n}\n", Span::Block);
    check("python", "def f():\n    $0\n", Span::Block);
    check("python", "def f():  # why\n    $0\n", Span::Block);
    check("go", "func f() {\n\t$0\n}\n", Span::Block);
    check("java", "class A {\n  void f() {\n    $0\n  }\n}\n", Span::Block);
    check("typescript", "const f = () => {\n  $0\n};\n", Span::Block);
    check("ruby", "list.each do\n  $0\n", Span::Block);
}

#[test]
fn a_block_with_content_wants_one_line_more() {
    check("rust", "fn f() {\n    $0\n    let x = 1;\n}\n", Span::Line);
    check("python", "def f():$0\n    return 1\n", Span::Rest);
}

#[test]
fn comments_and_strings_end_with_their_line() {
    check("rust", "// because {$0\n", Span::Rest);
    check("python", "x = 1  # while:$0\n", Span::Rest);
    check("rust", "/* a\n$0\n*/\n", Span::Rest);
    check("c", "/* {$0 */\n", Span::Rest);
    check("python", "s = \"if x:$0\n", Span::Rest);
    check("plaintext", "# a {$0\n", Span::Block);
    check("shellscript", "# a {$0\n", Span::Rest);
}

#[test]
fn each_span_has_its_reason() {
    for (fixture, expected) in [
        ("let x = $0;\n", Why::TextAfter),
        ("// because$0\n", Why::Within(Place::Comment)),
        ("/* a\n$0\n*/\n", Why::Within(Place::Comment)),
        ("let s = \"\\\n  a$0\n\";\n", Why::Within(Place::Literal)),
        ("fn f() {\n    g(a,$0\n    b)\n}\n", Why::Within(Place::Brackets)),
        ("fn f() {\n    $0\n}\n", Why::EmptyBlock),
        ("fn f() {$0\n}\n", Why::EmptyBlock),
        ("fn f() {\n    $0\n    let x = 1;\n}\n", Why::FilledBlock),
        ("fn f() {\n    let a = 1;\n    $0\n}\n", Why::EmptyLine),
        ("fn f() {\n    let x = $0\n}\n", Why::TextBefore),
        ("fn f() {$0\n    let x = 1;\n}\n", Why::TextBefore),
    ] {
        let (snapshot, cursor) = at("rust", fixture);
        assert_eq!(span(&snapshot, cursor), expected, "{fixture}");
    }
}

#[test]
fn a_chosen_span_is_its_own_reason() {
    for chosen in [Span::Rest, Span::Line, Span::Block, Span::Tokens(7)] {
        assert_eq!(Why::Chosen(chosen).span(), chosen);
    }
}

#[test]
fn what_surrounds_the_cursor_is_told_apart() {
    for (fixture, expected) in [
        ("fn f() { g(a, $0) }", Place::Brackets),
        ("fn f() { let s = \"a$0b\"; }", Place::Literal),
        ("/// docs$0\nfn f() {}", Place::Comment),
        ("/// docs\n$0fn f() {}", Place::Code),
        ("fn f() { h(|| { a$0; }) }", Place::Code),
    ] {
        let (snapshot, cursor) = at("rust", fixture);
        assert_eq!(place(&snapshot, cursor), expected, "{fixture}");
    }
}

#[test]
fn any_place_in_any_text_has_an_answer() {
    let text = "fn f() {\r\n  \"é😀\" // x {\r\n\t({[\r}\n#:\n";
    for language in
        ["rust", "python", "typescript", "typescriptreact", "javascript", "go", "c", "cpp", "java", "x"]
    {
        let mut document = Document::open(Language::from_id(language), Version(0), text);
        document.parse(&mut || false);
        for cursor in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            span(&document.snapshot(), ByteOffset(cursor));
        }
    }
}
