//! D4: the tree kept up by edits is the one that plain tree-sitter keeps up by the same edits, and but for what the grammar
//! leaves open that of a fresh parse.

use std::ops::Range;

use tree_sitter::{InputEdit, Parser, Point, Tree};

use super::{
    ByteOffset, Change, Document, Encoding, Language, Parsed, Position, Version,
    dice::{Dice, count, report},
};

const PROGRAMS: [(&str, &str); 9] = [
    (
        "rust",
        "use std::fs;\n\nfn main() -> u32 {\n    let x = vec![1, 2];\n    match x.len() { 0 => 1, n => { n as u32 } }\n}\n",
    ),
    (
        "python",
        "import os\n\ndef f(x, *, y=2):\n    for i in range(x):\n        if i > y:\n            return [i]\n    return \"a\"\n",
    ),
    (
        "typescript",
        "export function f<T>(x: T[]): number {\n  const y = x.map((z) => ({ z }));\n  return y.length;\n}\n",
    ),
    (
        "typescriptreact",
        "const A = ({ x }: P) => {\n  return <div id=\"a\">{x > 1 ? <b/> : null}</div>;\n};\n",
    ),
    ("javascript", "class A extends B {\n  async f(x) {\n    return `t ${x}` + /re/g.exec(x)?.y;\n  }\n}\n"),
    (
        "go",
        "package main\n\nfunc main() {\n\tx := map[string]int{\"a\": 1}\n\tfor k, v := range x {\n\t\tprintln(k, v)\n\t}\n}\n",
    ),
    (
        "c",
        "#include <stdio.h>\n\nint main(void) {\n  char *s = \"a\";\n  for (int i = 0; i < 3; i++) { puts(s); }\n  return 0;\n}\n",
    ),
    (
        "cpp",
        "template <typename T> struct A : B {\n  auto f(T x) const -> int { return [&] { return x; }(); }\n};\n",
    ),
    (
        "java",
        "class A<T> {\n  int f(int x) throws E {\n    return switch (x) { case 1 -> 2; default -> x; };\n  }\n}\n",
    ),
];

/// What people type, most of it unfinished code.
const TYPED: [&str; 22] = [
    "x", "foo", " ", "\n", "(", ")", "{", "}", "[", "]", ";", ":", ".", "\"", "'", "/* ", " */", "// ", "=",
    "é", "\r\n", "    ",
];

/// One in so many edits may leave broken code that plain tree-sitter reads in another way than afresh: how it recovers from an
/// error depends on what it reuses.
const MOST_GUESSED: usize = 1_000;
/// The same in code without errors, where a grammar leaves open which of two readings it takes.
const MOST_OPEN: usize = 10_000;

/// What tree-sitter itself keeps up: told of each edit in bytes, with places counted here, and given the text in one piece.
struct Plain {
    parser: Parser,
    tree: Tree,
    text: String,
}

impl Plain {
    fn open(language: &str, text: &str) -> Self {
        let mut parser = Parser::new();
        let grammar = Language::from_id(language).grammar().expect("there is one");
        parser.set_language(&grammar).expect("it is of this tree-sitter");
        let tree = parser.parse(text, None).expect("there is no limit");
        Self { parser, tree, text: text.into() }
    }

    fn edit(&mut self, replaced: Range<usize>, inserted: &str) {
        let (start_byte, old_end_byte) = (replaced.start, replaced.end);
        let new_end_byte = start_byte + inserted.len();
        let (start_position, old_end_position) =
            (point(&self.text, start_byte), point(&self.text, old_end_byte));
        self.text.replace_range(replaced, inserted);
        let new_end_position = point(&self.text, new_end_byte);
        self.tree.edit(&InputEdit {
            start_byte,
            old_end_byte,
            new_end_byte,
            start_position,
            old_end_position,
            new_end_position,
        });
        self.tree = self.parser.parse(&self.text, Some(&self.tree)).expect("there is no limit");
    }

    fn sexp(&self) -> String {
        self.tree.root_node().to_sexp()
    }
}

fn point(text: &str, byte: usize) -> Point {
    let above = &text[..byte];
    Point { row: above.matches('\n').count(), column: byte - above.rfind('\n').map_or(0, |at| at + 1) }
}

/// The nearest place at or before `at` where an editor can have its cursor: not in a character, not in a `\r\n`.
fn place(text: &str, at: usize) -> usize {
    let at = text.floor_char_boundary(at);
    at - usize::from(text[..at].ends_with('\r') && text[at..].starts_with('\n'))
}

fn is_broken(tree: &str) -> bool {
    tree.contains("(ERROR") || tree.contains("(MISSING") || tree.contains("(UNEXPECTED")
}

fn fresh(language: &str, text: &str) -> String {
    Plain::open(language, text).sexp()
}

