//! `quicksilver model …` from outside, against a stand-in for the hub: what is pulled works by its name.

#![allow(clippy::expect_used, reason = "a test: what is unexpected fails it")]

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use quicksilver_tests::{
    Home,
    hub::{HubStandIn, Repository, Trick},
};
use serde_json::Value;

const ID: &str = "org/tiny";
const TOKEN: &str = "hf_s3cretT0ken";

/// A model that loads: one of the engine's fixtures.
fn model() -> Repository {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/models/fixture/context-exact-f32");
    let files = ["config.json", "tokenizer.json", "model.safetensors"].map(|name| {
        let bytes = std::fs::read(fixture.join(name)).expect("a fixture");
        (name.to_owned(), bytes)
    });
    Repository { id: ID.into(), commit: "a".repeat(40), licence: Some("mit".into()), files: files.into() }
}

fn run(mut command: Command, args: &[&str]) -> Output {
    command.args(args).stdin(Stdio::null()).output().expect("it runs")
}

fn pull(home: &Home, hub: &HubStandIn, more: &[&str]) -> Output {
    let mut command = home.command();
    command.env("HF_TOKEN", TOKEN).env("QUICKSILVER_LOG", "trace");
    run(command, &[&["model", "pull", ID, "--hub", &hub.url()], more].concat())
}

/// Both outputs, after the exit code was compared.
fn said(output: &Output, code: i32) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(!said.contains(TOKEN) && !said.contains("panicked"), "{said}");
    said
}

fn listed(home: &Home, id: &str) -> Value {
    let list: Value =
        serde_json::from_str(&said(&run(home.command(), &["model", "list", "--json"]), 0)).expect("JSON");
    let models = list["models"].as_array().cloned().unwrap_or_default();
    models.into_iter().find(|model| model["id"] == id).unwrap_or_default()
}

#[test]
fn a_pulled_model_is_listed_shown_used_by_its_name_and_removed() {
    let (home, hub) = (Home::new(), HubStandIn::start(model(), |_| None));
    assert_eq!(listed(&home, ID), Value::Null);
    let told = said(&run(home.command(), &["model", "show", ID]), 4);
    assert!(told.contains("`quicksilver model pull org/tiny` fetches it"), "{told}");

    let told = said(&pull(&home, &hub, &[]), 0);
    assert!(told.contains("use it with --model org/tiny"), "{told}");
    assert!(hub.asked().iter().all(|asked| asked.authorization.is_some() != asked.path.starts_with("/cdn/")));
    let line = listed(&home, ID);
    assert_eq!(
        (&line["pulled"], &line["loads"], &line["fits"]),
        (&"a".repeat(40).into(), &true.into(), &true.into())
    );
    assert!(said(&run(home.command(), &["model", "list"]), 0).contains(ID));
    assert!(said(&run(home.command(), &["model", "show", ID]), 0).contains(ID));

    let file = home.path().join("sample.rs");
    std::fs::write(&file, "let mercury = quicksilver;\nlet mercury =\n").expect("a file");
    let at = format!("{}:2:14", file.display());
    let answer = said(&run(home.command(), &["infill", &at, "--model", ID, "--json"]), 0);
    let answer: Value = serde_json::from_str(answer.lines().next().unwrap_or_default()).expect("JSON");
    assert_eq!(answer["model"], ID);

    assert!(said(&run(home.command(), &["model", "remove", ID]), 0).contains("is gone"));
    assert_eq!(listed(&home, ID), Value::Null);
    said(&run(home.command(), &["model", "remove", ID]), 4);
}

