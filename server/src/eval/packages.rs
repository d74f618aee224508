//! Holes in packages that nothing was fitted on: each package is a workspace of its own.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use quicksilver_protocol::completion::Span;
use rustc_hash::FxHashMap;

use super::{
    Dataset, EvalError, Hole, Posed,
    corpus::{self, Language},
    cut::{CutOut, Kind, draw},
    pose::pose,
    random::Random,
};
use crate::{context::Workspace, document};

/// Which holes are drawn.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// Of each language and kind, at most.
    pub holes: usize,
    /// Which kinds.
    pub kinds: Vec<Kind>,
    /// Which languages; all if there are none.
    pub languages: Vec<String>,
    /// Another seed gives other holes.
    pub seed: u64,
}

/// Holes in the files of a folder.
pub struct Packages {
    name: &'static str,
    languages: Vec<Language>,
    /// Where they are: by language, then package.
    roots: Vec<Vec<PathBuf>>,
    cuts: Vec<(usize, CutOut)>,
    holes: Vec<Hole>,
    digest: String,
    /// Holes of files that are told to nobody.
    excluded: usize,
    workspaces: Mutex<FxHashMap<PathBuf, Arc<Workspace>>>,
}

impl Packages {
    /// Draws holes from `DIR/LANGUAGE/PACKAGE/**`.
    ///
    /// # Errors
    /// [`EvalError::File`], [`EvalError::Format`], and [`EvalError::Nothing`] when there is no hole.
    pub fn read(folder: &Path, drawing: &Drawing) -> Result<Self, EvalError> {
        let languages = corpus::load(folder)?;
        let roots = languages.iter().map(|language| {
            language.packages.iter().map(|package| folder.join(&language.name).join(&package.name)).collect()
        });
        let roots = roots.collect();
        Self::draw("packages", languages, roots, drawing)
    }

    /// Draws holes from packages that stand in `roots`, in the same order.
    pub(super) fn draw(
        name: &'static str,
        languages: Vec<Language>,
        roots: Vec<Vec<PathBuf>>,
        drawing: &Drawing,
    ) -> Result<Self, EvalError> {
        let digest = corpus::digest(&languages);
        let wanted =
            |language: &Language| drawing.languages.is_empty() || drawing.languages.contains(&language.name);
        let mut gates: FxHashMap<&PathBuf, Workspace> = FxHashMap::default();
        let mut found: Vec<((usize, CutOut), Hole)> = Vec::new();
        let mut excluded = 0;
        for (at, language) in languages.iter().enumerate().filter(|(_, language)| wanted(language)) {
            for &kind in &drawing.kinds {
                for cut in draw(language, kind, drawing.holes, drawing.seed) {
                    let root = &roots[at][cut.package];
                    let gate =
                        gates.entry(root).or_insert_with(|| Workspace::new(std::slice::from_ref(root), &[]));
                    let path = root.join(&language.packages[cut.package].files[cut.file].path);
                    match gate.exclude().check(&path) {
                        Ok(()) => found.push(((at, cut.clone()), hole(language, &cut))),
                        Err(_) => excluded += 1,
                    }
                }
            }
        }
        drop(gates);
        if found.is_empty() {
            let have: Vec<&str> = languages.iter().map(|language| language.name.as_str()).collect();
            return Err(EvalError::Nothing(match have[..] {
                [] => "no holes to be cut: there is no code in a language that is known".to_owned(),
                _ => format!("no holes to be cut: the files are of {}", have.join(", ")),
            }));
        }
        Random::new(drawing.seed).shuffle(&mut found);
        let (cuts, holes) = found.into_iter().unzip();
        Ok(Self { name, languages, roots, cuts, holes, digest, excluded, workspaces: Mutex::default() })
    }

    /// Holes that were left out because their files are told to nobody.
    #[must_use]
    pub fn excluded(&self) -> usize {
        self.excluded
    }

    /// Holes of one file belong together, where there is but one package.
    pub(super) fn cluster_by_file(&mut self) {
        for hole in &mut self.holes {
            hole.cluster = hole.id.rsplitn(3, ':').nth(2).unwrap_or_default().to_owned();
        }
    }

    /// The file with a hole: its path and text.
    pub(super) fn file(&self, hole: usize) -> Option<(PathBuf, &str)> {
        let (language, cut) = self.cuts.get(hole)?;
        let root = self.roots.get(*language)?.get(cut.package)?;
        let file = self.languages.get(*language)?.packages.get(cut.package)?.files.get(cut.file)?;
        Some((root.join(&file.path), &file.text))
    }

    /// A hole with all that surrounds it.
    pub(super) fn scene(&self, hole: usize) -> Option<Scene<'_>> {
        let (path, text) = self.file(hole)?;
        let (language, cut) = self.cuts.get(hole)?;
        let workspace = self.workspace(self.roots.get(*language)?.get(cut.package)?);
        let language = language_of(&path, &self.languages.get(*language)?.name);
        let (before, after) = (text.get(..cut.start)?, text.get(cut.end..)?);
        Some(Scene { workspace, path, language, before, after, span: cut.kind.span() })
    }

    /// The workspace at a root, read once.
    fn workspace(&self, root: &Path) -> Arc<Workspace> {
        let mut workspaces = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        let known = workspaces
            .entry(root.to_owned())
            .or_insert_with(|| Arc::new(Workspace::new(&[root.to_owned()], &[]).scanned(&mut || false)));
        Arc::clone(known)
    }
}

fn hole(language: &Language, cut: &CutOut) -> Hole {
    let package = &language.packages[cut.package];
    let file = &package.files[cut.file];
    let (path, kind) = (file.path.display(), cut.kind.name());
    Hole {
        id: format!("{}/{}/{path}:{}-{}:{kind}", language.name, package.name, cut.start, cut.end),
        cluster: format!("{}/{}", language.name, package.name),
        language: language.name.clone(),
        kind,
        wanted: file.text[cut.start..cut.end].to_owned(),
    }
}

/// The language of a file in a folder of `language`: `tsx` is TypeScript, but another grammar's.
fn language_of(path: &Path, language: &str) -> document::Language {
    let own = document::Language::from_extension(&path.extension().unwrap_or_default().to_string_lossy());
    if own.id().starts_with(language) { own } else { document::Language::from_id(language) }
}

impl Dataset for Packages {
    fn name(&self) -> &'static str {
        self.name
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn holes(&self) -> &[Hole] {
        &self.holes
    }

    fn pose(&self, hole: usize) -> Result<Posed, EvalError> {
        let nothing = || EvalError::Nothing(format!("there is no hole {hole}"));
        let scene = self.scene(hole).ok_or_else(nothing)?;
        scene.posed(scene.before)
    }
}

/// A hole in its file and package.
pub(super) struct Scene<'a> {
    workspace: Arc<Workspace>,
    path: PathBuf,
    pub(super) language: document::Language,
    pub(super) before: &'a str,
    pub(super) after: &'a str,
    span: Span,
}

impl Scene<'_> {
    /// What is asked where `before` stands before the cursor.
    ///
    /// # Errors
    /// When the file is told to nobody.
    pub(super) fn posed(&self, before: &str) -> Result<Posed, EvalError> {
        let Self { workspace, path, language, after, span, .. } = self;
        let request = pose(workspace, Some(path), language.clone(), (before, after), *span);
        Ok(Posed {
            request: request.map_err(|why| EvalError::Nothing(format!("{}: {why}", path.display())))?,
            before: before.to_owned(),
            after: (*after).to_owned(),
            ending: "",
            test: None,
        })
    }
}
