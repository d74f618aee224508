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

/// The path that the address of something else than a file of this machine names, such as the older text of one in `git:`:
/// its name may be that of a secret all the same.
pub fn named_path(address: &str) -> Option<PathBuf> {
    let url = Url::parse(address).ok().filter(|_| path_of(address).is_none())?;
    let mut as_file = Url::parse("file:///").ok()?;
    as_file.set_path(url.path());
    as_file.to_file_path().ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_has_a_name_all_the_same() {
        for (address, path) in [
            ("git:/p/.env?%7B%22ref%22%3A1%7D", Some("/p/.env")),
            ("vscode-notebook-cell:/p/a%20b.ipynb#W0", Some("/p/a b.ipynb")),
            ("untitled:Untitled-1", Some("/Untitled-1")),
            ("file:///p/a.rs", None),
            ("file://elsewhere/p/.env", Some("/p/.env")),
            ("no address", None),
        ] {
            assert_eq!(named_path(address).as_deref(), path.map(Path::new), "{address}");
        }
    }
}
