//! `POST /v1/fim/completions`: request, answer, and the frames of a span being refined.

use serde::{Deserialize, Deserializer, Serialize};

use crate::holes::{Doubt, Hole, Previous, Rewrite};

/// Clients of other makes send `null` where they mean "as usual".
fn null_as_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A hole to fill: the text before it, the text after it, and what else may help.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FimRequest {
    /// The model's name; `None` takes the engine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Text before the hole.
    pub prompt: String,
    /// Text after the hole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
    /// The most answers to give, distinct, the likeliest first; one unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// The most tokens to put into the hole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// 0 takes the likeliest token everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Share of probability that sampling draws from; in (0, 1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// The answer ends before the first of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// Answer as server-sent events.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
    /// With `stream`: send the whole span after each denoise step, not only the end.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "std::ops::Not::not")]
    pub diffusing: bool,
    /// Random seed for temperatures above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// *Extension.* Other files of the project, the likeliest to help first.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<ContextFile>,
    /// *Extension.* Path of the file with the hole, relative to its workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// *Extension.* LSP language id of the file with the hole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// *Extension.* What kind of span is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// *Extension.* Further holes of the same document, in the order of the text; `suffix` follows the last.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<Hole>,
    /// *Extension.* What stands in the hole now, to be written anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<Rewrite>,
    /// *Extension.* What was suggested for the hole before the last edit and may still stand: a place to start from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// *Extension.* Fill nothing, but say which names of `prompt` and `suffix`, read as one text, are in doubt.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "std::ops::Not::not")]
    pub doubt: bool,
    /// *Extension.* Milliseconds from arrival, after which the best decoded state is the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

/// One stop string or several, as OpenAI's shape has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Stop {
    /// A single stop string.
    One(String),
    /// Several; the first to occur counts.
    Many(Vec<String>),
}

/// Another file of the project (or a part of it) that may hold what the hole needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextFile {
    /// Path relative to the workspace.
    pub path: String,
    /// Its text, or the part that matters.
    pub text: String,
}

/// What kind of span the hole wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Span {
    /// From the cursor to the end of the line: the answer has no line break.
    Rest,
    /// A whole line, its indentation given.
    Line,
    /// Several lines, until the block that the cursor stands in ends.
    Block,
    /// Exactly so many tokens at most, line breaks allowed.
    #[serde(untagged)]
    Tokens(u32),
}

/// The answer, when not streamed; OpenAI's `text_completion`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FimResponse {
    /// Unique for this engine's life.
    pub id: String,
    /// Always `text_completion`.
    pub object: String,
    /// Seconds since 1970.
    pub created: u64,
    /// The model that answered.
    pub model: String,
    /// One entry, or up to `n`: the likeliest first. Events of a stream but the last have one. A request of several
    /// holes gets one for each hole, in events too.
    pub choices: Vec<Choice>,
    /// Token counts; absent in streamed events but the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// *Extension.* How the answer came to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quicksilver: Option<Report>,
}

/// One answer, or one frame of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Its place among the choices; with several holes the hole's number.
    pub index: u32,
    /// The text for the hole. In a `diffusing` stream: the whole span as it stands, masks left out.
    pub text: String,
    /// `None` while streaming.
    pub finish_reason: Option<FinishReason>,
    /// *Extension.* How sure the engine is of this hole of several, or of this rewriting, in [0, 1].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// *Extension.* In a `diffusing` stream: the span in runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<Frame>,
    /// The text once more, where clients of Mistral's FIM API look for it in an answer that is not streamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// The text once more, where they look for it in a stream; not in a `diffusing` one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<Message>,
}

/// A text in the shape of chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Always `assistant`.
    pub role: String,
    /// The text.
    pub content: String,
}

impl Message {
    /// What the engine says.
    #[must_use]
    pub fn assistant(content: &str) -> Self {
        Self { role: "assistant".to_owned(), content: content.to_owned() }
    }
}

/// Why the answer ends where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model, or a stop string, ended the span.
    Stop,
    /// The span reached its most tokens.
    Length,
    /// *Extension.* The deadline came first: this is the best decoded state.
    Deadline,
}

/// Token counts of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Context tokens given to the model.
    pub prompt_tokens: u32,
    /// Tokens in the answer.
    pub completion_tokens: u32,
    /// Both.
    pub total_tokens: u32,
    /// Context tokens that a cache answered for.
    #[serde(default)]
    pub cached_input_tokens: u32,
}

/// How an answer came to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Denoise steps run.
    pub steps: u32,
    /// Milliseconds from arrival to answer, waiting included.
    pub ms: f64,
    /// Milliseconds of it spent waiting for the device.
    pub queued_ms: f64,
    /// How sure the engine is that this is what the user wants, in [0, 1].
    pub confidence: f32,
    /// Whether the calibrated gate would show it unasked.
    pub show: bool,
    /// What made it: `prior`, `network` or `prior+network`.
    pub source: String,
    /// Of a rewriting: by how many nats the answer's score is above that of what stood there; at most 0 when nothing
    /// better was found, and the answer is then empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f32>,
    /// The names in doubt, the most doubtful first, where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
    /// The device that ran it: `cpu`, `cuda:0`.
    pub device: String,
}

/// The whole span after one denoise step. The latest replaces all earlier ones; nothing is appended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Counts from 0 (all masked).
    pub step: u32,
    /// The span, left to right.
    pub runs: Vec<Run>,
}

/// Neighbouring positions of the span in the same state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Decoded text; for masked positions a guess, or empty.
    pub text: String,
    /// The state of all its positions.
    pub kind: RunKind,
    /// Mean confidence of its positions, in [0, 1].
    pub confidence: f32,
    /// The hole that it is in, from 0.
    #[serde(default, skip_serializing_if = "is_first")]
    pub hole: u32,
}

fn is_first(hole: &u32) -> bool {
    *hole == 0
}

/// State of a position of the span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// Undecided.
    Masked,
    /// Decided or revised in this very step.
    Changed,
    /// Decided earlier.
    Committed,
}
