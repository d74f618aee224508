//! A model onto this disk: commit, licence, listing, space, files, and last the manifest and the name.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};

use super::{
    Hub, Manifest, ModelId, PullError, Pulled, PulledFile, Store, Wanted, catalogue,
    id::is_commit,
    licence::{Acceptances, is_open},
    listing::{self, Entry, INDEX},
    store::{PARTIAL, Turn, free_bytes, partials, revisions},
    transfer::{self, Source},
};

/// How often to look whether another pull of the same model has ended.
const POLL: Duration = Duration::from_millis(100);
/// Characters of a commit that are shown.
const SHOWN: usize = 12;
/// Bytes of the disk that are left free.
const SPARE_BYTES: u64 = 64 * 1024 * 1024;

/// Who is told how far a pull is, and is asked.
pub trait Watch {
    /// Something for people.
    fn say(&self, what: &str);
    /// So many files, so many bytes in all, some of which may be here already.
    fn plan(&self, files: usize, bytes: u64);
    /// So many of a file's bytes are here; fewer than before if it begins anew.
    fn have(&self, file: &str, bytes: u64, of: u64);
    /// Whether the user accepts a licence that restricts use, to be read at `page`.
    fn accepts(&self, id: &ModelId, licence: &str, page: &str) -> bool;
}

/// What a pull needs.
pub struct Pull<'a> {
    /// Where models go.
    pub store: &'a Store,
    /// Where they come from.
    pub hub: &'a Hub,
    /// Who is told.
    pub watch: &'a dyn Watch,
}

