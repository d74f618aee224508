//! The reliability report: runs every item of the list, prints what each did and what came of it, and writes a page.
//!
//!     cargo run --release --locked -p quicksilver-tests --bin reliability -- --tier nightly --out tests/RELIABILITY.md
//!
//! The items are ordinary tests. `cargo test` runs them with the counts of each commit; this command runs them, one at a time,
//! with the counts of a tier, and collects the lines that they print (`quicksilver_tests::tier`). Knows no item's inside.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks on both")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Parser, ValueEnum};
use quicksilver_tests::tier::{MARK, SEED};

#[derive(Parser)]
#[command(about = "Run the reliability plan and write its report")]
struct Args {
    /// How much: the counts of each commit, or the long run
    #[arg(long, value_enum, default_value = "commit")]
    tier: Tier,
    /// Only these items, such as `D1,K2`
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The seed of all random choices
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// Where the report is written; without it, only printed
    #[arg(long)]
    out: Option<PathBuf>,
    /// Folder with the editors, which are put there if need be; without it the items that drive them are left out
    #[arg(long)]
    editors: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Tier {
    Commit,
    Nightly,
}

impl Tier {
    fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Nightly => "nightly",
        }
    }

    /// Seconds for each target that is fuzzed.
    fn fuzz(self) -> u64 {
        match self {
            Self::Commit => 10,
            Self::Nightly => 300,
        }
    }

    /// The most time that one test has, its build included.
    fn bound(self) -> Duration {
        match self {
            Self::Commit => Duration::from_mins(20),
            Self::Nightly => Duration::from_hours(2),
        }
    }
}

/// An item of the plan and the tests that make it up: arguments of `cargo test` after the package.
struct Item {
    ids: &'static str,
    promise: &'static str,
    tests: &'static [&'static str],
}

const fn item(ids: &'static str, promise: &'static str, tests: &'static [&'static str]) -> Item {
    Item { ids, promise, tests }
}

const SERVER: &str = "-p quicksilver --lib";
const ENGINE: &str = "-p quicksilver-engine --test http_load";
const PARTS: &str = "-p quicksilver-tests --test";

/// In the order of the report. Each test begins with the package that it is in and ends with its filter; `editors` and
/// `fuzz` stand for their scripts.
const ITEMS: [Item; 18] = [
    item(
        "D1",
        "The text is an independent model's after random edits",
        &["S document::edit_tests::text_equals"],
    ),
    item("D2", "The same through the real process", &["T lsp_sync random_edits"]),
    item("D3", "The same under real editors", &["editors D3"]),
    item(
        "D4",
        "The tree kept up by edits is that of a fresh parse",
        &["S document::syntax_tests::an_edited_tree"],
    ),
    item("D5", "Giants and hostile texts", &["S document::giant_tests", "T lsp_giants a_"]),
    item("J1", "Malformed messages", &["T lsp_malformed no_malformed"]),
    item("J2", "Mutated frames", &["T lsp_mutated mutated"]),
    item(
        "J3",
        "What is read from outside, fuzzed by coverage",
        &["fuzz frame from_proto position edit settings"],
    ),
    item("L1", "A storm of requests and cancels", &["T lsp_storm storm"]),
    item("K1", "The engine is killed", &["T lsp_engine_death deaths", "T engine_kills the_engine_is_killed"]),
    item("K2", "The server is killed", &["T engine_kills the_server_is_killed"]),
    item("K2", "The server is killed under real editors", &["editors K2"]),
    item(
        "K3",
        "What hangs",
        &[
            "T engine_kills still",
            "T engine_kills slept",
            "T engine_kills says_nothing",
            "T engine_kills a_log",
        ],
    ),
    item("K4", "What panics", &["S transport::serve::tests::a_panic", "E a_panic_ends"]),
    item("S1", "Secrets stay", &["S context::canary_tests::no_canary_of_any_kind", "T canaries no_canary"]),
    item("S2", "Workspaces of strangers", &["T hostile_workspaces strangers"]),
    item("S3", "Addresses and links that lead out", &["S context::traversal_tests"]),
    item("S6", "Answers that would do harm", &["T hostile_answers harmful"]),
];

/// A line of the report.
struct Row {
    id: String,
    did: String,
    result: String,
}

