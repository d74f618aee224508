//! K1 to K3 with the real engine: it is killed, or stands still, at any moment, and the server is killed above it. That costs
//! ghost text for a moment, never a document, a request or a process left behind.

// A test that cannot go on has nothing better to do than to say why.
#![allow(clippy::expect_used)]
#![cfg(unix)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quicksilver_tests::Home;
use quicksilver_tests::editor::{Editor, Kind};
use quicksilver_tests::engine::{FakeEngine, Script};
use quicksilver_tests::fixture::Fixture;
use quicksilver_tests::process::{children, is_gone, is_stopped, signal};
use quicksilver_tests::tier::{self, Dice};
use quicksilver_tests::times::Times;
use rustix::process::Signal;
use serde_json::{Value, json};

const TEXT: &str = "fn area(width: u32, height: u32) -> u32 {\n    let product = width * height;\n    \n    product\n}\n\nfn twice(width: u32, height: u32) -> u32 {\n    \n    product * 2\n}\n";
/// Where `let product = width * height;` is missing.
const HOLE: usize = 7;
/// Kills that one server sees: more than 30 deaths in three minutes and it gives up, by design.
const KILLS_OF_A_SERVER: usize = 20;
/// Of those, before the engine has answered anything; the fifth such death in three minutes would be the last.
const KILLS_AT_START: usize = 3;
/// Most time to the answer of a request that was under way, on a busy machine. On an idle one it is 100 ms.
const ANSWERED: Duration = Duration::from_millis(500);
/// Most time until an engine without a server is gone.
const ORPHAN: Duration = Duration::from_secs(5);

fn open(home: &Arc<Home>) -> Editor {
    Editor::in_project(
        home,
        json!({}),
        json!({"showUnsure": true, "debounceMs": 0, "lookAhead": false}),
        TEXT,
    )
}

fn at_hole() -> Value {
    json!({"line": HOLE, "character": 4})
}

