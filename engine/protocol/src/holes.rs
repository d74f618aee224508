//! *Extensions.* Several holes of one document in one request, text that is to be written anew, what was suggested before,
//! and names in doubt.
//!
//! A request of several holes is the document as one text with gaps: `prompt`, the first hole, `holes[0].before`, the
//! second hole, `holes[1].before`, …, the last hole, `suffix`. The answer has one choice for each hole, its `index`
//! being the hole's number from 0; so has each event of a `diffusing` stream.

use serde::{Deserialize, Serialize};

use crate::completion::Span;

/// A further hole of the document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hole {
    /// The text between the hole before and this one; never empty.
    pub before: String,
    /// What kind of span is wanted here; by the text around it unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
}

/// What stands in the hole now: it is masked again and refined, and is never the answer itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// The text.
    pub text: String,
    /// Mask all of it. Otherwise only what the model finds least likely; a local prior always thinks in whole lines.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

/// Text of an earlier suggestion that an edit left standing. It binds nobody: the answer may be another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// The text, up to the end of the hole; never empty.
    pub text: String,
    /// It is the hole's end only: something unknown stands between the cursor and it. Otherwise it fills the hole.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tail: bool,
}

/// A name that is probably misspelt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Doubt {
    /// Its line, from 0; the request's `prompt` and `suffix` are one text.
    pub line: u32,
    /// Its first character on that line, from 0.
    pub start: u32,
    /// The character behind its last.
    pub end: u32,
    /// What is probably meant.
    pub instead: String,
    /// By how many nats the line and what follows are likelier with that, the line's own text counting for nothing.
    pub margin: f32,
}
