//! What a text defines, and where: functions, types, constants and macros, by tree-sitter. Pure; it must not know
//! which file it is, nor who asks.

use std::ops::{ControlFlow, Range};

use tree_sitter::{Node, ParseOptions, Parser, Tree, TreeCursor};

use super::identifiers::{SHORTEST, hash};
use crate::document::Language;

/// Definitions of one text that count; the first ones.
const MOST: usize = 1024;

/// A name and the whole lines that define it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Definition {
    /// As [`hash`] has it.
    pub(super) name: u64,
    /// Bytes of its lines, the last one's break included.
    pub(super) bytes: Range<usize>,
}

/// Node kinds that define a name and hold nothing that others would look for.
const CLOSED: [&str; 17] = [
    "function_item",
    "function_signature_item",
    "function_definition",
    "function_declaration",
    "function_signature",
    "generator_function_declaration",
    "method_declaration",
    "method_definition",
    "method_elem",
    "method_signature",
    "macro_definition",
    "preproc_def",
    "preproc_function_def",
    "const_item",
    "static_item",
    "variable_declarator",
    "assignment",
];
/// Node kinds that define a name and may hold further definitions.
const OPEN: [&str; 21] = [
    "struct_item",
    "enum_item",
    "union_item",
    "trait_item",
    "type_item",
    "class_definition",
    "class_declaration",
    "abstract_class_declaration",
    "class_specifier",
    "struct_specifier",
    "union_specifier",
    "enum_specifier",
    "interface_declaration",
    "type_alias_declaration",
    "alias_declaration",
    "enum_declaration",
    "record_declaration",
    "type_spec",
    "type_alias",
    "const_spec",
    "var_spec",
];
/// Node kinds whose name leads to what they are a part of.
const MEMBERS: [&str; 5] =
    ["field_declaration", "enum_variant", "enumerator", "enum_constant", "property_signature"];

/// The definitions in `text`, unless `over` says that time is up while it is parsed; then there are none.
pub(super) fn definitions(
    text: &str,
    language: &Language,
    over: &mut dyn FnMut() -> bool,
) -> Vec<Definition> {
    let Some(tree) = parse(text, language, over) else { return Vec::new() };
    let mut found = Vec::new();
    let mut cursor = tree.walk();
    let mut depth = 0_usize;
    // What encloses the node, outermost first: its depth and its lines.
    let mut around: Vec<(usize, Range<usize>)> = Vec::new();
    loop {
        let node = cursor.node();
        let kind = node.kind();
        let (closed, open) = (CLOSED.contains(&kind), OPEN.contains(&kind));
        while around.last().is_some_and(|(outer, _)| *outer >= depth) {
            around.pop();
        }
        let lines = || lines_of(text, node.byte_range());
        if (closed || open)
            && let Some(name) = name(node, text)
        {
            let bytes = lines();
            if open {
                around.push((depth, bytes.clone()));
            }
            found.push(Definition { name, bytes });
        } else if MEMBERS.contains(&kind)
            && let (Some((_, whole)), Some(name)) = (around.last(), name(node, text))
        {
            found.push(Definition { name, bytes: whole.clone() });
        }
        if found.len() >= MOST || !next(&mut cursor, &mut depth, !closed) {
            return found;
        }
    }
}

fn parse(text: &str, language: &Language, over: &mut dyn FnMut() -> bool) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()?).ok()?;
    let mut progress = |_: &_| if over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let rest = &mut |at: usize, _| text.as_bytes().get(at..).unwrap_or_default();
    parser.parse_with_options(rest, None, Some(options))
}

/// Goes on to the next node in the order of the text; false at the end. Not recursive: code may be nested deeper
/// than a stack.
fn next(cursor: &mut TreeCursor<'_>, depth: &mut usize, into: bool) -> bool {
    if into && cursor.goto_first_child() {
        *depth += 1;
        return true;
    }
    while !cursor.goto_next_sibling() {
        if !cursor.goto_parent() {
            return false;
        }
        *depth -= 1;
    }
    true
}

/// The name that a node gives: of `(*f)(int)` it is `f`.
fn name(node: Node<'_>, text: &str) -> Option<u64> {
    // `struct point p;` uses the name.
    if node.kind().ends_with("_specifier") {
        node.child_by_field_name("body")?;
    }
    let fields = ["name", "declarator", "left"];
    let mut named = fields.iter().find_map(|field| node.child_by_field_name(field))?;
    while let Some(inner) = named.child_by_field_name("declarator") {
        named = inner;
    }
    let name = text.get(named.byte_range())?;
    let is_word = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_word && name.len() >= SHORTEST).then(|| hash(name))
}

