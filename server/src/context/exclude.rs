//! The one gate: which files are never told to any engine, whoever asks. It reads ignore files through the
//! guarded reader and must not know what would be sent.
//!
//! When in doubt it says no: an ignore file that is there and cannot be read excludes what it stands beside.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustc_hash::FxHashMap;

use super::reader::{Reader, Refused, resolve};

/// The ignore file of our own, in the form of `.gitignore`.
pub const IGNORE_FILE: &str = ".quicksilverignore";

/// Names of files that hold secrets: the union of what Zed and Continue keep back by default. Case does not
/// count. Continue's `env/`, `keys/`, `private/` and `.tmp/` are left out: they hold source code at least as
/// often, and what is secret in them has the name or the shape of a secret.
pub const SECRET_FILES: [&str; 68] = [
    ".env",
    ".env.*",
    "*.env",
    "*.env.*",
    ".envrc",
    ".dev.vars",
    ".dev.vars.*",
    "*.key",
    "*.pem",
    "*.p12",
    "*.pfx",
    "*.p8",
    "*.crt",
    "*.cer",
    "*.cert",
    "*.der",
    "*.jks",
    "*.keystore",
    "*.truststore",
    "*.ppk",
    "*.gpg",
    "*.pgp",
    "*.asc",
    "*.kdbx",
    "*.ovpn",
    "*.mobileprovision",
    "*.db",
    "*.sqlite",
    "*.sqlite3",
    "*.mdb",
    "*.accdb",
    "*.secret",
    "*.secrets",
    "secrets.*",
    "secret.*",
    "credentials",
    "credentials.*",
    "*.token",
    ".token",
    "auth.json",
    "config.json",
    "config.yaml",
    "config.yml",
    "settings.json",
    "appsettings.json",
    "appsettings.*.json",
    "docker-compose.override.yml",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    ".git-credentials",
    ".dockercfg",
    "terraform.tfvars",
    "*.auto.tfvars",
    "*.tfstate",
    "*.tfstate.*",
    "*.bak",
    "*.backup",
    "*.old",
    "*.orig",
];

/// Folders that hold secrets.
pub const SECRET_FOLDERS: [&str; 13] = [
    ".ssh",
    ".aws",
    ".gcp",
    ".azure",
    ".kube",
    ".docker",
    ".gnupg",
    ".gpg",
    ".secrets",
    "secrets",
    ".private",
    "certs",
    "certificates",
];

/// Why a file is never told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excluded {
    /// Its name is a secret's: the pattern.
    Secret(String),
    /// The setting `exclude` names it: the pattern.
    Setting(String),
    /// This ignore file names it.
    Ignored(PathBuf),
    /// An ignore file beside or above it cannot be read.
    Unreadable(PathBuf),
}

impl fmt::Display for Excluded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(glob) => write!(f, "files named `{glob}` may hold secrets"),
            Self::Setting(glob) => write!(f, "the setting `exclude` names `{glob}`"),
            Self::Ignored(file) => write!(f, "{} names it", file.display()),
            Self::Unreadable(file) => write!(f, "{} cannot be read", file.display()),
        }
    }
}

/// The gate of one workspace. Ignore files are read once; make a new gate when they may have changed.
#[derive(Debug)]
pub struct Exclude {
    reader: Reader,
    secret: Globs,
    setting: Globs,
    /// What the ignore files of a folder say.
    folders: Mutex<FxHashMap<PathBuf, Arc<Vec<Rules>>>>,
}

#[derive(Debug)]
enum Rules {
    Of(PathBuf, Gitignore),
    Unreadable(PathBuf),
}

impl Exclude {
    /// A gate for what is under the reader's roots; `extra` are the user's globs. One that is no glob excludes
    /// what it names literally.
    pub fn new(reader: Reader, extra: &[String]) -> Self {
        let folders = SECRET_FOLDERS.map(|folder| format!("{folder}/**"));
        let secret = SECRET_FILES.iter().map(|glob| (*glob).to_owned()).chain(folders);
        Self {
            reader,
            secret: Globs::new(secret.collect()),
            setting: Globs::new(extra.to_vec()),
            folders: Mutex::default(),
        }
    }

