//! What a request is made of.

use std::{fs, path::Path, time::Instant};

use quicksilver_protocol::{
    completion::{FimRequest, Span},
    limits::MAX_CONTEXT_BYTES,
};
use tempfile::TempDir;

use super::{
    Excluded, Hole, Open, Workspace,
    assemble::Side,
    budget::{Lack, Source},
    neighbours::PassedOver,
    reader::Refused,
};
use crate::document::{ByteOffset, Document, Language, Version};

pub(super) fn document(path: &Path, text: &str) -> Open {
    let language = Language::from_extension(&path.extension().unwrap_or_default().to_string_lossy());
    let mut document = Document::open(language, Version(1), text);
    document.parse(&mut || false);
    Open { path: Some(path.to_owned()), snapshot: document.snapshot(), edited: Vec::new() }
}

/// A hole at the `$0` of `fixture`.
pub(super) fn hole(path: &Path, fixture: &str) -> Hole {
    let at = fixture.find("$0").unwrap_or(fixture.len());
    Hole { document: document(path, &fixture.replace("$0", "")), at: ByteOffset(at), span: None }
}

/// A folder with these files.
pub(super) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

pub(super) fn workspace(folder: &TempDir) -> Workspace {
    Workspace::new(&[folder.path().to_owned()], &[]).scanned(&mut || false)
}

fn paths(request: &FimRequest) -> Vec<&str> {
    request.context.iter().map(|file| file.path.as_str()).collect()
}

const SHAPES: &str = "fn area(circle: Circle) -> f64 { circle.radius * circle.radius }\n";
const OTHER_SHAPES: &str = "fn area(circle: Circle) -> f64 { circle.radius.powi(2) * PI }\n";

#[test]
fn a_request_holds_the_file_the_place_and_the_likest_files() {
    let folder = folder(&[
        ("src/shapes.rs", SHAPES),
        ("src/other.rs", "struct Unlike; enum Colour { Red, Green, Blue }\n"),
        ("src/near.rs", "struct Circle { radius: f64 }\nfn circumference(circle: Circle) {}\n"),
    ]);
    let hole = hole(&folder.path().join("src/main.rs"), "fn area(circle: Circle) {\n    $0\n}\n");
    let request = workspace(&folder).assemble(&hole, &[]).expect("allowed");
    assert_eq!(request.prompt, "fn area(circle: Circle) {\n    ");
    assert_eq!(request.suffix.as_deref(), Some("\n}\n"));
    assert_eq!(paths(&request), ["src/shapes.rs", "src/near.rs"]);
    assert_eq!((request.path.as_deref(), request.language.as_deref()), (Some("src/main.rs"), Some("rust")));
    assert_eq!(request.span, Some(Span::Block));
}

#[test]
fn what_is_explained_is_what_is_sent() {
    let unlike: String = (0..80).map(|n| format!("struct Unlike{n};\n")).collect();
    let folder = folder(&[("a.rs", SHAPES), ("b.rs", OTHER_SHAPES), ("far.rs", &unlike)]);
    let workspace = workspace(&folder);
    let open = [document(&folder.path().join("b.rs"), OTHER_SHAPES)];
    let hole = hole(&folder.path().join("c.rs"), "fn area(circle: Circle) -> f64 { $0 }\n");
    let assembly = workspace.explain(&hole, &open, &mut || false).expect("allowed");
    assert_eq!(Ok(assembly.request.clone()), workspace.assemble(&hole, &open));
    assert_eq!((assembly.why.span(), paths(&assembly.request)), (Span::Rest, vec!["b.rs", "a.rs"]));
    let why: Vec<_> = assembly.along.iter().map(|file| file.source.clone()).collect();
    assert_eq!(why, [Source::Open, Source::Defines("area".into())]);
    let whole = assembly.along.iter().all(|file| file.similarity > 0.5 && file.lines.is_none());
    assert!(whole, "{:?}", assembly.along);
    let left_out: Vec<_> = assembly.left_out.iter().map(|file| (file.path.as_str(), file.why)).collect();
    assert_eq!(left_out, [("far.rs", Lack::Likeness)]);
}

