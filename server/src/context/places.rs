//! Where documents are stored, and whether they may be told: asked of the disk once in a workspace's life. Only
//! [`Places::place`] and [`Places::look_up`] ask it, and may block for as long as the disk does; no lock is held meanwhile.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustc_hash::{FxHashMap, FxHashSet};

use super::{exclude::Excluded, reader::FileId};

/// Places that are remembered.
const MOST: usize = 8192;

/// Where a document is stored, and whether it may be told.
#[derive(Debug)]
pub(super) struct Place {
    /// Its path without symlinks.
    pub(super) real: PathBuf,
    pub(super) id: Option<FileId>,
    /// Relative to the workspace; outside of it only the file's name.
    pub(super) name: String,
    pub(super) verdict: Result<(), Excluded>,
}

impl Place {
    /// Whether it is the file at `path`, or of this id.
    pub(super) fn is(&self, path: &Path, id: Option<&FileId>) -> bool {
        self.real == path || (id.is_some() && self.id.as_ref() == id)
    }
}

/// Asks the disk.
type Find = Box<dyn Fn(&Path) -> Place + Send + Sync>;

/// The places of one workspace.
pub(super) struct Places {
    find: Find,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    known: FxHashMap<PathBuf, Arc<Place>>,
    /// Somebody is asking the disk for these.
    sought: FxHashSet<PathBuf>,
}

impl Places {
    pub(super) fn new(find: impl Fn(&Path) -> Place + Send + Sync + 'static) -> Self {
        Self { find: Box::new(find), seen: Mutex::default() }
    }

    /// A place, if it is known.
    pub(super) fn known(&self, path: &Path) -> Option<Arc<Place>> {
        self.seen().known.get(path).cloned()
    }

    /// A place. Blocks where it is not known.
    pub(super) fn place(&self, path: &Path) -> Arc<Place> {
        self.known(path).unwrap_or_else(|| {
            let place = Arc::new((self.find)(path));
            let mut seen = self.seen();
            if seen.known.len() >= MOST {
                seen.known.clear();
            }
            seen.known.insert(path.to_owned(), Arc::clone(&place));
            place
        })
    }

    /// Whether the caller is to look a place up: it is not known, and nobody else is at it.
    pub(super) fn seek(&self, path: &Path) -> bool {
        let mut seen = self.seen();
        !seen.known.contains_key(path) && seen.sought.insert(path.to_owned())
    }

    /// Makes known what was to be looked up. Blocks.
    pub(super) fn look_up(&self, path: &Path) {
        self.place(path);
        self.seen().sought.remove(path);
    }

    /// The paths of all that is known.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.seen().known.keys().cloned().collect()
    }

    /// The same, which wait before they ask the disk: a slow one, for tests.
    #[cfg(test)]
    pub(super) fn after(self, wait: impl Fn(&Path) + Send + Sync + 'static) -> Self {
        let find = self.find;
        Self::new(move |path| {
            wait(path);
            find(path)
        })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Places").field(&self.seen).finish()
    }
}
