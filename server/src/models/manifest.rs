//! What is written beside a whole model, last: where it came from, and the digest of each file.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};

/// The manifest's name in a model's folder.
pub(super) const FILE: &str = "quicksilver-manifest.json";

/// A whole model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// `ORG/NAME`.
    pub id: String,
    /// The commit, or `local-…` for files that came from a folder.
    pub revision: String,
    /// The branch or tag that was asked for.
    pub asked: String,
    /// By the hub's identifier; empty where nobody stated one.
    pub licence: String,
    /// The hub's address, or the folder.
    pub from: String,
    /// Its files, by name.
    pub files: Vec<PulledFile>,
}

/// A file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PulledFile {
    /// Its plain name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its digest, in hex.
    pub sha256: String,
}

impl Manifest {
    /// The manifest of a folder; `None` unless each file is there with its size.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let manifest: Self = serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()?;
        let whole = |file: &PulledFile| {
            fs::metadata(folder.join(&file.name))
                .is_ok_and(|found| found.is_file() && found.len() == file.bytes)
        };
        (!manifest.files.is_empty() && manifest.files.iter().all(whole)).then_some(manifest)
    }

    /// What tells these files from any others: their digests.
    #[must_use]
    pub fn digests(&self) -> String {
        let all: Vec<&str> = self.files.iter().map(|file| file.sha256.as_str()).collect();
        all.join(" ")
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}
