//! What may block, or take its time, away from the threads that answer: the disk is asked in threads of their own where documents
//! are stored. What it does not say in time stays out of a request.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use super::Silence;
use crate::context::{Open, Workspace};

/// Time for the disk to say where documents are stored. It is asked when they are opened, so this is seldom used up.
const LOOKING_UP: Duration = Duration::from_millis(5);
/// How often it is looked whether the disk has said it.
const LOOK: Duration = Duration::from_millis(1);

/// Those of `others` that the disk has said of where they are stored, once it has said that `own` may be told. A document
/// that earlier requests waited for in vain is not waited for again.
///
/// # Errors
/// Why the document at `own` is told to nobody, or that it is not known yet.
pub(super) async fn settled(
    workspace: &Arc<Workspace>,
    own: Option<&Path>,
    mut others: Vec<Open>,
) -> Result<Vec<Open>, Silence> {
    let all = own.into_iter().chain(others.iter().filter_map(|open| open.path.as_deref()));
    let sought: Vec<PathBuf> = all.filter(|path| workspace.seek(path)).map(Path::to_path_buf).collect();
    // A thread each: one that the disk keeps waiting must not keep the others.
    for path in &sought {
        let (workspace, path) = (Arc::clone(workspace), path.clone());
        tokio::task::spawn_blocking(move || workspace.look_up(&path));
    }
    let knows = |path: &Path| workspace.verdict(path).is_some();
    let until = Instant::now() + LOOKING_UP;
    while !own.into_iter().chain(sought.iter().map(PathBuf::as_path)).all(knows) && Instant::now() < until {
        tokio::time::sleep(LOOK).await;
    }
    if let Some(own) = own {
        let verdict = workspace.verdict(own).ok_or(Silence::SlowDisk)?;
        verdict.map_err(|why| Silence::Excluded(why.to_string()))?;
    }
    others.retain(|open| open.path.as_deref().is_none_or(knows));
    Ok(others)
}

/// Runs what takes its time, or may block, in a thread of its own.
///
/// # Errors
/// When it panicked.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Silence> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Silence::EngineError(format!("the request could not be put together: {error}")))
}
