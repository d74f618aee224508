//! Packages of source files on disk: `DIR/LANGUAGE/PACKAGE/**`.
//!
//! Knows files, no holes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::EvalError;

/// Characters (bytes, for the sources at hand) a file must have to be used.
const MIN_FILE_BYTES: usize = 600;
/// And may have.
const MAX_FILE_BYTES: usize = 200_000;
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
}

impl SourceFile {
    /// A file of a size that holes are cut from, with line feeds only.
    #[must_use]
    pub fn new(path: PathBuf, text: &str) -> Option<Self> {
        let text = text.replace("\r\n", "\n");
        (MIN_FILE_BYTES..=MAX_FILE_BYTES).contains(&text.len()).then_some(Self { path, text })
    }
}

/// Changes when any path or text does.
#[must_use]
pub fn digest(languages: &[Language]) -> String {
    let mut hash = Sha256::new();
    for language in languages {
        for package in &language.packages {
            for file in &package.files {
                let path = format!("{}\0{}\0{}\0", language.name, package.name, file.path.display());
                hash.update(path);
                hash.update(&file.text);
            }
        }
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the languages under a folder.
///
/// # Errors
/// When the folder cannot be read, or holds no package.
pub fn load(folder: &Path) -> Result<Vec<Language>, EvalError> {
    let languages = languages(folder).map_err(EvalError::file(folder))?;
    if languages.is_empty() {
        let why = "no LANGUAGE/PACKAGE/ folders with source files; lay them out as DIR/rust/log/src/lib.rs";
        return Err(EvalError::Format { path: folder.to_owned(), why: why.to_owned() });
    }
    Ok(languages)
}

fn languages(folder: &Path) -> io::Result<Vec<Language>> {
    let mut languages = Vec::new();
    for language in folders(folder)? {
        let mut packages = Vec::new();
        for package in folders(&language)? {
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
    Ok(languages)
}

fn collect(root: &Path, path: &Path, files: &mut Vec<SourceFile>) -> io::Result<()> {
    if path.is_dir() {
        for entry in entries(path)? {
            collect(root, &entry, files)?;
        }
    } else if let Ok(text) = String::from_utf8(fs::read(path)?) {
        files.extend(SourceFile::new(path.strip_prefix(root).unwrap_or(path).to_owned(), &text));
    }
    Ok(())
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir()).collect())
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
    fn packages_are_folders_of_a_language_and_small_files_are_left_out()
    -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        assert!(load(folder.path()).is_err_and(|error| error.to_string().contains("LANGUAGE/PACKAGE")));
        fs::create_dir_all(folder.path().join("rust/log/src"))?;
        fs::write(folder.path().join("rust/log/src/lib.rs"), "fn f() {}\r\n".repeat(60))?;
        fs::write(folder.path().join("rust/log/small.rs"), "fn f() {}\n")?;
        fs::write(folder.path().join("rust/README"), "no package")?;
        let languages = load(folder.path())?;
        let [Language { name, packages }] = &languages[..] else { panic!("one language: {languages:?}") };
        let [Package { name: package, files }] = &packages[..] else { panic!("one package: {packages:?}") };
        assert_eq!((name.as_str(), package.as_str(), files.len()), ("rust", "log", 1));
        assert_eq!(files[0].text, "fn f() {}\n".repeat(60));
        let before = digest(&languages);
        fs::write(folder.path().join("rust/log/src/lib.rs"), "fn g() {}\n".repeat(60))?;
        assert_ne!(digest(&load(folder.path())?), before);
        Ok(())
    }
}
