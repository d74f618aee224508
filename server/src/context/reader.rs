//! The one place of this folder that reads files: [`Reader::read`] gives text from within the workspace, or a
//! refusal. It must not know what the text is for.

use std::{
    fmt,
    fs::{self, File, Metadata, OpenOptions},
    io::Read,
    path::{Path, PathBuf},
};

/// Bytes of a file beyond which it is not read.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Reads files within the roots of a workspace, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    roots: Vec<PathBuf>,
}

/// Which file it is, whatever its name: symlinks and hard links to it have the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileId(#[cfg(unix)] (u64, u64), #[cfg(not(unix))] PathBuf);

/// A file that was read.
#[derive(Clone, Debug)]
pub struct TextFile {
    /// Its path without symlinks.
    pub path: PathBuf,
    /// Which file it is.
    pub id: FileId,
    /// Its text.
    pub text: String,
}

/// Why a file is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    /// It is not there or cannot be opened.
    Missing,
    /// It lies outside the workspace, or a link on the way leads outside.
    Outside,
    /// A folder, device, socket or FIFO.
    NoFile,
    /// More than [`MAX_FILE_BYTES`].
    TooLarge,
    /// Not UTF-8, or with NUL bytes.
    Binary,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("cannot be opened"),
            Self::Outside => f.write_str("leads outside the workspace"),
            Self::NoFile => f.write_str("no regular file"),
            Self::TooLarge => write!(f, "larger than {} MiB", MAX_FILE_BYTES / 1024 / 1024),
            Self::Binary => f.write_str("not UTF-8 text"),
        }
    }
}

impl Reader {
    /// A reader of what is under `roots`. A root that does not exist holds nothing.
    pub fn new(roots: &[PathBuf]) -> Self {
        Self { roots: roots.iter().filter_map(|root| fs::canonicalize(root).ok()).collect() }
    }

    /// The roots, without symlinks.
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// Whether a path without symlinks is within a root. Whole components are compared.
    pub fn holds(&self, path: &Path) -> bool {
        self.roots.iter().any(|root| path.starts_with(root))
    }

    /// Reads the text of `path`.
    ///
    /// The file is opened first and judged by its handle; then its path is resolved once more and must still lead
    /// to that very file within a root, so that swapping a folder for a link in between gains nothing.
    ///
    /// # Errors
    /// Why it was refused; nothing of it was read then.
    pub fn read(&self, path: &Path) -> Result<TextFile, Refused> {
        let real = fs::canonicalize(path).map_err(|_| Refused::Missing)?;
        if !self.holds(&real) {
            return Err(Refused::Outside);
        }
        // Before opening: opening a device may do something.
        if !fs::symlink_metadata(&real).map_err(|_| Refused::Missing)?.is_file() {
            return Err(Refused::NoFile);
        }
        let file = open(&real).map_err(|_| Refused::Missing)?;
        let metadata = file.metadata().map_err(|_| Refused::Missing)?;
        if !metadata.is_file() {
            return Err(Refused::NoFile);
        }
        let again = fs::canonicalize(path).map_err(|_| Refused::Missing)?;
        let id = file_id(&metadata, &real);
        if again != real || identify(&again).as_ref() != Some(&id) {
            return Err(Refused::Outside);
        }
        if metadata.len() > MAX_FILE_BYTES {
            return Err(Refused::TooLarge);
        }
        let mut bytes = Vec::with_capacity(metadata.len() as usize);
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|_| Refused::Missing)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(Refused::TooLarge);
        }
        let text = String::from_utf8(bytes).map_err(|_| Refused::Binary)?;
        if text.as_bytes().contains(&0) {
            Err(Refused::Binary)
        } else {
            Ok(TextFile { path: real, id, text })
        }
    }
}

/// Which file `path` leads to; reads nothing of it.
pub fn identify(path: &Path) -> Option<FileId> {
    let real = fs::canonicalize(path).ok()?;
    Some(file_id(&fs::metadata(&real).ok()?, &real))
}

/// `path` without symlinks, as far as it exists.
pub fn resolve(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| {
        let parent = path.parent().and_then(|parent| fs::canonicalize(parent).ok());
        match (parent, path.file_name()) {
            (Some(parent), Some(name)) => parent.join(name),
            _ => path.to_owned(),
        }
    })
}

#[cfg(unix)]
fn file_id(metadata: &Metadata, _: &Path) -> FileId {
    use std::os::unix::fs::MetadataExt;
    FileId((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn file_id(_: &Metadata, real: &Path) -> FileId {
    FileId(real.to_owned())
}

/// Follows no link in the last component, and never waits for the other end of a FIFO.
fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
    }
    options.open(path)
}
