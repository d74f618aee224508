//! Which settings only the user may make.
//!
//! A workspace comes from anywhere. It must not choose where code is sent, which key is read or which model
//! is loaded; so these count only in `initializationOptions`, which editors
//! fill from the user's own settings.

/// Where settings come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `initializationOptions`.
    User,
    /// `workspace/configuration` or `didChangeConfiguration`, which may hold a workspace's own settings.
    Workspace,
}

/// The settings that count only from the user.
pub const USER_ONLY: [&str; 6] = ["endpoint", "keyFile", "model", "device", "weights", "vicinity"];

/// Whether a setting counts from there.
pub fn counts(name: &str, origin: Origin) -> bool {
    origin == Origin::User || !USER_ONLY.contains(&name)
}
