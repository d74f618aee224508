//! What the editor points at goes along, and what may not be told stays, whatever it points at.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{
    Open, Workspace,
    assemble_tests::{document, folder, hole, workspace},
    budget::Source,
    pointed::{MOST_NAMES, MOST_PLACES, Named, Spot},
    reader::MAX_FILE_BYTES,
};

const CALL: &str = "fn main() {\n    shape.compute($0\n}\n";

fn named(name: &str, at: &[(&Path, usize)]) -> Named {
    let at = at.iter().map(|(path, line)| Spot { path: path.to_path_buf(), lines: *line..line + 1 });
    Named { name: name.into(), at: at.collect() }
}

/// What goes along for the hole in `main.rs`, as its path and its source in words.
fn told(folder: &TempDir, workspace: &Workspace, open: &[Open]) -> Vec<(String, String)> {
    let hole = hole(&folder.path().join("main.rs"), CALL);
    let assembly = workspace.explain(&hole, open, &mut || false).expect("allowed");
    let files = assembly.request.context.into_iter().zip(assembly.along);
    files.map(|(file, along)| (file.path, along.source.to_string())).collect()
}

fn point(folder: &TempDir, workspace: &Workspace, named: &[Named], open: &[Open]) {
    workspace.point(&folder.path().join("main.rs"), named, open, &mut || false);
}

/// Functions that are like nothing else, around one that is wanted.
fn far(body: &str) -> String {
    let filler = |name: &str| (0..90).map(|n| format!("fn {name}_{n}() {{}}\n")).collect::<String>();
    format!("{}fn compute() {{\n    {body}\n}}\n{}", filler("before"), filler("after"))
}

const SAYS: &str = "the editor says that it defines `compute`";

