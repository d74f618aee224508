//! `quicksilver lsp`: the language server on standard input and output.

use super::{Exit, Failure, args::LspArgs};
use crate::{lsp, session::Settings};

/// Two: one reads and applies edits, one works.
const THREADS: usize = 2;

pub(super) fn run(args: &LspArgs) -> Result<(), Failure> {
    let ask = &args.ask;
    let settings = Settings {
        endpoint: ask.endpoint.clone(),
        key_file: ask.key_file.as_ref().map(|file| file.display().to_string()),
        model: ask.model.clone(),
        device: ask.device.clone(),
        weights: ask.weights.clone(),
        vicinity: ask.vicinity,
        ..Settings::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
    let code = runtime.block_on(lsp::run(tokio::io::stdin(), tokio::io::stdout(), settings));
    // The thread that reads standard input cannot be told to stop.
    runtime.shutdown_background();
    match code {
        0 => Ok(()),
        _ => Err(Failure::new(Exit::Failed, "the client ended without `shutdown`")),
    }
}
