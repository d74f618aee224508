//! The outside of the sandbox: finds Python once, and has programs run by it, each in a process of its own and an empty
//! temporary folder, with a time limit. It must not know what a program tests.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{io::AsyncReadExt, process::Command};

use super::{
    EvalError,
    sandbox::{ENFORCED, NOT_SHUT_IN},
};

/// Bytes of what a program says that are kept; it is killed for saying more.
const MAX_SAID_BYTES: u64 = 64 * 1024;
/// How long Python may take to say where it is.
const FIND_TIMEOUT: Duration = Duration::from_secs(20);
/// Wall time for a second of processor time: a busy machine must not change a verdict.
const WALL: u32 = 3;
/// Printed by a program that came to its end: an exit code alone could be an early exit's.
const REACHED: &str = "quicksilver: reached the end";
/// What interpreters read besides their own folders; those that are not there are left out.
const SYSTEM: [&str; 9] = [
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/null",
    "/dev/urandom",
];

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It came to its end.
    Passed,
    /// It failed; the last line it said.
    Failed(String),
    /// It took too long.
    Late,
    /// It said too much.
    Loud,
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed(why) => f.write_str(why),
            Self::Late => f.write_str("took too long"),
            Self::Loud => f.write_str("said too much"),
        }
    }
}

/// A Python interpreter and the sandbox that it runs in.
#[derive(Clone, Debug)]
pub struct Python {
    /// The executable that shuts processes in: our own, but for tests.
    gaoler: PathBuf,
    interpreter: PathBuf,
    read: Vec<PathBuf>,
    version: String,
    limit: Duration,
}

impl Python {
    /// Finds `interpreter` (a name on the path, or a path) and sees that the sandbox holds on this machine; `limit` is each
    /// program's processor time, and a third of its wall time.
    ///
    /// # Errors
    /// [`EvalError::NoPython`] and [`EvalError::NoSandbox`], with what to do.
    pub async fn find(gaoler: PathBuf, interpreter: &str, limit: Duration) -> Result<Self, EvalError> {
        const WHERE: &str = "import sys\nprint(sys.executable, sys.base_prefix, sys.prefix, sys.version.split()[0], sep='\\n')";
        let missing = |why: String| EvalError::NoPython { name: interpreter.to_owned(), why };
        let mut asked = Command::new(interpreter);
        asked.args(["-I", "-c", WHERE]).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let said = tokio::time::timeout(FIND_TIMEOUT, asked.output()).await;
        let said = said
            .map_err(|_| missing("it does not answer".to_owned()))?
            .map_err(|error| missing(error.to_string()))?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let [executable, base, prefix, version] = said.lines().collect::<Vec<_>>()[..] else {
            return Err(missing("it does not say where it is".to_owned()));
        };
        let executable = PathBuf::from(executable);
        // The folders that hold the executable and what it links to, not only its name on the path.
        let real = executable.canonicalize().unwrap_or_else(|_| executable.clone());
        let own = [Path::new(base), Path::new(prefix)]
            .into_iter()
            .flat_map(|prefix| ["lib", "lib64", "bin"].map(|part| prefix.join(part)));
        let read = own.chain([executable.clone(), real]).chain(SYSTEM.map(PathBuf::from)).collect();
        let python = Self { gaoler, interpreter: executable, read, version: version.to_owned(), limit };
        match python.run("import os\nassert os.listdir('.') == ['program.py']").await? {
            Ending::Passed => Ok(python),
            Ending::Failed(why) => Err(EvalError::NoSandbox(why)),
            Ending::Late | Ending::Loud => {
                Err(EvalError::NoSandbox("a program that does nothing does not end".to_owned()))
            }
        }
    }

    /// The interpreter and what is enforced, for reports.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("Python {}, {} s of processor a program: {ENFORCED}", self.version, self.limit.as_secs())
    }

    /// Runs a program to its end, or to its limits.
    ///
    /// # Errors
    /// [`EvalError::NoSandbox`] when it could not be shut in; then it did not run.
    pub async fn run(&self, program: &str) -> Result<Ending, EvalError> {
        let cannot = |error: std::io::Error| EvalError::NoSandbox(error.to_string());
        let folder = tempfile::tempdir().map_err(cannot)?;
        let file = folder.path().join("program.py");
        std::fs::write(&file, format!("{program}\nprint({REACHED:?})\n")).map_err(cannot)?;
        let mut command = self.command(folder.path());
        let mut child = command.spawn().map_err(cannot)?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let run = async {
            // Nothing waits for a program that talks on: it is killed below.
            let (out, err) = tokio::try_join!(hear(out), hear(err)).ok()?;
            Some((out, err, child.wait().await.ok()?))
        };
        let ended = tokio::time::timeout(WALL * self.limit, run).await;
        let _ = child.kill().await;
        let Ok(ended) = ended else { return Ok(Ending::Late) };
        let Some((out, err, status)) = ended else { return Ok(Ending::Loud) };
        let last = String::from_utf8_lossy(&err)
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default()
            .to_owned();
        if status.code() == Some(NOT_SHUT_IN.into()) {
            return Err(EvalError::NoSandbox(last.trim_start_matches("quicksilver: ").to_owned()));
        }
        if status.success() && String::from_utf8_lossy(&out).lines().last() == Some(REACHED) {
            return Ok(Ending::Passed);
        }
        // The processor's time is up: the system has killed it.
        if last.is_empty() && status.code().is_none() {
            return Ok(Ending::Late);
        }
        Ok(Ending::Failed(last.chars().take(200).collect()))
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.gaoler);
        let seconds = self.limit.as_secs();
        command.arg("sandbox").arg("--cpu-s").arg(seconds.to_string()).arg("--write").arg(folder);
        for path in &self.read {
            command.arg("--read").arg(path);
        }
        // Isolated, without site packages, leaving no compiled files behind.
        let arguments = ["-I", "-S", "-B", "program.py"].map(OsString::from);
        command.arg("--").arg(&self.interpreter).args(arguments);
        command
            .env_clear()
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

/// What is said to its end.
///
/// # Errors
/// When it is more than is kept.
async fn hear(from: Option<impl tokio::io::AsyncRead + Unpin>) -> Result<Vec<u8>, ()> {
    let mut said = Vec::new();
    if let Some(from) = from {
        let _ = from.take(MAX_SAID_BYTES + 1).read_to_end(&mut said).await;
    }
    if said.len() as u64 > MAX_SAID_BYTES { Err(()) } else { Ok(said) }
}
