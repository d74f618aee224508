//! Open documents as they are told: keys blanked, cut into windows. Made once for each version, so that a
//! request finds them ready. Bounded; it must not know which of them goes along.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rustc_hash::FxHashMap;

use super::{
    assemble::unix_lines,
    secrets::{Degree, blank},
    windows::{Window, windows},
};
use crate::document::{Snapshot, Version};

/// Bytes of a document that are looked at.
const DOCUMENT_BYTES: usize = 128 * 1024;
/// Bytes of all that are remembered, beyond which it begins anew.
const REMEMBERED_BYTES: usize = 24 * 1024 * 1024;

/// An open document as it is told.
#[derive(Clone, Debug)]
pub(super) struct Told {
    version: Version,
    bytes: usize,
    pub(super) text: Arc<str>,
    pub(super) windows: Arc<[Window]>,
}

/// Those that were told before, by their paths.
#[derive(Debug, Default)]
pub(super) struct Tellings(Mutex<Remembered>);

#[derive(Clone, Debug, Default)]
struct Remembered {
    told: FxHashMap<PathBuf, Told>,
    bytes: usize,
}

impl Tellings {
    /// A document, from the last time if it is the same version. A large one costs about a millisecond otherwise.
    pub(super) fn of(&self, path: &Path, snapshot: &Snapshot) -> Told {
        let bytes = snapshot.text().len_bytes();
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |told: &&Told| told.version == snapshot.version() && told.bytes == bytes;
        if let Some(told) = remembered.told.get(path).filter(same) {
            return told.clone();
        }
        let text = unix_lines(&blank(&snapshot.slice(0..DOCUMENT_BYTES), Degree::Likely));
        let windows = windows(&text).into();
        let told = Told { version: snapshot.version(), bytes, text: text.into(), windows };
        if remembered.bytes + told.text.len() > REMEMBERED_BYTES {
            *remembered = Remembered::default();
        }
        remembered.bytes += told.text.len();
        if let Some(older) = remembered.told.insert(path.to_owned(), told.clone()) {
            remembered.bytes -= older.text.len();
        }
        told
    }
}

impl Clone for Tellings {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()))
    }
}
