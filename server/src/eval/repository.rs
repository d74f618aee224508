//! Holes in a project as it lies on disk, asked with the context that the language server would send for it.

use std::path::Path;

use ignore::WalkBuilder;

use super::{
    Dataset, EvalError, Hole, Posed,
    corpus::{Language, Package, SourceFile},
    packages::{Drawing, Packages},
};
use crate::{
    context::{Workspace, exclude::IGNORE_FILE},
    document,
};

/// Holes in a project.
pub struct Repository(Packages);

impl Repository {
    /// Draws holes from the files of a project that the language server would tell: neither ignored nor kept back, of a
    /// language with a grammar.
    ///
    /// # Errors
    /// [`EvalError::File`], and [`EvalError::Nothing`] when there is no hole.
    pub fn read(root: &Path, drawing: &Drawing) -> Result<Self, EvalError> {
        let root = root.canonicalize().map_err(EvalError::file(root))?;
        let gate = Workspace::new(std::slice::from_ref(&root), &[]);
        let mut languages: Vec<Language> = Vec::new();
        let mut paths: Vec<_> = files(&root).filter(|path| gate.exclude().check(path).is_ok()).collect();
        paths.sort();
        for path in paths {
            let Some(language) = language_of(&path) else { continue };
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let below = path.strip_prefix(&root).unwrap_or(&path).to_owned();
            let Some(file) = SourceFile::new(below, &text) else { continue };
            let known = languages.iter_mut().find(|known| known.name == language);
            match known.and_then(|known| known.packages.first_mut()) {
                Some(package) => package.files.push(file),
                None => {
                    let package = Package { name: name(&root), files: vec![file] };
                    languages.push(Language { name: language, packages: vec![package] });
                }
            }
        }
        let roots = languages.iter().map(|_| vec![root.clone()]).collect();
        let mut drawn = Packages::draw("repository", languages, roots, drawing)?;
        drawn.cluster_by_file();
        Ok(Self(drawn))
    }

    /// The file with a hole: its path, and its text before the hole was cut.
    #[must_use]
    pub fn file(&self, hole: usize) -> Option<(std::path::PathBuf, &str)> {
        self.0.file(hole)
    }
}

/// The files of a project that nothing ignores, as the context's index walks them.
pub(super) fn files(root: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    let walk = WalkBuilder::new(root)
        .follow_links(false)
        .require_git(false)
        .add_custom_ignore_filename(IGNORE_FILE)
        .build();
    let files = walk.flatten().filter(|found| found.file_type().is_some_and(|kind| kind.is_file()));
    files.map(ignore::DirEntry::into_path)
}

/// The name of a file's language, if there is a grammar for it; `tsx` counts as `typescript`.
fn language_of(path: &Path) -> Option<String> {
    let language = document::Language::from_extension(&path.extension()?.to_string_lossy());
    language.grammar()?;
    Some(language.id().trim_end_matches("react").to_owned())
}

fn name(root: &Path) -> String {
    root.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl Dataset for Repository {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn digest(&self) -> &str {
        self.0.digest()
    }

    fn holes(&self) -> &[Hole] {
        self.0.holes()
    }

    fn pose(&self, hole: usize) -> Result<Posed, EvalError> {
        self.0.pose(hole)
    }
}
