//! What goes along of other files: each source offers lines, in the order of their likely use, and the budget takes
//! them. It reads nothing and has no clock: `over` says when time is up, and what has not been looked at by then
//! stays out of this request.

use std::{ffi::OsStr, ops::Range, path::Path, sync::Arc};

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Edited, Open, Workspace,
    budget::{File, Filled, Lack, MOST_LEFT_OUT, Offer, Source, fill},
    copies::Said,
    identifiers::{Sought, hash, jaccard, words},
    near::Near,
    neighbours::{Entry, LEAST_SIMILAR},
    places::Place,
    pointed::{MOST_NAMES, MOST_PLACES},
    reader::FileId,
    told::Told,
};

/// Bytes of definitions.
const DEFINITION_BYTES: usize = 4 * 1024;
/// Definitions of a name beyond which it says nothing.
const MOST_DEFINITIONS: usize = 4;
/// Definitions that the editor pointed at.
const MOST_POINTED: usize = MOST_NAMES * MOST_PLACES;
/// Lines of one definition.
const DEFINITION_LINES: usize = 24;
/// Lines around an edit that go along with it.
const EDIT_MARGIN: usize = 2;
/// Lines of one edit.
const EDIT_LINES: usize = 20;
/// Edits of other documents, the latest.
const MOST_EDITS: usize = 8;
/// Bytes of open documents that come before other files, like the hole or not; more of them comes after those.
pub(super) const OPEN_BYTES: usize = 24 * 1024;

/// Which sources are asked; all, but for measuring what each is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sources {
    /// Lines of other documents that were edited lately.
    pub edits: bool,
    /// Definitions of the names near the cursor.
    pub definitions: bool,
}

impl Default for Sources {
    fn default() -> Self {
        Self { edits: true, definitions: true }
    }
}

/// A hole as the sources see it.
pub(super) struct Around<'a> {
    /// Where its document is stored.
    pub(super) place: Option<&'a Place>,
    /// The names near the cursor.
    pub(super) near: &'a Near,
}

impl Workspace {
    /// Lines of other files, `budget` bytes together, beside those of the hole's `own` document. `over`, once it is true, stays so.
    pub(super) fn gather(
        &self,
        around: &Around<'_>,
        open: &[Open],
        budget: usize,
        own: Said,
        over: &mut dyn FnMut() -> bool,
    ) -> Filled {
        let mut table = Table::new(self, around, open);
        let told = table.tell(over);
        if self.sources.edits {
            table.edits(&told);
        }
        if self.sources.definitions && !over() {
            table.definitions(&told);
        }
        let rest = table.open_documents(&told);
        // Nor is it then known of every file on disk that it is not open.
        let unlike = if over() { Vec::new() } else { table.files_on_disk() };
        table.offers.extend(rest);
        let mut filled = fill(&table.files, table.offers, budget, own);
        let more = MOST_LEFT_OUT - filled.left_out.len();
        filled.left_out.extend(unlike.iter().take(more).map(|file| file.left_out(Lack::Likeness)));
        filled
    }
}

/// An open document that may be told.
struct Opened<'a> {
    place: Arc<Place>,
    edited: &'a [Edited],
    told: Told,
    /// Its windows, each with its likeness to the lines near the cursor; the likest first.
    windows: Vec<(f32, Range<usize>)>,
    /// Its number among the files.
    file: usize,
}

/// Lines that define a name near the cursor.
struct Found<'a> {
    weight: f32,
    name: u64,
    within: Within<'a>,
    bytes: Range<usize>,
    /// By the editor, not by tree-sitter.
    pointed: bool,
}

/// Where lines are.
#[derive(Clone, Copy)]
enum Within<'a> {
    Entry(&'a Entry),
    /// The file of this number.
    File(usize),
}

/// Some files, by path and by id: those with one or the other of a file are that file.
#[derive(Default)]
struct Files {
    paths: FxHashSet<Arc<OsStr>>,
    ids: FxHashSet<FileId>,
}

impl Files {
    fn add(&mut self, place: &Place) {
        self.paths.insert(place.real.as_os_str().into());
        self.ids.extend(place.id.clone());
    }

