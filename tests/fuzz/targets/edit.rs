//! After any edits the text is that of a string that is edited in the same places; and its tree is of that text.
#![no_main]

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use quicksilver::document::{Change, Document, Language, Version};
use quicksilver_fuzz::{Counts, Place, Text, byte_of};

const LANGUAGES: [&str; 5] = ["rust", "python", "typescript", "cpp", "plaintext"];

#[derive(Arbitrary, Debug)]
struct Edit {
    range: Option<(Place, Place)>,
    text: Text,
    parse: bool,
}

fuzz_target!(|input: (u8, Counts, Text, Vec<Edit>)| {
    let (language, counts, text, edits) = input;
    let mut model = text.written();
    let language = LANGUAGES[usize::from(language) % LANGUAGES.len()];
    let mut document =
        Document::open(Language::from_id(language), Version(1), &model).counting(counts.line_ends());
    for (version, edit) in (2..).zip(edits) {
        let range = edit.range.map(|(a, b)| (a.position(), b.position()));
        let change = Change { range, text: edit.text.written() };
        match range {
            Some((a, b)) => {
                let (a, b) = (byte_of(&model, a, counts), byte_of(&model, b, counts));
                model.replace_range(a.min(b)..a.max(b), &change.text);
            }
            None => model.clone_from(&change.text),
        }
        document.apply(&[change], Version(version), counts.encoding());
        if edit.parse {
            document.parse(&mut || false);
        }
        let snapshot = document.snapshot();
        assert_eq!(snapshot.text().to_string(), model);
        assert!(snapshot.tree().is_none_or(|tree| tree.root_node().end_byte() <= model.len()));
    }
});
