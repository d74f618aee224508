//! The other files of the workspace: which of their lines are like those at the cursor, and what they define.
//!
//! An [`Index`] is made away from the keystroke path and is never changed: the session swaps in the next one.
//! Its texts have passed the gate and have their keys blanked when they come in, so asking it reads nothing.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use ignore::WalkBuilder;
use rustc_hash::FxHashMap;

use super::{
    assemble::unix_lines,
    definitions::{Definition, definitions},
    exclude::{Exclude, Excluded, IGNORE_FILE},
    identifiers::jaccard,
    reader::{FileId, Reader, Refused},
    secrets::{Degree, blank},
    windows::windows,
};
use crate::document::Language;

/// Files of a workspace that are indexed.
pub const MAX_FILES: usize = 2_000;
/// Bytes of their text that are kept.
pub const MAX_INDEX_BYTES: usize = 16 * 1024 * 1024;
/// Similarity below which lines have nothing to say about others.
pub const LEAST_SIMILAR: f32 = 0.02;

/// What is data or prose and would only take the place of code.
const NO_CODE: [&str; 24] = [
    "lock", "json", "csv", "tsv", "svg", "map", "txt", "md", "rst", "html", "htm", "xml", "log", "snap",
    "ipynb", "po", "pdf", "png", "jpg", "gif", "ico", "wasm", "zip", "gz",
];

/// A file as the index keeps it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Path relative to its root, with `/`.
    pub(super) name: String,
    /// Without symlinks.
    pub(super) path: PathBuf,
    pub(super) id: FileId,
    /// Keys blanked, lines ended by `\n`.
    pub(super) text: Arc<str>,
    /// What it defines.
    pub(super) definitions: Arc<[Definition]>,
}

/// Some lines of an entry.
#[derive(Clone, Debug)]
struct Piece {
    entry: u32,
    bytes: Range<usize>,
    identifiers: usize,
}

/// Why a file that was found is not in the index. What ignore files name, what is hidden and what is a link is
/// not looked at, and so not found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PassedOver {
    /// Its extension is that of data or prose.
    NoCode,
    /// The gate keeps it back.
    Excluded(Excluded),
    /// The reader does.
    Refused(Refused),
    /// Its lines are longer than anybody writes them.
    MachineMade,
    /// It is in by another name.
    Twice,
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCode => f.write_str("data or prose, by the extension"),
            Self::Excluded(why) => why.fmt(f),
            Self::Refused(why) => why.fmt(f),
            Self::MachineMade => f.write_str("made by a machine, by the length of the lines"),
            Self::Twice => f.write_str("another name of a file that is read"),
        }
    }
}

/// Identifiers of the workspace's files, and what they define.
#[derive(Clone, Debug, Default)]
pub struct Index {
    entries: Vec<Entry>,
    /// The entries' windows, in the order of the entries.
    pieces: Vec<Piece>,
    /// Which pieces hold an identifier.
    holders: FxHashMap<u64, Vec<u32>>,
    /// Which entries define a name, and in which of their definitions.
    defined: FxHashMap<u64, Vec<(u32, u32)>>,
    bytes: usize,
    complete: bool,
    passed_over: BTreeMap<PassedOver, usize>,
}

impl Index {
    /// Reads the workspace until it is through, full, or `over` says that time is; then finds what it defines, as far
    /// as time allows. What `known`, an older index, says of files that are the same is taken from there. Blocks: not
    /// for the keystroke path.
    pub fn build(reader: &Reader, exclude: &Exclude, known: &Self, over: &mut dyn FnMut() -> bool) -> Self {
        let mut index = Self::read(reader, exclude, over);
        index.define(known, over);
        index
    }

    fn read(reader: &Reader, exclude: &Exclude, over: &mut dyn FnMut() -> bool) -> Self {
        let mut index = Self { complete: true, ..Self::default() };
        for root in reader.roots() {
            let walk = WalkBuilder::new(root)
                .follow_links(false)
                .require_git(false)
                .add_custom_ignore_filename(IGNORE_FILE)
                .build();
            for found in walk.flatten() {
                if over() || index.entries.len() >= MAX_FILES || index.bytes >= MAX_INDEX_BYTES {
                    index.complete = false;
                    return index;
                }
                if !found.file_type().is_some_and(|kind| kind.is_file()) {
                    continue;
                }
                if let Err(why) = index.add(root, found.path(), reader, exclude) {
                    *index.passed_over.entry(why).or_default() += 1;
                }
            }
        }
        index
    }

