//! What `explain` tells, as data: each source of a request with its size and its reason. It must not know how it is
//! shown; people and programs get the same facts.

use std::collections::BTreeMap;

use quicksilver_protocol::{completion::Span, limits::MAX_CONTEXT_BYTES};
use serde::Serialize;

use super::told::Told;
use crate::context::assemble;

/// Why the editor's definitions, which have a place before those that tree-sitter finds, are not there.
const NO_EDITOR: &str =
    "none, as no editor is asked from here; in one they go along in place of those found by tree-sitter";

/// Counts the tokens of a text.
pub(super) type Count<'a> = &'a dyn Fn(&str) -> usize;

/// The account of one request.
#[derive(Debug, Serialize)]
pub(super) struct Account<'a> {
    pub(super) path: Option<&'a str>,
    pub(super) language: Option<&'a str>,
    pub(super) span: Extent,
    pub(super) max_tokens: Option<u32>,
    pub(super) temperature: Option<f64>,
    pub(super) budget_bytes: usize,
    pub(super) prefix: Side<'a>,
    pub(super) suffix: Side<'a>,
    pub(super) files: Vec<File<'a>>,
    /// The paths of the file and of those that go along, which count too.
    pub(super) paths: Piece<'a>,
    pub(super) together: Piece<'a>,
    pub(super) left_out: Vec<LeftOut<'a>>,
    pub(super) workspace: Scan,
    /// What there is from an editor.
    pub(super) editor: &'static str,
}

/// The kind of span, and why it is that one.
#[derive(Debug, Serialize)]
pub(super) struct Extent {
    pub(super) kind: Span,
    pub(super) why: String,
}

/// What every source has.
#[derive(Debug, Serialize)]
pub(super) struct Piece<'a> {
    pub(super) bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lines: Option<usize>,
    /// Of [`MAX_CONTEXT_BYTES`], in [0, 1].
    pub(super) share: f64,
    /// By the embedded tokenizer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tokens: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
}

/// The text on one side of the cursor.
#[derive(Debug, Serialize)]
pub(super) struct Side<'a> {
    #[serde(flatten)]
    pub(super) piece: Piece<'a>,
    pub(super) cut: bool,
    pub(super) blanked: bool,
}

/// Another file that goes along.
#[derive(Debug, Serialize)]
pub(super) struct File<'a> {
    pub(super) path: &'a str,
    #[serde(flatten)]
    pub(super) piece: Piece<'a>,
    pub(super) similarity: f64,
    pub(super) why: String,
    /// The first and the last of its lines that go along, where not all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<(usize, usize)>,
}

/// One that does not.
#[derive(Debug, Serialize)]
pub(super) struct LeftOut<'a> {
    pub(super) path: &'a str,
    pub(super) bytes: usize,
    pub(super) similarity: f64,
    pub(super) why: String,
}

/// What was read of the workspace.
#[derive(Debug, Serialize)]
pub(super) struct Scan {
    /// The folder that paths are relative to.
    pub(super) root: String,
    pub(super) read: usize,
    pub(super) complete: bool,
    /// Files that were found and not read, by the reason.
    pub(super) passed_over: BTreeMap<String, usize>,
}

impl<'a> Account<'a> {
    /// The account of what is told; with the texts if it is to be `full`, with tokens if there is a `count`.
    pub(super) fn of(told: &'a Told, full: bool, count: Option<Count<'_>>) -> Self {
        let assembly = &told.assembly;
        let request = &assembly.request;
        let piece = |text: &'a str| Piece {
            bytes: text.len(),
            lines: Some(text.lines().count()),
            share: share(text.len()),
            tokens: count.map(|count| count(text)),
            text: full.then_some(text),
        };
        let side = |text: &'a str, assemble::Side { cut, blanked }| Side { piece: piece(text), cut, blanked };
        let files = request.context.iter().zip(&assembly.along).map(|(file, along)| File {
            path: &file.path,
            piece: piece(&file.text),
            similarity: rounded(along.similarity),
            why: along.source.to_string(),
            part: along.lines.clone().map(|lines| (lines.start, lines.end - 1)),
        });
        let left_out = assembly.left_out.iter().map(|file| LeftOut {
            path: &file.path,
            bytes: file.bytes,
            similarity: rounded(file.similarity),
            why: file.why.to_string(),
        });
        let prefix = side(&request.prompt, assembly.prefix);
        let suffix = side(request.suffix.as_deref().unwrap_or_default(), assembly.suffix);
        let files: Vec<File<'a>> = files.collect();
        let paths = request.path.iter().chain(request.context.iter().map(|file| &file.path));
        let paths = sum(paths.map(|path| piece(path)).collect::<Vec<_>>().iter());
        let sources = [&prefix.piece, &suffix.piece, &paths].into_iter();
        let together = sum(sources.chain(files.iter().map(|file| &file.piece)));
        let index = told.workspace.index();
        let passed_over = index.passed_over().iter().map(|(why, files)| (why.to_string(), *files));
        Self {
            path: request.path.as_deref(),
            language: request.language.as_deref(),
            span: Extent { kind: assembly.why.span(), why: assembly.why.to_string() },
            max_tokens: request.max_tokens,
            temperature: request.temperature,
            budget_bytes: MAX_CONTEXT_BYTES,
            prefix,
            suffix,
            files,
            paths,
            together,
            left_out: left_out.collect(),
            workspace: Scan {
                root: told.root.display().to_string(),
                read: index.len(),
                complete: index.is_complete(),
                passed_over: passed_over.collect(),
            },
            editor: NO_EDITOR,
        }
    }
}

/// Pieces as one, without their lines and texts.
fn sum<'a, 'p>(pieces: impl Iterator<Item = &'p Piece<'p>>) -> Piece<'a> {
    let (mut bytes, mut tokens) = (0, None);
    for piece in pieces {
        bytes += piece.bytes;
        tokens = piece.tokens.map(|more| more + tokens.unwrap_or_default());
    }
    Piece { bytes, lines: None, share: share(bytes), tokens, text: None }
}

fn share(bytes: usize) -> f64 {
    (bytes as f64 / MAX_CONTEXT_BYTES as f64 * 1e4).round() / 1e4
}

/// More digits would say nothing.
fn rounded(similarity: f32) -> f64 {
    (f64::from(similarity) * 1e4).round() / 1e4
}
