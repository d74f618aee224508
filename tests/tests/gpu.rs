//! What a GPU would be used with, on a machine that has none: the reasons given, and the first contact's script at toy size.

#![allow(clippy::expect_used, reason = "a test: what is unexpected fails it")]

use std::{path::Path, process::Command};

use quicksilver_tests::{Home, quicksilver};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Exit code, standard output, standard error.
fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let home = Home::new();
    let output = home.command().args(args).current_dir(root()).output().expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The number of a GPU that no machine has.
const NO_GPU: &str = "cuda:99";

#[test]
fn a_gpu_that_is_not_there_is_refused_in_one_line_that_says_what_to_do() {
    for args in [
        &["engine", "--listen", "127.0.0.1:0", "--device", NO_GPU][..],
        &["bench", "--shape", "toy", "--device", NO_GPU],
    ] {
        let (code, out, error) = run(args);
        // The command line is at fault: whoever starts engines need not try again.
        assert_eq!(code, Some(2), "{args:?}: {error}");
        assert!(out.is_empty(), "{args:?}: {out}");
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(lines.len(), 1, "{args:?}: {error}");
        assert!(
            lines[0].contains("cuda:99 was asked for, but") && lines[0].contains("use"),
            "{args:?}: {error}"
        );
        assert!(lines[0].contains("cpu"), "{args:?}: {error}");
    }
}

#[test]
fn doctor_says_whether_a_gpu_is_used() {
    let (code, out, error) = run(&["doctor", "--device", "cpu"]);
    assert_eq!(code, Some(0), "{out}{error}");
    assert!(out.lines().any(|line| line.contains("GPU")), "{out}");
}

#[test]
fn bench_times_steps_that_keep_rows_beside_those_that_do_not() {
    let size = ["--prefix", "16", "--suffix", "8", "--spans", "4", "--seconds", "0", "--way", "kept"];
    let ways = ["--vicinity", "0,4", "--device", "cpu", "--json"];
    let (code, out, error) = run(&[&["bench", "--shape", "toy"], &size[..], &ways[..]].concat());
    assert_eq!(code, Some(0), "{error}");
    let found: Vec<bool> = out
        .lines()
        .zip(["full", "kept 0", "kept 4"])
        .map(|(line, way)| line.contains(&format!("\"way\":\"{way}\"")))
        .collect();
    assert_eq!(found, [true; 3], "{out}");
}

#[test]
fn bench_says_how_far_kept_rows_agree_with_exact_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("area.py");
    // Short: the fixture's tokens are little more than bytes.
    std::fs::write(&file, "def area(w, h):\n    size = w * h\n    return size\n").expect("a file");
    let model = ["--model", "engine/models/fixture/dream-on", "--device", "cpu"];
    let file = file.display().to_string();
    let over = ["bench", "--agreement", &file, "--holes", "2", "--vicinity", "2,100000"];
    let (code, out, error) = run(&[&over[..], &model[..]].concat());
    assert_eq!(code, Some(0), "{error}");
    let rows: Vec<&str> = out.lines().skip(2).collect();
    assert!(rows.len() == 2 && rows[0].starts_with("| 2 | 2 |"), "{out}");
    assert!(rows[1].starts_with("| 100000 | 2 | 2 | 2 |"), "a vicinity of everything is exact: {out}");
    let (code, out, error) = run(&[&over[..], &model[..], &["--json"]].concat());
    assert!(code == Some(0) && out.contains("\"same_argmax\":"), "{out}{error}");
    let exact = ["--model", "engine/models/fixture/context-exact-f32"];
    let (code, _, error) = run(&[&over[..], &exact[..]].concat());
    assert!(code != Some(0) && error.contains("no two ways"), "{error}");
}

#[test]
fn bench_prints_a_row_for_each_way_and_span() {
    let size = ["--prefix", "16", "--suffix", "8", "--spans", "2,4", "--seconds", "0"];
    let (code, out, error) = run(&[&["bench", "--shape", "toy", "--device", "cpu"], &size[..]].concat());
    assert_eq!(code, Some(0), "{error}");
    let rows: Vec<&str> = out.lines().skip(2).collect();
    assert_eq!(rows.len(), 4, "{out}");
    assert!(rows[0].starts_with("| toy | full | cpu | f32 | 16 | 8 | 2 |"), "{out}");
    assert!(rows[3].starts_with("| toy | cached | cpu | f32 | 16 | 8 | 4 |"), "{out}");
    for (args, why) in [
        (&["bench"][..], "required"),
        (&["bench", "--shape", "gpt"], "none of toy, qwen2.5-0.5b"),
        (&["bench", "--shape", "toy", "--device", "cpu", "--float", "bf16"], "on a GPU only"),
        (&["bench", "--shape", "toy", "--spans", "0"], "give 1 to"),
    ] {
        let (code, _, error) = run(args);
        assert!(code == Some(2) && error.contains(why), "{args:?}: {error}");
    }
}

#[test]
fn the_first_contact_runs_in_pieces_and_goes_on_where_it_stopped() {
    let out = tempfile::tempdir().expect("a folder");
    let contact = |minutes: &str| {
        let output = Command::new("bash")
            .arg(root().join("engine/gpu/first-contact.sh"))
            .args(["--toy", "--minutes", minutes, "--binary"])
            .arg(quicksilver())
            .arg("--out")
            .arg(out.path())
            .output()
            .expect("bash runs");
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    };
    let read = |name: &str| std::fs::read_to_string(out.path().join(name)).unwrap_or_default();

    let (success, text) = contact("0");
    assert!(success && text.contains("no time left; call again"), "{text}");
    let (success, text) = contact("5");
    assert!(success, "{text}");
    let report = read("report.md");
    for part in [
        "## Logits against PyTorch's",
        "| sdar | f32 |",
        "| quicksilver | toy | cached | f32 | 32 | 16 | 4 |",
    ] {
        assert!(report.contains(part), "{part}\n{report}");
    }
    assert!(!report.contains("BAD"), "{report}");
    // Without torch that is said, and is no failure.
    assert!(report.contains("torch eager | toy") || report.contains("torch is not here"), "{report}");
    let measured = read("ours-toy-full.jsonl");
    let (success, text) = contact("5");
    assert!(success && !text.contains("ours-toy-full"), "{text}");
    assert_eq!(read("ours-toy-full.jsonl"), measured, "what is measured is not measured again");
}
