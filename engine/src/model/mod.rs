//! Networks: configuration, weights, the forward pass, and the context kept between passes.
//!
//! | file | owns |
//! |---|---|
//! | [`config`], `shapes` | `config.json` → [`ModelSpec`], and the tensors that follow from it |
//! | [`weights`] | safetensors → checked tensors |
//! | `linear`, `rope`, `attention`, `transformer` | the forward pass |
//! | [`context`], `cache` | a context's tokens, positions, keys and values, kept between keystrokes |
//! | [`network`] | [`Network`]: reads a [`Context`], and remembers it |
//! | [`denoise`], `score` | what is asked of it: the sampler's [`NetworkDenoiser`], and hypotheses' scores |
//! | [`load`] | a folder, or what is built in, → [`Model`] |
//!
//! Nothing here knows text: rows of token ids in, logits out.

mod attention;
mod cache;
pub mod config;
pub mod context;
pub mod denoise;
mod linear;
pub mod load;
pub mod network;
mod rope;
mod score;
mod shapes;
mod transformer;
pub mod weights;

#[cfg(test)]
pub(crate) mod reference;

pub use config::{ModelSpec, NetworkUse, Topology};
pub use context::{Context, ContextStats};
pub use denoise::NetworkDenoiser;
pub use linear::Precision;
pub use load::{LoadOptions, Model, ModelSource, embedded_files};
pub use network::Network;
