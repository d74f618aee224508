//! The bars that the language server is held to, measured on the real process: `cargo bench -p quicksilver-tests --bench bars`.
//!
//! With 200 documents open and 1 MiB in the current one, unless a row says otherwise. The engine is an endpoint that answers in
//! microseconds, so that all of an answer's time is ours. `-- answers sync` measures these groups alone. Prints a Markdown table, and fails when a bar is missed and
//! `BARS_STRICT=1` is set: a busy machine misses bars that are not ours.
//!
//! | file | owns |
//! |---|---|
//! | `project` | the folder, the documents and the editor |
//! | `answers` | time to an answer: new ones, and reused ones |
//! | `sync` | time until an edit is applied while the engine is busy, stopped, or dead |
//! | `gathering` | what is told of other files: how long that takes |
//! | `idle` | memory and processor time when nobody types |
//! | `table` | rows and quantiles |

#![allow(clippy::print_stdout, reason = "the table is the purpose")]
#![allow(clippy::expect_used, reason = "a benchmark")]

mod answers;
mod gathering;
mod idle;
mod project;
mod sync;
mod table;

use anyhow::{Result, ensure};

type Measure = fn() -> Result<Vec<table::Row>>;

/// What is measured, each by the name under which it can be asked for alone.
const GROUPS: [(&str, Measure); 4] =
    [("answers", answers::rows), ("sync", sync::rows), ("gathering", gathering::rows), ("idle", idle::rows)];

fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let mut rows = Vec::new();
    for (name, measure) in GROUPS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            rows.extend(measure()?);
        }
    }
    println!("| what | bar | measured | met |\n|---|---|---|---|");
    for row in &rows {
        println!("{row}");
    }
    let missed = rows.iter().filter(|row| !row.met()).count();
    ensure!(missed == 0 || std::env::var("BARS_STRICT").is_err(), "{missed} bars missed");
    Ok(())
}