#[test]
fn of_many_that_define_a_name_the_one_that_the_editor_points_at_goes_along() {
    let files: Vec<(String, String)> =
        (0..6).map(|n| (format!("f{n}.rs"), far(&format!("let from_{n} = {n};")))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let folder = folder(&files);
    let workspace = workspace(&folder);
    assert!(told(&folder, &workspace, &[]).iter().all(|(_, source)| source != SAYS));
    point(&folder, &workspace, &[named("compute", &[(&folder.path().join("f4.rs"), 90)])], &[]);
    let expected = ("f4.rs:91-93".to_owned(), SAYS.to_owned());
    assert!(told(&folder, &workspace, &[]).contains(&expected), "{:?}", told(&folder, &workspace, &[]));
    let after_a_look = workspace.scanned(&mut || false);
    assert!(told(&folder, &after_a_look, &[]).contains(&expected));
    // It points again, at nothing.
    point(&folder, &workspace, &[], &[]);
    assert!(!told(&folder, &workspace, &[]).contains(&expected));
}

#[test]
fn what_both_know_goes_along_once() {
    let folder = folder(&[("f.rs", &far("let once = 1;"))]);
    let workspace = workspace(&folder);
    let twice = [(&*folder.path().join("f.rs"), 90), (&*folder.path().join("f.rs"), 91)];
    point(&folder, &workspace, &[named("compute", &twice)], &[]);
    let hole = hole(&folder.path().join("main.rs"), CALL);
    let request = workspace.assemble(&hole, &[]).expect("allowed");
    let all: String = request.context.iter().map(|file| file.text.as_str()).collect();
    assert_eq!(all.matches("let once").count(), 1, "{all}");
    let said = told(&folder, &workspace, &[]);
    assert_eq!(said.iter().filter(|(_, source)| source == SAYS).count(), 1, "{said:?}");
}

#[test]
fn of_an_open_document_the_lines_are_found_where_they_are_now() {
    let folder = folder(&[("f.rs", "fn compute() { let on_disk = 1; }\n")]);
    let workspace = workspace(&folder);
    let path = folder.path().join("f.rs");
    let open = |text: &str| [document(&path, text)];
    let text = far("let typed = 1;");
    point(&folder, &workspace, &[named("compute", &[(&path, 90)])], &open(&text));
    let moved = open(&format!("// One more line.\n{text}"));
    let hole = hole(&folder.path().join("main.rs"), CALL);
    let assembly = workspace.explain(&hole, &moved, &mut || false).expect("allowed");
    let at = assembly.along.iter().position(|along| along.source == Source::Pointed("compute".into()));
    let piece = &assembly.request.context[at.expect("told")];
    assert!(piece.text.contains("let typed") && !piece.text.contains("on_disk"), "{piece:?}");
    // Its lines are gone: nothing is made up.
    let gone = told(&folder, &workspace, &open("fn other() {}\n"));
    assert!(gone.iter().all(|(_, source)| source != SAYS), "{gone:?}");
}

#[test]
fn lines_that_no_grammar_knows_go_along_if_the_name_stands_there() {
    let folder = folder(&[("f.zig", &"\n".repeat(200).replacen("\n", "pub const compute = 1;\n", 1))]);
    let bare = Workspace::new(&[folder.path().to_owned()], &[]);
    for (line, goes) in [(0, true), (1, false), (500, false), (usize::MAX - 1, false)] {
        point(&folder, &bare, &[named("compute", &[(&folder.path().join("f.zig"), line)])], &[]);
        let said = told(&folder, &bare, &[]);
        assert_eq!(
            said,
            if goes { vec![("f.zig:1-1".to_owned(), SAYS.to_owned())] } else { vec![] },
            "{line}"
        );
    }
}

#[test]
fn nothing_that_may_not_be_told_is_told_because_the_editor_points_at_it() {
    const CANARY: &str = "fn compute() { let canary = 1; }\n";
    let outside = folder(&[("dependency.rs", CANARY)]);
    let huge = format!("{CANARY}{}", " \n".repeat(MAX_FILE_BYTES as usize / 2));
    let folder = folder(&[
        (".env", CANARY),
        ("secrets/a.rs", CANARY),
        ("ignored.rs", CANARY),
        (".gitignore", "ignored.rs\n"),
        ("huge.rs", &huge),
        ("binary.rs", &format!("{CANARY}\0")),
        ("data.json", CANARY),
        ("machine.rs", &CANARY.replace('\n', &"x".repeat(4000))),
        ("allowed.rs", CANARY),
    ]);
    let bare = Workspace::new(&[folder.path().to_owned()], &[]);
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path().join("dependency.rs"), folder.path().join("link.rs"))
        .expect("a link");
    let mut spots: Vec<_> = [
        ".env",
        "secrets/a.rs",
        "ignored.rs",
        "huge.rs",
        "binary.rs",
        "data.json",
        "machine.rs",
        "link.rs",
        "gone.rs",
        "",
        "main.rs",
    ]
    .map(|name| folder.path().join(name))
    .to_vec();
    spots.push(outside.path().join("dependency.rs"));
    spots.push("/dev/zero".into());
    spots.push("relative.rs".into());
    for path in &spots {
        let open = [document(&outside.path().join("dependency.rs"), CANARY)];
        for open in [&[][..], &open] {
            point(&folder, &bare, &[named("compute", &[(path, 0)])], open);
            let told = told(&folder, &bare, open);
            assert_eq!(told, [], "{}", path.display());
        }
    }
    // The positive control; and then the gate changes its mind.
    point(&folder, &bare, &[named("compute", &[(&folder.path().join("allowed.rs"), 0)])], &[]);
    assert_eq!(told(&folder, &bare, &[]), [("allowed.rs".to_owned(), SAYS.to_owned())]);
    fs::write(folder.path().join(".gitignore"), "allowed.rs\n").expect("a file");
    assert_eq!(
        told(&folder, &bare.scanned(&mut || false), &[]).len(),
        1,
        "only what is not ignored any more"
    );
    assert!(told(&folder, &bare.scanned(&mut || false), &[]).iter().all(|(path, _)| path != "allowed.rs"));
}

#[test]
fn keys_are_blanked_and_what_is_said_is_bounded() {
    let key = format!("AKIA{}", "IOSFODNN7EXAMPLQ");
    let folder = folder(&[("f.rs", &format!("fn compute() {{ let key = \"{key}\"; }}\n"))]);
    let bare = Workspace::new(&[folder.path().to_owned()], &[]);
    let path = folder.path().join("f.rs");
    let mut many: Vec<Named> = (0..MOST_NAMES).map(|n| named(&format!("name_{n}"), &[(&path, 0)])).collect();
    many.push(named("compute", &[(&path, 0)]));
    point(&folder, &bare, &many, &[]);
    assert_eq!(told(&folder, &bare, &[]), [], "one name too many");
    let places: Vec<_> = (0..=MOST_PLACES).map(|n| (&*path, if n == MOST_PLACES { 0 } else { 9 })).collect();
    point(&folder, &bare, &[named("compute", &places)], &[]);
    assert_eq!(told(&folder, &bare, &[]), [], "one place too many");
    point(&folder, &bare, &[named("compute", &[(&path, 0)])], &[]);
    let request = bare.assemble(&hole(&folder.path().join("main.rs"), CALL), &[]).expect("allowed");
    assert!(request.context[0].text.contains("let key") && !request.context[0].text.contains(&key));
    bare.point(&folder.path().join("main.rs"), &[named("compute", &[(&path, 0)])], &[], &mut || true);
    assert_eq!(told(&folder, &bare, &[]), [], "time was up");
}