/// The whole lines that hold `bytes`.
pub(super) fn lines_of(text: &str, bytes: Range<usize>) -> Range<usize> {
    let start = text.get(..bytes.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let end = bytes.end.max(start + 1).min(text.len());
    // A node that ends with its line's break ends there.
    let ended = text.as_bytes().get(end - usize::from(end > 0)) == Some(&b'\n');
    let after =
        if ended { Some(0) } else { text.get(end..).and_then(|after| after.find('\n')).map(|at| at + 1) };
    start..after.map_or(text.len(), |after| end + after)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first lines of what defines each of `names`.
    fn defined<'a>(language: &str, text: &'a str, names: &[&str]) -> Vec<&'a str> {
        let found = definitions(text, &Language::from_id(language), &mut || false);
        let of = |name: &&str| found.iter().find(|definition| definition.name == hash(name));
        let first =
            |definition: &Definition| text[definition.bytes.clone()].lines().next().unwrap_or_default();
        names.iter().map(|name| of(name).map_or("none", first)).collect()
    }

    #[test]
    fn every_language_with_a_grammar_has_definitions() {
        for (language, text, names, expected) in [
            (
                "rust",
                "mod m {\n    pub struct Circle { radius: f64 }\n}\nimpl Circle {\n    fn area(&self) { fn inner() {} }\n}\nconst LIMIT: u8 = 1;\n",
                vec!["Circle", "radius", "area", "inner", "LIMIT"],
                vec![
                    "    pub struct Circle { radius: f64 }",
                    "    pub struct Circle { radius: f64 }",
                    "    fn area(&self) { fn inner() {} }",
                    "none",
                    "const LIMIT: u8 = 1;",
                ],
            ),
            (
                "python",
                "LIMIT = 1\nclass Shape:\n    def area(self):\n        total = 1\n",
                vec!["LIMIT", "Shape", "area", "total"],
                vec!["LIMIT = 1", "class Shape:", "    def area(self):", "none"],
            ),
            (
                "typescript",
                "export interface Shape { sides: number }\nexport const area = (s: Shape) => 1;\n",
                vec!["Shape", "sides", "area"],
                vec![
                    "export interface Shape { sides: number }",
                    "export interface Shape { sides: number }",
                    "export const area = (s: Shape) => 1;",
                ],
            ),
            ("javascript", "class Shape { area() {} }\n", vec!["area"], vec!["class Shape { area() {} }"]),
            (
                "go",
                "type Shape struct {\n\tsides int\n}\nfunc (s Shape) Area() int { return 1 }\n",
                vec!["Shape", "sides", "Area"],
                vec!["type Shape struct {", "type Shape struct {", "func (s Shape) Area() int { return 1 }"],
            ),
            (
                "c",
                "#define LIMIT 3\nstruct shape { int sides; };\nstatic int *area(struct shape s) { return 0; }\n",
                vec!["LIMIT", "shape", "sides", "area"],
                vec![
                    "#define LIMIT 3",
                    "struct shape { int sides; };",
                    "struct shape { int sides; };",
                    "static int *area(struct shape s) { return 0; }",
                ],
            ),
            (
                "cpp",
                "namespace n {\nclass Shape { int sides; };\n}\n",
                vec!["Shape"],
                vec!["class Shape { int sides; };"],
            ),
            (
                "java",
                "class Shape {\n  int area() { return 1; }\n}\n",
                vec!["Shape", "area"],
                vec!["class Shape {", "  int area() { return 1; }"],
            ),
        ] {
            assert_eq!(defined(language, text, &names), expected, "{language}");
        }
    }

    #[test]
    fn no_grammar_no_time_and_nesting_are_no_trouble() {
        let text = "fn area() {}\n";
        assert_eq!(definitions(text, &Language::from_id("plaintext"), &mut || false), []);
        let deep = format!("fn area() {{}}\nfn deep() {{ {}", "{".repeat(50_000));
        assert!(definitions(&deep, &Language::from_id("rust"), &mut || false).len() <= 2);
        assert!(definitions(&deep.repeat(4), &Language::from_id("rust"), &mut || true).len() <= 8);
    }

    #[test]
    fn whole_lines_are_taken() {
        for (bytes, lines) in
            [(0..1, 0..2), (2..4, 2..5), (3..5, 2..5), (5..6, 5..6), (6..6, 5..6), (1..3, 0..5)]
        {
            assert_eq!(lines_of("a\nbc\nd", bytes.clone()), lines, "{bytes:?}");
        }
    }
}