impl Pull<'_> {
    /// Pulls a model from the hub. What is here already is not fetched again; what was interrupted goes on. Without a
    /// revision, a model that is here stays at its commit, and a known one comes at the commit that the catalogue pins.
    ///
    /// # Errors
    /// See [`PullError`]; what was fetched stays for the next time.
    pub async fn from_hub(&self, wanted: &Wanted) -> Result<Pulled, PullError> {
        let Self { store, hub, watch } = self;
        let id = &wanted.id;
        if let (None, Some(here)) =
            (&wanted.revision, store.find(wanted).filter(|here| is_commit(&here.manifest.revision)))
        {
            let at = here.manifest.revision.get(..SHOWN).unwrap_or_default();
            watch.say(&format!(
                "{id} is here at commit {at} and stays there; {id}@main would fetch the newest"
            ));
            return Ok(here);
        }
        let wanted = &self.settled(wanted);
        let info = hub.info(wanted).await?;
        let asked = wanted.revision.as_deref().unwrap_or("main");
        self.licence(id, info.licence.as_deref())?;
        let _turn = self.turn(id).await?;
        let commit = Wanted { id: id.clone(), revision: Some(info.commit.clone()) };
        if let Some(pulled) = store.find(&commit) {
            store.point(id, &info.commit)?;
            return Ok(pulled);
        }
        let entries = hub.listing(id, &info.commit).await?;
        let small = listing::small(id, &entries)?;
        let folder = self.partial(id, &info.commit, &entries)?;
        let source = Source { hub, id, commit: &info.commit };
        let unweighed: u64 = small.iter().map(|entry| entry.bytes).sum();
        self.space(&folder, unweighed)?;
        let mut files = Vec::new();
        for entry in &small {
            files.push(transfer::fetch(&source, entry, &folder, *watch).await?);
        }
        let weights = listing::weights(id, &entries, read_index(&folder)?.as_deref())?;
        let total = weights.iter().fold(unweighed, |sum, entry| sum.saturating_add(entry.bytes));
        watch.plan(small.len() + weights.len(), total);
        weights.iter().for_each(|entry| self.borrow(id, entry, &folder));
        self.space(&folder, missing(&folder, &weights))?;
        for entry in &small {
            watch.have(&entry.path, entry.bytes, entry.bytes);
        }
        for entry in &weights {
            files.push(transfer::fetch(&source, entry, &folder, *watch).await?);
        }
        self.finish(id, &folder, info.commit.clone(), asked, info.licence, hub.address(), files)
    }

    /// Takes a model from a folder, a snapshot of another program's cache for example.
    ///
    /// # Errors
    /// See [`PullError`].
    pub async fn from_folder(&self, wanted: &Wanted, from: &Path) -> Result<Pulled, PullError> {
        let id = &wanted.id;
        self.licence(id, None)?;
        let entries = in_folder(from)?;
        let small = listing::small(id, &entries)?;
        let weights = listing::weights(id, &entries, read_index(from)?.as_deref())?;
        let all: Vec<&Entry> = small.iter().chain(&weights).collect();
        let _turn = self.turn(id).await?;
        let folder = self.store.home(id).join(format!("local{PARTIAL}"));
        fs::create_dir_all(&folder).map_err(PullError::disk(&folder))?;
        let total = all.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.bytes));
        self.watch.plan(all.len(), total);
        self.space(&folder, total)?;
        let copy = |entry: &&Entry| transfer::copy(&from.join(&entry.path), entry, &folder, self.watch);
        let files: Vec<PulledFile> = all.iter().map(copy).collect::<Result<_, _>>()?;
        // A snapshot's folder is named by its commit; any other is named by what is in it.
        let name = from.canonicalize().ok().and_then(|from| Some(from.file_name()?.to_str()?.to_owned()));
        let revision = name.filter(|name| is_commit(name)).unwrap_or_else(|| {
            let digests: Vec<&str> = files.iter().map(|file| file.sha256.as_str()).collect();
            let all = transfer::hex(&Sha256::digest(digests.join(" ")));
            format!("local-{}", all.get(..12).unwrap_or_default())
        });
        let asked = wanted.revision.as_deref().unwrap_or("local");
        self.finish(id, &folder, revision, asked, None, &from.display().to_string(), files)
    }

    /// Without a revision: the commit that was pulled last, if it is damaged; else the catalogue's.
    fn settled(&self, wanted: &Wanted) -> Wanted {
        let id = &wanted.id;
        let pinned = || {
            let pin = catalogue::find(id)?.pin?;
            let at = pin.get(..SHOWN).unwrap_or_default();
            self.watch.say(&format!(
                "{id} at commit {at}, the one that this version pins; {id}@main is the newest"
            ));
            Some(pin.to_owned())
        };
        let asked = wanted.revision.clone();
        Wanted { id: id.clone(), revision: asked.or_else(|| self.store.commit(id)).or_else(pinned) }
    }

    #[expect(clippy::too_many_arguments, reason = "a manifest's parts, each used once")]
    fn finish(
        &self,
        id: &ModelId,
        folder: &Path,
        revision: String,
        asked: &str,
        licence: Option<String>,
        from: &str,
        files: Vec<PulledFile>,
    ) -> Result<Pulled, PullError> {
        let known = catalogue::find(id).map(|known| known.licence.to_owned());
        let manifest = Manifest {
            id: id.to_string(),
            revision,
            asked: asked.to_owned(),
            licence: licence.or(known).unwrap_or_default(),
            from: from.to_owned(),
            files,
        };
        self.store.finish(id, folder, manifest)
    }

    /// A licence that restricts use is accepted once, whichever of hub and catalogue states it.
    fn licence(&self, id: &ModelId, stated: Option<&str>) -> Result<(), PullError> {
        let known = catalogue::find(id).map(|known| known.licence);
        let strict = [known, stated].into_iter().flatten().find(|licence| !is_open(licence));
        let none = known.is_none() && stated.is_none();
        let Some(licence) = strict.or(none.then_some("none stated")) else { return Ok(()) };
        let mut accepted = Acceptances::read(self.store.root().join("accepted.json"));
        if accepted.has(id, licence) {
            return Ok(());
        }
        let page = self.hub.page(id);
        if self.watch.accepts(id, licence, &page) {
            accepted.add(id, licence)
        } else {
            Err(PullError::Licence { id: id.clone(), licence: licence.to_owned(), page })
        }
    }

    /// Waits until nobody else pulls this model.
    async fn turn(&self, id: &ModelId) -> Result<Turn, PullError> {
        let mut told = false;
        loop {
            if let Some(turn) = self.store.turn(id)? {
                return Ok(turn);
            }
            if !std::mem::replace(&mut told, true) {
                self.watch.say(&format!("{id} is being pulled by another process; waiting for it"));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The folder of what is not whole yet. What was left of an earlier commit goes on as this one's: files that are
    /// the same need not come again. Those without a digest, by which that would be known, do.
    fn partial(&self, id: &ModelId, commit: &str, entries: &[Entry]) -> Result<PathBuf, PullError> {
        let home = self.store.home(id);
        let folder = home.join(format!("{commit}{PARTIAL}"));
        if folder.exists() {
            return Ok(folder);
        }
        let Some(older) = partials(&home).pop() else {
            return fs::create_dir_all(&folder).map_err(PullError::disk(&folder)).map(|()| folder);
        };
        fs::rename(&older, &folder).map_err(PullError::disk(&older))?;
        let known = |name: &str| {
            entries.iter().any(|entry| {
                entry.sha256.is_some() && entry.path == name.strip_suffix(".part").unwrap_or(name)
            })
        };
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if !known(&entry.file_name().to_string_lossy()) {
                fs::remove_file(entry.path()).map_err(PullError::disk(entry.path()))?;
            }
        }
        Ok(folder)
    }

    /// A file that another revision on this disk has too, by its digest, is not fetched; it is still read and compared.
    fn borrow(&self, id: &ModelId, entry: &Entry, folder: &Path) {
        let path = folder.join(&entry.path);
        if path.exists() {
            return;
        }
        for Pulled { folder, manifest } in revisions(&self.store.home(id)) {
            let same = |file: &&PulledFile| Some(&file.sha256) == entry.sha256.as_ref();
            if let Some(file) = manifest.files.iter().find(same) {
                let from = folder.join(&file.name);
                // What cannot be linked or copied is fetched.
                let _ = fs::hard_link(&from, &path).or_else(|_| fs::copy(&from, &path).map(drop));
                return;
            }
        }
    }

    fn space(&self, folder: &Path, needed: u64) -> Result<(), PullError> {
        match free_bytes(folder) {
            Some(free) if needed.saturating_add(SPARE_BYTES) > free => {
                Err(PullError::NoSpace { folder: self.store.root().to_owned(), needed, free })
            }
            _ => Ok(()),
        }
    }
}

/// Bytes of `entries` that are not in the folder yet.
fn missing(folder: &Path, entries: &[Entry]) -> u64 {
    let there = |path: PathBuf| fs::metadata(path).map_or(0, |about| about.len());
    let left = entries.iter().map(|entry| {
        let path = folder.join(&entry.path);
        entry.bytes.saturating_sub(there(transfer::part(&path)).max(there(path)))
    });
    left.fold(0, u64::saturating_add)
}

fn read_index(folder: &Path) -> Result<Option<Vec<u8>>, PullError> {
    let path = folder.join(INDEX);
    match fs::read(&path) {
        Ok(index) => Ok(Some(index)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PullError::Disk { path, error }),
    }
}

/// A folder as a listing; links are followed, as other programs' caches are made of them.
fn in_folder(from: &Path) -> Result<Vec<Entry>, PullError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(from).map_err(PullError::disk(from))? {
        let entry = entry.map_err(PullError::disk(from))?;
        let Ok(about) = fs::metadata(entry.path()) else { continue };
        if let (true, Ok(path)) = (about.is_file(), entry.file_name().into_string()) {
            entries.push(Entry { path, bytes: about.len(), sha256: None });
        }
    }
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(entries)
}
