//! How commands fail: one exit code per kind of remedy, and a message that says what to do.

use std::{fmt, process::ExitCode};

use crate::{
    engine::AskError,
    eval::{EvalError, sandbox::NOT_SHUT_IN},
    models::PullError,
};

/// Exit codes; scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Something else failed.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The file or the position in it cannot be used.
    Input = 3,
    /// The model cannot be loaded.
    Model = 4,
    /// No engine answers, or it refuses.
    Engine = 5,
    /// The address cannot be listened on.
    Listen = 6,
    /// The model cannot be fetched or stored.
    Pull = 7,
    /// A program that was to be run could not be shut in; nobody but `eval` sees this.
    NotShutIn = NOT_SHUT_IN as isize,
}

/// Shown under every `--help`.
pub(super) const EXIT_CODES: &str = "Exit codes:
  0  done
  1  failed for another reason
  2  the command line makes no sense
  3  the file or the position in it cannot be used
  4  the model cannot be loaded
  5  no engine answers, or it refuses
  6  the address cannot be listened on
  7  the model cannot be fetched or stored";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed, for people, and its exit code, for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        let exit = match error {
            AskError::Setting(_) => Exit::Usage,
            _ => Exit::Engine,
        };
        let hint = match error {
            AskError::Unreachable(_) | AskError::CannotStart(_) | AskError::NotReady => {
                "\n  `quicksilver doctor` tells more"
            }
            AskError::Timeout(_) => "\n  give it more time with --deadline-ms",
            _ => "",
        };
        Self::new(exit, format!("{error}{hint}"))
    }
}

impl From<PullError> for Failure {
    fn from(error: PullError) -> Self {
        let exit = match error {
            PullError::Name(_) | PullError::Setting(_) | PullError::Licence { .. } => Exit::Usage,
            PullError::NotHere(_) => Exit::Model,
            _ => Exit::Pull,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<EvalError> for Failure {
    fn from(error: EvalError) -> Self {
        let exit = match error {
            EvalError::File { .. } | EvalError::Format { .. } | EvalError::Nothing(_) => Exit::Input,
            EvalError::Engine { .. } => Exit::Engine,
            _ => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}
