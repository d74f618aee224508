//! How long it takes to say what other files hold, in this process: from a hole to the request for it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use quicksilver::{
    completion::task::GATHERING,
    context::{Hole, Open, Workspace},
    document::{ByteOffset, Document, Encoding, Language, Position, Version},
};

use super::{
    project::{OTHERS, Project, large, text},
    table::{Row, quantile},
};

const ROUNDS: usize = 100;
const COLD_ROUNDS: usize = 10;
pub(crate) fn rows() -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    let others: Vec<Open> = (0..OTHERS)
        .map(|n| {
            let (path, text) = (Project::path(folder.path(), n), text(n, 12 * 1024));
            std::fs::write(&path, &text)?;
            Ok(open(&path, &text).0)
        })
        .collect::<Result<_>>()?;
    let (text, at) = large();
    let (document, snapshot) = open(&folder.path().join("large.rs"), &text);
    let place = |name: &str| u32::try_from(at[name].as_u64().unwrap_or(0)).unwrap_or(0);
    let at = snapshot.snapshot().byte_at(Position::new(place("line"), place("character")), Encoding::Utf8);
    let hole = Hole { document, at: ByteOffset(at.0), span: None };
    let roots = [folder.path().to_owned()];
    let timed = |workspace: &Workspace| -> Result<Duration> {
        let begun = Instant::now();
        let told = workspace.explain(&hole, &others, &mut || begun.elapsed() > GATHERING);
        told.map_err(|why| anyhow!("{why:?}"))?;
        Ok(begun.elapsed())
    };
    let cold: Vec<Duration> =
        (0..COLD_ROUNDS).map(|_| timed(&Workspace::new(&roots, &[]))).collect::<Result<_>>()?;
    let workspace = Workspace::new(&roots, &[]).scanned(&mut || false);
    timed(&workspace)?;
    let ready = || -> Result<()> {
        others.iter().for_each(|open| workspace.prepare(open));
        Ok(())
    };
    ready()?;
    let warm: Vec<Duration> = (0..ROUNDS).map(|_| timed(&workspace)).collect::<Result<_>>()?;
    Ok(vec![
        Row::tail("gathering context, 99 %", 20.0, &warm),
        Row::new("… for the first time, nothing made ready, the longest", "ms", 20.0, quantile(&cold, 1.0)),
    ])
}

fn open(path: &Path, text: &str) -> (Open, Document) {
    let mut document = Document::open(Language::from_id("rust"), Version(1), text);
    document.parse(&mut || false);
    (Open { path: Some(path.to_owned()), snapshot: document.snapshot(), edited: Vec::new() }, document)
}
