//! The binary under test, and a home of its own for each process that a test starts.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The built `quicksilver`: `QUICKSILVER_BIN`, or the one beside this test's own executable.
///
/// # Panics
/// When there is none; the message says how to build it.
#[must_use]
pub fn quicksilver() -> PathBuf {
    if let Some(path) = std::env::var_os("QUICKSILVER_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().unwrap_or_default();
    let built = test.ancestors().skip(1).map(|folder| folder.join("quicksilver")).find(|path| path.is_file());
    built.unwrap_or_else(|| panic!("no `quicksilver` beside {}: cargo build --release", test.display()))
}

/// A home folder that is gone when the test is: no test sees the user's engine, settings or files.
#[derive(Debug)]
pub struct Home(tempfile::TempDir);

impl Home {
    /// A new, empty one.
    ///
    /// # Panics
    /// When no temporary folder can be made.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("qs").tempdir();
        Self(folder.unwrap_or_else(|error| panic!("no temporary folder: {error}")))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The binary, to be started in this home.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(quicksilver());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path());
        for name in ["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "TMPDIR"] {
            command.env(name, self.path());
        }
        // Not the runtime folder, which is for this user alone.
        command.env("XDG_CACHE_HOME", self.path().join(".cache"));
        command
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}
