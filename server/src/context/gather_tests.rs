//! What goes along of other files, and why.

use std::time::Duration;

use tempfile::TempDir;

use super::{
    Assembly, Edited, Open, Sources, Workspace,
    assemble_tests::{document, folder, hole, workspace},
    budget::{Lack, Source},
    gather::OPEN_BYTES,
};

/// The paths of what goes along for the hole in `main.rs`, each with its source.
fn told(folder: &TempDir, workspace: &Workspace, fixture: &str, open: &[Open]) -> Vec<(String, Source)> {
    let hole = hole(&folder.path().join("main.rs"), fixture);
    let assembly = workspace.explain(&hole, open, &mut || false).expect("allowed");
    let files = assembly.request.context.into_iter().zip(assembly.along);
    files.map(|(file, along)| (file.path, along.source)).collect()
}

/// Functions of a name that are like nothing else.
fn filler(name: &str, lines: usize) -> String {
    (0..lines).map(|n| format!("fn {name}_{n}() {{ let unrelated_{name} = {n}; }}\n")).collect()
}

const CALL: &str = "use crate::shapes::Circle;\nfn main() {\n    let c = Circle::new($0\n}\n";

#[test]
fn what_defines_a_name_near_the_cursor_goes_along_though_its_file_is_unlike() {
    let far =
        format!("{}pub struct Circle {{\n    pub radius: f64,\n}}\n{}", filler("a", 500), filler("b", 900));
    // More than there is room for.
    let like = "fn main() { let c = crate::shapes::Circle::new(); }\n".repeat(1500);
    let folder = folder(&[("shapes.rs", &far), ("like.rs", &like)]);
    let with = told(&folder, &workspace(&folder), CALL, &[]);
    assert_eq!(with.last(), Some(&("shapes.rs:501-503".to_owned(), Source::Defines("Circle".into()))));
    let without = workspace(&folder).with(Sources { definitions: false, ..Sources::default() });
    let without = told(&folder, &without, CALL, &[]);
    assert!(without.iter().all(|(path, _)| path.starts_with("like.rs")), "{without:?}");
}

#[test]
fn a_name_that_is_defined_all_over_says_nothing() {
    let files: Vec<(String, String)> = (0..5)
        .map(|n| (format!("f{n}.rs"), format!("fn compute() {{}}\n{}", filler(&format!("f{n}"), 90))))
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let folder = folder(&files);
    let told = told(&folder, &workspace(&folder), "fn g() { compute($0) }\n", &[]);
    assert!(told.iter().all(|(_, source)| *source == Source::Similar), "{told:?}");
}

#[test]
fn of_a_large_file_the_lines_like_those_at_the_cursor_go_along() {
    let like = "fn area(circle: Circle) -> f64 {\n    circle.radius * circle.radius * circle.scale\n}\n";
    let large = format!("{}{like}{}", filler("before", 900), filler("after", 900));
    assert!(large.len() > 3 * OPEN_BYTES);
    let folder = folder(&[]);
    let workspace = workspace(&folder);
    let open = [document(&folder.path().join("large.rs"), &large)];
    let fixture = "fn scaled(circle: Circle) -> f64 {\n    circle.radius * circle.$0\n}\n";
    let hole = hole(&folder.path().join("main.rs"), fixture);
    let request = workspace.assemble(&hole, &open).expect("allowed");
    assert!(request.context[0].text.contains(like) || request.context[1].text.contains(like));
    let lines = request.context.iter().map(|file| file.text.lines().count());
    assert!(lines.sum::<usize>() < large.lines().count(), "not all of it");
}

