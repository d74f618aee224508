//! From a document and a place in it to a request for the engine: the request type's one constructor, and the
//! last thing that any text passes before it leaves.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use quicksilver_protocol::{
    completion::{FimRequest, Span},
    limits::MAX_CONTEXT_BYTES,
};

use super::{
    budget::{Along, Filled, LeftOut},
    copies::Said,
    exclude::{Exclude, Excluded},
    gather::{Around, Sources},
    near::Near,
    neighbours::{Index, relative},
    places::{Place, Places},
    pointed::Pointings,
    reader::{Reader, identify, resolve},
    secrets::{Degree, blank},
    span::{Why, max_tokens, span},
    told::Tellings,
    window::{PREFIX_BYTES, SUFFIX_BYTES, window},
};
use crate::document::{ByteOffset, Snapshot};

/// An open document and where it is stored; `None` for one that never was.
#[derive(Clone, Debug)]
pub struct Open {
    /// Its path.
    pub path: Option<PathBuf>,
    /// Its text.
    pub snapshot: Snapshot,
    /// Where the user edited it lately.
    pub edited: Vec<Edited>,
}

/// Lines of a document that were edited lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// Counted from 0.
    pub lines: Range<usize>,
    /// How long it is.
    pub ago: Duration,
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

/// A request, and why it is what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Assembly {
    /// What is sent.
    pub request: FimRequest,
    /// Why it asks for this span.
    pub why: Why,
    /// The text before the cursor.
    pub prefix: Side,
    /// The text after it.
    pub suffix: Side,
    /// Why each of the other files goes along, in their order.
    pub along: Vec<Along>,
    /// The nearest files that do not go along.
    pub left_out: Vec<LeftOut>,
}

/// What became of the document's text on one side of the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// The document has more than the window.
    pub cut: bool,
    /// What looks like a key was blanked.
    pub blanked: bool,
}

