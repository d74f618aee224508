//! The commands of the one binary. Each file is one command; `args` is what all of them can be given, and
//! `failure` is how all of them fail.

mod account;
#[cfg(feature = "engine")]
mod agreement;
mod args;
mod bench;
mod caret;
mod doctor;
mod draw;
mod engine;
mod eval;
mod eval_args;
mod explain;
mod failure;
mod infill;
mod lsp;
mod many;
mod model;
mod models;
mod paint;
mod pull;
mod quantize;
mod sandbox;
mod source;
mod told;

#[cfg(test)]
mod explain_tests;

use std::io::Write;

use clap::CommandFactory;

pub use args::Cli;
use args::{Command, ModelArgs, ModelCommand};
pub use failure::{Exit, Failure};

/// Runs a command to its end.
///
/// # Errors
/// What went wrong, with its exit code and what to do about it.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Infill(args) => on_one_thread(infill::run(&args)),
        Command::Explain(args) => explain::run(&args),
        Command::Engine(args) => engine::run(&args),
        Command::Lsp(args) => lsp::run(&args),
        Command::Doctor(args) => on_one_thread(doctor::run(&args)),
        Command::Model(ModelArgs { command: ModelCommand::Pull(args) }) => on_one_thread(pull::run(&args)),
        Command::Bench(args) => bench::run(&args),
        Command::Eval(args) => on_one_thread(eval::run(&args)),
        Command::Sandbox(args) => Err(sandbox::run(args)),
        Command::Model(args) => model::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "quicksilver", &mut script);
            print(&script)
        }
    }
}

/// Commands that wait for one thing at a time need no thread pool.
fn on_one_thread(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
    let result = runtime.block_on(work);
    // A name lookup that hangs must not hold up the end.
    runtime.shutdown_background();
    result
}

/// Writes to standard output; a reader that has gone (`| head`) is no failure.
fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, format!("cannot write: {error}")))
        }
        _ => Ok(()),
    }
}
