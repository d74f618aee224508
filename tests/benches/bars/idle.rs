//! What the server takes while nobody types: memory, and processor time.

use std::{thread::sleep, time::Duration};

use anyhow::{Context, Result};
use quicksilver_tests::{
    editor::{Editor, Kind},
    fixture::Fixture,
};
use serde_json::json;

use super::{project::Project, sync::child, table::Row};

/// After this nothing is under way any more.
const SETTLED: Duration = Duration::from_secs(3);
const WATCHED: Duration = Duration::from_secs(10);
/// The most memory, MB.
const MEMORY: f64 = 40.0;
/// The most processor time, in per cent: what rounds to none.
const BUSY: f64 = 0.05;

pub(crate) fn rows() -> Result<Vec<Row>> {
    let fixture = Fixture::new("fn f() {\n    let x = $0\n}\n");
    let mut editor = Editor::open(Kind::Neovim, json!({"showUnsure": true}), &fixture);
    editor.eventual_suggestions(&fixture.position());
    sleep(SETTLED);
    let mut rows = vec![Row::new("idle memory, one document", "MB", MEMORY, memory(&editor)?)];
    drop(editor);
    let mut project = Project::open(json!({"showUnsure": true}));
    project.ask();
    sleep(SETTLED);
    let server = project.editor.server.pid();
    let engine = child(server).context("the engine is a child of the server")?;
    let before = (busy(server)?, busy(engine)?);
    sleep(WATCHED);
    let after = (busy(server)?, busy(engine)?);
    let share = |before: Duration, after: Duration| {
        100.0 * after.saturating_sub(before).as_secs_f64() / WATCHED.as_secs_f64()
    };
    rows.push(Row::new("idle memory, all documents", "MB", MEMORY, memory(&project.editor)?));
    rows.push(Row::new("a processor in 10 idle seconds", "%", BUSY, share(before.0, after.0)));
    rows.push(Row::new("… for our engine", "%", BUSY, share(before.1, after.1)));
    Ok(rows)
}

fn memory(editor: &Editor) -> Result<f64> {
    Ok(editor.server.resident_bytes().context("VmRSS in /proc")? as f64 / 1e6)
}

/// Processor time of a process's threads so far, as Linux's scheduler counts it: in ns, where ticks of 10 ms would charge a
/// whole one to whoever is looked at.
fn busy(process: u32) -> Result<Duration> {
    let mut busy = Duration::ZERO;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let counted = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let ns = counted.split(' ').next().context("time in schedstat")?.parse()?;
        busy += Duration::from_nanos(ns);
    }
    Ok(busy)
}
