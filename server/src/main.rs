//! The binary `quicksilver`: arguments, logging, exit code.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use quicksilver::cli::{Cli, run};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Standard output belongs to answers and protocols; everything said on the side goes to standard error.
    let filter = EnvFilter::try_new(cli.log()).unwrap_or_else(|_| EnvFilter::new("warn"));
    // A log that cannot be written, on a full disk or to a reader that is gone, is no reason to end: nothing is said of it.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    log.log_internal_errors(false).init();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "quicksilver: {failure}");
            failure.exit().into()
        }
    }
}
