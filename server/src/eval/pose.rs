//! From text with a hole to the request for it: the same way that the language server's requests go, with the same
//! window, the same gate and the same other files.

use std::path::Path;

use quicksilver_protocol::{
    completion::{FimRequest, Span},
    limits::MAX_CHOICES,
};
use rustc_hash::FxHashSet;

use crate::context::{Excluded, Hole, Open, Workspace};
use crate::document::{ByteOffset, Document, Language, Version};

/// Share of a file's lines that stand in the one with the hole, from which it counts as a copy of it.
const COPY: f64 = 0.9;

/// The request for the hole between `before` and `after`, in the file at `path` of a workspace, or in none.
///
/// # Errors
/// Why the file is told to nobody.
pub(super) fn pose(
    workspace: &Workspace,
    path: Option<&Path>,
    language: Language,
    (before, after): (&str, &str),
    span: Span,
) -> Result<FimRequest, Excluded> {
    let document = Document::open(language, Version::default(), &format!("{before}{after}"));
    let hole = Hole {
        document: Open { path: path.map(Path::to_owned), snapshot: document.snapshot(), edited: Vec::new() },
        at: ByteOffset(before.len()),
        span: Some(span),
    };
    let mut request = workspace.assemble(&hole, &[])?;
    // By-products for our engine, from which is seen whether the right answer was among its ideas.
    request.n = Some(MAX_CHOICES);
    let own: FxHashSet<&str> = lines(before).chain(lines(after)).collect();
    request.context.retain(|file| !is_copy(&own, &file.text));
    Ok(request)
}

/// Whether a text is a copy, vendored or generated, of the file that has these lines: it would hold the answer.
fn is_copy(own: &FxHashSet<&str>, text: &str) -> bool {
    let theirs: FxHashSet<&str> = lines(text).collect();
    let same = theirs.iter().filter(|line| own.contains(*line)).count();
    same as f64 >= COPY * theirs.len() as f64
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_saved_file_nor_a_copy_of_it_is_told() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let text: String = (0..40).map(|n| format!("let value_{n} = compute(value, {n});\n")).collect();
        let secret = "let value_20 = compute(value, 20);\n";
        let (before, after) = text.split_once(secret).ok_or("the line is there")?;
        std::fs::write(folder.path().join("a.rs"), &text)?;
        std::fs::write(folder.path().join("vendored.rs"), format!("// A copy.\n{text}"))?;
        std::fs::write(
            folder.path().join("other.rs"),
            "fn compute(value: u32, n: u32) -> u32 { value + n }\nfn f() {}\n",
        )?;
        let workspace = Workspace::new(&[folder.path().to_owned()], &[]).scanned(&mut || false);
        let path = folder.path().join("a.rs");
        let request = pose(&workspace, Some(&path), Language::from_id("rust"), (before, after), Span::Line)
            .map_err(|why| why.to_string())?;
        let files: Vec<&str> = request.context.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(files, ["other.rs"]);
        assert!(!serde_json::to_string(&request)?.contains("compute(value, 20)"));
        assert_eq!((request.path.as_deref(), request.span), (Some("a.rs"), Some(Span::Line)));
        Ok(())
    }
}
