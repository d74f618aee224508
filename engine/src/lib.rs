//! The diffusion engine: a hole in, the span that fills it out, the whole span at once.
//!
//! | module | owns | must not know |
//! |---|---|---|
//! | [`http`] | routes, keys, admission, streams | tensors |
//! | [`queue`] | jobs, and the one thread that owns the device | HTTP |
//! | [`infill`] | one request from text to text | HTTP, tensors |
//! | [`tokens`] | text ↔ token ids, fitting to a budget | models |
//! | [`prior`] | the local prior over the request's own text | networks |
//! | [`diffusion`] | the algorithm, over plain slices | tensors |
//! | [`model`] | networks, weights, context caches | text |
//! | [`device`] | which device, how much memory | the rest |
//!
//! A request passes `http` → `queue` → `infill`, which asks `tokens`, `prior` and `model` and lets
//! `diffusion` refine the span. The engine knows no LSP type.

pub mod device;
pub mod diffusion;
mod error;
pub mod http;
pub mod infill;
pub mod model;
pub mod prior;
pub mod queue;
pub mod tokens;

pub use error::EngineError;