    fn have(&self, path: &Path, id: Option<&FileId>) -> bool {
        self.paths.contains(path.as_os_str()) || id.is_some_and(|id| self.ids.contains(id))
    }
}

/// What is offered, while it is being offered.
struct Table<'a> {
    workspace: &'a Workspace,
    around: &'a Around<'a>,
    /// Open documents, the hole's own perhaps among them.
    open: Vec<&'a Open>,
    /// The files that they and the hole's own document stand for.
    standing: Files,
    files: Vec<File>,
    /// Numbers of the index's entries among the files, and whether their likeness is known.
    numbers: FxHashMap<&'a str, (usize, bool)>,
    offers: Vec<Offer>,
}

impl<'a> Table<'a> {
    fn new(workspace: &'a Workspace, around: &'a Around<'a>, open: &'a [Open]) -> Self {
        // Should time run out, what was edited is told first.
        let mut open: Vec<&Open> = open.iter().collect();
        open.sort_by_key(|open| {
            open.edited.iter().map(|edited| edited.ago).min().map_or((1, None), |ago| (0, Some(ago)))
        });
        let mut standing = Files::default();
        around.place.into_iter().for_each(|hole| standing.add(hole));
        let (files, offers) = (Vec::new(), Vec::new());
        Self { workspace, around, open, standing, files, numbers: FxHashMap::default(), offers }
    }

