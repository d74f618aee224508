//! `quicksilver eval` from outside, against an engine that answers from a table: what it is asked, what is kept when it
//! dies, and what bad input says.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Output},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};

/// An engine of another make: answers `lines` posts, each with what `answer` makes of it, then closes its door.
struct Engine {
    address: String,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Engine {
    fn start(posts: usize, answer: fn(&Value) -> String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<(String, Value)>>>::default();
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            while log.lock().unwrap().len() < posts {
                let (stream, _) = listener.accept().unwrap();
                let request = read(&stream);
                let text = answer(&request.1);
                let body = json!({"id": "1", "object": "text_completion", "created": 1, "model": "table",
                    "choices": [{"index": 0, "text": text, "finish_reason": "stop"}]});
                log.lock().unwrap().push(request);
                write(&stream, &body.to_string());
            }
        });
        Self { address, asked }
    }
}

fn read(stream: &TcpStream) -> (String, Value) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let path = line.split(' ').nth(1).unwrap().to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        if header.trim().is_empty() {
            break;
        }
        if let Some(bytes) = header.to_lowercase().strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (path, serde_json::from_slice(&body).unwrap())
}

fn write(mut stream: &TcpStream, body: &str) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
}

fn eval(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quicksilver"));
    command.arg("eval").args(args).current_dir(folder);
    command.env_remove("QUICKSILVER_ENDPOINT").env_remove("QUICKSILVER_KEY").env("QUICKSILVER_LOG", "off");
    command.output().unwrap()
}

fn says(output: &Output, code: i32, words: &str) {
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert!(message.contains(words), "{message}");
}

/// Four problems of one line each: `return N`.
fn problems(folder: &Path) {
    let row = |n: u32| {
        let test = format!("def check(f):\n    assert f() == {n}\n");
        json!({"task_id": format!("SingleLineInfilling/HumanEval/{n}/L0"), "entry_point": "f",
            "prompt": format!("def f():\n    # {n}\n"), "suffix": "\n", "canonical_solution": format!("    return {n}\n"), "test": test})
    };
    let rows: Vec<String> = (0..4).map(|n| row(n).to_string()).collect();
    std::fs::write(folder.join("set.jsonl"), rows.join("\n")).unwrap();
}

/// Right, but where the prompt says 3.
fn mostly(asked: &Value) -> String {
    let prompt = asked["prompt"].as_str().unwrap();
    let number = prompt.split("# ").nth(1).unwrap().trim();
    if number == "3" {
        "    return 'x'\nrest".to_owned()
    } else {
        format!("    return {number} # as said\nrest")
    }
}

#[test]
fn an_engine_that_dies_costs_nothing_that_was_judged() {
    let folder = tempfile::tempdir().unwrap();
    problems(folder.path());
    let engine = Engine::start(2, mostly);
    let ask = |address: &str, more: &[&str]| {
        let base = [
            "humaneval",
            "--file",
            "set.jsonl",
            "--endpoint",
            address,
            "--api",
            "openai",
            "--model",
            "m",
            "--json",
        ];
        eval(folder.path(), &[&base, more].concat())
    };
    says(&ask(&engine.address, &[]), 5, "2 of 4 holes are judged and kept");
    // What it was asked: no extension of ours, and an end of line to stop at.
    let (path, asked) = engine.asked.lock().unwrap()[0].clone();
    assert_eq!(path, "/v1/completions");
    assert_eq!(
        (&asked["model"], &asked["suffix"], &asked["stop"]),
        (&json!("m"), &json!("\n\n"), &json!("\n"))
    );
    assert!(
        ["span", "language", "path", "context", "n", "deadline_ms"]
            .iter()
            .all(|field| asked.get(field).is_none()),
        "{asked}"
    );
    let journal = folder.path().join("eval-humaneval.jsonl");
    let verdicts = |text: &str| text.lines().filter(|line| line.contains("verdict")).count();
    assert_eq!(verdicts(&std::fs::read_to_string(&journal).unwrap()), 2);
    // A torn last line is what a power cut leaves behind.
    std::fs::OpenOptions::new().append(true).open(&journal).unwrap().write_all(b"{\"hole\": {\"ru").unwrap();
    // The same command asks what is left; the port is another one here, so all four.
    let again = Engine::start(4, mostly);
    let output = ask(&again.address, &[]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["figures"][0]["holes"], &report["figures"][0]["exact"]), (&json!(4), &json!(0.0)));
    let output = ask(&again.address, &[]);
    assert!(output.status.success(), "nothing is asked twice: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(again.asked.lock().unwrap().len(), 4);
}