/// What became of one test: its lines, or the end of what it said.
struct Outcome {
    rows: Vec<Row>,
    failure: Option<String>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all passed.
fn run(args: &Args) -> anyhow::Result<bool> {
    let wanted = |ids: &str| args.only.is_empty() || args.only.iter().any(|only| only == ids);
    let mut table = String::new();
    let (mut failed, mut left_out) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    for Item { ids, promise, tests } in ITEMS.iter().filter(|item| wanted(item.ids)) {
        for test in *tests {
            let Some(command) = command(test, args) else {
                left_out.push(*ids);
                continue;
            };
            let started = Instant::now();
            println!("{ids}  {promise} ({test})");
            // What cannot even be started fails, and the rest goes on.
            let outcome = outcome(command, args.tier.bound())
                .unwrap_or_else(|error| Outcome { rows: Vec::new(), failure: Some(format!("{error:#}")) });
            let took = started.elapsed().as_secs_f64();
            for Row { id, did, result } in &outcome.rows {
                println!("    {did}: {result}");
                writeln!(table, "| {id} | {promise} | {did} | {result} |")?;
            }
            println!("    {took:.0} s");
            let problem =
                outcome.failure.or_else(|| outcome.rows.is_empty().then(|| "it says nothing".to_owned()));
            if let Some(problem) = problem {
                println!("    FAILED\n{problem}");
                writeln!(table, "| {ids} | {promise} | `{test}` | **failed** |")?;
                failed.push(*ids);
            }
        }
    }
    let report = report(args, &table, begun.elapsed().as_secs(), &left_out)?;
    match &args.out {
        Some(path) => write_report(path, &report)?,
        None => println!("\n{report}"),
    }
    println!(
        "{}",
        if failed.is_empty() { "all passed".to_owned() } else { format!("failed: {}", failed.join(", ")) }
    );
    Ok(failed.is_empty())
}

/// The command that runs a test; none for editors when there are none.
fn command(test: &str, args: &Args) -> Option<Command> {
    let mut command = match test.split_once(' ')? {
        ("editors", spec) => {
            let mut command = Command::new("bash");
            command
                .arg("tests/editors/run.sh")
                .arg(args.editors.as_ref()?)
                .args(["target/reliability", spec]);
            command.env("QUICKSILVER_BIN", quicksilver_tests::quicksilver());
            command
        }
        ("fuzz", targets) => {
            let mut command = Command::new("bash");
            command.args(["tests/fuzz/run.sh", &args.tier.fuzz().to_string()]).args(targets.split(' '));
            command
        }
        (package, rest) => {
            let package = match package {
                "S" => SERVER,
                "E" => ENGINE,
                _ => PARTS,
            };
            let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            command.args(["test", "--release", "--locked", "--quiet"]);
            command.args(package.split(' ').chain(rest.split(' ')));
            command.args(["--", "--nocapture", "--test-threads", "1"]);
            command
        }
    };
    command.env("QUICKSILVER_TIER", args.tier.name()).env("QUICKSILVER_SEED", args.seed.to_string());
    command.env("RUST_BACKTRACE", "0");
    Some(command)
}

/// Runs a test to its end, or to the end of its time.
fn outcome(mut command: Command, bound: Duration) -> anyhow::Result<Outcome> {
    let log = tempfile::NamedTempFile::new().context("a file for what a test says")?;
    command.stdout(Stdio::piped()).stderr(log.reopen()?).stdin(Stdio::null());
    // What it starts ends with it, where it must be ended.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
    let stdout = child.stdout.take().context("piped")?;
    let (send, lines) = channel();
    std::thread::spawn(move || {
        // A test's name may stand before what it prints; what is no text has no row.
        let lines = BufReader::new(stdout).split(b'\n').map_while(Result::ok);
        lines.map(|line| String::from_utf8_lossy(&line).into_owned()).all(|line| send.send(line).is_ok())
    });
    let until = Instant::now() + bound;
    let mut rows = Vec::new();
    let in_time = loop {
        let line = match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => break true,
            Err(RecvTimeoutError::Timeout) => break false,
        };
        let Some((_, row)) = line.split_once(MARK) else { continue };
        if let [id, did, result] = row.splitn(3, " | ").collect::<Vec<_>>()[..] {
            rows.push(Row { id: id.trim().into(), did: did.into(), result: result.into() });
        }
    };
    if !in_time {
        end(&mut child);
    }
    let failure = (!child.wait()?.success() || !in_time).then(|| {
        let said = std::fs::read_to_string(log.path()).unwrap_or_default();
        let last: Vec<&str> = said.lines().rev().take(20).collect();
        let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
        if in_time { last } else { format!("not done after {} s, and ended\n{last}", bound.as_secs()) }
    });
    Ok(Outcome { rows, failure })
}

/// Ends a test and what it has started.
fn end(child: &mut Child) {
    #[cfg(unix)]
    quicksilver_tests::process::end_group(child.id());
    let _ = child.kill();
}

fn report(args: &Args, table: &str, seconds: u64, left_out: &[&str]) -> anyhow::Result<String> {
    let mut report = String::new();
    let date = jiff::Timestamp::now().to_string();
    writeln!(report, "- Date: {}", date.get(..10).unwrap_or(&date))?;
    writeln!(report, "- Commit: {}", commit().unwrap_or_else(|| "unknown".to_owned()))?;
    writeln!(
        report,
        "- Machine: {} processors, {} {}",
        processors(),
        std::env::consts::OS,
        std::env::consts::ARCH
    )?;
    writeln!(report, "- Seed: {}; tier: {}; {seconds} s in all", args.seed, args.tier.name())?;
    if !left_out.is_empty() {
        writeln!(report, "- Left out, for want of `--editors`: {}", left_out.join(", "))?;
    }
    writeln!(report, "\n| item | promise | what was done | result |\n|---|---|---|---|\n{table}")?;
    Ok(report)
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The commit that is checked out, and whether files differ from it.
fn commit() -> Option<String> {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let changed = if git(&["status", "--porcelain"])?.is_empty() { "" } else { ", with changes" };
    Some(git(&["rev-parse", "--short=12", "HEAD"])? + changed)
}

/// Between these lines of the page stands the report; the rest is written by hand.
const BEGIN: &str = "<!-- report -->";
const END: &str = "<!-- end of report -->";

fn write_report(path: &Path, report: &str) -> anyhow::Result<()> {
    let page =
        std::fs::read_to_string(path).unwrap_or_else(|_| format!("# What we test\n\n{BEGIN}\n{END}\n"));
    let parts = page.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let (head, tail) = parts.with_context(|| format!("{} has no `{BEGIN}` and `{END}`", path.display()))?;
    std::fs::write(path, format!("{head}{BEGIN}\n{report}{END}{tail}"))
        .with_context(|| format!("{}", path.display()))
}
