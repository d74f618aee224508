//! What the language server and the engine say to each other, and the limits both keep.
//!
//! The shape is Mercury's `POST /v1/fim/completions`: a client of that API is a client of our engine, and
//! our client works against that API. Fields marked *extension* are ours; each is optional and left out
//! when empty, so that a strict server of the same shape accepts our requests.
//!
//! Serde types only: no behaviour, no tensor, no LSP.

pub mod completion;
pub mod engine;
pub mod holes;
pub mod limits;
