//! Time until an edit is applied: from the key to the server's fingerprint of the text that has it.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use quicksilver_tests::{responder::Responder, server::PATIENCE};
use serde_json::{Value, json};

use super::{project::Project, table::Row};

const KEYS: usize = 300;
/// The most that the 99th percentile may be, ms.
const BAR: f64 = 5.0;

pub(crate) fn rows() -> Result<Vec<Row>> {
    let endpoint = Responder::start("answer();");
    let settings = json!({"endpoint": endpoint.url(), "lookAhead": false, "debounceMs": 0});
    let mut project = Project::open(settings);
    let mut rows = vec![nothing(&mut project), row("the engine answers", &mut project)];
    endpoint.take(Duration::from_secs(60));
    rows.push(row("the engine is busy", &mut project));
    drop((project, endpoint));

    let mut project = Project::open(json!({"showUnsure": true}));
    let engine = child(project.editor.server.pid()).context("the engine is a child of the server")?;
    signal("STOP", engine)?;
    rows.push(row("our engine is stopped (`SIGSTOP`)", &mut project));
    signal("KILL", engine)?;
    rows.push(row("our engine was killed, and is started again", &mut project));
    let until = Instant::now() + PATIENCE;
    while child(project.editor.server.pid()).is_none_or(|process| process == engine) {
        anyhow::ensure!(Instant::now() < until, "the engine was not started again");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(rows)
}

/// Each key is asked about as well, and the answer not waited for.
fn row(state: &str, project: &mut Project) -> Row {
    let times: Vec<Duration> = (0..KEYS)
        .map(|_| {
            let time = project.synced("q");
            let at = project.at.clone();
            project.editor.ask(at);
            time
        })
        .collect();
    Row::tail(format!("a key to its place in the text while {state}, 99 %"), BAR, &times)
}

/// A request that asks for nothing that must be computed: what the machine and the pipes take.
fn nothing(project: &mut Project) -> Row {
    let times: Vec<Duration> = (0..KEYS)
        .map(|_| {
            let begun = Instant::now();
            project.editor.server.request("quicksilver/status", Value::Null);
            begun.elapsed()
        })
        .collect();
    Row::tail("for comparison: a request that does nothing, 99 %", f64::INFINITY, &times)
}

fn signal(name: &str, process: u32) -> Result<()> {
    let done = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status()?;
    anyhow::ensure!(done.success(), "kill -{name} {process}");
    Ok(())
}

/// The process that another has started.
pub(crate) fn child(parent: u32) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers.find(|process| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // "pid (name) state ppid …"; the name may hold blanks.
        let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        rest.split(' ').nth(1) == Some(&parent.to_string())
    })
}
