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
    /// Which lines are told of each other file.
    others: Vec<(usize, FxHashSet<u64>)>,
    /// All lines of the files that had to be compared.
    whole: FxHashMap<usize, FxHashSet<u64>>,
    /// Which files are copies of which.
    copies: FxHashMap<[usize; 2], bool>,
}

impl Said {
    /// The document with the hole alone.
    pub(super) fn of(own: String) -> Self {
        Self { own_lines: hashes(&own).collect(), own, ..Self::default() }
    }

    /// Notes that `text` goes along, of the file of this number.
    pub(super) fn add(&mut self, file: usize, text: &str) {
        match self.others.iter_mut().find(|(other, _)| *other == file) {
            Some((_, told)) => told.extend(hashes(text)),
            None => self.others.push((file, hashes(text).collect())),
        }
    }

    /// Whether `text`, a piece of the file of this number, says nothing new.
    pub(super) fn has(&mut self, files: &[File], file: usize, text: &str) -> bool {
        let lines: Vec<u64> = hashes(text).collect();
        // Most have a line of their own: then nothing needs to be searched.
        if lines.iter().all(|line| self.own_lines.contains(line))
            && joined(&self.own).contains(&joined(text))
            && share(&self.own_lines, whole(&mut self.whole, files, file)) >= COPY
        {
            return true;
        }
        let others = self.others.iter().filter(|(other, told)| *other != file && is_copied(&lines, told));
        others.map(|(other, _)| *other).any(|other| {
            *self.copies.entry([other, file]).or_insert_with(|| {
                let size = |number: usize| files.get(number).map_or(0.0, |file| file.text.len() as f64);
                // Lines are about as long in one file as in another one that has the same.
                if size(other).min(size(file)) < COPY * COPY * size(other).max(size(file)) {
                    return false;
                }
                let all = whole(&mut self.whole, files, other).clone();
                let of_file = whole(&mut self.whole, files, file);
                share(&all, of_file).min(share(of_file, &all)) >= COPY
            })
        })
    }
}

/// All lines of a file.
fn whole<'a>(
    known: &'a mut FxHashMap<usize, FxHashSet<u64>>,
    files: &[File],
    number: usize,
) -> &'a FxHashSet<u64> {
    let lines = || files.get(number).into_iter().flat_map(|file| hashes(&file.text)).collect();
    known.entry(number).or_insert_with(lines)
}

/// Whether nearly all of the lines are told. Most texts have more lines of their own, and soon: the rest is not looked at.
fn is_copied(lines: &[u64], told: &FxHashSet<u64>) -> bool {
    let mut left = lines.len();
    lines.iter().all(|line| {
        left -= usize::from(!told.contains(line));
        left as f64 >= COPY * lines.len() as f64
    })
}

/// The share of lines that `others` has, too.
fn share(lines: &FxHashSet<u64>, others: &FxHashSet<u64>) -> f64 {
    let same = lines.iter().filter(|line| others.contains(*line)).count();
    same as f64 / lines.len().max(1) as f64
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn hashes(text: &str) -> impl Iterator<Item = u64> {
    lines(text).map(hash)
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
        let mut told = Said::of(OWN.to_owned());
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
        let mut told = Said::of(OWN.to_owned());
        assert!(!told.has(&[alike], 0, "fn a() {\n    b();\n"), "it is alike, and no copy");
    }

    #[test]
    fn of_two_copies_what_nine_of_ten_lines_say_is_said() {
        let of = |lines: std::ops::Range<usize>| {
            lines.map(|n| format!("let value_{n} = {n};\n")).collect::<String>()
        };
        let files = [file(&of(0..40)), file(&of(0..42)), file(&of(20..60))];
        let mut told = Said::of(OWN.to_owned());
        told.add(0, &of(0..40));
        assert!(told.has(&files, 1, &of(22..42)) && !told.has(&files, 1, &of(23..43)));
        assert!(!told.has(&files, 2, &of(22..40)), "they have much in common, and are no copies");
        assert!(!told.has(&files, 0, &of(22..40)), "a file repeats itself as it likes");
    }
}