#[test]
fn a_killed_pull_goes_on_where_it_stopped() {
    let home = Home::new();
    let slow =
        HubStandIn::start(model(), |asked| asked.path.starts_with("/cdn/").then_some(Trick::Cut(20_000)));
    let mut command = home.command();
    command.args(["model", "pull", ID, "--hub", &slow.url()]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it runs");
    let begun = Instant::now();
    while slow.asked_for("/cdn/").len() < 2 && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("it is there");
    child.wait().expect("it ends");
    drop(slow);
    assert_eq!(listed(&home, ID), Value::Null, "a model that is not whole is none");
    let told = said(&run(home.command(), &["engine", "--listen", "127.0.0.1:0", "--model", ID]), 4);
    assert!(told.contains("is not on this disk"), "{told}");

    let hub = HubStandIn::start(model(), |_| None);
    said(&pull(&home, &hub, &[]), 0);
    let ranges: Vec<_> = hub.asked_for("/cdn/").into_iter().map(|asked| asked.range).collect();
    assert!(ranges.len() == 1 && ranges[0].is_some(), "{ranges:?}");
}

#[test]
fn a_licence_is_shown_and_must_be_accepted_once() {
    let hub = HubStandIn::start(Repository { licence: Some("apple-amlr".into()), ..model() }, |_| None);
    let home = Home::new();
    let told = said(&pull(&home, &hub, &[]), 2);
    assert!(told.contains("apple-amlr") && told.contains("--accept-licence"), "{told}");
    said(&pull(&home, &hub, &["--accept-licence"]), 0);
    said(&run(home.command(), &["model", "remove", ID]), 0);
    said(&pull(&home, &hub, &[]), 0);
}

#[test]
fn refusals_have_their_exit_code_and_say_what_to_do() {
    let home = Home::new();
    let hub = HubStandIn::start(model(), |_| Some(Trick::Status(401, vec![])));
    assert!(said(&pull(&home, &hub, &[]), 7).contains("HF_TOKEN is not valid there"));
    for (args, says) in [
        (&["model", "pull", "tiny"][..], "ORG/NAME"),
        (&["model", "pull", "../x"], "ORG/NAME"),
        (&["model", "pull", ID, "--hub", "hub.example"], "no address"),
        (&["model", "remove", "x"], "ORG/NAME"),
    ] {
        let told = said(&run(home.command(), args), 2);
        assert!(told.contains(says), "{told}");
    }
    let mut command = home.command();
    command.env("HF_TOKEN", TOKEN);
    assert!(
        said(&run(command, &["model", "pull", ID, "--hub", "http://hub.example"]), 2).contains("in clear")
    );
}

#[test]
fn a_folder_is_taken_over() {
    let (home, from) = (Home::new(), tempfile::tempdir().expect("a folder"));
    for (name, bytes) in model().files {
        std::fs::write(from.path().join(name), bytes).expect("a file");
    }
    let path = from.path().display().to_string();
    said(&run(home.command(), &["model", "pull", ID, "--from", &path, "--accept-licence"]), 0);
    assert!(listed(&home, ID)["pulled"].as_str().is_some_and(|revision| revision.starts_with("local-")));
}

#[test]
fn proxies_of_the_environment_count() {
    // To a plain hub a proxy gets whole addresses: the stand-in can be one.
    let (home, hub) = (Home::new(), HubStandIn::start(model(), |_| None));
    let through = |name: &str, value: &str| {
        let mut command = home.command();
        command.env(name, value);
        command
    };
    let args = ["model", "pull", ID, "--hub", "http://hub.invalid"];
    said(&run(through("HTTP_PROXY", &hub.url()), &args), 0);
    assert!(!hub.asked_for("/revision/").is_empty());
    let before = hub.asked().len();
    // The stand-in itself is asked, not the proxy that is not there.
    let home = Home::new();
    let mut command = home.command();
    command.env("HTTP_PROXY", "http://127.0.0.1:9");
    command.env("NO_PROXY", "127.0.0.1");
    said(&run(command, &["model", "pull", ID, "--hub", &hub.url()]), 0);
    assert!(hub.asked().len() > before);
}

#[test]
fn an_https_hub_is_reached_by_a_tunnel_of_the_proxy() {
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", proxy.local_addr().expect("an address"));
    // Refuses each tunnel, after noting what was asked.
    let asked = std::thread::spawn(move || {
        let (mut client, _) = proxy.accept().expect("a client");
        let mut line = [0; 512];
        let count = client.read(&mut line).expect("a request");
        let _ = client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
        String::from_utf8_lossy(&line[..count]).into_owned()
    });
    let home = Home::new();
    let mut command = home.command();
    command.env("HTTPS_PROXY", &address).env("HF_TOKEN", TOKEN);
    let mut child = command
        .args(["model", "pull", ID, "--hub", "https://hub.invalid"])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let request = asked.join().expect("a request came");
    assert!(request.starts_with("CONNECT hub.invalid:443"), "{request}");
    assert!(!request.contains(TOKEN), "the proxy does not see it");
    child.kill().expect("it is there");
    child.wait().expect("it ends");
}

#[test]
#[cfg(unix)]
fn a_disk_that_takes_no_more_is_named_and_what_is_there_is_used_later() {
    let (home, hub) = (Home::new(), HubStandIn::start(model(), |_| None));
    let quicksilver = quicksilver_tests::quicksilver();
    let mut command = home.command();
    // A limit on the size of files is what a test can have of a full disk. The shell counts in blocks of 512 or 1024.
    let script = format!(
        "trap '' XFSZ; ulimit -f 40; exec '{}' model pull {ID} --hub {}",
        quicksilver.display(),
        hub.url()
    );
    let environment: Vec<_> =
        command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    command = Command::new("sh");
    command.env_clear().envs(environment);
    let told = said(&run(command, &["-c", &script]), 7);
    assert!(told.contains("make room") && told.contains("model.safetensors.part"), "{told}");
    assert_eq!(listed(&home, ID), Value::Null);
    said(&pull(&home, &hub, &[]), 0);
    let asked = hub.asked_for("/cdn/");
    assert!(asked.last().is_some_and(|asked| asked.range.is_some()), "{asked:?}");
}
