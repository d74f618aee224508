//! From a document and a place in it to a request for the engine: the request type's one constructor, and the
//! last thing that any text passes before it leaves.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use quicksilver_protocol::{
    completion::{ContextFile, FimRequest, Span},
    limits::{MAX_CONTEXT_BYTES, MAX_CONTEXT_FILES},
};
use rustc_hash::FxHashMap;

use super::{
    exclude::{Exclude, Excluded},
    identifiers::{identifiers, jaccard, shared},
    neighbours::{Index, relative},
    reader::{FileId, Reader, identify, resolve},
    secrets::{Degree, blank},
    span::{max_tokens, span},
    window::{PREFIX_BYTES, SUFFIX_BYTES, window},
};
use crate::document::{ByteOffset, Snapshot, Version};

/// Bytes of one other file.
const NEIGHBOUR_BYTES: usize = 24 * 1024;
/// Bytes below which the rest of the budget is not worth a piece of a file.
const LEAST_PIECE: usize = 512;

/// An open document and where it is stored; `None` for one that never was.
#[derive(Clone, Debug)]
pub struct Open {
    /// Its path.
    pub path: Option<PathBuf>,
    /// Its text.
    pub snapshot: Snapshot,
}

/// A hole to be filled.
#[derive(Clone, Debug)]
pub struct Hole {
    /// The document.
    pub document: Open,
    /// The cursor.
    pub at: ByteOffset,
    /// The kind of span, where the user chose one.
    pub span: Option<Span>,
}

/// A workspace as the context sees it: roots, gate, index. The session owns it and swaps it for one
/// [`Workspace::scanned`] when files, ignore files or links may have changed.
#[derive(Debug)]
pub struct Workspace {
    reader: Reader,
    exclude: Exclude,
    extra: Vec<String>,
    index: Index,
    open: Mutex<FxHashMap<PathBuf, Told>>,
    places: Mutex<FxHashMap<PathBuf, Arc<Place>>>,
}

/// Where a document is stored, and whether it may be told: found once in a workspace's life.
#[derive(Debug)]
struct Place {
    /// Its path without symlinks.
    real: PathBuf,
    id: Option<FileId>,
    /// Relative to the workspace; outside of it only the file's name.
    name: String,
    verdict: Result<(), Excluded>,
}

impl Place {
    /// Whether it is the file at `path`, or of this id.
    fn is(&self, path: &Path, id: Option<&FileId>) -> bool {
        self.real == path || (id.is_some() && self.id.as_ref() == id)
    }
}

/// An open document as it is told.
#[derive(Clone, Debug)]
struct Told {
    version: Version,
    bytes: usize,
    text: Arc<str>,
    words: Arc<[u64]>,
}

impl Default for Workspace {
    /// No folders: only what is open is told.
    fn default() -> Self {
        Self::new(&[], &[])
    }
}

impl Workspace {
    /// A workspace with nothing indexed. `extra` are globs of files never to be told.
    pub fn new(roots: &[PathBuf], extra: &[String]) -> Self {
        let reader = Reader::new(roots);
        Self {
            exclude: Exclude::new(reader.clone(), extra),
            reader,
            extra: extra.to_vec(),
            index: Index::default(),
            open: Mutex::default(),
            places: Mutex::default(),
        }
    }

    /// The same workspace as it is on disk now, read until `over`. Blocks: not for the keystroke path.
    pub fn scanned(&self, over: &mut dyn FnMut() -> bool) -> Self {
        let mut fresh = Self::new(self.reader.roots(), &self.extra);
        fresh.index = Index::build(&fresh.reader, &fresh.exclude, over);
        fresh
    }

    /// What is indexed.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The gate.
    pub fn exclude(&self) -> &Exclude {
        &self.exclude
    }

    /// The request that asks for `hole`, with the most similar of the documents that are `open` and of the files
    /// on disk, [`MAX_CONTEXT_BYTES`] together.
    ///
    /// # Errors
    /// Why the document is told to nobody.
    pub fn assemble(&self, hole: &Hole, open: &[Open]) -> Result<FimRequest, Excluded> {
        let Hole { document, at, span: wanted } = hole;
        let place = document.path.as_deref().map(|path| self.place(path));
        if let Some(place) = &place {
            place.verdict.clone()?;
        }
        let snapshot = &document.snapshot;
        let window = window(snapshot, *at, PREFIX_BYTES, SUFFIX_BYTES);
        let (prompt, suffix) = tell(&snapshot.slice(window.prefix), &snapshot.slice(window.suffix));
        let span = wanted.unwrap_or_else(|| span(snapshot, *at));
        let path = place.as_ref().map(|place| place.name.clone());
        let left = MAX_CONTEXT_BYTES
            .saturating_sub(prompt.len() + suffix.len() + path.as_ref().map_or(0, String::len));
        let mut words = identifiers(&prompt);
        words.extend(identifiers(&suffix));
        words.sort_unstable();
        words.dedup();
        Ok(FimRequest {
            context: self.neighbours(place.as_deref(), &words, open, left),
            prompt,
            suffix: Some(suffix),
            max_tokens: Some(max_tokens(span)),
            temperature: Some(0.0),
            path,
            language: Some(snapshot.language().id().to_owned()),
            span: Some(span),
            ..FimRequest::default()
        })
    }

