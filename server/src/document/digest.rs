//! What an editor can compare with its own buffer, to notice that the texts have drifted apart.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::{Snapshot, Version};

/// Version, length and hash of a document.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// The version it is of.
    pub version: Version,
    /// Length of the text in bytes of UTF-8.
    pub bytes: usize,
    /// SHA-256 of the text in UTF-8: what both editors can compute with what they ship.
    pub sha256: [u8; 32],
}

impl Digest {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut hash = Sha256::new();
        snapshot.text.chunks().for_each(|chunk| hash.update(chunk));
        Self { version: snapshot.version, bytes: snapshot.text.len_bytes(), sha256: hash.finalize().into() }
    }

    /// The hash in lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {} bytes, {}", self.version, self.bytes, self.hex())
    }
}
