//! A keystroke to ghost text with nothing scripted: the real server, the real engine, the embedded model.

use anyhow::Result;
use quicksilver_tests::{Client, Home};
use serde_json::{Value, json};

const SHOP: &str = include_str!("../../examples/shop.rs");

/// Line and column (from 0) of the hole in the sample, after `let pieces = ` in `remove`.
fn hole() -> (u32, u32) {
    let marker = "let pieces = \n";
    let at = SHOP.find(marker).map_or(0, |at| at + marker.len() - 1);
    let line = SHOP[..at].matches('\n').count();
    let column = at - SHOP[..at].rfind('\n').map_or(0, |newline| newline + 1);
    (line as u32, column as u32)
}

fn started(home: &Home, settings: &Value, frames: bool) -> Result<(Client, String)> {
    let project = home.path().join("project");
    std::fs::create_dir_all(project.join(".git"))?;
    let file = project.join("shop.rs");
    std::fs::write(&file, SHOP)?;
    let mut client = Client::ready(home, &project, settings, frames)?;
    let uri = format!("file://{}", file.display());
    client.open(&uri, "rust", SHOP)?;
    Ok((client, uri))
}

#[test]
fn a_keystroke_becomes_an_infilled_span() -> Result<()> {
    let home = Home::new();
    let (mut client, uri) = started(&home, &json!({}), false)?;
    let (line, column) = hole();
    let text = client.eventual_suggestion(&uri, line, column)?;
    assert_eq!(text, "self.pieces.entry(article.to_owned()).or_insert(0);");
    client.type_at(&uri, line, column, "self.pi")?;
    let rest = client.eventual_suggestion(&uri, line, column + 7)?;
    assert_eq!(format!("self.pi{rest}"), text, "typing the suggestion leaves the rest of it");
    assert!(client.shutdown()?.success());
    Ok(())
}

#[test]
fn who_asks_for_frames_sees_the_span_refined_and_others_do_not() -> Result<()> {
    let (line, column) = hole();
    let home = Home::new();
    let (mut client, uri) = started(&home, &json!({}), true)?;
    let text = client.eventual_suggestion(&uri, line, column)?;
    let is_frame = |message: &Value| message["method"] == "quicksilver/frame";
    let last = client
        .wait_for("a final frame", |message| is_frame(message) && message["params"]["state"] == "final")?;
    let runs = last["params"]["runs"].as_array().cloned().unwrap_or_default();
    let shown: String = runs.iter().filter_map(|run| run["text"].as_str()).collect();
    assert_eq!(shown, text);
    let home = Home::new();
    let (mut plain, uri) = started(&home, &json!({}), false)?;
    plain.eventual_suggestion(&uri, line, column)?;
    assert!(!plain.notifications.iter().any(is_frame), "a client that did not ask sees no frame");
    Ok(())
}

#[test]
fn an_excluded_file_gets_silence_and_the_reason() -> Result<()> {
    let home = Home::new();
    let (mut client, uri) = started(&home, &json!({}), false)?;
    let (line, column) = hole();
    client.eventual_suggestion(&uri, line, column)?;
    let secret = uri.replace("shop.rs", ".env");
    client.open(&secret, "plaintext", "KEY=abc\nKEY=abc\nKEY=")?;
    assert_eq!(client.suggestion(&secret, 2, 4)?, None);
    client.wait_for("the reason", |message| {
        message["method"] == "quicksilver/status" && message["params"]["reason"] == "excluded"
    })?;
    Ok(())
}

#[test]
fn two_servers_share_one_engine_and_it_leaves_with_the_last() -> Result<()> {
    let home = Home::new();
    let (line, column) = hole();
    let (mut first, uri) = started(&home, &json!({}), false)?;
    first.eventual_suggestion(&uri, line, column)?;
    let (mut second, uri) = started(&home, &json!({}), false)?;
    second.eventual_suggestion(&uri, line, column)?;
    let engines = || engines_in(&home);
    assert_eq!(engines().len(), 1, "one engine for both");
    first.shutdown()?;
    second.eventual_suggestion(&uri, line, column)?;
    second.shutdown()?;
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !engines().is_empty() && std::time::Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(engines(), Vec::<u32>::new(), "no orphan engine");
    Ok(())
}

/// Process ids of the engines whose home is `home`.
fn engines_in(home: &Home) -> Vec<u32> {
    let wanted = format!("HOME={}", home.path().display());
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let command = std::fs::read(entry.path().join("cmdline")).ok()?;
            let environment = std::fs::read(entry.path().join("environ")).ok()?;
            let is_engine = command.split(|&byte| byte == 0).nth(1) == Some(b"engine");
            let in_home = environment.split(|&byte| byte == 0).any(|variable| variable == wanted.as_bytes());
            (is_engine && in_home).then_some(pid)
        })
        .collect()
}

#[test]
fn the_engine_killed_twenty_times_costs_ghost_text_only() -> Result<()> {
    let home = Home::new();
    let (mut client, uri) = started(&home, &json!({}), false)?;
    let (line, column) = hole();
    client.eventual_suggestion(&uri, line, column)?;
    for round in 0..20 {
        let engine = engines_in(&home).first().copied();
        let id = client.request(
            "textDocument/inlineCompletion",
            &json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": column}, "context": {"triggerKind": 1}}),
        )?;
        if let Some(engine) = engine {
            std::process::Command::new("kill").args(["-9", &engine.to_string()]).status()?;
        }
        let answer = client.answer(id, std::time::Duration::from_secs(3))?;
        assert!(answer["result"]["items"].is_array(), "round {round}: {answer}");
        assert!(client.is_alive(), "round {round}: the server lives");
        client.eventual_suggestion(&uri, line, column)?;
    }
    assert!(client.shutdown()?.success());
    Ok(())
}