    fn place(&self, path: &Path) -> Arc<Place> {
        /// Places that are remembered.
        const MOST: usize = 4096;
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(path) {
            return Arc::clone(place);
        }
        let real = resolve(path);
        let name = match self.reader.roots().iter().find(|root| real.starts_with(root)) {
            Some(root) => relative(root, &real),
            None => real.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        };
        let place = Arc::new(Place { id: identify(&real), name, verdict: self.exclude.check(path), real });
        if places.len() >= MOST {
            places.clear();
        }
        places.insert(path.to_owned(), Arc::clone(&place));
        place
    }

    /// Other files in the order of their likely use, `budget` bytes together.
    fn neighbours(
        &self,
        hole: Option<&Place>,
        words: &[u64],
        open: &[Open],
        budget: usize,
    ) -> Vec<ContextFile> {
        let open: Vec<(Arc<Place>, &Snapshot)> = open
            .iter()
            .filter_map(|Open { path, snapshot }| Some((self.place(path.as_deref()?), snapshot)))
            .filter(|(place, _)| hole.is_none_or(|hole| !place.is(&hole.real, hole.id.as_ref())))
            .collect();
        // An open document stands for its file, told or not: what is on disk is older. The hole's own saved copy
        // stands for nothing. A file that was saved anew has another id, so its path counts too.
        let taken = |path: &Path, id: &FileId| {
            hole.into_iter()
                .chain(open.iter().map(|(place, _)| &**place))
                .any(|place| place.is(path, Some(id)))
        };
        let mut near: Vec<(f32, &Place, Arc<str>)> = Vec::new();
        for (place, snapshot) in &open {
            let known_place = self.reader.roots().is_empty() || self.reader.holds(&place.real);
            let twice = near.iter().any(|(_, other, _)| other.is(&place.real, place.id.as_ref()));
            if known_place && !twice && !snapshot.is_binary() && place.verdict.is_ok() {
                let Told { text, words: theirs, .. } = self.told(&place.real, snapshot);
                near.push((jaccard(shared(words, &theirs), words.len(), theirs.len()), place, text));
            }
        }
        near.sort_by(|(a, x, _), (b, y, _)| b.total_cmp(a).then_with(|| x.name.cmp(&y.name)));
        let first = near.into_iter().map(|(_, place, text)| (place.name.clone(), text));
        let disk = self.index.most_similar(words).into_iter().filter(|entry| !taken(&entry.path, &entry.id));
        fill(first.chain(disk.map(|entry| (entry.name.clone(), Arc::clone(&entry.text)))), budget)
    }

    /// An open document's text with its keys blanked, from the last time if it is the same version.
    fn told(&self, path: &Path, snapshot: &Snapshot) -> Told {
        /// Open documents that are remembered.
        const MOST: usize = 64;
        let bytes = snapshot.text().len_bytes();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) =
            open.get(path).filter(|told| told.version == snapshot.version() && told.bytes == bytes)
        {
            return told.clone();
        }
        let text = unix_lines(&blank(&snapshot.slice(0..2 * NEIGHBOUR_BYTES), Degree::Likely));
        let words = identifiers(&text).into();
        let told = Told { version: snapshot.version(), bytes, text: text.into(), words };
        if open.len() >= MOST {
            open.clear();
        }
        open.insert(path.to_owned(), told.clone());
        told
    }
}

/// Takes files until the budget is spent; the last may be a piece, in whole lines.
fn fill(files: impl Iterator<Item = (String, Arc<str>)>, mut budget: usize) -> Vec<ContextFile> {
    let mut context = Vec::new();
    for (path, text) in files {
        if context.len() == MAX_CONTEXT_FILES || budget < LEAST_PIECE + path.len() {
            break;
        }
        let text = head(&text, NEIGHBOUR_BYTES.min(budget - path.len()));
        if !text.trim().is_empty() {
            budget -= path.len() + text.len();
            context.push(ContextFile { path, text: text.to_owned() });
        }
    }
    context
}

/// The first lines of `text`, at most `bytes`.
fn head(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = text.floor_char_boundary(bytes);
    let piece = text.get(..end).unwrap_or_default();
    piece.rfind('\n').and_then(|at| piece.get(..=at)).unwrap_or(piece)
}

/// Prefix and suffix as they are told. They are blanked as one text: a key may span the cursor.
fn tell(prefix: &str, suffix: &str) -> (String, String) {
    let whole = blank(&format!("{prefix}{suffix}"), Degree::Certain);
    // `*` is one byte and what it covers may be more, so the cursor is found by characters.
    let cursor = whole.char_indices().nth(prefix.chars().count()).map_or(whole.len(), |(at, _)| at);
    let (prefix, suffix) = whole.split_at(cursor);
    (unix_lines(prefix), unix_lines(suffix))
}

/// Models know one line end; the polish puts the document's own back.
pub(super) fn unix_lines(text: &str) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() }
}
