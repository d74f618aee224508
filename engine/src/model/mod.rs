//! Networks: configuration, weights, the forward pass, and the context kept between passes.
//!
//! | file | owns |
//! |---|---|
//! | [`config`], `shapes` | `config.json` → [`ModelSpec`], and the tensors that follow from it |
//! | [`weights`] | safetensors → checked tensors |
//! | `reader`, `linear`, `rope`, `attention`, `mlp`, `experts`, `transformer` | the forward pass; `fused`: the same in int8 on the CPU |
//! | [`context`], `cache`, `kept` | a context's tokens, positions, keys and values, kept between keystrokes |
//! | [`network`] | [`Network`]: reads a [`Context`], and remembers it |
//! | [`denoise`], `packed`, `score` | what is asked of it: the sampler's [`NetworkDenoiser`], several canvases in one pass, and hypotheses' scores |
//! | [`random`] | networks of published shapes with random weights, for measuring |
//! | [`recorded`] | logits that were recorded elsewhere, and how far a network is from them |
//! | [`need`] | memory that a network will need, before it is allocated |
//! | [`quantise`] | a folder → the same in int8, to be loaded as it is |
//! | [`load`] | a folder, or what is built in, → [`Model`] |
//!
//! Nothing here knows text: rows of token ids in, logits out.

mod attention;
mod cache;
pub mod config;
pub mod context;
pub mod denoise;
mod experts;
mod fused;
mod kept;
mod linear;
pub mod load;
mod mlp;
pub mod need;
pub mod network;
mod packed;
pub mod quantise;
pub mod random;
mod reader;
pub mod recorded;
mod rope;
mod score;
mod shapes;
mod transformer;
pub mod weights;

#[cfg(test)]
mod published_tests;
#[cfg(test)]
pub(crate) mod reference;

pub use config::{FirstLength, ModelSpec, NetworkUse, Topology};
pub use context::{Context, ContextStats};
pub use denoise::NetworkDenoiser;
pub use linear::Precision;
pub use load::{LoadOptions, Model, ModelSource, embedded_files};
pub use need::Need;
pub use network::Network;
pub use quantise::Quantisation;
