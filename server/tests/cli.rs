//! The binary from outside: bad input has its exit code and says what to do; help is everywhere.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    path::Path,
    process::{Command, Output},
};

fn quicksilver(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quicksilver"))
        .args(args)
        .env_remove("QUICKSILVER_ENDPOINT")
        .env_remove("QUICKSILVER_KEY")
        .env("QUICKSILVER_LOG", "off")
        .output()
        .unwrap()
}

/// Runs, and checks the exit code and a part of the message.
fn fails(args: &[&str], code: i32, says: &str) {
    let output = quicksilver(args);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
    assert!(message.contains(says), "{args:?} says: {message}");
    assert!(!message.contains("panicked"), "{args:?} says: {message}");
    assert!(output.stdout.is_empty(), "{args:?}: {:?}", output.stdout);
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

#[test]
fn a_file_or_position_that_cannot_be_used_is_exit_3() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(folder.path(), "good.rs", b"fn main() {}\n");
    let binary = write(folder.path(), "binary", b"\x7fELF\0\0");
    let latin = write(folder.path(), "latin.txt", b"caf\xe9\n");
    fails(&["infill", "/no/such/file.rs:1:1"], 3, "no such file");
    fails(&["infill", &format!("{}:1:1", folder.path().display())], 3, "a folder");
    fails(&["infill", &format!("{binary}:1:1")], 3, "a binary file");
    fails(&["infill", &format!("{latin}:1:1")], 3, "not UTF-8 in line 1");
    fails(&["infill", &format!("{good}:9:1")], 3, "there is no line 9");
    fails(&["infill", &format!("{good}:1:99")], 3, "line 1 ends at column 13");
    fails(&["explain", &format!("{good}:1:99")], 3, "line 1 ends at column 13");
}

#[test]
fn a_file_that_is_told_to_nobody_is_exit_3_and_its_rule_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let secret = format!("{}:1:1", write(folder.path(), ".env", b"KEY=x\n"));
    fails(&["explain", &secret], 3, "files named `.env` may hold secrets");
    fails(&["explain", &secret, "--json"], 3, "files named `.env` may hold secrets");
}

#[test]
fn explain_prints_one_line_of_json_and_needs_no_engine() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    let at = format!("{}:1:13", write(folder.path(), "good.rs", b"fn main() { }\n"));
    let output = quicksilver(&["explain", &at, "--full", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 1);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["path"], &told["language"]), (&"good.rs".into(), &"rust".into()));
    assert_eq!((&told["prefix"]["text"], &told["suffix"]["text"]), (&"fn main() { ".into(), &"}\n".into()));
    assert_eq!(told["prefix"].get("tokens").is_some(), cfg!(feature = "engine"));
}

#[test]
fn a_command_line_that_makes_no_sense_is_exit_2() {
    for (args, says) in [
        (&["infill", "x.rs"][..], "FILE:LINE:COL"),
        (&["infill", "x.rs:0:1"], "from 1"),
        (&["infill", "x.rs:1:1", "--span", "word"], "rest, line, block"),
        (&["infill", "x.rs:1:1", "--deadline-ms", "0"], "1..=10000"),
        (&["engine", "--device", "gpu"], "cuda:N"),
        (&["engine", "--no-such-flag"], "--help"),
        (&["fly"], "unrecognized subcommand"),
    ] {
        fails(args, 2, says);
    }
}

#[test]
#[cfg(feature = "engine")]
fn a_model_that_is_not_there_is_exit_4_and_says_what_a_model_is() {
    fails(
        &["engine", "--listen", "127.0.0.1:0", "--model", "/no/such/model"],
        4,
        "a model is `quicksilver`, the ID of a pulled one, or a folder",
    );
}

/// Fills a hole of `file` with an engine of its own, in a home that has none: the exit code, and what it says of what is wrong.
#[cfg(feature = "engine")]
fn infill(home: &Path, file: &str, option: [&str; 2]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_quicksilver"))
        .args(["infill", &format!("{file}:1:13")])
        .args(option)
        .env_remove("QUICKSILVER_ENDPOINT")
        .env_remove("QUICKSILVER_LOG")
        .env("XDG_RUNTIME_DIR", home)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
#[cfg(feature = "engine")]
fn why_an_engine_of_ones_own_cannot_start_is_one_line() {
    let home = tempfile::tempdir().unwrap();
    let good = write(home.path(), "good.rs", b"fn main() { }\n");
    let sound = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/models/fixture/a2d-qwen2");
    let model = home.path().join("spoiled");
    std::fs::create_dir(&model).unwrap();
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"] {
        std::fs::copy(sound.join(name), model.join(name)).unwrap();
    }
    let mut weights = std::fs::read(model.join("model.safetensors")).unwrap();
    weights.splice(weights.len() - 4.., f32::NAN.to_le_bytes());
    std::fs::write(model.join("model.safetensors"), weights).unwrap();
    let (code, message) = infill(home.path(), &good, ["--model", &model.display().to_string()]);
    assert_eq!(code, Some(4), "{message}");
    assert!(message.starts_with("quicksilver: the model cannot be loaded: "), "{message}");
    assert!(message.ends_with("is NaN\n") && message.lines().count() == 1, "{message}");
}

#[test]
#[cfg(all(feature = "engine", not(feature = "cuda")))]
fn a_device_that_is_not_there_is_no_reason_to_start_an_engine_again() {
    let home = tempfile::tempdir().unwrap();
    let good = write(home.path(), "good.rs", b"fn main() { }\n");
    let (code, message) = infill(home.path(), &good, ["--device", "cuda:0"]);
    assert_eq!(code, Some(5), "{message}");
    assert!(message.contains("this build has no CUDA") && !message.contains("died"), "{message}");
}

#[test]
fn an_endpoint_that_cannot_or_must_not_be_used_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let at = format!("{}:1:1", write(folder.path(), "good.rs", b"fn main() {}\n"));
    fails(&["infill", &at, "--endpoint", "http://192.0.2.7:80"], 2, "would send your code in clear");
    fails(&["infill", &at, "--endpoint", "nonsense"], 2, "no address");
    fails(
        &["infill", &at, "--endpoint", "https://x", "--key-file", "/no/such/key"],
        2,
        "the key file /no/such/key cannot be read",
    );
}

#[test]
fn an_endpoint_where_nobody_answers_is_exit_5_and_soon() {
    let folder = tempfile::tempdir().unwrap();
    let at = format!("{}:1:1", write(folder.path(), "good.rs", b"fn main() {}\n"));
    let begun = std::time::Instant::now();
    // Bound and dropped: a port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    fails(&["infill", &at, "--endpoint", &format!("http://127.0.0.1:{port}")], 5, "no engine answers");
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[test]
fn help_is_everywhere_and_tells_the_exit_codes() {
    for args in [
        &["--help"][..],
        &["infill", "--help"],
        &["explain", "--help"],
        &["engine", "--help"],
        &["lsp", "--help"],
        &["doctor", "--help"],
        &["model", "--help"],
        &["model", "show", "--help"],
        &["completions", "--help"],
    ] {
        let output = quicksilver(args);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("Exit codes:"), "{args:?}: {text}");
    }
}

#[test]
fn completion_scripts_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = quicksilver(&["completions", shell]);
        assert!(output.status.success() && output.stdout.len() > 500, "{shell}");
    }
}
