//! One file per method. Each borrows the session, calls, converts; none decides.

pub mod code_action;
pub mod completion;
pub mod definitions;
pub mod did_change;
pub mod did_change_configuration;
pub mod did_close;
pub mod did_open;
pub mod did_save;
pub mod digest;
pub mod execute_command;
pub mod feedback;
pub mod fill;
pub mod initialize;
pub mod initialized;
pub mod inline_completion;
pub mod line_ends;
pub mod shutdown;
pub mod status;
