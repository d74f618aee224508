//! Everything that can stand on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use quicksilver_protocol::{completion::Span, limits::MAX_SPAN_TOKENS};

use super::{
    caret::{Caret, Spot},
    eval_args::EvalArgs,
    failure::EXIT_CODES,
    sandbox::SandboxArgs,
};
use crate::{models::HUB, session::config::MAX_VICINITY};

/// Fills the hole at the cursor with a diffusion model: the whole span at once, refined step by step.
#[derive(Debug, Parser)]
#[command(name = "quicksilver", version, about, after_help = EXIT_CODES, arg_required_else_help = true)]
pub struct Cli {
    /// What is told on standard error: error, warn, info, debug, or a filter such as quicksilver=debug
    #[arg(long, global = true, env = "QUICKSILVER_LOG", value_name = "LEVEL")]
    log: Option<String>,
    #[command(subcommand)]
    pub(super) command: Command,
}

impl Cli {
    /// The log filter that was asked for, or the command's own.
    #[must_use]
    pub fn log(&self) -> &str {
        let usual = match self.command {
            // What the framework says of a plain start and end is of no use to those who read an editor's log.
            Command::Engine(_) | Command::Lsp(_) => "info,tower_lsp_server=warn",
            // Why no engine could be started is the command's own error: once is enough.
            _ => "error,quicksilver::engine::supervisor=off",
        };
        self.log.as_deref().unwrap_or(usual)
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Fill the hole at a position in a file, and show how
    Infill(InfillArgs),
    /// Print what an engine would be told for a position in a file, and why; asks none.
    ///
    /// It is what `infill` sends. An editor sends what lies open in it before other files.
    Explain(ExplainArgs),
    /// Serve a model over HTTP: POST /v1/fim/completions, GET /v1/models, /health, /ready, /metrics
    Engine(EngineArgs),
    /// Speak the language server protocol on standard input and output
    Lsp(LspArgs),
    /// Check the model, the device, the engine and one completion, and say what is wrong
    Doctor(DoctorArgs),
    /// Fetch models, look at them, remove them
    Model(ModelArgs),
    /// Measure what a denoise step costs on a device, or compare a device with recorded logits
    Bench(BenchArgs),
    /// Measure how well an engine fills holes, ours or another
    Eval(EvalArgs),
    /// Become a program that can do no harm; `eval` runs code through this
    #[command(hide = true)]
    Sandbox(SandboxArgs),
    /// Print a completion script for a shell
    #[command(after_help = EXIT_CODES)]
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// What `--weights` and the setting `weights` take.
const WEIGHTS: [&str; 3] = ["auto", "stored", "int8"];

/// Which engine a command asks.
#[derive(Args, Debug)]
pub(super) struct AskArgs {
    /// Ask this engine (https://HOST, http://127.0.0.1:PORT or unix:PATH) instead of this machine's own
    #[arg(long, value_name = "URL", env = "QUICKSILVER_ENDPOINT", conflicts_with_all = ["device", "weights", "vicinity"])]
    pub(super) endpoint: Option<String>,
    /// File with the key for --endpoint; without it QUICKSILVER_KEY counts
    #[arg(long, value_name = "FILE", requires = "endpoint")]
    pub(super) key_file: Option<PathBuf>,
    /// Model folder, or ID of a pulled model; the embedded one (or the endpoint's first) unless given
    #[arg(long, value_name = "ID_OR_DIR")]
    pub(super) model: Option<String>,
    /// auto, cpu or cuda:N
    #[arg(long, default_value = "auto", value_parser = device)]
    pub(super) device: String,
    /// How weights are held on the CPU: auto takes int8 from 100 million parameters on, else as stored; stored; int8
    #[arg(long, default_value = "auto", value_parser = WEIGHTS)]
    pub(super) weights: String,
    /// Of a model that sees both ways, most denoise steps read so many tokens either side of the hole anew: faster, and
    /// approximate; all unless given, or what the model's config says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(..=i64::from(MAX_VICINITY)))]
    pub(super) vicinity: Option<u16>,
}

#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct InfillArgs {
    /// Where the hole is; lines and columns count from 1, columns in characters
    #[arg(value_name = "FILE:LINE:COL")]
    pub(super) caret: Caret,
    /// Another hole of the same file, filled together with the first; may be given several times
    #[arg(long, value_name = "LINE:COL")]
    pub(super) also: Vec<Spot>,
    /// rest (of the line), line, block, or at most N tokens; by syntax unless given
    #[arg(long, value_parser = span)]
    pub(super) span: Option<Span>,
    /// Print one JSON line instead: {"text","range","steps","tokens","ms","model","device"}, and with --also
    /// "holes":[{"text","range","confidence"}] in place of the first two
    #[arg(long)]
    pub(super) json: bool,
    /// Milliseconds after which the best decoded state is the answer
    #[arg(long, value_name = "MS", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(super) deadline_ms: u64,
    #[command(flatten)]
    pub(super) ask: AskArgs,
}

#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct ExplainArgs {
    /// Where the hole is; lines and columns count from 1, columns in characters
    #[arg(value_name = "FILE:LINE:COL")]
    pub(super) caret: Caret,
    /// rest (of the line), line, block, or at most N tokens; by syntax unless given
    #[arg(long, value_parser = span)]
    pub(super) span: Option<Span>,
    /// Also the texts themselves, as they are told: keys blanked
    #[arg(long)]
    pub(super) full: bool,
    /// Print one JSON line instead, with the same facts
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct EngineArgs {
    /// ADDR:PORT (port 0 takes a free one) or unix:PATH; others than loopback need a key
    #[arg(long, default_value = "127.0.0.1:8787", value_name = "ADDR:PORT|unix:PATH")]
    pub(super) listen: String,
    /// Model folder, or ID of a pulled model; the embedded one unless given
    #[arg(long, value_name = "ID_OR_DIR")]
    pub(super) model: Option<String>,
    /// auto, cpu or cuda:N
    #[arg(long, default_value = "auto", value_parser = device)]
    pub(super) device: String,
    /// How weights are held on the CPU: auto takes int8 from 100 million parameters on, else as stored; stored; int8
    #[arg(long, default_value = "auto", value_parser = WEIGHTS)]
    pub(super) weights: String,
    /// Of a model that sees both ways, most denoise steps read so many tokens either side of the hole anew: faster, and
    /// approximate; all unless given, or what the model's config says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(..=i64::from(MAX_VICINITY)))]
    pub(super) vicinity: Option<u16>,
    /// File with the keys that may ask, one per line; without it QUICKSILVER_KEY counts
    #[arg(long, value_name = "FILE")]
    pub(super) key_file: Option<PathBuf>,
    /// End when standard input closes
    #[arg(long)]
    pub(super) die_with_parent: bool,
    /// End when the last language server has closed its lease
    #[arg(long)]
    pub(super) while_leased: bool,
}

#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct LspArgs {
    /// Editors give this by habit; standard input and output are used anyway
    #[arg(long, hide = true)]
    pub(super) stdio: bool,
    #[command(flatten)]
    pub(super) ask: AskArgs,
}

