//! The project's habits and boundaries, checked: what ARCHITECTURE.md promises fails here when it breaks.

#![allow(clippy::expect_used, reason = "a test: what is unexpected fails it")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Lines of a source file, and of a test file, beyond which it must be split by noun.
const MAX_LINES: usize = 500;
const MAX_TEST_LINES: usize = 800;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Tracked and not yet tracked files, ignored ones left out, with paths relative to the project.
fn files() -> Vec<String> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git runs");
    let listed = String::from_utf8(listed.stdout).expect("paths are UTF-8");
    let files: Vec<String> =
        listed.lines().filter(|path| root().join(path).is_file()).map(Into::into).collect();
    assert!(files.iter().any(|path| path == "Cargo.toml"), "the project's files are listed by git");
    files
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_default()
}

fn is_source(path: &str) -> bool {
    [".rs", ".ts", ".lua", ".py"].iter().any(|end| path.ends_with(end))
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "test" || part == "benches")
        || path.contains("test")
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = files()
        .into_iter()
        .filter(|path| is_source(path))
        .filter_map(|path| {
            let limit = if is_test(&path) { MAX_TEST_LINES } else { MAX_LINES };
            let lines = read(&path).lines().count();
            (lines > limit).then(|| format!("{path}: {lines} lines, limit {limit}"))
        })
        .collect();
    assert!(long.is_empty(), "split by noun:\n{}", long.join("\n"));
}

#[test]
fn every_rust_file_says_what_it_owns() {
    let silent: Vec<String> =
        files().into_iter().filter(|path| path.ends_with(".rs") && !read(path).starts_with("//!")).collect();
    assert!(silent.is_empty(), "no module doc:\n{}", silent.join("\n"));
}

#[test]
fn no_module_is_named_for_nothing() {
    let vague: Vec<String> = files()
        .into_iter()
        .filter(|path| is_source(path))
        .filter(|path| {
            Path::new(path).components().any(|part| {
                let part = part.as_os_str().to_string_lossy();
                ["util", "utils", "helpers", "common", "misc"]
                    .contains(&part.split('.').next().unwrap_or_default())
            })
        })
        .collect();
    assert!(vague.is_empty(), "name it for what it holds:\n{}", vague.join("\n"));
}

/// Lines of the files under `folder` that contain one of `words`; tests are left out, whether in the file or beside it.
fn lines_with(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let sources = files().into_iter().filter(|path| path.starts_with(folder) && path.ends_with(".rs"));
    for path in sources.filter(|path| !is_test(path)) {
        let text = read(&path);
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| code.contains(word)) {
                found.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    found
}

#[test]
fn only_lsp_names_lsp_types() {
    let strays: Vec<String> = lines_with("server/src/", &["ls_types::", "gen_lsp_types"])
        .into_iter()
        .filter(|line| !line.starts_with("server/src/lsp/"))
        .collect();
    assert!(strays.is_empty(), "LSP types outside server/src/lsp:\n{}", strays.join("\n"));
}

#[test]
fn document_is_pure() {
    let impure = lines_with("server/src/document/", &["tokio::", "async fn", "std::fs", "std::net"]);
    assert!(impure.is_empty(), "document/ must be pure:\n{}", impure.join("\n"));
}

#[test]
fn context_reads_files_in_one_place() {
    let readers: std::collections::BTreeSet<String> =
        lines_with("server/src/context/", &["std::fs", "fs::read", "File::open"])
            .iter()
            .filter_map(|line| line.split(':').next().map(Into::into))
            .collect();
    assert!(readers.len() <= 1, "more than one reader of files in context/: {readers:?}");
    let asynchronous = lines_with("server/src/context/", &["tokio::", "async fn"]);
    assert!(asynchronous.is_empty(), "context/ must not be async:\n{}", asynchronous.join("\n"));
}

#[test]
fn the_algorithm_names_no_tensor() {
    let tensors = lines_with("engine/src/diffusion/", &["candle", "Tensor"]);
    assert!(tensors.is_empty(), "diffusion/ works on slices:\n{}", tensors.join("\n"));
}

#[test]
fn unsafe_stands_where_it_may() {
    let strays: Vec<String> = lines_with("", &["unsafe {", "unsafe fn", "unsafe impl"])
        .into_iter()
        .filter(|line| {
            !line.starts_with("engine/src/device/") && !line.starts_with("engine/src/model/weights")
        })
        .collect();
    assert!(strays.is_empty(), "unsafe outside device/ and weights:\n{}", strays.join("\n"));
}

/// Whether `package` is in the dependency tree of `of`.
fn depends(of: &str, package: &str, features: &[&str]) -> bool {
    let tree = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "-p", of])
        .args(features)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "cargo tree: {}", String::from_utf8_lossy(&tree.stderr));
    String::from_utf8_lossy(&tree.stdout).lines().any(|line| line.split(' ').next() == Some(package))
}

