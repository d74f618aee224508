//! `quicksilver sandbox`: the process that evaluated code runs in, before it does. Not for people.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::Args;

use super::{Exit, Failure, failure::EXIT_CODES};
use crate::eval::sandbox::{Cell, enter};

#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct SandboxArgs {
    /// Seconds of processor time
    #[arg(long, default_value_t = 1)]
    cpu_s: u64,
    /// What it may read and run; given as often as needed
    #[arg(long)]
    read: Vec<PathBuf>,
    /// The folder that it may also write in
    #[arg(long)]
    write: PathBuf,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// Returns only when it could not become the program.
pub(super) fn run(args: SandboxArgs) -> Failure {
    let SandboxArgs { cpu_s, read, write, command } = args;
    Failure::new(Exit::NotShutIn, enter(&Cell { cpu: Duration::from_secs(cpu_s), read, write, command }))
}
