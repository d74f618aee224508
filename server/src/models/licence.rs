//! Which licences must be accepted before a model is pulled, and the record that one was.

use std::{fs, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{ModelId, PullError, store::replace};

/// Licences, by the hub's identifiers, that let anyone use a model for anything.
const OPEN: [&str; 12] = [
    "apache-2.0",
    "mit",
    "bsd",
    "bsd-2-clause",
    "bsd-3-clause",
    "bsl-1.0",
    "cc-by-4.0",
    "cc0-1.0",
    "isc",
    "mpl-2.0",
    "unlicense",
    "zlib",
];

/// Whether a licence needs no acceptance. One that is not known does.
#[must_use]
pub fn is_open(licence: &str) -> bool {
    OPEN.contains(&licence.to_ascii_lowercase().as_str())
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Accepted {
    id: String,
    licence: String,
}

/// What this user has accepted.
pub(super) struct Acceptances {
    file: PathBuf,
    all: Vec<Accepted>,
}

impl Acceptances {
    /// Reads the record; one that cannot be read is as good as none, and the question is asked again.
    pub(super) fn read(file: PathBuf) -> Self {
        let all =
            fs::read(&file).ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
        Self { file, all }
    }

    pub(super) fn has(&self, id: &ModelId, licence: &str) -> bool {
        self.all.contains(&Accepted { id: id.to_string(), licence: licence.to_owned() })
    }

    pub(super) fn add(&mut self, id: &ModelId, licence: &str) -> Result<(), PullError> {
        self.all.push(Accepted { id: id.to_string(), licence: licence.to_owned() });
        let json = serde_json::to_vec_pretty(&self.all).unwrap_or_default();
        replace(&self.file, &json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acceptance_counts_for_one_model_and_one_licence_and_is_remembered() {
        assert!(is_open("MIT") && is_open("apache-2.0"));
        assert!(!is_open("apple-amlr") && !is_open("cc-by-nc-4.0") && !is_open("other") && !is_open(""));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("accepted.json");
        let (one, other): (ModelId, ModelId) = ("a/b".parse().unwrap(), "a/c".parse().unwrap());
        Acceptances::read(file.clone()).add(&one, "apple-amlr").unwrap();
        let read = Acceptances::read(file);
        assert!(read.has(&one, "apple-amlr"));
        assert!(!read.has(&other, "apple-amlr") && !read.has(&one, "cc-by-nc-4.0"));
    }
}
