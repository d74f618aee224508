//! From a document's address to its path, and to the workspace that it belongs to.

use std::path::{Path, PathBuf};

use url::Url;

/// The path of a `file:` address on this machine; `None` for every other scheme or host.
pub fn path_of(address: &str) -> Option<PathBuf> {
    let url = Url::parse(address).ok()?;
    let here = matches!(url.host_str(), None | Some("" | "localhost"));
    if url.scheme() != "file" || !here {
        return None;
    }
    let path = url.to_file_path().ok()?;
    // An encoded NUL ends a path early for the system; an encoded `..` climbs where the address did not.
    let climbs = path.components().any(|part| part == std::path::Component::ParentDir);
    (path.is_absolute() && !climbs && !path.as_os_str().as_encoded_bytes().contains(&0)).then_some(path)
}

/// The workspace of a file that is given without one: the nearest folder above it that is a project's, else its
/// own.
pub fn root_of(path: &Path) -> PathBuf {
    const MARKS: [&str; 8] = [
        ".git",
        "Cargo.toml",
        "package.json",
        "pyproject.toml",
        "go.mod",
        "pom.xml",
        "build.gradle",
        "CMakeLists.txt",
    ];
    let path = super::reader::resolve(path);
    let mut above = path.ancestors().skip(1);
    let marked = above.find(|folder| MARKS.iter().any(|mark| folder.join(mark).exists()));
    marked.or(path.parent()).unwrap_or(&path).to_owned()
}
