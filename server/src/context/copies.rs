//! Which lines of other files would say again what is told already: those of a copy of the document at the cursor, as under
//! another name or in a backup, and those of a copy of another file that goes along. Pure; lines are compared without their
//! indentation, blank ones not at all.
//!
//! Two texts are copies if nearly all lines of the one stand in the other. Files that are merely alike are none: they are the
//! best there is to go by, also where they say the same.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{budget::File, identifiers::hash};

/// Share of lines from which a text is a copy of another.
const COPY: f64 = 0.9;

/// What is told.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// The document with the hole, as it stands.
    own: String,
    own_lines: FxHashSet<u64>,
    /// The lines of other files, and by which of them they are told.
    others: FxHashMap<u64, Vec<usize>>,
    /// Which files are copies of which.
    copies: FxHashMap<[usize; 2], bool>,
}

impl Said {
    /// The document with the hole alone.
    pub(super) fn of(own: &str) -> Self {
        Self { own: joined(own), own_lines: hashes(own), ..Self::default() }
    }

    /// Notes that `text` goes along, of the file of this number.
    pub(super) fn add(&mut self, file: usize, text: &str) {
        for line in lines(text) {
            let files = self.others.entry(hash(line)).or_default();
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }

    /// Whether `text`, a piece of the file of this number, says nothing new.
    pub(super) fn has(&mut self, files: &[File], file: usize, text: &str) -> bool {
        // Most have a line of their own: then nothing needs to be searched.
        let own = lines(text).all(|line| self.own_lines.contains(&hash(line)))
            && self.own.contains(&joined(text))
            && files.get(file).is_some_and(|file| share(&self.own_lines, &hashes(&file.text)) >= COPY);
        own || self.is_of_a_copy(files, file, text)
    }

    fn is_of_a_copy(&mut self, files: &[File], file: usize, text: &str) -> bool {
        let mut shared: FxHashMap<usize, u32> = FxHashMap::default();
        let mut all = 0;
        for line in lines(text) {
            all += 1;
            let tellers = self.others.get(&hash(line)).into_iter().flatten();
            tellers.filter(|other| **other != file).for_each(|other| *shared.entry(*other).or_default() += 1);
        }
        let enough = |count: u32| f64::from(count) >= COPY * f64::from(all);
        shared.into_iter().filter(|(_, count)| enough(*count)).any(|(other, _)| {
            *self.copies.entry([other, file]).or_insert_with(|| {
                let of = |number: usize| {
                    files.get(number).map_or_else(FxHashSet::default, |file| hashes(&file.text))
                };
                let (other, file) = (of(other), of(file));
                share(&other, &file).min(share(&file, &other)) >= COPY
            })
        })
    }
}

/// The share of lines that `others` has, too.
fn share(lines: &FxHashSet<u64>, others: &FxHashSet<u64>) -> f64 {
    let same = lines.iter().filter(|line| others.contains(*line)).count();
    same as f64 / lines.len().max(1) as f64
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn hashes(text: &str) -> FxHashSet<u64> {
    lines(text).map(hash).collect()
}

/// The lines, each between two breaks.
fn joined(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    joined.push('\n');
    for line in lines(text) {
        joined.push_str(line);
        joined.push('\n');
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File { path: String::new(), text: text.into(), similarity: 0.0 }
    }

    const OWN: &str = "fn a() {\n    b();\n\n    c();\n}\n\nfn d() {}\n";

    #[test]
    fn a_copy_has_lines_of_the_document_in_their_order() {
        let (copy, alike) = (file(&format!("{OWN}fn e() {{}}\n")), file("fn a() {\n    b();\n}\n"));
        let mut told = Said::of(OWN);
        for (text, expected) in [
            ("c();\n}\n\n\nfn d() {}\n", true),
            ("  fn a() {\n", true),
            ("b();\n\tc();\n", true),
            ("c();\nfn d() {}\n", false),
            ("fn d() {}\nfn e() {}\n", false),
            ("();\n", false),
        ] {
            assert_eq!(told.has(std::slice::from_ref(&copy), 0, text), expected, "{text:?}");
        }
        assert!(!told.has(&[alike], 0, "fn a() {\n    b();\n"), "it is alike, and no copy");
    }

    #[test]
    fn of_two_copies_what_nine_of_ten_lines_say_is_said() {
        let of = |lines: std::ops::Range<usize>| {
            lines.map(|n| format!("let value_{n} = {n};\n")).collect::<String>()
        };
        let files = [file(&of(0..40)), file(&of(0..42)), file(&of(20..60))];
        let mut told = Said::of(OWN);
        told.add(0, &of(0..40));
        assert!(told.has(&files, 1, &of(22..42)) && !told.has(&files, 1, &of(23..43)));
        assert!(!told.has(&files, 2, &of(22..40)), "they have much in common, and are no copies");
        assert!(!told.has(&files, 0, &of(22..40)), "a file repeats itself as it likes");
    }
}