#[cfg(target_os = "linux")]
#[test]
fn programs_are_run_only_where_that_is_allowed_and_runs_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    problems(folder.path());
    let run = |journal: &str, answer: fn(&Value) -> String, more: &[&str]| -> Value {
        let engine = Engine::start(4, answer);
        let address = engine.address.as_str();
        let base = [
            "humaneval",
            "--file",
            "set.jsonl",
            "--endpoint",
            address,
            "--api",
            "mercury",
            "--model",
            "m",
            "--json",
            "--journal",
            journal,
        ];
        let output = eval(folder.path(), &[&base, more].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(engine.asked.lock().unwrap()[0].0, "/v1/fim/completions");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let compared = run("compared.jsonl", mostly, &[]);
    assert_eq!(
        (&compared["figures"][0]["passed"], &compared["figures"][0]["exact"]),
        (&Value::Null, &json!(0.0))
    );
    assert!(compared["notes"][0].as_str().unwrap().contains("--run-code"));
    let first = run("first.jsonl", |_| "    return 0".to_owned(), &["--run-code"]);
    assert_eq!(first["figures"][0]["passed"], json!(0.25));
    let second = run("second.jsonl", mostly, &["--run-code"]);
    assert_eq!(
        (&second["figures"][0]["passed"], &second["figures"][0]["exact"]),
        (&json!(0.75), &json!(0.0))
    );
    assert!(second["run"]["configuration"]["judged_by"].as_str().unwrap().contains("Landlock"));
    let output = eval(folder.path(), &["compare", "first.jsonl", "second.jsonl", "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let passed =
        found["differences"].as_array().unwrap().iter().find(|row| row["of"] == "passed").unwrap().clone();
    assert_eq!(
        (&passed["points"], &passed["only"], &passed["p"]),
        (&json!(50.0), &json!([0, 2]), &json!(0.5))
    );
    let table = eval(folder.path(), &["compare", "first.jsonl", "second.jsonl"]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("+50.0"));
}

#[test]
fn bad_input_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| eval(folder.path(), args);
    std::fs::write(folder.path().join("other.jsonl"), "{\"a\": 1}\n").unwrap();
    std::fs::write(
        folder.path().join("safim.jsonl"),
        "{\"lang\":\"c\",\"eval_prompt\":\"x\",\"ground_truth\":\"y\"}\n",
    )
    .unwrap();
    problems(folder.path());
    says(&run(&["humaneval", "--file", "none.jsonl"]), 3, "none.jsonl: No such file");
    says(&run(&["humaneval", "--file", "other.jsonl"]), 3, "line 1 is no row of HumanEval-Infilling");
    says(&run(&["safim", "--file", "safim.jsonl"]), 3, "row 1 has no {{completion}}");
    says(&run(&["packages", "."]), 3, "no LANGUAGE/PACKAGE/ folders");
    says(&run(&["repository", "."]), 3, "no holes to be cut");
    says(&run(&["compare", "other.jsonl", "other.jsonl"]), 3, "line 1 is no line of an evaluation");
    says(&run(&["repository", ".", "--test-command", "true"]), 2, "--run-code");
    says(
        &run(&["humaneval", "--file", "set.jsonl", "--run-code", "--python", "no-python"]),
        1,
        "give one with --python",
    );
    let away = ["humaneval", "--file", "set.jsonl", "--endpoint", "http://127.0.0.1:9"];
    says(&run(&away), 5, "no engine answers");
    let journal = [
        "humaneval",
        "--file",
        "set.jsonl",
        "--endpoint",
        "http://127.0.0.1:9",
        "--api",
        "openai",
        "--model",
        "m",
        "--journal",
        "other.jsonl",
    ];
    says(&run(&journal), 3, "other.jsonl: line 1 is no line of an evaluation");
}
