//! Whether a project passes its own tests with an answer in the hole, in a copy of the project. The command runs with all
//! that the user may do: no sandbox, only a time limit. So the copy, not the project, is what a bad fill can break first.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tempfile::TempDir;
use tokio::process::Command;

use super::{
    EvalError,
    python::Ending,
    repository::{Repository, files},
};

/// A copy of a project and the command that tests it.
pub struct Trial {
    copy: TempDir,
    /// For each hole: its file in the copy, and the file's own text.
    files: Vec<(PathBuf, String)>,
    command: String,
    limit: Duration,
}

impl Trial {
    /// Copies what is not ignored, and sees that the tests pass there as it is. `limit` is the wall time of a run; the first
    /// one, which may have to build everything, gets ten times as much.
    ///
    /// # Errors
    /// [`EvalError::File`], and [`EvalError::Trial`] with the command's last words.
    pub async fn new(
        root: &Path,
        project: &Repository,
        holes: usize,
        command: &str,
        limit: Duration,
    ) -> Result<Self, EvalError> {
        let root = root.canonicalize().map_err(EvalError::file(root))?;
        let copy = tempfile::tempdir().map_err(EvalError::file(&std::env::temp_dir()))?;
        for from in files(&root) {
            let to = copy.path().join(from.strip_prefix(&root).unwrap_or(&from));
            let copied =
                to.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::copy(&from, &to));
            copied.map_err(EvalError::file(&from))?;
        }
        let own = (0..holes).filter_map(|hole| project.file(hole)).map(|(path, text)| {
            (copy.path().join(path.strip_prefix(&root).unwrap_or(&path)), text.to_owned())
        });
        let trial = Self { files: own.collect(), copy, command: command.to_owned(), limit };
        match trial.test(10 * limit).await? {
            Ending::Passed => Ok(trial),
            Ending::Failed(why) => Err(EvalError::Trial(why)),
            Ending::Late | Ending::Loud => Err(EvalError::Trial(format!(
                "it takes longer than {} s; give it more with --test-seconds",
                10 * limit.as_secs()
            ))),
        }
    }

    /// The command and its limit, for reports.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("`{}` in a copy, {} s, not sandboxed", self.command, self.limit.as_secs())
    }

    /// Runs the tests with `text` as the file of a hole, and puts the file back.
    ///
    /// # Errors
    /// [`EvalError::File`].
    pub async fn run(&mut self, hole: usize, text: &str) -> Result<Ending, EvalError> {
        let (path, own) =
            self.files.get(hole).ok_or_else(|| EvalError::Trial(format!("there is no hole {hole}")))?;
        std::fs::write(path, text).map_err(EvalError::file(path))?;
        let ending = self.test(self.limit).await;
        std::fs::write(path, own).map_err(EvalError::file(path))?;
        ending
    }

    async fn test(&self, limit: Duration) -> Result<Ending, EvalError> {
        let mut command = if cfg!(windows) { Command::new("cmd") } else { Command::new("sh") };
        command.arg(if cfg!(windows) { "/C" } else { "-c" }).arg(&self.command);
        command
            .current_dir(self.copy.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.kill_on_drop(true);
        // So that a command that is late goes with everything it started.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| EvalError::Trial(error.to_string()))?;
        match tokio::time::timeout(limit, child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(Ending::Passed),
            Ok(Ok(status)) => Ok(Ending::Failed(format!("{}: {status}", self.command))),
            Ok(Err(error)) => Err(EvalError::Trial(error.to_string())),
            Err(_) => {
                end_group(&child);
                let _ = child.kill().await;
                Ok(Ending::Late)
            }
        }
    }
}

#[cfg(unix)]
fn end_group(child: &tokio::process::Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn end_group(_: &tokio::process::Child) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{cut::Kind, packages::Drawing};

    #[tokio::test]
    async fn a_fill_is_tried_in_a_copy_and_taken_back() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let text: String = (0..60).map(|n| format!("let value_{n} = compute({n});\n")).collect();
        std::fs::write(folder.path().join("a.rs"), &text)?;
        let drawing = Drawing { holes: 1, kinds: vec![Kind::Line], languages: Vec::new(), seed: 1 };
        let project = Repository::read(folder.path(), &drawing)?;
        let limit = Duration::from_secs(1);
        let new = async |command: &'static str| Trial::new(folder.path(), &project, 1, command, limit).await;
        let mut trial = new("! grep -q broken a.rs").await?;
        assert_eq!(
            trial.run(0, "broken").await?,
            Ending::Failed("! grep -q broken a.rs: exit status: 1".into())
        );
        assert_eq!(trial.run(0, "as good").await?, Ending::Passed);
        assert_eq!(std::fs::read_to_string(folder.path().join("a.rs"))?, text);
        assert_eq!(std::fs::read_to_string(trial.copy.path().join("a.rs"))?, text);
        let mut slow = new("! grep -q broken a.rs || sleep 60").await?;
        assert_eq!(slow.run(0, "broken").await?, Ending::Late);
        assert!(new("false").await.is_err_and(|error| error.to_string().contains("untouched copy")));
        Ok(())
    }
}
