//! What can stand behind `quicksilver eval`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{args::AskArgs, failure::EXIT_CODES};
use crate::{engine::Api, eval::cut};

#[derive(Args, Debug)]
#[command(after_help = EXIT_CODES)]
pub(super) struct EvalArgs {
    #[command(subcommand)]
    pub(super) command: EvalCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum EvalCommand {
    /// HumanEval-Infilling: Python functions with a line, lines or any span cut out, and tests
    #[command(after_help = EXIT_CODES)]
    Humaneval {
        /// A file of the set: single-line, multi-line or random-span; .jsonl, or packed with gzip
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        code: CodeArgs,
        #[command(flatten)]
        run: RunArgs,
    },
    /// SAFIM: spans cut out of files in four languages, compared with the reference
    #[command(after_help = EXIT_CODES)]
    Safim {
        /// A file of the set; .jsonl, or packed with gzip
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        run: RunArgs,
    },
    /// Holes in the files of DIR/LANGUAGE/PACKAGE, each package a project of its own
    #[command(after_help = EXIT_CODES)]
    Packages {
        /// A folder of packages that nothing was fitted on
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Type each hole out key by key, and compare answers that begin from the suggestion before with those that do not
        #[arg(long)]
        typing: bool,
        #[command(flatten)]
        holes: HoleArgs,
        #[command(flatten)]
        run: RunArgs,
    },
    /// Holes in a project, asked with the context that the language server would send
    #[command(after_help = EXIT_CODES)]
    Repository {
        /// The project's folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        #[command(flatten)]
        holes: HoleArgs,
        /// Also run this in a copy of the project with each fill in place, such as 'cargo test'; needs --run-code, and is not
        /// sandboxed
        #[arg(long, value_name = "COMMAND", requires = "run_code")]
        test_command: Option<String>,
        /// Seconds the command may take; ten times as many the first time
        #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
        test_seconds: u64,
        /// Allow code that an engine wrote to be run
        #[arg(long)]
        run_code: bool,
        #[command(flatten)]
        run: RunArgs,
    },
    /// How two runs on the same holes differ, with confidence intervals
    #[command(after_help = EXIT_CODES)]
    Compare {
        /// The journal of the first run
        first: PathBuf,
        /// The journal of the second
        second: PathBuf,
        #[command(flatten)]
        form: FormArgs,
    },
}

/// What every run can be given.
#[derive(Args, Debug)]
pub(super) struct RunArgs {
    /// Where verdicts are written as they come; the same command goes on from there [default: eval-SET.jsonl]
    #[arg(long, value_name = "FILE")]
    pub(super) journal: Option<PathBuf>,
    /// Only so many holes, drawn by the seed
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
    /// Another number draws other holes, in another order
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Holes asked at once; times are only good for one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(super) parallel: u16,
    /// Milliseconds after which a hole has no answer
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=600_000))]
    pub(super) deadline_ms: u64,
    #[command(flatten)]
    pub(super) form: FormArgs,
    #[command(flatten)]
    pub(super) ask: AskArgs,
    /// What the engine at --endpoint understands
    #[arg(long, value_enum, default_value_t = ApiName::Quicksilver, requires = "endpoint")]
    pub(super) api: ApiName,
}

#[derive(Args, Debug)]
pub(super) struct FormArgs {
    /// Print one line of JSON
    #[arg(long, conflicts_with = "markdown")]
    pub(super) json: bool,
    /// Print a Markdown table
    #[arg(long)]
    pub(super) markdown: bool,
}

#[derive(Args, Debug)]
pub(super) struct CodeArgs {
    /// Run the programs, each in a sandbox, for pass@1; without it answers are only compared
    #[arg(long)]
    pub(super) run_code: bool,
    /// The Python to run them with
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub(super) python: String,
    /// Seconds of processor time a program may take; three times as much by the clock
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub(super) seconds: u64,
}

#[derive(Args, Debug)]
pub(super) struct HoleArgs {
    /// Holes of each language and kind, at most
    #[arg(long, value_name = "N", default_value_t = 800, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) holes: u32,
    /// Which kinds
    #[arg(long, value_enum, value_delimiter = ',', default_value = "line,rest,brackets,lines")]
    pub(super) kinds: Vec<KindName>,
    /// Which languages [default: all there are]
    #[arg(long, value_delimiter = ',')]
    pub(super) languages: Vec<String>,
}

/// What an engine understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ApiName {
    /// POST /v1/fim/completions with our extensions
    Quicksilver,
    /// POST /v1/fim/completions with prompt and suffix
    Mercury,
    /// POST /v1/completions with prompt and suffix
    Openai,
}

impl ApiName {
    pub(super) fn api(self) -> Api {
        match self {
            Self::Quicksilver => Api::Quicksilver,
            Self::Mercury => Api::Mercury,
            Self::Openai => Api::OpenAi,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Quicksilver => "quicksilver",
            Self::Mercury => "mercury",
            Self::Openai => "openai",
        }
    }
}

/// What is cut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum KindName {
    /// A whole line but its indentation
    Line,
    /// From within a line to its end
    Rest,
    /// What stands between two brackets of a line
    Brackets,
    /// Two to five lines
    Lines,
}

impl From<KindName> for cut::Kind {
    fn from(kind: KindName) -> Self {
        match kind {
            KindName::Line => Self::Line,
            KindName::Rest => Self::Rest,
            KindName::Brackets => Self::Brackets,
            KindName::Lines => Self::Lines,
        }
    }
}
