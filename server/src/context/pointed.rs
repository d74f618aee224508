//! Where the editor says that names near the cursor are defined: the language's own server knows which of many is
//! meant. What stands there is read ahead of any request, through the gate and the guarded reader like all else;
//! only lines in which the name stands are kept. Bounded; it must not know how it is ranked.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    Open, Workspace,
    assemble::unix_lines,
    definitions::{Definition, definitions},
    identifiers::{hash, words},
    neighbours::{is_code, is_made_by_a_machine},
    reader::FileId,
    secrets::{Degree, blank},
};
use crate::document::Language;

/// Names that count; the first ones.
pub const MOST_NAMES: usize = 8;
/// Places of one name that count.
pub const MOST_PLACES: usize = 4;
/// Lines of a place that no grammar knows a definition at.
const LINES: usize = 24;

/// A name, and where an editor says that it is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Where; the likeliest first.
    pub at: Vec<Spot>,
}

/// Lines of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The file as it was named.
    pub path: PathBuf,
    /// Counted from 0.
    pub lines: Range<usize>,
}

/// Lines that define a name, as they may be told.
#[derive(Clone, Debug)]
pub(super) struct Pointed {
    pub(super) name: Arc<str>,
    /// The file as it was named: the gate is asked again before each request.
    pub(super) path: PathBuf,
    pub(super) text: Arc<str>,
    /// Whole lines.
    pub(super) bytes: Range<usize>,
}

/// What the editor last pointed at, for one document at a time. Clones are the same: a look at the folders keeps it.
#[derive(Clone, Debug, Default)]
pub(super) struct Pointings(Arc<Mutex<Latest>>);

#[derive(Debug, Default)]
struct Latest {
    /// How often the editor pointed.
    asked: u64,
    document: PathBuf,
    pointed: Arc<[Pointed]>,
}

impl Pointings {
    /// What was pointed at from the document at `real`.
    pub(super) fn from(&self, real: &Path) -> Arc<[Pointed]> {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.document == real { Arc::clone(&latest.pointed) } else { Arc::default() }
    }

    fn begin(&self) -> u64 {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.asked += 1;
        latest.asked
    }

    /// Keeps what was found, unless the editor has pointed again since.
    fn keep(&self, asked: u64, document: PathBuf, pointed: Vec<Pointed>) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.asked == asked {
            *latest = Latest { asked, document, pointed: pointed.into() };
        }
    }
}

/// A file that is pointed at, as it may be told.
struct Target {
    text: Arc<str>,
    definitions: Arc<[Definition]>,
}

impl Workspace {
    /// Takes in where an editor says that names of `document` are defined; replaces what it said before. What may not
    /// be told is dropped without a word: files outside the folders, excluded ones, large and binary ones, data.
    /// Blocks: not for the keystroke path. When `over` says that time is up, the rest is dropped.
    pub fn point(&self, document: &Path, named: &[Named], open: &[Open], over: &mut dyn FnMut() -> bool) {
        let asked = self.pointings.begin();
        let hole = self.place(document);
        let mut targets: Vec<(PathBuf, Option<Target>)> = Vec::new();
        let mut pointed = Vec::new();
        for Named { name, at } in named.iter().take(MOST_NAMES) {
            let shared: Arc<str> = name.as_str().into();
            for spot in at.iter().take(MOST_PLACES) {
                if over() {
                    break;
                }
                let place = self.place(&spot.path);
                if place.verdict.is_err() || hole.is(&place.real, place.id.as_ref()) {
                    continue;
                }
                let known = targets.iter().position(|(path, _)| *path == place.real);
                let known = known.unwrap_or_else(|| {
                    let target = self.target(&place.real, place.id.as_ref(), open, over);
                    targets.push((place.real.clone(), target));
                    targets.len() - 1
                });
                let Some((_, Some(target))) = targets.get(known) else { continue };
                if let Some(bytes) = target.lines_of(name, &spot.lines) {
                    let (name, text) = (Arc::clone(&shared), Arc::clone(&target.text));
                    pointed.push(Pointed { name, path: spot.path.clone(), text, bytes });
                }
            }
        }
        self.pointings.keep(asked, hole.real.clone(), pointed);
    }

    /// A file as it may be told: as the editor has it, as the index has it, or as it is on disk.
    fn target(
        &self,
        real: &Path,
        id: Option<&FileId>,
        open: &[Open],
        over: &mut dyn FnMut() -> bool,
    ) -> Option<Target> {
        let is_open = |open: &&Open| open.path.as_deref().is_some_and(|path| self.place(path).is(real, id));
        let text: Arc<str> = if let Some(open) = open.iter().find(is_open) {
            let known_place = self.roots().is_empty() || self.holds(real);
            if !known_place || open.snapshot.is_binary() {
                return None;
            }
            self.told.of(real, &open.snapshot).text
        } else if let Some(entry) = self.index().entry(real, id) {
            let (text, definitions) = (Arc::clone(&entry.text), Arc::clone(&entry.definitions));
            return Some(Target { text, definitions });
        } else {
            let file = self.reader().read(real).ok().filter(|_| is_code(real))?;
            if is_made_by_a_machine(&file.text) {
                return None;
            }
            unix_lines(&blank(&file.text, Degree::Likely)).into()
        };
        let extension = real.extension().unwrap_or_default().to_string_lossy();
        let definitions = definitions(&text, &Language::from_extension(&extension), over).into();
        Some(Target { text, definitions })
    }
}

impl Target {
    /// The lines that define `name` around the first of `lines`, by the grammar; else `lines`, if it stands there.
    fn lines_of(&self, name: &str, lines: &Range<usize>) -> Option<Range<usize>> {
        let wanted = hash(name);
        let mut starts = std::iter::once(0).chain(self.text.match_indices('\n').map(|(at, _)| at + 1));
        let start = starts.nth(lines.start).filter(|start| *start < self.text.len())?;
        let count = lines.len().clamp(1, LINES);
        let end = starts.nth(count - 1).unwrap_or(self.text.len());
        let around = self.definitions.iter().filter(|definition| {
            definition.name == wanted && definition.bytes.start < end && definition.bytes.contains(&start)
        });
        let innermost = around.map(|definition| definition.bytes.clone()).min_by_key(Range::len);
        let stands = || words(self.text.get(start..end).unwrap_or_default()).any(|word| word == name);
        innermost.or_else(|| stands().then_some(start..end))
    }
}