    /// The open documents that may be told, the likest first.
    fn tell(&mut self, over: &mut dyn FnMut() -> bool) -> Vec<Opened<'a>> {
        let (workspace, near) = (self.workspace, Sought::new(&self.around.near.words));
        let likeness = |words: &[u64]| jaccard(near.shared(words), near.len(), words.len());
        let mut opened: Vec<Opened<'a>> = Vec::new();
        let mut already = Files::default();
        for open in &self.open {
            let Some(path) = open.path.as_deref() else { continue };
            if over() {
                break;
            }
            let place = workspace.place(path);
            if self.around.place.is_some_and(|hole| hole.is(&place.real, place.id.as_ref())) {
                continue;
            }
            self.standing.add(&place);
            let known_place = workspace.roots().is_empty() || workspace.holds(&place.real);
            let twice = already.have(&place.real, place.id.as_ref());
            if known_place && !twice && !open.snapshot.is_binary() && place.verdict.is_ok() {
                already.add(&place);
                let told = workspace.told.of(&place.real, &open.snapshot);
                let scored =
                    told.windows.iter().map(|window| (likeness(&window.words), window.bytes.clone()));
                let mut windows: Vec<_> = scored.collect();
                windows.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.start.cmp(&y.start)));
                opened.push(Opened { place, edited: &open.edited, told, windows, file: 0 });
            }
        }
        let best = |open: &Opened<'_>| open.windows.first().map_or(0.0, |(likeness, _)| *likeness);
        opened.sort_by(|a, b| best(b).total_cmp(&best(a)).then_with(|| a.place.name.cmp(&b.place.name)));
        for open in &mut opened {
            open.file = self.files.len();
            let (path, text) = (open.place.name.clone(), Arc::clone(&open.told.text));
            self.files.push(File { path, text, similarity: best(open) });
        }
        opened
    }

    /// Lines that were edited lately, the latest first: what was changed there may be wanted here.
    fn edits(&mut self, opened: &[Opened<'_>]) {
        let mut edits: Vec<_> =
            opened.iter().flat_map(|open| open.edited.iter().map(move |edited| (edited, open))).collect();
        edits.sort_by_key(|(edited, open)| (edited.ago, open.file, edited.lines.start));
        for (edited, open) in edits.into_iter().take(MOST_EDITS) {
            let first = edited.lines.start.saturating_sub(EDIT_MARGIN);
            let last = (edited.lines.end + EDIT_MARGIN).min(edited.lines.start + EDIT_LINES);
            let bytes = bytes_of_lines(&open.told.text, first..last);
            self.offers.push(Offer { file: open.file, bytes, source: Source::Edited });
        }
    }

    /// What defines the names near the cursor, the nearest and rarest first. Of a name that the editor has pointed at, what
    /// it pointed at alone. Open documents are not looked up otherwise: what is on disk is older, and they come along
    /// before others anyway.
    fn definitions(&mut self, opened: &[Opened<'_>]) {
        let index = self.workspace.index();
        let mut found = self.pointed(opened);
        let pointed: FxHashSet<u64> = found.iter().map(|found| found.name).collect();
        for (name, weight) in self.around.near.names.iter().filter(|(name, _)| !pointed.contains(name)) {
            let places = index.defines(*name);
            let many = places.len();
            if (1..=MOST_DEFINITIONS).contains(&many) {
                let closed = places.filter(|(entry, _)| self.is_closed(entry));
                found.extend(closed.map(|(entry, it)| {
                    let (weight, bytes) = (weight / many as f32, it.bytes.clone());
                    Found { weight, name: *name, within: Within::Entry(entry), bytes, pointed: false }
                }));
            }
        }
        found.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| self.order(a).cmp(&self.order(b))));
        let mut left = DEFINITION_BYTES;
        for Found { name, within, bytes, pointed, .. } in found {
            let text = self.text(within).get(bytes.clone()).unwrap_or_default();
            let taken: usize = text.split_inclusive('\n').take(DEFINITION_LINES).map(str::len).sum();
            if taken <= left {
                left -= taken;
                let spelled = words(text).find(|word| hash(word) == name).unwrap_or_default().to_owned();
                let source = if pointed { Source::Pointed(spelled) } else { Source::Defines(spelled) };
                let file = match within {
                    Within::Entry(entry) => self.number(entry, None).0,
                    Within::File(file) => file,
                };
                self.offers.push(Offer { file, bytes: bytes.start..bytes.start + taken, source });
            }
        }
    }

    /// What the editor has pointed at, where it may still be told, its name is still near, and its lines still stand:
    /// they are looked for in the text as it is now.
    fn pointed(&mut self, opened: &[Opened<'_>]) -> Vec<Found<'a>> {
        let (workspace, around) = (self.workspace, self.around);
        let Some(hole) = around.place else { return Vec::new() };
        let mut found: Vec<Found<'a>> = Vec::new();
        // Files that are neither open nor indexed, and their numbers.
        let mut others: Vec<(Arc<Place>, usize)> = Vec::new();
        for pointed in workspace.pointings.from(&hole.real).iter() {
            let name = hash(&pointed.name);
            let Some(weight) = around.near.names.get(&name).copied() else { continue };
            // Looked up when it was pointed at, and at each look at the folders.
            let Some(place) = workspace.places.known(&pointed.path) else { continue };
            let is_told = place.verdict.is_ok() && !hole.is(&place.real, place.id.as_ref());
            if !is_told || found.len() == MOST_POINTED {
                continue;
            }
            let id = place.id.as_ref();
            let within = if let Some(open) = opened.iter().find(|open| open.place.is(&place.real, id)) {
                Within::File(open.file)
            } else if self.standing.have(&place.real, id) || !workspace.holds(&place.real) {
                continue;
            } else if let Some(entry) = workspace.index().entry(&place.real, id) {
                Within::Entry(entry)
            } else if let Some((_, file)) = others.iter().find(|(other, _)| other.is(&place.real, id)) {
                Within::File(*file)
            } else {
                let (path, text) = (place.name.clone(), Arc::clone(&pointed.text));
                self.files.push(File { path, text, similarity: 0.0 });
                others.push((place, self.files.len() - 1));
                Within::File(self.files.len() - 1)
            };
            let lines = pointed.text.get(pointed.bytes.clone()).unwrap_or_default();
            let text = self.text(within);
            let stays = text.get(pointed.bytes.clone()) == Some(lines);
            let start = if stays { Some(pointed.bytes.start) } else { text.find(lines) };
            if let Some(start) = start {
                let bytes = start..start + lines.len();
                found.push(Found { weight, name, within, bytes, pointed: true });
            }
        }
        found
    }

    fn text(&self, within: Within<'a>) -> &str {
        match within {
            Within::Entry(entry) => &entry.text,
            Within::File(file) => self.files.get(file).map_or("", |file| &file.text),
        }
    }

    /// What decides between definitions of the same weight.
    fn order<'s>(&'s self, found: &'s Found<'a>) -> (&'s str, usize) {
        let path = match found.within {
            Within::Entry(entry) => &entry.name,
            Within::File(file) => self.files.get(file).map_or("", |file| &file.path),
        };
        (path, found.bytes.start)
    }

    /// Offers the windows of open documents, the likest first, and gives back those that may wait.
    fn open_documents(&mut self, opened: &[Opened<'_>]) -> Vec<Offer> {
        let windows =
            opened.iter().flat_map(|open| open.windows.iter().map(move |window| (open.file, window)));
        let mut windows: Vec<(usize, &(f32, Range<usize>))> = windows.collect();
        windows
            .sort_by(|(x, (a, m)), (y, (b, n))| b.total_cmp(a).then_with(|| (x, m.start).cmp(&(y, n.start))));
        let mut offered = 0;
        let first = windows
            .iter()
            .take_while(|(_, (_, bytes))| {
                offered += bytes.len();
                offered <= OPEN_BYTES
            })
            .count();
        let offer = |(file, (_, bytes)): &(usize, &(f32, Range<usize>))| Offer {
            file: *file,
            bytes: bytes.clone(),
            source: Source::Open,
        };
        let (now, later) = windows.split_at(first);
        self.offers.extend(now.iter().map(offer));
        later.iter().map(offer).collect()
    }

    /// Offers the windows of other files that are like the lines near the cursor; gives back the nearest of the files
    /// that have none.
    fn files_on_disk(&mut self) -> Vec<File> {
        let index = self.workspace.index();
        let mut windows = index.windows(&self.around.near.words);
        // An entry's windows follow each other.
        let mut last: Option<(&Entry, bool)> = None;
        windows.retain(|&(_, entry, _)| match last {
            Some((known, closed)) if std::ptr::eq(known, entry) => closed,
            _ => last.insert((entry, self.is_closed(entry))).1,
        });
        windows.sort_by(|(a, x, m), (b, y, n)| {
            b.total_cmp(a).then_with(|| (&x.name, m.start).cmp(&(&y.name, n.start)))
        });
        let mut unlike: Vec<(f32, &Entry)> = Vec::new();
        for (likeness, entry, bytes) in windows {
            let (file, first) = self.number(entry, Some(likeness));
            if likeness >= LEAST_SIMILAR {
                self.offers.push(Offer { file, bytes, source: Source::Similar });
            } else if first && unlike.len() <= MOST_LEFT_OUT {
                unlike.push((likeness, entry));
            }
        }
        unlike.into_iter().map(|(likeness, entry)| file(entry, likeness)).collect()
    }

    /// Whether an entry stands for itself. An open document stands for its file, told or not: what is on disk is older.
    /// The hole's own saved copy stands for nothing. A file that was saved anew has another id, so its path counts too.
    fn is_closed(&self, entry: &Entry) -> bool {
        !self.standing.have(&entry.path, Some(&entry.id))
    }

    /// An entry's number among the files, and whether its likeness, if it is given, is the first: that of its likest
    /// window.
    fn number(&mut self, entry: &'a Entry, likeness: Option<f32>) -> (usize, bool) {
        let files = &mut self.files;
        let (number, known) = self.numbers.entry(&entry.name).or_insert_with(|| {
            files.push(file(entry, 0.0));
            (files.len() - 1, false)
        });
        let first = !*known && likeness.is_some();
        if let (true, Some(likeness), Some(file)) = (first, likeness, files.get_mut(*number)) {
            (*known, file.similarity) = (true, likeness);
        }
        (*number, first)
    }
}

fn file(entry: &Entry, similarity: f32) -> File {
    File { path: entry.name.clone(), text: Arc::clone(&entry.text), similarity }
}

/// The bytes of some lines, counted from 0.
fn bytes_of_lines(text: &str, lines: Range<usize>) -> Range<usize> {
    let mut starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let start = starts.nth(lines.start).unwrap_or(text.len());
    let end = lines.len().checked_sub(1).map_or(Some(start), |more| starts.nth(more)).unwrap_or(text.len());
    start..end
}