/// A workspace as the context sees it: roots, gate, index. The session owns it and swaps it for one
/// [`Workspace::scanned`] when files, ignore files or links may have changed.
#[derive(Debug)]
pub struct Workspace {
    reader: Reader,
    exclude: Arc<Exclude>,
    extra: Vec<String>,
    index: Index,
    pub(super) told: Tellings,
    pub(super) pointings: Pointings,
    pub(super) sources: Sources,
    pub(super) places: Places,
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
        let exclude = Arc::new(Exclude::new(reader.clone(), extra));
        let (inside, gate) = (reader.clone(), Arc::clone(&exclude));
        Self {
            exclude,
            reader,
            extra: extra.to_vec(),
            index: Index::default(),
            told: Tellings::default(),
            pointings: Pointings::default(),
            sources: Sources::default(),
            places: Places::new(move |path| find(&inside, &gate, path)),
        }
    }

    /// The same workspace as it is on disk now, read until `over`. Blocks: not for the keystroke path.
    pub fn scanned(&self, over: &mut dyn FnMut() -> bool) -> Self {
        let mut fresh = Self::new(self.reader.roots(), &self.extra).with(self.sources);
        fresh.told = self.told.clone();
        fresh.pointings = self.pointings.clone();
        fresh.index = Index::build(&fresh.reader, &fresh.exclude, &self.index, over);
        // What is open is asked for next. The disk that the folders are on has just answered; another one may not.
        for path in self.places.paths().iter().filter(|path| fresh.holds(path)) {
            if over() {
                break;
            }
            fresh.place(path);
        }
        fresh
    }

    /// The same workspace, of which these sources alone are told.
    #[must_use]
    pub fn with(self, sources: Sources) -> Self {
        Self { sources, ..self }
    }

    /// Whether a document may be told, if that is known. Never blocks.
    pub fn verdict(&self, path: &Path) -> Option<Result<(), Excluded>> {
        self.places.known(path).map(|place| place.verdict.clone())
    }

    /// Whether the caller is to [`look_up`](Self::look_up) a document: it is not known, and nobody else is at it.
    pub fn seek(&self, path: &Path) -> bool {
        self.places.seek(path)
    }

    /// Makes a document known. Blocks for as long as the disk does.
    pub fn look_up(&self, path: &Path) {
        self.places.look_up(path);
    }

    /// The same with a disk that keeps whoever asks it waiting.
    #[cfg(test)]
    pub(crate) fn slowed(self, wait: impl Fn(&Path) + Send + Sync + 'static) -> Self {
        Self { places: self.places.after(wait), ..self }
    }

    /// Makes what is told of an open document ready before it is wanted.
    pub fn prepare(&self, open: &Open) {
        let Some(path) = open.path.as_deref() else { return };
        if self.seek(path) {
            self.look_up(path);
        }
        if let Some(place) = self.places.known(path)
            && place.verdict.is_ok()
            && !open.snapshot.is_binary()
        {
            self.told.of(&place.real, &open.snapshot);
        }
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
        self.explain(hole, open, &mut || false).map(|assembly| assembly.request)
    }

    /// The same request with the reasons for what is in it. Other files that have not been looked at when `over` says that
    /// time is up are not in it. Asks the disk of the documents that are not known yet, and only then.
    ///
    /// # Errors
    /// Why the document is told to nobody.
    pub fn explain(
        &self,
        hole: &Hole,
        open: &[Open],
        over: &mut dyn FnMut() -> bool,
    ) -> Result<Assembly, Excluded> {
        let Hole { document, at, span: wanted } = hole;
        let place = document.path.as_deref().map(|path| self.place(path));
        if let Some(place) = &place {
            place.verdict.clone()?;
        }
        let snapshot = &document.snapshot;
        let window = window(snapshot, *at, PREFIX_BYTES, SUFFIX_BYTES);
        let cut = (window.prefix.start > 0, window.suffix.end < snapshot.text().len_bytes());
        let [(prompt, blanked_before), (suffix, blanked_after)] =
            tell(&snapshot.slice(window.prefix), &snapshot.slice(window.suffix));
        let why = wanted.map_or_else(|| span(snapshot, *at), Why::Chosen);
        let path = place.as_ref().map(|place| place.name.clone());
        let left = MAX_CONTEXT_BYTES
            .saturating_sub(prompt.len() + suffix.len() + path.as_ref().map_or(0, String::len));
        let near = Near::of(snapshot, *at);
        let around = Around { place: place.as_deref(), near: &near };
        let own = Said::of(format!("{prompt}{suffix}"));
        let Filled { context, along, left_out } = self.gather(&around, open, left, own, over);
        let request = FimRequest {
            context,
            prompt,
            suffix: Some(suffix),
            max_tokens: Some(max_tokens(why.span())),
            temperature: Some(0.0),
            path,
            language: Some(snapshot.language().id().to_owned()),
            span: Some(why.span()),
            ..FimRequest::default()
        };
        Ok(Assembly {
            request,
            why,
            prefix: Side { cut: cut.0, blanked: blanked_before },
            suffix: Side { cut: cut.1, blanked: blanked_after },
            along,
            left_out,
        })
    }

    pub(super) fn roots(&self) -> &[PathBuf] {
        self.reader.roots()
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(super) fn holds(&self, real: &Path) -> bool {
        self.reader.holds(real)
    }

    /// The place of a document. Blocks where it is not known yet.
    pub(super) fn place(&self, path: &Path) -> Arc<Place> {
        self.places.place(path)
    }
}

fn find(reader: &Reader, exclude: &Exclude, path: &Path) -> Place {
    let real = resolve(path);
    let name = match reader.roots().iter().find(|root| real.starts_with(root)) {
        Some(root) => relative(root, &real),
        None => real.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
    };
    Place { id: identify(&real), name, verdict: exclude.check(path), real }
}

/// Prefix and suffix as they are told, each with whether anything was blanked in it. They are blanked as one
/// text: a key may span the cursor.
fn tell(prefix: &str, suffix: &str) -> [(String, bool); 2] {
    let whole = blank(&format!("{prefix}{suffix}"), Degree::Certain);
    // `*` is one byte and what it covers may be more, so the cursor is found by characters.
    let cursor = whole.char_indices().nth(prefix.chars().count()).map_or(whole.len(), |(at, _)| at);
    let (before, after) = whole.split_at(cursor);
    [(unix_lines(before), before != prefix), (unix_lines(after), after != suffix)]
}

/// Models know one line end; the polish puts the document's own back.
pub(super) fn unix_lines(text: &str) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() }
}