#[test]
fn what_was_edited_lately_comes_first_the_latest_before_all() {
    let folder = folder(&[]);
    let workspace = workspace(&folder);
    let edited = |name: &str, line: usize, seconds| Open {
        edited: vec![Edited { lines: line..line + 1, ago: Duration::from_secs(seconds) }],
        ..document(&folder.path().join(name), &filler(&name[..1], 900))
    };
    let like = document(&folder.path().join("like.rs"), "fn main() { Circle::new(1.0); }\n");
    let open = [edited("a.rs", 700, 90), edited("b.rs", 800, 5), like];
    let hole = hole(&folder.path().join("main.rs"), CALL);
    let Assembly { request, along, .. } = workspace.explain(&hole, &open, &mut || false).expect("allowed");
    assert_eq!(along[0].source, Source::Edited);
    assert!(request.context[0].path.starts_with("b.rs:"), "{}", request.context[0].path);
    let all: String = request.context.iter().map(|file| file.text.as_str()).collect();
    for line in ["fn a_700()", "fn a_698()", "fn b_800()", "fn b_802()"] {
        assert!(all.contains(line), "{line}");
    }
}

#[test]
fn when_time_is_up_a_request_goes_without_what_was_not_looked_at() {
    let folder = folder(&[("shapes.rs", "pub struct Circle;\nfn main() { Circle::new() }\n")]);
    let workspace = workspace(&folder);
    let open = [document(&folder.path().join("open.rs"), CALL)];
    let hole = hole(&folder.path().join("main.rs"), CALL);
    let nothing = workspace.explain(&hole, &open, &mut || true).expect("allowed");
    assert_eq!((nothing.request.context.len(), nothing.request.prompt.is_empty()), (0, false));
    let mut looks = 0;
    let some = workspace
        .explain(&hole, &open, &mut || {
            looks += 1;
            looks > 1
        })
        .expect("allowed");
    assert_eq!(some.request.context[0].path, "open.rs");
}

#[test]
fn a_scan_keeps_what_it_knows_of_files_that_are_the_same() {
    let folder = folder(&[("a.rs", "fn compute_a() {}\n"), ("b.rs", "fn compute_b() {}\n")]);
    let first = workspace(&folder);
    std::fs::write(folder.path().join("b.rs"), "fn compute_c() {}\n").expect("a file");
    // No time is left for definitions: those of a file that is the same are known all the same.
    let mut files = 0;
    let again = first.scanned(&mut || {
        files += 1;
        files > 4
    });
    let sources = |workspace: &Workspace, name: &str| {
        told(&folder, workspace, &format!("fn main() {{ {name}($0 }}\n"), &[])
            .into_iter()
            .map(|(_, source)| source)
            .collect::<Vec<_>>()
    };
    assert_eq!(sources(&again, "compute_a"), [Source::Defines("compute_a".into())]);
    assert_eq!(sources(&again, "compute_b"), []);
}

/// A golden case: what goes along, and what stays behind as it says nothing new.
#[test]
fn a_copy_stays_behind_and_what_two_files_share_goes_along_once() {
    let own = |hole: &str| {
        format!(
            "fn area(circle: Circle) -> f64 {{\n    circle.radius * circle.radius{hole}\n}}\n\nstruct Circle {{\n    radius: f64,\n}}\n"
        )
    };
    let twin =
        own("").replace("}\n\n", "}\n\nfn edge(circle: Circle) -> f64 {\n    circle.radius * 2.0\n}\n\n");
    let shared: String = (0..20)
        .map(|n| format!("fn scale_{n}(circle: Circle) -> f64 {{ circle.radius * {n}.0 }}\n"))
        .collect();
    let folder = folder(&[
        // Lines that the file at the cursor has, indented otherwise.
        ("area_old.rs", &own("").replace("    ", "\t")),
        // It has some more: the next ones here may be like them.
        ("twin.rs", &twin),
        ("a.rs", &shared),
        ("b.rs", &format!("{shared}fn last() {{}}\n")),
    ]);
    let workspace = workspace(&folder);
    let hole = hole(&folder.path().join("area.rs"), &own("$0"));
    let assembly = workspace.explain(&hole, &[], &mut || false).expect("allowed");
    let along: Vec<&str> = assembly.request.context.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(along, ["twin.rs", "a.rs"]);
    let left_out: Vec<(&str, Lack)> =
        assembly.left_out.iter().map(|file| (file.path.as_str(), file.why)).collect();
    assert_eq!(left_out, [("area_old.rs", Lack::News), ("b.rs", Lack::News)]);
}