fn sexp(document: &Document) -> String {
    document.snapshot().tree().expect("parsed").root_node().to_sexp()
}

#[test]
fn an_edited_tree_is_the_tree_of_a_fresh_parse() {
    let edits = count(2_000, 112_000);
    let (mut broken, mut guessed, mut open) = (0, 0, 0);
    for (language, program) in PROGRAMS {
        let mut dice = Dice::new(language);
        let mut document = Document::open(Language::from_id(language), Version(0), program);
        let mut plain = Plain::open(language, program);
        document.parse(&mut || false);
        let mut undo: Vec<(Range<usize>, String)> = Vec::new();
        for edit in 0..edits {
            let text = plain.text.clone();
            let from = place(&text, dice.below(text.len() + 1));
            let to = if dice.chance(30) { place(&text, from + dice.below(12)).max(from) } else { from };
            // Half of the edits take back the last one: a program that stays broken tests only error recovery.
            let back = dice.chance(48) || undo.len() > 12;
            let (replaced, inserted) = undo.pop_if(|_| back).unwrap_or_else(|| {
                let typed = dice.pick(&TYPED);
                undo.push((from..from + typed.len(), text[from..to].into()));
                (from..to, typed.into())
            });
            let at = |byte| document.snapshot().position_at(ByteOffset(byte), Encoding::Utf16);
            let change =
                Change { range: Some((at(replaced.start), at(replaced.end))), text: inserted.clone() };
            document.apply(std::slice::from_ref(&change), Version(edit as i32 + 1), Encoding::Utf16);
            assert_eq!(document.parse(&mut || false), Parsed::Done);
            plain.edit(replaced, &inserted);
            let (kept, fresh) = (sexp(&document), fresh(language, &plain.text));
            let what = || format!("{language} edit {edit} {change:?}:\n{}\n{kept}\n{fresh}", plain.text);
            assert_eq!(document.snapshot().text().to_string(), plain.text, "{}", what());
            assert_eq!(kept, plain.sexp(), "another tree than plain tree-sitter's: {}", what());
            let is_broken = is_broken(&fresh);
            broken += usize::from(is_broken);
            guessed += usize::from(is_broken && kept != fresh);
            if !is_broken && kept != fresh {
                eprintln!("read in two ways: {}", what());
                open += 1;
            }
        }
    }
    let all = edits * PROGRAMS.len();
    assert!(guessed * MOST_GUESSED <= all && open * MOST_OPEN <= all, "{guessed} and {open} of {all}");
    let did = format!("{all} edits in {} languages, {broken} of them leave broken code", PROGRAMS.len());
    let result = format!(
        "0 divergences from plain tree-sitter under the same edits; its own tree differs from a fresh parse {open} times in whole code \
         and {guessed} times in broken code"
    );
    report("D4", &did, &result);
}

/// Whether the star or the brackets bind first is left open by Python's grammar here, and tree-sitter takes the one or the other
/// by what stands around: without any edit, and so with one.
#[test]
fn what_a_grammar_leaves_open_is_read_in_two_ways() {
    let (brackets_first, star_first) = ("(list_splat (subscript", "(subscript value: (list_splat");
    assert!(fresh("python", "r/* e[i]\n").contains(brackets_first));
    assert!(fresh("python", "r/* e[i]\n\"\"").contains(star_first));
    let mut edited = Plain::open("python", "/* e[i]\n\"\"");
    edited.edit(0..0, "r");
    assert!(edited.sexp().contains(brackets_first) && !is_broken(&edited.sexp()), "{}", edited.sexp());
}

#[test]
fn a_parse_without_time_is_put_off_and_goes_on() {
    let text = "fn f() { let x = 1; }\n".repeat(2_000);
    let mut document = Document::open(Language::from_id("rust"), Version(0), &text);
    let mut slices = 0;
    loop {
        let mut asked = 0;
        let parsed = document.parse(&mut || {
            asked += 1;
            asked > 50
        });
        slices += 1;
        if parsed == Parsed::Done {
            break;
        }
        assert_eq!(parsed, Parsed::Later);
        assert!(document.snapshot().tree().is_none());
    }
    assert!(slices > 3, "{slices} slices");
    assert_eq!(sexp(&document), fresh("rust", &text));
}

#[test]
fn an_edit_between_two_slices_starts_the_parse_again() {
    let text = "fn f() { let x = 1; }\n".repeat(2_000);
    let mut document = Document::open(Language::from_id("rust"), Version(0), &text);
    assert_eq!(document.parse(&mut || true), Parsed::Later);
    let range = Some((Position::new(0, 0), Position::new(1, 0)));
    document.apply(&[Change { range, text: "struct A;\n".into() }], Version(1), Encoding::Utf8);
    assert_eq!(document.parse(&mut || false), Parsed::Done);
    assert_eq!(sexp(&document), fresh("rust", &document.snapshot().text().to_string()));
}