#[test]
fn each_side_says_whether_it_was_cut_and_whether_keys_were_blanked() {
    let side = |cut, blanked| Side { cut, blanked };
    let key = format!("let key = \"ghp_{}\";\n", "a1".repeat(20));
    let long = "let x = 1;\n".repeat(6000);
    for (fixture, prefix, suffix) in [
        ("a\r\n$0b".to_owned(), side(false, false), side(false, false)),
        (format!("{key}$0"), side(false, true), side(false, false)),
        (format!("{long}$0{key}"), side(true, false), side(false, true)),
        (format!("$0{long}"), side(false, false), side(true, false)),
        // A key may span the cursor.
        (key.replacen("a1a1", "a1$0a1", 1), side(false, true), side(false, true)),
    ] {
        let assembly = Workspace::default().explain(&hole(Path::new("x.rs"), &fixture), &[], &mut || false);
        let assembly = assembly.expect("allowed");
        assert_eq!((assembly.prefix, assembly.suffix), (prefix, suffix), "{}", fixture.len());
    }
}

#[test]
fn files_that_are_passed_over_are_counted_by_reason() {
    let folder = folder(&[
        ("a.rs", SHAPES),
        ("b.md", SHAPES),
        ("c.pem", SHAPES),
        ("d.pem", SHAPES),
        ("e.rs", "nul\0"),
        ("f.rs", &"x".repeat(1000)),
        ("g.rs", &"let x = 1;\n".repeat(100_000)),
    ]);
    fs::hard_link(folder.path().join("a.rs"), folder.path().join("h.rs")).expect("a link");
    let workspace = workspace(&folder);
    let counted: Vec<_> = workspace.index().passed_over().clone().into_iter().collect();
    let expected = [
        (PassedOver::NoCode, 1),
        (PassedOver::Excluded(Excluded::Secret("*.pem".into())), 2),
        (PassedOver::Refused(Refused::TooLarge), 1),
        (PassedOver::Refused(Refused::Binary), 1),
        (PassedOver::MachineMade, 1),
        (PassedOver::Twice, 1),
    ];
    assert_eq!(counted, expected);
}

#[test]
fn open_documents_come_first_and_stand_for_their_files() {
    let folder = folder(&[("a.rs", SHAPES), ("b.rs", "fn circle() {}\n// saved")]);
    let open = [document(&folder.path().join("b.rs"), "fn circle() {}\n// edited")];
    let hole = hole(&folder.path().join("c.rs"), OTHER_SHAPES);
    let request = workspace(&folder).assemble(&hole, &open).expect("allowed");
    assert_eq!(paths(&request), ["b.rs", "a.rs"]);
    assert!(request.context[0].text.contains("edited"));
}

#[test]
fn the_holes_own_saved_copy_is_never_context() {
    let folder = folder(&[("a.rs", SHAPES), ("b.rs", "fn area() {}\n")]);
    fs::hard_link(folder.path().join("a.rs"), folder.path().join("hard.rs")).expect("a link");
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).expect("a link");
    let workspace = workspace(&folder);
    for name in ["a.rs", "./a.rs", "loop/a.rs", "hard.rs"] {
        let path = folder.path().join(name);
        let hole = hole(&path, "fn area(circle: Circle) -> f64 { $0 }\n");
        // Its other names are open, too.
        let open = ["a.rs", "loop/a.rs", "hard.rs"].map(|name| document(&folder.path().join(name), SHAPES));
        let request = workspace.assemble(&hole, &open).expect("allowed");
        assert_eq!(paths(&request), ["b.rs"], "{name}");
    }
}

#[test]
fn a_file_saved_anew_since_the_scan_is_still_the_holes_own() {
    let folder = folder(&[("a.rs", SHAPES), ("b.rs", OTHER_SHAPES)]);
    let workspace = workspace(&folder);
    // As editors save: a new file takes the name.
    let (path, new) = (folder.path().join("a.rs"), folder.path().join("a.rs.new"));
    fs::write(&new, SHAPES).expect("a file");
    fs::rename(&new, &path).expect("saved");
    let request = workspace.assemble(&hole(&path, SHAPES), &[]).expect("allowed");
    assert_eq!(paths(&request), ["b.rs"]);
}