#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    pub(super) ask: AskArgs,
}

#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct BenchArgs {
    /// Time steps of networks of these shapes, with random weights: toy, qwen2.5-0.5b, qwen2.5-1.5b, dream-7b
    #[arg(long, value_name = "NAME", value_delimiter = ',', required_unless_present_any = ["parity", "agreement"])]
    pub(super) shape: Vec<String>,
    /// Compare the logits of these model folders with those in their reference.json
    #[arg(long, value_name = "DIR", num_args = 1.., conflicts_with = "shape")]
    pub(super) parity: Vec<PathBuf>,
    /// Fill holes in these files exactly, and with rows kept from step to step: how far do the answers agree?
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["shape", "parity"])]
    pub(super) agreement: Vec<PathBuf>,
    /// With --agreement: model folder, or ID of a pulled model; it must see both ways
    #[arg(long, value_name = "ID_OR_DIR", requires = "agreement")]
    pub(super) model: Option<String>,
    /// With --agreement or --shape: context rows either side of the span that a step reads anew (decode.vicinity)
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [0, 8, 32])]
    pub(super) vicinity: Vec<usize>,
    /// With --agreement: holes in each file, at most
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub(super) holes: usize,
    /// auto, cpu or cuda:N
    #[arg(long, default_value = "auto", value_parser = device)]
    pub(super) device: String,
    /// How weights are held on the CPU: auto takes int8 from 100 million parameters on, else as stored; stored; int8
    #[arg(long, default_value = "auto", value_parser = WEIGHTS)]
    pub(super) weights: String,
    /// f32, or bf16 (on a GPU only, and there the default)
    #[arg(long, value_name = "TYPE")]
    pub(super) float: Option<String>,
    /// What a step computes: the whole canvas, or the span alone beside the context's kept keys and values
    #[arg(long, value_enum, default_value = "both")]
    pub(super) way: Way,
    /// Tokens before the span
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = context)]
    pub(super) prefix: usize,
    /// Tokens behind the span
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = context)]
    pub(super) suffix: usize,
    /// Tokens of the span
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [8, 16, 32, 64, 128], value_parser = masks)]
    pub(super) spans: Vec<usize>,
    /// Tokens committed in a step, for the column tokens/s: random weights are sure of nothing
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = masks)]
    pub(super) per_step: usize,
    /// Seconds for each row of the table
    #[arg(long, value_name = "S", default_value_t = 2.0, value_parser = seconds)]
    pub(super) seconds: f64,
    /// Print JSON lines instead
    #[arg(long)]
    pub(super) json: bool,
}

/// What a step computes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Way {
    /// Everything.
    Full,
    /// The span.
    Cached,
    /// Both ways, one after the other.
    Both,
    /// Everything, and then for each --vicinity the span and so many rows either side of it, in a network that sees both
    /// ways and keeps the others as they were.
    Kept,
}

