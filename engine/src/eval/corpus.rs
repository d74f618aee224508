//! Packages of source files on disk: `DIR/LANGUAGE/PACKAGE/**`.
//!
//! Knows files and words, no holes.

use rustc_hash::FxHashSet;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Characters (bytes, for the sources at hand) a file must have to be used.
const MIN_FILE_BYTES: usize = 600;
/// And may have.
const MAX_FILE_BYTES: usize = 200_000;
/// Siblings that come with a hole.
const MAX_SIBLINGS: usize = 8;
/// Bytes of all of them together.
const MAX_SIBLING_BYTES: usize = 65_536;
/// Shortest identifier that counts for similarity.
const MIN_IDENTIFIER_BYTES: usize = 3;

/// All packages of one language.
#[derive(Clone, Debug)]
pub struct Language {
    /// Name of its folder: `rust`, `python`.
    pub name: String,
    /// By name.
    pub packages: Vec<Package>,
}

/// The source files of one package.
#[derive(Clone, Debug)]
pub struct Package {
    /// Name of its folder.
    pub name: String,
    /// By path.
    pub files: Vec<SourceFile>,
}

/// A source file.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path relative to the package.
    pub path: PathBuf,
    /// Its text, line feeds only.
    pub text: String,
    identifiers: FxHashSet<String>,
}

impl SourceFile {
    fn new(path: PathBuf, text: String) -> Self {
        let identifiers = text
            .split(|character: char| !character.is_alphanumeric() && character != '_')
            .filter(|word| {
                word.len() >= MIN_IDENTIFIER_BYTES && !word.starts_with(|c: char| c.is_ascii_digit())
            })
            .map(str::to_owned)
            .collect();
        Self { path, text, identifiers }
    }

    /// Jaccard similarity of the identifiers of two files, in [0, 1].
    fn similarity(&self, other: &Self) -> f64 {
        let common = self.identifiers.intersection(&other.identifiers).count();
        let all = self.identifiers.len() + other.identifiers.len() - common;
        common as f64 / all.max(1) as f64
    }
}

impl Package {
    /// The texts most similar to a file (not itself, nor its duplicates), best first, cut to 64 KiB in all.
    #[must_use]
    pub fn siblings(&self, file: usize) -> Vec<&str> {
        let this = &self.files[file];
        let mut others: Vec<(f64, &SourceFile)> = self
            .files
            .iter()
            .filter(|other| other.path != this.path && other.text != this.text)
            .map(|other| (this.similarity(other), other))
            .collect();
        others.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.path.cmp(&b.1.path)));
        let mut room = MAX_SIBLING_BYTES;
        let mut texts = Vec::new();
        for (_, other) in others.into_iter().take(MAX_SIBLINGS) {
            let text = &other.text[..other.text.floor_char_boundary(room)];
            room -= text.len();
            if !text.is_empty() {
                texts.push(text);
            }
        }
        texts
    }
}

/// Reads the languages under a folder.
///
/// # Errors
/// When the folder cannot be read, or holds no package.
pub fn load(folder: &Path) -> io::Result<Vec<Language>> {
    let mut languages = Vec::new();
    for language in entries(folder)? {
        let mut packages = Vec::new();
        for package in entries(&language)? {
            let mut files = Vec::new();
            collect(&package, &package, &mut files)?;
            if !files.is_empty() {
                packages.push(Package { name: name(&package), files });
            }
        }
        if !packages.is_empty() {
            languages.push(Language { name: name(&language), packages });
        }
    }
    if languages.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("{}: no LANGUAGE/PACKAGE/ folders with source files", folder.display()),
        ));
    }
    Ok(languages)
}

fn collect(root: &Path, path: &Path, files: &mut Vec<SourceFile>) -> io::Result<()> {
    if path.is_dir() {
        for entry in entries(path)? {
            collect(root, &entry, files)?;
        }
    } else if let Ok(text) = String::from_utf8(fs::read(path)?) {
        let text = text.replace("\r\n", "\n");
        if (MIN_FILE_BYTES..=MAX_FILE_BYTES).contains(&text.len()) {
            files.push(SourceFile::new(path.strip_prefix(root).unwrap_or(path).to_owned(), text));
        }
    }
    Ok(())
}

/// What a folder holds, by name, links left out.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    paths.retain(|path| !path.is_symlink());
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_are_the_most_similar_files_but_never_the_file_itself_or_its_copy() {
        let file = |path: &str, text: &str| SourceFile::new(path.into(), text.into());
        let package = Package {
            name: "p".into(),
            files: vec![
                file("a", "alpha beta gamma"),
                file("far", "delta"),
                file("copy", "alpha beta gamma"),
                file("near", "alpha beta"),
            ],
        };
        assert_eq!(package.siblings(0), ["alpha beta", "delta"]);
    }
}