#[test]
fn the_engine_knows_no_lsp_and_the_thin_server_no_tensor() {
    for package in ["tower-lsp-server", "gen-lsp-types", "ropey", "tree-sitter"] {
        assert!(!depends("quicksilver-engine", package, &[]), "the engine depends on {package}");
    }
    let thin = ["--no-default-features", "--features", "all-languages"];
    for package in ["candle-core", "tokenizers", "safetensors", "quicksilver-engine", "cudarc"] {
        assert!(!depends("quicksilver", package, &thin), "the thin server depends on {package}");
    }
    assert!(depends("quicksilver", "quicksilver-protocol", &thin), "the check itself sees dependencies");
}

/// The dependencies that a manifest declares in its own sections.
fn dependencies(manifest: &str) -> Vec<String> {
    let text = read(manifest);
    let sections = text
        .split("\n[")
        .filter(|section| section.split(']').next().is_some_and(|name| name.ends_with("dependencies")));
    let lines = sections.flat_map(|section| section.lines().skip(1));
    let names = lines
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'));
    names.map(Into::into).collect()
}

#[test]
fn every_dependency_is_used_by_the_package_that_declares_it() {
    // Declared for a feature alone, which its user has not.
    const BY_FEATURE: [&str; 1] = ["gemm"];
    let mut idle = Vec::new();
    for package in ["server", "engine", "engine/protocol", "tests"] {
        let own = |path: &String| {
            let inner = package == "engine" && path.starts_with("engine/protocol/");
            path.starts_with(&format!("{package}/")) && path.ends_with(".rs") && !inner
        };
        let code: String = files().iter().filter(|path| own(path)).map(|path| read(path)).collect();
        let words: std::collections::HashSet<&str> =
            code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let declared = dependencies(&format!("{package}/Cargo.toml"));
        assert!(!declared.is_empty(), "{package}: {declared:?}");
        let unused = |name: &&String| !words.contains(name.replace('-', "_").as_str());
        idle.extend(
            declared
                .iter()
                .filter(unused)
                .filter(|name| !BY_FEATURE.contains(&name.as_str()))
                .map(|name| format!("{package}: {name}")),
        );
    }
    assert!(idle.is_empty(), "declared and not used:\n{}", idle.join("\n"));
}

#[test]
fn every_dependency_has_its_reason() {
    let book = read("ARCHITECTURE.md");
    let table = book.split("## Dependencies").nth(1).unwrap_or_default();
    let told: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split('|').next())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.split_whitespace().next())
        .collect();
    let ours = |name: &String| name.starts_with("quicksilver") || name.starts_with("tree-sitter-");
    let silent: Vec<String> = dependencies("Cargo.toml")
        .into_iter()
        .filter(|name| !ours(name) && !told.contains(&name.as_str()))
        .collect();
    assert!(silent.is_empty(), "no line in ARCHITECTURE.md says why:\n{}", silent.join("\n"));
}

#[test]
fn the_shipped_model_is_small() {
    let bytes: u64 = files()
        .iter()
        .filter(|path| path.starts_with("engine/models/"))
        .filter_map(|path| std::fs::metadata(root().join(path)).ok())
        .map(|file| file.len())
        .sum();
    assert!(bytes <= 48 * 1024 * 1024, "engine/models holds {bytes} bytes, limit 48 MiB");
}