#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct ModelArgs {
    #[command(subcommand)]
    pub(super) command: ModelCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ModelCommand {
    /// The known models: size, licence, what each is good at, which are on this disk, which fit this machine
    #[command(after_help = EXIT_CODES)]
    List {
        /// Print one JSON line instead, with the same facts
        #[arg(long)]
        json: bool,
    },
    /// Fetch a model from the hub; what was interrupted goes on where it stopped
    #[command(after_help = EXIT_CODES)]
    Pull(PullArgs),
    /// Write a model in int8: a quarter to half of its size, faster on the CPU, and loaded as it is
    #[command(after_help = EXIT_CODES)]
    Quantize(QuantizeArgs),
    /// Delete a pulled model from this disk
    #[command(after_help = EXIT_CODES)]
    Remove {
        /// Which; without a revision all of them
        #[arg(value_name = "ID[@REVISION]")]
        model: String,
    },
    /// What a model is: shape, size, vocabulary, licence
    #[command(after_help = EXIT_CODES)]
    Show {
        /// Model folder, or ID of a pulled model; the embedded one unless given
        model: Option<String>,
    },
}

#[derive(Args, Debug)]
pub(super) struct QuantizeArgs {
    /// Model folder, or ID of a pulled model
    #[arg(value_name = "ID_OR_DIR")]
    pub(super) model: String,
    /// What matrices become: bytes, with a scale for each output
    #[arg(long, value_parser = ["int8"])]
    pub(super) to: String,
    /// A folder that does not exist yet; FOLDER-int8 unless given, and for a pulled model beside it, where engines find it
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
}

/// The token, if one is needed, comes from the environment's HF_TOKEN; proxies from HTTPS_PROXY and NO_PROXY.
#[derive(Args, Debug)]
pub(super) struct PullArgs {
    /// Which, as on the hub: ORG/NAME, perhaps with a branch, a tag or a commit
    #[arg(value_name = "ID[@REVISION]")]
    pub(super) model: String,
    /// The same, apart: a branch, a tag or a commit. Without one, what is here stays at its commit, and a known model comes at
    /// the commit that `model list` pins, else at the branch `main`
    #[arg(long, value_name = "REVISION")]
    pub(super) revision: Option<String>,
    /// The hub, or a mirror with the hub's URL layout
    #[arg(long, value_name = "URL", env = "HF_ENDPOINT", default_value = HUB)]
    pub(super) hub: String,
    /// Take the files from this folder instead of the hub
    #[arg(long, value_name = "DIR")]
    pub(super) from: Option<PathBuf>,
    /// Accept the model's licence although it restricts use
    #[arg(long)]
    pub(super) accept_licence: bool,
}

fn span(text: &str) -> Result<Span, String> {
    match text {
        "rest" => Ok(Span::Rest),
        "line" => Ok(Span::Line),
        "block" => Ok(Span::Block),
        number => match number.parse::<u32>() {
            Ok(tokens) if (1..=MAX_SPAN_TOKENS).contains(&(tokens as usize)) => Ok(Span::Tokens(tokens)),
            _ => Err(format!("give rest, line, block, or 1 to {MAX_SPAN_TOKENS} tokens")),
        },
    }
}

fn within(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("give {least} to {most}"))
}

/// Tokens of context that are measured with.
fn context(text: &str) -> Result<usize, String> {
    within(text, 1, 1 << 16)
}

fn masks(text: &str) -> Result<usize, String> {
    within(text, 1, MAX_SPAN_TOKENS)
}

fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=600.0).contains(number));
    number.ok_or_else(|| "give 0 to 600 seconds".to_owned())
}

fn device(text: &str) -> Result<String, String> {
    let is_cuda = text.strip_prefix("cuda:").is_some_and(|n| n.parse::<u8>().is_ok());
    if text == "auto" || text == "cpu" || is_cuda {
        Ok(text.to_owned())
    } else {
        Err("give auto, cpu, or cuda:N with the number of the GPU".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_help_lists_the_exit_codes() {
        fn walk(mut command: clap::Command, path: &str) {
            let help = command.render_help().to_string();
            assert!(help.contains("Exit codes:"), "{path}");
            for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
                walk(sub.clone(), &format!("{path} {}", sub.get_name()));
            }
        }
        walk(Cli::command(), "quicksilver");
    }

    #[test]
    fn spans_have_names_or_a_number_of_tokens() {
        assert_eq!(span("rest"), Ok(Span::Rest));
        assert_eq!(span("256"), Ok(Span::Tokens(256)));
        for bad in ["0", "257", "-1", "Rest", "", "1.5"] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn devices_are_checked_before_an_engine_is_started() {
        assert!(["auto", "cpu", "cuda:0", "cuda:7"].into_iter().all(|name| device(name).is_ok()));
        assert!(["gpu", "cuda", "cuda:", "cuda:x", "CPU", ""].into_iter().all(|name| device(name).is_err()));
    }
}