    fn add(
        &mut self,
        root: &Path,
        path: &Path,
        reader: &Reader,
        exclude: &Exclude,
    ) -> Result<(), PassedOver> {
        if !is_code(path) {
            return Err(PassedOver::NoCode);
        }
        exclude.check(path).map_err(PassedOver::Excluded)?;
        let file = reader.read(path).map_err(PassedOver::Refused)?;
        if is_made_by_a_machine(&file.text) {
            return Err(PassedOver::MachineMade);
        }
        if self.entries.iter().any(|entry| entry.id == file.id) {
            return Err(PassedOver::Twice);
        }
        let text: Arc<str> = unix_lines(&blank(&file.text, Degree::Likely)).into();
        let number = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        for window in windows(&text) {
            let piece = u32::try_from(self.pieces.len()).unwrap_or(u32::MAX);
            for word in &window.words {
                self.holders.entry(*word).or_default().push(piece);
            }
            let identifiers = window.words.len();
            self.pieces.push(Piece { entry: number, bytes: window.bytes, identifiers });
        }
        self.bytes += text.len();
        let name = relative(root, path);
        let definitions = Arc::default();
        self.entries.push(Entry { name, path: file.path, id: file.id, text, definitions });
        Ok(())
    }

    fn define(&mut self, known: &Self, over: &mut dyn FnMut() -> bool) {
        let known: FxHashMap<&Path, &Entry> =
            known.entries.iter().map(|entry| (entry.path.as_path(), entry)).collect();
        for (number, entry) in self.entries.iter_mut().enumerate() {
            let same = known.get(entry.path.as_path()).filter(|known| known.text == entry.text);
            if same.is_none() && over() {
                self.complete = false;
                continue;
            }
            entry.definitions = same.map_or_else(
                || {
                    let extension = entry.path.extension().unwrap_or_default().to_string_lossy();
                    definitions(&entry.text, &Language::from_extension(&extension), over).into()
                },
                |same| Arc::clone(&same.definitions),
            );
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            for (at, definition) in (0..).zip(entry.definitions.iter()) {
                self.defined.entry(definition.name).or_default().push((number, at));
            }
        }
    }

    /// Where a name is defined.
    pub(super) fn defines(
        &self,
        name: u64,
    ) -> impl ExactSizeIterator<Item = (&Entry, &Definition)> + use<'_> {
        let places = self.defined.get(&name).map_or(&[][..], Vec::as_slice);
        places.iter().map(|&(entry, definition)| {
            let entry = &self.entries[entry as usize];
            (entry, &entry.definitions[definition as usize])
        })
    }

    /// The entry of a file, by its path without symlinks or its id.
    pub(super) fn entry(&self, real: &Path, id: Option<&FileId>) -> Option<&Entry> {
        let is = |entry: &&Entry| entry.path.as_os_str() == real.as_os_str() || Some(&entry.id) == id;
        self.entries.iter().find(is)
    }

    /// The windows of all files with their likeness to the lines near the cursor, which have these `words`.
    pub(super) fn windows(&self, words: &[u64]) -> Vec<(f32, &Entry, Range<usize>)> {
        let mut shared = vec![0_u32; self.pieces.len()];
        for holder in words.iter().filter_map(|word| self.holders.get(word)).flatten() {
            if let Some(count) = shared.get_mut(*holder as usize) {
                *count += 1;
            }
        }
        let scored = self.pieces.iter().zip(shared).map(|(piece, shared)| {
            let likeness = jaccard(shared as usize, words.len(), piece.identifiers);
            (likeness, &self.entries[piece.entry as usize], piece.bytes.clone())
        });
        scored.collect()
    }

    /// How many files were found and left, by the reason.
    pub fn passed_over(&self) -> &BTreeMap<PassedOver, usize> {
        &self.passed_over
    }

    /// Files in it.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the whole workspace is in it.
    pub fn is_complete(&self) -> bool {
        self.complete
    }
}

/// `path` below `root`, with `/` between its parts on every system.
pub(super) fn relative(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

pub(super) fn is_code(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let minified = path.to_string_lossy().contains(".min.");
    extension.is_some_and(|extension| !NO_CODE.contains(&extension.as_str())) && !minified
}

/// Lines of more than 300 bytes on average are nobody's writing.
pub(super) fn is_made_by_a_machine(text: &str) -> bool {
    text.len() > 300 * (text.bytes().filter(|byte| *byte == b'\n').count() + 1)
}
