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
/// Length of a tick of `/proc/*/stat` on Linux.
const TICK: Duration = Duration::from_millis(10);

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
    let ms = |before: Duration, after: Duration| (after - before).as_secs_f64() * 1000.0;
    rows.push(Row::new("idle memory, all documents", "MB", MEMORY, memory(&project.editor)?));
    rows.push(Row::new("processor time in 10 idle seconds", "ms", 0.0, ms(before.0, after.0)));
    rows.push(Row::new("… of our engine", "ms", 0.0, ms(before.1, after.1)));
    Ok(rows)
}

fn memory(editor: &Editor) -> Result<f64> {
    Ok(editor.server.resident_bytes().context("VmRSS in /proc")? as f64 / 1e6)
}

/// Processor time of a process so far.
fn busy(process: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ');
    // User and system time are the 14th and 15th of all fields, the 12th and 13th of these.
    let ticks: u32 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
    Ok(TICK * ticks)
}