#[test]
fn everything_together_keeps_the_budget() {
    let big: String = (0..6000).map(|n| format!("let value_{n} = compute(radius, {n});\n")).collect();
    let files: Vec<(String, &str)> = (0..40).map(|n| (format!("f{n}.rs"), big.as_str())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let folder = folder(&files);
    let workspace = workspace(&folder);
    for at in [0, big.len() / 2, big.len()] {
        let mut text = big.clone();
        text.insert_str(text.floor_char_boundary(at), "$0");
        let request = workspace.assemble(&hole(&folder.path().join("new.rs"), &text), &[]).expect("allowed");
        let told = request.prompt.len() + request.suffix.as_ref().map_or(0, String::len);
        let others: usize = request.context.iter().map(|file| file.path.len() + file.text.len()).sum();
        assert!(told > 46_000, "{told}");
        assert!((60_000..=MAX_CONTEXT_BYTES).contains(&(told + others)), "{told} + {others}");
        assert!(request.context.iter().all(|file| file.text.ends_with('\n')));
    }
}

#[test]
fn line_ends_are_told_as_one() {
    let folder = folder(&[]);
    let hole = hole(&folder.path().join("a.rs"), "a\r\nb\r$0\r\nc");
    let request = workspace(&folder).assemble(&hole, &[]).expect("allowed");
    assert_eq!((request.prompt.as_str(), request.suffix.as_deref()), ("a\nb\n", Some("\nc")));
}

#[test]
fn ignore_files_are_obeyed_for_context_and_at_the_cursor() {
    let folder = folder(&[
        (".gitignore", "build/\n*.gen.rs\n!kept.gen.rs\n"),
        (".quicksilverignore", "private.rs\n"),
        ("build/out.rs", SHAPES),
        ("a.gen.rs", SHAPES),
        ("kept.gen.rs", OTHER_SHAPES),
        ("private.rs", SHAPES),
        ("sub/.gitignore", "here.rs\n"),
        ("sub/here.rs", SHAPES),
    ]);
    let workspace = workspace(&folder);
    let request = workspace.assemble(&hole(&folder.path().join("main.rs"), SHAPES), &[]).expect("allowed");
    assert_eq!(paths(&request), ["kept.gen.rs"]);
    for name in ["build/out.rs", "a.gen.rs", "private.rs", "sub/here.rs", "build/new.rs"] {
        let path = folder.path().join(name);
        let refused = workspace.assemble(&hole(&path, SHAPES), &[]);
        assert!(matches!(refused, Err(Excluded::Ignored(_))), "{name}: {refused:?}");
        let request =
            workspace.assemble(&hole(&folder.path().join("main.rs"), SHAPES), &[document(&path, SHAPES)]);
        assert_eq!(paths(&request.expect("allowed")), ["kept.gen.rs"], "{name} open");
    }
}

#[test]
fn the_users_globs_are_obeyed_and_an_unreadable_ignore_file_excludes() {
    let folder = folder(&[("a/.gitignore", &"x".repeat((1 << 20) + 1))]);
    let workspace =
        Workspace::new(&[folder.path().to_owned()], &["legal/".into(), "*.sql".into(), "[".into()]);
    for (name, expected) in [("legal/x.rs", "legal/"), ("x/y.SQL", "*.sql"), ("[", "[")] {
        let refused = workspace.assemble(&hole(&folder.path().join(name), ""), &[]);
        assert_eq!(refused, Err(Excluded::Setting(expected.into())));
    }
    let refused = workspace.assemble(&hole(&folder.path().join("a/b.rs"), ""), &[]);
    assert!(matches!(refused, Err(Excluded::Unreadable(_))), "{refused:?}");
}

#[test]
fn a_document_without_a_file_is_served() {
    let mut hole = hole(Path::new("x.rs"), "fn f() { $0 }");
    hole.document.path = None;
    let request = Workspace::new(&[], &[]).assemble(&hole, &[]).expect("allowed");
    assert_eq!((request.prompt.as_str(), request.path), ("fn f() { ", None));
}

#[test]
fn a_warm_request_takes_under_2_ms() {
    let line = "    let total = self.radius.scale(factor).sum(); // and so on\n";
    let files: Vec<(String, String)> = (0..300)
        .map(|n| (format!("f{n}.rs"), format!("fn unique_{n}() {{}}\n{}", line.repeat(120))))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let folder = folder(&files);
    let workspace = workspace(&folder);
    let text = (0..1500).map(|n| format!("fn name_{n}() {{ {} }}\n", line.trim())).collect::<String>();
    let open: Vec<Open> = (0..8).map(|n| document(&folder.path().join(format!("f{n}.rs")), &text)).collect();
    let hole = Hole { at: ByteOffset(text.len() / 2), ..hole(&folder.path().join("main.rs"), &text) };
    let mut times: Vec<_> = (0..60)
        .map(|_| {
            let begun = Instant::now();
            let request = workspace.assemble(&hole, &open).expect("allowed");
            assert!(!request.context.is_empty());
            begun.elapsed()
        })
        .collect();
    times.sort();
    println!("assemble, 48 KiB window, 8 open, {} indexed: median {:?}", workspace.index().len(), times[30]);
    // The best of many: the machine may be busy with other tests.
    assert!(times[0].as_secs_f64() < 2e-3, "{:?}", times[0]);
}
