//! How the language servers of one user find the engine they share: a lock, so that one starts it and the
//! others join it, and a file with its address and key that only this user can read.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use quicksilver_protocol::engine::Ready;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{AskError, Local, Secret};

const POLL: Duration = Duration::from_millis(20);
/// Unix socket addresses have 108 bytes, the closing NUL included; some systems have 104.
const MAX_SOCKET_PATH: usize = 103;

/// One engine's meeting place: by version, executable, model, and how it computes.
pub(super) struct Rendezvous {
    folder: PathBuf,
    name: String,
}

/// What a server writes down for the others.
#[derive(Serialize, Deserialize)]
pub(super) struct Notice {
    pub(super) ready: Ready,
    key: String,
}

impl Notice {
    pub(super) fn new(ready: Ready, key: &Secret) -> Self {
        Self { ready, key: key.expose().to_owned() }
    }

    pub(super) fn key(&self) -> Secret {
        Secret::new(&self.key)
    }
}

/// Held while joining or starting.
pub(super) struct Turn(#[expect(dead_code, reason = "held for its lock")] File);

impl Rendezvous {
    pub(super) fn open(local: &Local) -> Result<Self, AskError> {
        let folder = folder().map_err(|error| {
            AskError::CannotStart(format!("no private folder for the engine's socket: {error}"))
        })?;
        // A rebuilt executable is another engine, though the version is the same.
        let built = fs::metadata(&local.program).and_then(|file| file.modified()).ok();
        let what = format!("{}\n{built:?}\n{:?}\n{:?}", local.program.display(), local.model, local.how);
        let name = format!("engine-{}-{:016x}", env!("CARGO_PKG_VERSION"), fnv1a(what.as_bytes()));
        Ok(Self { folder, name })
    }

    /// Waits for the lock; whoever holds it is starting the engine, which may take as long as a model takes.
    pub(super) async fn turn(&self, within: Duration) -> Result<Turn, AskError> {
        let until = Instant::now() + within;
        let file = private(&self.path("lock")).map_err(|error| self.cannot("lock", &error))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Turn(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < until => tokio::time::sleep(POLL).await,
                Err(TryLockError::WouldBlock) => return Err(AskError::Timeout(within)),
                Err(TryLockError::Error(error)) => return Err(self.cannot("lock", &error)),
            }
        }
    }

    /// The engine that was here last; it may be gone by now.
    pub(super) fn notice(&self) -> Option<Notice> {
        let text = fs::read(self.path("json")).ok()?;
        let notice: Notice = serde_json::from_slice(&text).ok()?;
        (notice.ready.version == env!("CARGO_PKG_VERSION")).then_some(notice)
    }

    pub(super) fn announce(&self, notice: &Notice) -> Result<(), AskError> {
        let (draft, path) = (self.path("json.new"), self.path("json"));
        let write = || -> io::Result<()> {
            let _ = fs::remove_file(&draft);
            private(&draft)?.write_all(&serde_json::to_vec(notice)?)?;
            fs::rename(&draft, &path)
        };
        write().map_err(|error| self.cannot("json", &error))
    }

    /// Where the next engine is to listen. Each has a name of its own, so that one that is just ending and its
    /// successor do not take each other's.
    pub(super) fn address(&self, unique: &str) -> String {
        let path = self.folder.join(format!("{unique}.sock"));
        if cfg!(unix) && path.as_os_str().len() <= MAX_SOCKET_PATH {
            format!("unix:{}", path.display())
        } else {
            "127.0.0.1:0".to_owned()
        }
    }

    /// The engine's log; emptied at each start.
    pub(super) fn log(&self) -> Result<File, AskError> {
        let file = private(&self.path("log")).map_err(|error| self.cannot("log", &error))?;
        file.set_len(0).map_err(|error| self.cannot("log", &error))?;
        Ok(file)
    }

    /// The last lines of the log that tell of trouble, to say why an engine died.
    pub(super) fn last_words(&self) -> String {
        let text = fs::read(self.path("log")).unwrap_or_default();
        last_words(&String::from_utf8_lossy(&text))
    }

    fn path(&self, kind: &str) -> PathBuf {
        self.folder.join(format!("{}.{kind}", self.name))
    }

    fn cannot(&self, kind: &str, error: &io::Error) -> AskError {
        AskError::CannotStart(format!("{}: {error}", self.path(kind).display()))
    }
}

/// The last lines of a log but for those about its daily work.
fn last_words(log: &str) -> String {
    let is_daily = |line: &str| {
        let level = line.split_whitespace().nth(1);
        matches!(level, Some("INFO" | "DEBUG" | "TRACE"))
    };
    let tells = |line: &&str| !line.trim().is_empty() && !is_daily(line);
    let lines: Vec<&str> = log.lines().rev().filter(tells).take(3).collect();
    // A command names itself in its last line; whoever reads this knows which one it was.
    let lines = lines.into_iter().rev().map(|line| line.strip_prefix("quicksilver: ").unwrap_or(line));
    lines.collect::<Vec<_>>().join(" / ")
}

/// Which settings share an engine; a hash that stays the same across builds, and guards nothing.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Opens for writing, makes it for this user alone, follows no link.
fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// The system's own folder for such things; else one under the temporary folder that must be ours alone.
#[cfg(unix)]
fn folder() -> io::Result<PathBuf> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    let user = rustix::process::getuid().as_raw();
    let folder = match std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from) {
        Some(runtime) if runtime.is_absolute() && runtime.is_dir() => runtime.join("quicksilver"),
        _ => std::env::temp_dir().join(format!("quicksilver-{user}")),
    };
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Somebody else may have made it first, in a folder that all can write to.
    let found = fs::symlink_metadata(&folder)?;
    if found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0 {
        Ok(folder)
    } else {
        let why = format!("{} is not a folder for this user alone; remove it", folder.display());
        Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
    }
}

#[cfg(not(unix))]
fn folder() -> io::Result<PathBuf> {
    // The temporary folder is the user's own there.
    let folder = std::env::temp_dir().join("quicksilver");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::last_words;

    #[test]
    fn why_an_engine_died_is_not_what_it_did_all_day() {
        let daily = "2026-11-25T11:03:35Z  INFO engine::http: answered id=1\n";
        assert_eq!(last_words(&daily.repeat(3)), "");
        let log = format!(
            "{daily}2026-11-25T11:03:36Z ERROR engine::queue: device lost\nquicksilver: no device\n\n{daily}"
        );
        assert_eq!(last_words(&log), "2026-11-25T11:03:36Z ERROR engine::queue: device lost / no device");
    }
}
