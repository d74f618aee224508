//! The engine dies in the middle of an answer: the server lives, the pending request is answered with an
//! empty list at once, edits go on, and the next suggestion comes back by itself.

use std::time::{Duration, Instant};

use quicksilver_tests::editor::{Editor, Kind};
use quicksilver_tests::engine::{FakeEngine, Script};
use quicksilver_tests::fixture::Fixture;
use quicksilver_tests::tier;
use quicksilver_tests::times::Times;
use serde_json::{Value, json};

/// Most time from the death to the pending request's answer, on an idle machine and on a busy one.
const ANSWERED: Duration = Duration::from_millis(100);
const ANSWERED_WHEN_BUSY: Duration = Duration::from_millis(500);

/// A suggestion that never ends if the text asks for that.
fn engine(address: &str) -> FakeEngine {
    FakeEngine::at(address, |asked| {
        let wait = if asked.prompt.contains("forever") { Duration::from_secs(60) } else { Duration::ZERO };
        Script::says("back").after(wait)
    })
}

#[test]
fn deaths_in_the_middle_of_an_answer() {
    let deaths = tier::count(20, 500);
    let mut running = engine("127.0.0.1:0");
    let address = running.address();
    let fixture = Fixture::new("fn f() { $0 }");
    let settings = json!({"endpoint": format!("http://{address}"), "deadlineMs": 10_000});
    let mut editor = Editor::open(Kind::VsCode, settings, &fixture);
    let mut waits = Times::default();
    for death in 0..deaths {
        // Another text each time: what was shown before must not do for an answer.
        editor.replace(&format!("fn f{death:03}() {{ }}"));
        let until = Instant::now() + Duration::from_secs(20);
        while editor.suggestions(json!({"line": 0, "character": 12})).is_empty() {
            assert!(Instant::now() < until, "no suggestion after death {death}");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(!running.asked().is_empty(), "the engine that is new made it");
        editor.replace("fn forever() { }");
        let known = running.asked().len();
        let id = editor.ask(json!({"line": 0, "character": 15}));
        while running.asked().len() == known {
            assert!(Instant::now() < until, "the engine is not asked");
            std::thread::sleep(Duration::from_millis(1));
        }
        let died = Instant::now();
        drop(running);
        assert_eq!(editor.items(id), Vec::<Value>::new());
        waits.add(died.elapsed());
        editor.splice(0, 0, "x");
        assert_eq!(editor.digest()["length"], editor.text().len());
        assert!(editor.server.is_alive());
        running = engine(&address);
    }
    let did = format!("{deaths} deaths of a remote engine in the middle of an answer");
    let result = format!("answered empty after {waits}; 0 divergences; it came back each time");
    tier::report("K1", &did, &result);
    assert!(waits.median() < ANSWERED && waits.worst() < ANSWERED_WHEN_BUSY, "{waits}");
}
