//! The folder where pulled models are: `ORG/NAME/COMMIT/` for a whole one, `ORG/NAME/COMMIT.partial/` for one that is
//! not, `ORG/NAME/current` for the one that was pulled last.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy;

use super::{
    Manifest, ModelId, PullError, Wanted,
    id::{is_commit, is_hex},
};

/// Which revision a name without one means.
const CURRENT: &str = "current";
/// The ending of a folder that is not whole.
pub(super) const PARTIAL: &str = ".partial";
/// Characters of a commit that name it well enough.
const SHORT: usize = 7;

/// A whole model on this disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// Its folder, as `--model` takes it.
    pub folder: PathBuf,
    /// What is known of it.
    pub manifest: Manifest,
}

impl Pulled {
    /// Where engines keep the same in int8: beside it, and gone with it.
    #[must_use]
    pub fn int8_folder(&self) -> PathBuf {
        int8_folder(&self.folder)
    }
}

fn int8_folder(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".int8");
    folder.with_file_name(name)
}

/// The folder of all.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// Held while a model is pulled or removed.
pub(super) struct Turn(#[expect(dead_code, reason = "held for its lock")] File);

impl Store {
    /// The user's own: `QUICKSILVER_MODELS`, else `quicksilver/models` in the system's cache folder.
    ///
    /// # Errors
    /// [`PullError::Setting`] when the system does not say where that is.
    pub fn open() -> Result<Self, PullError> {
        if let Some(root) = std::env::var_os("QUICKSILVER_MODELS").filter(|root| !root.is_empty()) {
            return Ok(Self::at(root));
        }
        let base = etcetera::choose_base_strategy().map_err(|error| {
            PullError::Setting(format!("no folder for models: {error}; set QUICKSILVER_MODELS to one"))
        })?;
        Ok(Self::at(base.cache_dir().join("quicksilver").join("models")))
    }

    /// One that is elsewhere.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn home(&self, id: &ModelId) -> PathBuf {
        self.root.join(id.org()).join(id.name())
    }

    /// A whole model: what was pulled last, or the revision that is asked for.
    #[must_use]
    pub fn find(&self, wanted: &Wanted) -> Option<Pulled> {
        let home = self.home(&wanted.id);
        let Some(revision) = &wanted.revision else {
            let current = fs::read_to_string(home.join(CURRENT)).ok()?;
            return pulled(home.join(revision_name(current.trim())?));
        };
        let fits = |pulled: &Pulled| {
            let Manifest { revision: is, asked, .. } = &pulled.manifest;
            let short = revision.len() >= SHORT && is_hex(revision) && is.starts_with(revision.as_str());
            short || is == revision || asked == revision
        };
        let mut found: Vec<Pulled> = revisions(&home).into_iter().filter(fits).collect();
        // A branch may have been pulled at several commits: the last one counts.
        let current = fs::read_to_string(home.join(CURRENT)).unwrap_or_default();
        let at = found.iter().position(|pulled| pulled.manifest.revision == current.trim());
        at.map(|at| found.swap_remove(at)).or_else(|| found.pop())
    }

    /// The commit that a name without a revision means, whole or not.
    pub(super) fn commit(&self, id: &ModelId) -> Option<String> {
        let current = fs::read_to_string(self.home(id).join(CURRENT)).ok()?;
        Some(current.trim().to_owned()).filter(|current| is_commit(current))
    }

    /// Every whole model, by name.
    #[must_use]
    pub fn list(&self) -> Vec<Pulled> {
        let homes = folders(&self.root).into_iter().flat_map(|org| folders(&org));
        homes.flat_map(|home| revisions(&home)).collect()
    }

    /// Bytes of a model that lie here and are not yet whole.
    #[must_use]
    pub fn unfinished(&self, id: &ModelId) -> u64 {
        partials(&self.home(id)).iter().map(|folder| bytes_in(folder)).sum()
    }

    /// Deletes a model: one revision of it, or all of it, unfinished files too. Returns the bytes freed.
    ///
    /// # Errors
    /// [`PullError::NotHere`]; [`PullError::Disk`]; [`PullError::Setting`] while it is being pulled.
    pub fn remove(&self, wanted: &Wanted) -> Result<u64, PullError> {
        let home = self.home(&wanted.id);
        let gone: Vec<PathBuf> = match &wanted.revision {
            Some(_) => {
                let found = self.find(wanted).map(|pulled| pulled.folder);
                let int8 = found.as_deref().map(int8_folder).filter(|folder| folder.exists());
                found.into_iter().chain(int8).collect()
            }
            None => folders(&home),
        };
        if gone.is_empty() {
            return Err(PullError::NotHere(wanted.clone()));
        }
        let Some(turn) = self.turn(&wanted.id)? else {
            return Err(PullError::Setting(format!("{} is being pulled; stop that first", wanted.id)));
        };
        let mut freed = 0;
        for folder in gone {
            freed += bytes_in(&folder);
            // First its manifest: if the rest stays behind, it is not taken for whole.
            let _ = fs::remove_file(folder.join(super::manifest::FILE));
            fs::remove_dir_all(&folder).map_err(PullError::disk(&folder))?;
        }
        if revisions(&home).is_empty() && partials(&home).is_empty() {
            drop(turn);
            for file in [CURRENT, LOCK] {
                let _ = fs::remove_file(home.join(file));
            }
            // Only if empty; and the organisation's, if nothing else of it is here.
            let _ = fs::remove_dir(&home);
            let _ = home.parent().map(fs::remove_dir);
        }
        Ok(freed)
    }

    /// The lock of one model; `None` while somebody else has it.
    pub(super) fn turn(&self, id: &ModelId) -> Result<Option<Turn>, PullError> {
        let path = self.home(id).join(LOCK);
        let home = self.home(id);
        fs::create_dir_all(&home).map_err(PullError::disk(&home))?;
        let file = File::options().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(PullError::disk(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Turn(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(PullError::Disk { path, error }),
        }
    }

    /// Makes a partial folder whole: the manifest, the final name, and only then the one that a name means.
    pub(super) fn finish(
        &self,
        id: &ModelId,
        partial: &Path,
        manifest: Manifest,
    ) -> Result<Pulled, PullError> {
        let folder = self.home(id).join(&manifest.revision);
        for entry in fs::read_dir(partial).into_iter().flatten().flatten() {
            // Left over from another commit.
            if !manifest.files.iter().any(|file| *file.name == *entry.file_name()) {
                fs::remove_file(entry.path()).map_err(PullError::disk(entry.path()))?;
            }
        }
        replace(
            &partial.join(super::manifest::FILE),
            &serde_json::to_vec_pretty(&manifest).unwrap_or_default(),
        )?;
        if folder.exists() {
            // Not whole, or nothing would have been pulled.
            fs::remove_dir_all(&folder).map_err(PullError::disk(&folder))?;
        }
        fs::rename(partial, &folder).map_err(PullError::disk(&folder))?;
        self.point(id, &manifest.revision)?;
        Ok(Pulled { folder, manifest })
    }

    /// Says which revision a name without one means.
    pub(super) fn point(&self, id: &ModelId, revision: &str) -> Result<(), PullError> {
        replace(&self.home(id).join(CURRENT), revision.as_bytes())
    }
}

const LOCK: &str = "lock";

/// Writes a file whole or not at all.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), PullError> {
    let draft = path.with_extension("new");
    let write = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::create(&draft)?;
        std::io::Write::write_all(&mut file, bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().map_err(PullError::disk(path))
}

/// Bytes that can still be written to the disk of `folder`; `None` where the system is not asked (Windows): there a
/// full disk is met while writing, and what is written stays.
#[must_use]
pub fn free_bytes(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let disk = rustix::fs::statvfs(folder).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

/// Bytes for people, as disks are sold: in powers of ten.
#[must_use]
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

fn revision_name(text: &str) -> Option<&str> {
    let local = text.strip_prefix("local-").is_some_and(|digest| digest.len() == 12 && is_hex(digest));
    (is_commit(text) || local).then_some(text)
}

fn pulled(folder: PathBuf) -> Option<Pulled> {
    let manifest = Manifest::of(&folder)?;
    (folder.file_name()?.to_str()? == manifest.revision).then_some(Pulled { folder, manifest })
}

pub(super) fn revisions(home: &Path) -> Vec<Pulled> {
    folders(home).into_iter().filter_map(pulled).collect()
}

pub(super) fn partials(home: &Path) -> Vec<PathBuf> {
    let unfinished = |folder: &PathBuf| folder.to_string_lossy().ends_with(PARTIAL);
    folders(home).into_iter().filter(unfinished).collect()
}

/// The folders in a folder, by name; links are not followed.
fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).into_iter().flatten().flatten();
    let real = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut found: Vec<PathBuf> = real.map(|entry| entry.path()).collect();
    found.sort();
    found
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|about| about.len()).sum()
}