    /// Whether the file at `path` may be told. Its name counts as given and without symlinks.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, path: &Path) -> Result<(), Excluded> {
        let real = resolve(path);
        for path in [path, &real] {
            if let Some(glob) = self.secret.matching(path) {
                return Err(Excluded::Secret(glob));
            }
            if let Some(glob) = self.setting.matching(path) {
                return Err(Excluded::Setting(glob));
            }
        }
        self.ignored(&real)
    }

    /// Asks the ignore files from the file's folder up to its root; the nearest that has a say decides.
    fn ignored(&self, real: &Path) -> Result<(), Excluded> {
        let Some(root) = self
            .reader
            .roots()
            .iter()
            .filter(|root| real.starts_with(root))
            .max_by_key(|r| r.as_os_str().len())
        else {
            return Ok(());
        };
        for folder in real.ancestors().skip(1).take_while(|folder| folder.starts_with(root)) {
            for rules in self.rules(folder).iter() {
                let (file, rules) = match rules {
                    Rules::Of(file, rules) => (file, rules),
                    Rules::Unreadable(file) => return Err(Excluded::Unreadable(file.clone())),
                };
                let verdict = rules.matched_path_or_any_parents(real, false);
                if verdict.is_ignore() {
                    return Err(Excluded::Ignored(file.clone()));
                }
                if verdict.is_whitelist() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn rules(&self, folder: &Path) -> Arc<Vec<Rules>> {
        let folders = || self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = folders().get(folder) {
            return Arc::clone(rules);
        }
        // Read without the lock: a folder of a disk that hangs must not keep the others waiting.
        let rules: Vec<Rules> = [IGNORE_FILE, ".gitignore", ".git/info/exclude"]
            .iter()
            .filter_map(|name| self.read(folder, name))
            .collect();
        let rules = Arc::new(rules);
        // Whoever was first has said it.
        Arc::clone(folders().entry(folder.to_owned()).or_insert(rules))
    }

    fn read(&self, folder: &Path, name: &str) -> Option<Rules> {
        let path = folder.join(name);
        let text = match self.reader.read(&path) {
            Ok(file) => file.text,
            // Nothing there, or a folder of that name.
            Err(Refused::Missing | Refused::NoFile) => return None,
            Err(_) => return Some(Rules::Unreadable(path)),
        };
        let mut builder = GitignoreBuilder::new(folder);
        for line in text.lines() {
            // A line that is no pattern says nothing; the others count.
            let _ = builder.add_line(None, line);
        }
        Some(
            builder
                .build()
                .map_or_else(|_| Rules::Unreadable(path.clone()), |rules| Rules::Of(path.clone(), rules)),
        )
    }
}

/// Globs, each matched against a whole path and against every tail of it.
#[derive(Debug)]
struct Globs {
    set: GlobSet,
    names: Vec<String>,
}

impl Globs {
    fn new(globs: Vec<String>) -> Self {
        let mut set = GlobSetBuilder::new();
        let mut names = Vec::new();
        for name in globs {
            let tail = name.trim_start_matches('/');
            let tail = if tail.ends_with('/') { format!("{tail}**") } else { tail.to_owned() };
            let glob = |pattern: &str| {
                GlobBuilder::new(pattern).case_insensitive(true).literal_separator(true).build()
            };
            let anywhere = format!("**/{}", tail.trim_start_matches("**/"));
            let literal = || glob(&format!("**/{}", globset::escape(&name)));
            if let Ok(glob) = glob(&anywhere).or_else(|_| literal()) {
                set.add(glob);
                names.push(name);
            }
        }
        // Too many or too large user globs: then nothing passes.
        let all = || GlobSet::new(GlobBuilder::new("**").build()).unwrap_or_default();
        Self { set: set.build().unwrap_or_else(|_| all()), names }
    }

    fn matching(&self, path: &Path) -> Option<String> {
        let at = self.set.matches(path).first().copied()?;
        Some(self.names.get(at).cloned().unwrap_or_default())
    }
}
