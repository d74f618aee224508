//! An item that stands in its block already: nobody wants it there again. Text alone; in languages where a name may be
//! defined twice side by side, nothing is said.

use super::site::{columns, leading};
use crate::document::{ByteOffset, Snapshot};

/// Lines that are looked at, up and down.
const REACH: usize = 300;

/// Whether `text`, put at the cursor, begins with an item that its block has already.
pub(super) fn defines_again(text: &str, snapshot: &Snapshot, at: ByteOffset) -> bool {
    let language = snapshot.language().id();
    let rope = snapshot.text();
    let here = rope.byte_to_line(at.0.min(rope.len_bytes()));
    let line = |number: usize| snapshot.slice(snapshot.line_at(ByteOffset(rope.line_to_byte(number))));
    let before = snapshot.slice(snapshot.line_at(at).start..at.0);
    let first = format!("{before}{}", text.split(['\r', '\n']).next().unwrap_or_default());
    // What the user has typed is the user's to say.
    let Some(wanted) = item(language, &first).filter(|it| item(language, &before).as_ref() != Some(it))
    else {
        return false;
    };
    let level = columns(leading(&first));
    let above = (here.saturating_sub(REACH)..here).rev();
    let below = here + 1..(here + 1 + REACH).min(rope.len_lines());
    let stands = |numbers: &mut dyn Iterator<Item = usize>| {
        for number in numbers {
            let other = line(number);
            let depth = columns(leading(&other));
            if other.trim().is_empty() || depth > level {
                continue;
            }
            if depth < level {
                return false;
            }
            if item(language, &other).is_some_and(|it| it == wanted) && !is_one_of_several(number, &line) {
                return true;
            }
        }
        false
    };
    !is_one_of_several(here, &line) && (stands(&mut above.into_iter()) || stands(&mut below.into_iter()))
}

/// What an item is known by: its keyword, what it is a method of, and its name.
fn item(language: &str, line: &str) -> Option<String> {
    let (modifiers, keywords): (&[&str], &[&str]) = match language {
        "rust" => {
            (&["pub", "async", "const", "unsafe", "default"], &["fn", "struct", "enum", "trait", "type"])
        }
        "go" => (&[], &["func", "type"]),
        "python" => (&["async"], &["def", "class"]),
        "javascript" => (&["export", "default", "async"], &["function", "class"]),
        _ => return None,
    };
    let mut rest = line.trim_start();
    loop {
        let (word, after) = rest.split_at(rest.find(|c: char| !c.is_alphanumeric() && c != '_')?);
        if keywords.contains(&word) {
            // Go's methods have what they are of in front of their names.
            let after = after.trim_start();
            let method = after.strip_prefix('(').and_then(|of| of.split_once(')'));
            let (of, name) = method.map_or(("", after), |(of, name)| (of, name.trim_start()));
            let of = of.split_whitespace().last().unwrap_or_default().trim_start_matches('*');
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            let name = name.get(..end).filter(|name| !matches!(*name, "" | "_" | "init"))?;
            return Some(format!("{word} {of} {name}"));
        }
        if !modifiers.contains(&word) {
            return None;
        }
        // `pub(crate)`.
        rest = after.strip_prefix('(').and_then(|of| of.split_once(')')).map_or(after, |(_, after)| after);
        rest = rest.trim_start();
    }
}

/// Whether the item on a line is chosen among others by what stands above it: `#[cfg(…)]`, or a decorator.
fn is_one_of_several(number: usize, line: &dyn Fn(usize) -> String) -> bool {
    let above = (0..number).rev().map(line);
    let mut marks = above.take_while(|line| line.trim_start().starts_with(['#', '@', '/']));
    marks.any(|line| line.trim_start().starts_with("#[cfg") || line.trim_start().starts_with('@'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Language, Version};

    fn again(language: &str, marked: &str, text: &str) -> bool {
        let at = marked.find('|').expect("a cursor");
        let document = Document::open(Language::from_id(language), Version(0), &marked.replacen('|', "", 1));
        defines_again(text, &document.snapshot(), ByteOffset(at))
    }

    #[test]
    fn an_item_that_its_block_has_is_not_wanted_again() {
        let rust = "impl A {\n    pub fn len(&self) -> usize {\n        0\n    }\n\n    |\n\n    fn last(&self) {}\n}\n\nfn first() {}\n";
        for (text, expected) in [
            ("fn len(&self) -> u32 {", true),
            ("pub(crate) async fn last() {\n    }", true),
            ("fn first() {", false),
            ("fn len_of(&self) {", false),
            ("let len = 1;", false),
        ] {
            assert_eq!(again("rust", rust, text), expected, "{text}");
        }
        assert!(again("rust", "struct A;\npub |\n", "struct A {"), "a part of the head is typed already");
        assert!(!again("rust", "fn f() {}\nfn f(|\n", "a: u8) {"), "all that counts of it is");
        assert!(again("go", "func (a *A) Len() int { return 0 }\n\n|\n", "func (b *A) Len() int {"));
        for other in ["func (b *B) Len() int {", "func (a *A) Cap() int {", "func Len() int {"] {
            assert!(!again("go", "func (a *A) Len() int { return 0 }\n\n|\n", other), "{other}");
        }
        assert!(again("python", "class A:\n    def f(self):\n        pass\n\n    |\n", "def f(self):"));
    }

    #[test]
    fn where_a_name_may_stand_twice_nothing_is_said() {
        assert!(!again("rust", "#[cfg(unix)]\n/// A.\nfn f() {}\n\n#[cfg(windows)]\n|\n", "fn f() {"));
        assert!(!again("python", "@property\ndef f(self): pass\n\n@f.setter\n|\n", "def f(self, x):"));
        assert!(!again("java", "int f(int a) { return a; }\n|\n", "int f(long a) {"));
    }
}
