//! From a file with a hole to what an engine is told of it: the one way there for every command that takes
//! FILE:LINE:COL. It must not know what becomes of the request.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use quicksilver_protocol::completion::Span;

use super::{Exit, Failure, source::Source};
use crate::context::{Assembly, Excluded, Hole, Open, Workspace, place::root_of};
use crate::document::{ByteOffset, Document, Language, Version};

/// How long the workspace is read for files like the one with the hole.
pub(super) const SCAN_TIMEOUT: Duration = Duration::from_millis(500);

/// A request with its reasons, and the workspace that it was made from.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) root: PathBuf,
    pub(super) workspace: Workspace,
    pub(super) assembly: Assembly,
}

impl Told {
    /// The file, the place, and what its workspace holds that is like it. Blocks while the workspace is read.
    ///
    /// # Errors
    /// [`Exit::Input`] for a file that is told to nobody, with the rule.
    pub(super) fn of(path: &Path, span: Option<Span>, source: &Source) -> Result<Self, Failure> {
        let language = Language::from_extension(&path.extension().unwrap_or_default().to_string_lossy());
        let mut document = Document::open(language, Version::default(), &source.text);
        document.parse(&mut || false);
        let hole = Hole {
            document: Open { path: Some(path.to_owned()), snapshot: document.snapshot(), edited: Vec::new() },
            at: ByteOffset(source.hole),
            span,
        };
        let until = Instant::now() + SCAN_TIMEOUT;
        let root = root_of(path);
        let workspace =
            Workspace::new(std::slice::from_ref(&root), &[]).scanned(&mut || Instant::now() > until);
        let assembly = workspace.explain(&hole, &[], &mut || false).map_err(|why| excluded(path, &why))?;
        Ok(Self { root, workspace, assembly })
    }
}

/// A file that is told to nobody.
pub(super) fn excluded(path: &Path, why: &Excluded) -> Failure {
    Failure::new(Exit::Input, format!("{} is never told to an engine: {why}", path.display()))
}
