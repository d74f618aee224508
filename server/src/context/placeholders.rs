//! Where code says that it is still to be written: `todo!()`, `unimplemented!()`, a body that is `pass` or `...`, a
//! `TODO` comment. Pure.

use std::ops::Range;

use super::span::{Place, place};
use crate::document::{ByteOffset, Snapshot, language::Blocks};

/// The placeholders of the lines that `range` touches, in order.
pub fn placeholders(snapshot: &Snapshot, range: Range<usize>) -> Vec<Range<usize>> {
    let text = snapshot.text();
    let clamp = |byte: usize| byte.min(text.len_bytes());
    let lines = text.byte_to_line(clamp(range.start))..=text.byte_to_line(clamp(range.end));
    let mut found = Vec::new();
    for line in lines {
        let bounds = snapshot.line_at(ByteOffset(text.line_to_byte(line)));
        let content = snapshot.slice(bounds.clone());
        if let Some(within) = placeholder(snapshot, bounds.start, &content) {
            found.push(bounds.start + within.start..bounds.start + within.end);
        }
    }
    found
}

fn placeholder(snapshot: &Snapshot, start: usize, line: &str) -> Option<Range<usize>> {
    let code = line.trim();
    let from = line.len() - line.trim_start().len();
    let whole = from..from + code.len();
    let language = snapshot.language();
    let says_todo = |comment: &str| {
        let word: String = comment.trim_start().chars().take_while(|c| c.is_alphanumeric()).collect();
        matches!(word.as_str(), "TODO" | "FIXME")
    };
    if language.line_comments().iter().any(|token| code.strip_prefix(token).is_some_and(says_todo)) {
        return Some(whole);
    }
    let at = if language.id() == "rust" {
        let at = ["todo!(", "unimplemented!("].iter().filter_map(|name| line.find(name)).min()?;
        // Not the end of another macro's name.
        let alone = !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let end = at + closing(&line[at..]).filter(|_| alone)?;
        let end = if line[end..].trim() == ";" { from + code.len() } else { end };
        at..end
    } else if language.blocks() == Blocks::Colon {
        let bodies = ["pass", "...", "raise NotImplementedError", "raise NotImplementedError()"];
        bodies.contains(&code).then_some(whole)?
    } else {
        return None;
    };
    (place(snapshot, ByteOffset(start + at.start + 1)) == Place::Code).then_some(at)
}

/// Where the first bracket that `text` opens is closed: behind it.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 1 => return Some(at + 1),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Language, Version};

    /// The text with its placeholders in `«»`.
    fn marked(language: &str, text: &str) -> String {
        let mut document = Document::open(Language::from_id(language), Version(1), text);
        document.parse(&mut || false);
        let snapshot = document.snapshot();
        let mut marked = text.to_owned();
        for found in placeholders(&snapshot, 0..text.len()).into_iter().rev() {
            marked.insert(found.end, '»');
            marked.insert(found.start, '«');
        }
        marked
    }

    #[test]
    fn bodies_that_are_still_to_be_written_are_found() {
        assert_eq!(
            marked(
                "rust",
                "fn a() -> u8 {\n    todo!(\"(later)\")\n}\nfn b() { unimplemented!(); }\n// TODO: b\nlet x = todo!();\n"
            ),
            "fn a() -> u8 {\n    «todo!(\"(later)\")»\n}\nfn b() { «unimplemented!()»; }\n«// TODO: b»\nlet x = «todo!();»\n"
        );
        assert_eq!(
            marked("python", "def a():\n    pass\n\ndef b():\n    ...\n    # TODO: more\nclass C: pass\n"),
            "def a():\n    «pass»\n\ndef b():\n    «...»\n    «# TODO: more»\nclass C: pass\n"
        );
    }

    #[test]
    fn what_only_looks_like_one_is_left_alone() {
        for (language, text) in [
            ("rust", "// see TODO.md\nlet s = \"todo!()\";\nmy_todo!();\ntodo!(\n"),
            ("python", "passed = pass_through()\ns = '''\npass\n'''\n"),
            ("plaintext", "todo!()\npass\n"),
        ] {
            assert_eq!(marked(language, text), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_and_range_are_survived(text in "[todo!()/# \"pas\n\r😀]{0,40}", from in 0_usize..60, to in 0_usize..60) {
            for language in ["rust", "python", "go"] {
                let document = Document::open(Language::from_id(language), Version(1), &text);
                for found in placeholders(&document.snapshot(), from.min(to)..to.max(from)) {
                    proptest::prop_assert!(text.is_char_boundary(found.start) && text.is_char_boundary(found.end));
                }
            }
        }
    }
}