/// The one engine that this server has started, once there is one.
fn engine_of(editor: &Editor) -> u32 {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        match children(editor.server.pid())[..] {
            [pid] => return pid,
            ref none_or_many => assert!(none_or_many.len() < 2, "{none_or_many:?}"),
        }
        assert!(Instant::now() < until, "no engine is started");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn in_step(editor: &mut Editor) {
    let (digest, length, version) = (editor.digest(), editor.text().len(), editor.version());
    assert_eq!(
        (&digest["length"], &digest["version"], &digest["inStep"]),
        (&json!(length), &json!(version), &json!(true))
    );
}

/// Types one character at the file's end, so that nothing shown before can answer the next question.
fn type_one(editor: &mut Editor) {
    let at = editor.text().encode_utf16().count();
    let place = editor.place(at);
    editor.replace(&format!("{}// {}\n", editor.text(), place["line"]));
    if editor.text().len() > 4_000 {
        editor.replace(TEXT);
    }
}

#[test]
fn the_engine_is_killed_at_any_moment() {
    let kills = tier::count(20, 500);
    let mut dice = Dice::new("engine kills");
    let [mut answered, mut back, mut synced] = [(); 3].map(|()| Times::default());
    let mut done = 0;
    while done < kills {
        let home = Arc::default();
        let mut editor = open(&home);
        let mut engine = 0;
        for kill in 0..KILLS_OF_A_SERVER.min(kills - done) {
            if kill < KILLS_AT_START {
                // While it starts, or loads.
                engine = engine_of(&editor);
                std::thread::sleep(Duration::from_millis(dice.below(40) as u64));
            } else {
                assert!(
                    !editor.eventual_suggestions(&at_hole()).is_empty(),
                    "no suggestion after kill {done}"
                );
                engine = engine_of(&editor);
                type_one(&mut editor);
            }
            // While it waits, refines, or streams.
            let id = editor.ask(at_hole());
            std::thread::sleep(Duration::from_micros(dice.below(12_000) as u64));
            let killed = Instant::now();
            signal(engine, Signal::KILL);
            editor.items(id);
            answered.add(killed.elapsed());
            let keystroke = Instant::now();
            type_one(&mut editor);
            in_step(&mut editor);
            synced.add(keystroke.elapsed());
            if kill >= KILLS_AT_START {
                assert!(
                    !editor.eventual_suggestions(&at_hole()).is_empty(),
                    "no suggestion after kill {done}"
                );
                back.add(killed.elapsed());
            }
            assert!(is_gone(engine, ORPHAN));
            done += 1;
        }
        let last = children(editor.server.pid());
        assert_eq!(editor.server.shut_down(), Some(0));
        assert!(last.iter().all(|pid| is_gone(*pid, ORPHAN)), "an engine without a server, after {engine}");
    }
    let result = format!(
        "{kills} of {kills} servers' documents in step; pending request answered after {answered}; keystroke and digest {synced}; \
         next suggestion after {back}; 0 orphans"
    );
    tier::report(
        "K1",
        &format!("{kills} kills of the engine at random moments: start, load, wait, refine"),
        &result,
    );
    assert!(answered.worst() < ANSWERED, "{answered}");
}

#[test]
fn the_server_is_killed_and_leaves_no_engine_behind() {
    let kills = tier::count(5, 100);
    let mut slowest = Duration::ZERO;
    let mut dice = Dice::new("server kills");
    let home = Arc::default();
    for kill in 0..kills {
        let mut editor = open(&home);
        let mut engine = engine_of(&editor);
        if kill % 2 == 0 {
            // While the engine starts, or loads, or was not leased yet.
            std::thread::sleep(Duration::from_millis(dice.below(60) as u64));
        } else {
            assert!(!editor.eventual_suggestions(&at_hole()).is_empty());
            in_step(&mut editor);
            engine = engine_of(&editor);
            editor.ask(at_hole());
        }
        let killed = Instant::now();
        signal(editor.server.pid(), Signal::KILL);
        assert!(is_gone(engine, ORPHAN), "the engine of killed server {kill} lives on");
        slowest = slowest.max(killed.elapsed());
    }
    let result =
        format!("the engine was gone after at most {slowest:.1?}: 0 orphans; the next server starts one");
    tier::report(
        "K2",
        &format!("{kills} kills of the server, half of them while its engine starts"),
        &result,
    );
}

#[test]
fn an_engine_that_stands_still_costs_its_deadline_only() {
    let still = Duration::from_secs(tier::count(2, 30) as u64);
    let home = Arc::default();
    let mut editor = open(&home);
    assert!(!editor.eventual_suggestions(&at_hole()).is_empty());
    let engine = engine_of(&editor);
    signal(engine, Signal::STOP);
    while !is_stopped(engine) {
        std::thread::yield_now();
    }
    let stopped = Instant::now();
    let mut keystrokes = Times::default();
    // What was shown before must not do for an answer.
    type_one(&mut editor);
    while stopped.elapsed() < still {
        // Someone types on: each question is taken over by the next.
        let id = editor.ask(at_hole());
        let keystroke = Instant::now();
        type_one(&mut editor);
        in_step(&mut editor);
        keystrokes.add(keystroke.elapsed());
        std::thread::sleep(Duration::from_millis(50));
        editor.ask(at_hole());
        assert_eq!(editor.items(id), Vec::<Value>::new());
    }
    type_one(&mut editor);
    let asked = Instant::now();
    assert_eq!(editor.suggestions(at_hole()), Vec::<Value>::new());
    let waited = asked.elapsed();
    signal(engine, Signal::CONT);
    let woken = Instant::now();
    type_one(&mut editor);
    assert!(!editor.eventual_suggestions(&at_hole()).is_empty(), "it does not come back");
    let back = woken.elapsed();
    let result = format!(
        "{} keystrokes, each with a digest: {keystrokes}; the last request answered empty after {waited:.2?} (deadline 2 s); \
         next suggestion {back:.1?} after it goes on",
        keystrokes.count(),
    );
    tier::report("K3", &format!("the engine stands still for {} s", still.as_secs()), &result);
    assert!(waited < Duration::from_secs(3), "{waited:?}");
}

#[test]
fn a_server_and_engine_that_slept_go_on() {
    let home = Arc::default();
    let mut editor = open(&home);
    assert!(!editor.eventual_suggestions(&at_hole()).is_empty());
    let engine = engine_of(&editor);
    let pids = [editor.server.pid(), engine];
    type_one(&mut editor);
    pids.iter().for_each(|pid| signal(*pid, Signal::STOP));
    let id = editor.ask(at_hole());
    std::thread::sleep(Duration::from_secs(tier::count(1, 30) as u64));
    let woken = Instant::now();
    pids.iter().for_each(|pid| signal(*pid, Signal::CONT));
    editor.items(id);
    let answered = woken.elapsed();
    type_one(&mut editor);
    in_step(&mut editor);
    assert!(!editor.eventual_suggestions(&at_hole()).is_empty());
    assert_eq!(engine_of(&editor), engine, "it is the same engine");
    let did = format!("server and engine stand still for {} s, as in a suspend", tier::count(1, 30));
    tier::report(
        "K3",
        &did,
        &format!("the pending request is answered {answered:.1?} after; same engine, in step"),
    );
    assert!(answered < Duration::from_secs(3));
}

#[test]
fn a_peer_that_says_nothing_costs_the_deadline_only() {
    // One takes connections and is never heard of; the other says what it serves, and then nothing.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let deaf = format!("http://{}", deaf.local_addr().expect("bound"));
    let stuck = FakeEngine::start(|_| Script::says("late").after(Duration::from_secs(600)));
    let fixture = Fixture::new("fn f() { $0 }");
    let mut worst = Duration::ZERO;
    let (rounds, deadline) = (tier::count(4, 60), Duration::from_millis(500));
    for endpoint in [deaf, format!("http://{}", stuck.address())] {
        let settings = json!({"endpoint": endpoint, "debounceMs": 0, "deadlineMs": 500});
        let mut editor = Editor::open(Kind::VsCode, settings, &fixture);
        for _ in 0..rounds {
            type_one(&mut editor);
            let asked = Instant::now();
            assert_eq!(editor.suggestions(fixture.position()), Vec::<Value>::new());
            worst = worst.max(asked.elapsed());
            std::thread::sleep(Duration::from_millis(20));
        }
        in_step(&mut editor);
    }
    assert!(stuck.asked().len() >= rounds - 1 && worst >= deadline, "it was asked, and waited for");
    let did = format!("{} questions to a peer that takes the connection and says nothing", rounds * 2);
    tier::report("K3", &did, &format!("answered empty after at most {worst:.1?} (deadline {deadline:?})"));
    assert!(worst < deadline * 2);
}

#[test]
fn a_log_that_cannot_be_written_ends_nobody() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let full = std::fs::File::options().write(true).open("/dev/full").expect("it opens");
    let mut server = quicksilver_tests::server::TestServer::spawn_logging(Arc::default(), full.into());
    server.initialize("a test", json!({}), json!({"enable": false}), None);
    // Each of these is logged.
    for _ in 0..20 {
        server.send_bytes(b"Content-Length: 2\r\n\r\n{]");
        server.notify("textDocument/didChange", json!({}));
    }
    server.request("quicksilver/status", Value::Null);
    assert_eq!(server.shut_down(), Some(0));
    let full = std::fs::File::options().write(true).open("/dev/full").expect("it opens");
    let mut rude = quicksilver_tests::server::TestServer::spawn_logging(Arc::default(), full.into());
    rude.initialize("a test", json!({}), json!({"enable": false}), None);
    rude.hang_up();
    assert_eq!(rude.exit_code(), Some(1), "the code says what happened, though it cannot be said in words");
    tier::report("K3", "the disk is full for the log", "the server works and ends by the book");
}
