//! The other files of the workspace that are most like the one at the cursor.
//!
//! An [`Index`] is made away from the keystroke path and is never changed: the session swaps in the next one.
//! Its texts have passed the gate and have their keys blanked when they come in, so asking it reads nothing.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use ignore::WalkBuilder;
use rustc_hash::FxHashMap;

use super::{
    assemble::unix_lines,
    exclude::{Exclude, Excluded, IGNORE_FILE},
    identifiers::{identifiers, jaccard},
    reader::{FileId, Reader, Refused},
    secrets::{Degree, blank},
};

/// Files of a workspace that are indexed.
pub const MAX_FILES: usize = 2_000;
/// Bytes of their text that are kept.
pub const MAX_INDEX_BYTES: usize = 16 * 1024 * 1024;
/// Similarity below which a file has nothing to say about another.
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

/// The index's files from the most to the least similar.
#[derive(Clone, Debug)]
pub(super) struct Ranked<'a> {
    /// Those from [`LEAST_SIMILAR`] up.
    pub(super) similar: Vec<(f32, &'a Entry)>,
    /// The first of the others.
    pub(super) unlike: Vec<(f32, &'a Entry)>,
}

/// Identifiers of the workspace's files.
#[derive(Clone, Debug, Default)]
pub struct Index {
    entries: Vec<Entry>,
    /// Which entries hold an identifier.
    holders: FxHashMap<u64, Vec<u32>>,
    bytes: usize,
    complete: bool,
    passed_over: BTreeMap<PassedOver, usize>,
}

impl Index {
    /// Reads the workspace until it is through, full, or `over` says that time is. Blocks: not for the keystroke
    /// path.
    pub fn build(reader: &Reader, exclude: &Exclude, over: &mut dyn FnMut() -> bool) -> Self {
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
        let words = identifiers(&text);
        let number = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        for word in &words {
            self.holders.entry(*word).or_default().push(number);
        }
        self.bytes += text.len();
        let name = relative(root, path);
        self.entries.push(Entry { name, path: file.path, id: file.id, text, identifiers: words.len() });
        Ok(())
    }

    /// The files by their likeness to a text with these `words`: all that are similar, and `most_unlike` others.
    pub(super) fn rank(&self, words: &[u64], most_unlike: usize) -> Ranked<'_> {
        let mut shared = vec![0_u32; self.entries.len()];
        for holder in words.iter().filter_map(|word| self.holders.get(word)).flatten() {
            if let Some(count) = shared.get_mut(*holder as usize) {
                *count += 1;
            }
        }
        let scored = self.entries.iter().zip(shared);
        let (mut similar, mut unlike): (Vec<_>, Vec<_>) = scored
            .map(|(entry, shared)| (jaccard(shared as usize, words.len(), entry.identifiers), entry))
            .partition(|(score, _)| *score >= LEAST_SIMILAR);
        let nearest_first =
            |(a, x): &(f32, &Entry), (b, y): &(f32, &Entry)| b.total_cmp(a).then_with(|| x.name.cmp(&y.name));
        similar.sort_by(nearest_first);
        if unlike.len() > most_unlike {
            unlike.select_nth_unstable_by(most_unlike, nearest_first);
            unlike.truncate(most_unlike);
        }
        unlike.sort_by(nearest_first);
        Ranked { similar, unlike }
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

fn is_code(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    let minified = path.to_string_lossy().contains(".min.");
    extension.is_some_and(|extension| !NO_CODE.contains(&extension.as_str())) && !minified
}

/// Lines of more than 300 bytes on average are nobody's writing.
fn is_made_by_a_machine(text: &str) -> bool {
    text.len() > 300 * (text.bytes().filter(|byte| *byte == b'\n').count() + 1)
}
