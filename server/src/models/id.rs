//! Names of models: `ORG/NAME`, and `ORG/NAME@REVISION`. What is a valid name here is a safe folder name too.

use std::{fmt, str::FromStr};

use super::PullError;

/// Characters of the longest part of an id, as the hub has it.
const MAX_PART: usize = 96;
/// Characters of the longest revision: a branch, a tag or a commit.
const MAX_REVISION: usize = 100;

/// A model's name on the hub.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelId {
    org: String,
    name: String,
}

impl ModelId {
    /// Whose it is.
    #[must_use]
    pub fn org(&self) -> &str {
        &self.org
    }

    /// What it is called there.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.org, self.name)
    }
}

impl FromStr for ModelId {
    type Err = PullError;

    fn from_str(text: &str) -> Result<Self, PullError> {
        match text.split_once('/') {
            Some((org, name)) if is_part(org) && is_part(name) => {
                Ok(Self { org: org.to_owned(), name: name.to_owned() })
            }
            _ => Err(PullError::Name(text.to_owned())),
        }
    }
}

/// A model, and perhaps which state of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which model.
    pub id: ModelId,
    /// A branch, a tag, or a commit or its beginning; `None` is what was pulled last, else the commit that the catalogue pins,
    /// else the hub's `main`.
    pub revision: Option<String>,
}

impl FromStr for Wanted {
    type Err = PullError;

    fn from_str(text: &str) -> Result<Self, PullError> {
        let (id, revision) = match text.split_once('@') {
            Some((id, revision)) if is_revision(revision) => (id, Some(revision.to_owned())),
            Some(_) => return Err(PullError::Name(text.to_owned())),
            None => (text, None),
        };
        Ok(Self { id: id.parse().map_err(|_| PullError::Name(text.to_owned()))?, revision })
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.revision {
            Some(revision) => write!(f, "{}@{revision}", self.id),
            None => self.id.fmt(f),
        }
    }
}

/// A full commit of the hub.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && is_hex(text)
}

pub(super) fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// No part begins or ends with a dot, so none is `.` or `..` or hidden.
fn is_part(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_PART).contains(&text.len())
        && text.bytes().all(plain)
        && !text.contains("..")
        && !text.starts_with(['.', '-'])
        && !text.ends_with('.')
}

fn is_revision(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
    (1..=MAX_REVISION).contains(&text.len())
        && text.bytes().all(plain)
        && !text.contains("..")
        && !text.starts_with(['/', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_an_organisation_and_a_name_and_perhaps_a_revision() {
        for text in ["Dream-org/DreamOn-v0-7B", "a/b", "a/b@main", "a/b@refs/pr/1", "a/b@d0d86d5"] {
            assert_eq!(text.parse::<Wanted>().unwrap().to_string(), text);
        }
        for text in [
            "", "a", "a/", "/b", "a/b/c", "../b", "a/..", "a/.b", "a/b@", "a/b@../x", "a/b@-x", "a b/c",
            "a/b@x y", "C:/b", "a/b\\c", "-a/b", "a/b.", "a/b@/x",
        ] {
            let error = text.parse::<Wanted>().expect_err(text).to_string();
            assert!(error.contains("ORG/NAME"), "{error}");
        }
    }
}
