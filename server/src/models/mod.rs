//! Models from the hub: which are known, which are on this disk, and how one gets here. No tensor code: what a
//! model's files mean is the engine's affair.
//!
//! | file | owns |
//! |---|---|
//! | `id` | names: `ORG/NAME`, `@REVISION` |
//! | `catalogue` | the known checkpoints, with what is known of each |
//! | `licence` | which licences must be accepted first, and the record of it |
//! | `store` | the folder where pulled models are, whole ones and unfinished ones |
//! | `manifest` | what is written beside a whole model, last |
//! | `listing` | which of a model's files are wanted; names that must not be followed |
//! | `hub` | the hub over HTTP: where, with which token, redirects, patience |
//! | `api` | what it is asked: commit, licence, listing, bytes |
//! | `transfer` | one file: resumed, counted, its digest compared |
//! | `pull` | all of it together, from the hub or a folder |
//!
//! A model is whole when its folder has its final name and a manifest in it; both come last.

mod api;
pub mod catalogue;
mod error;
mod hub;
mod id;
mod licence;
mod listing;
mod manifest;
mod pull;
mod store;
mod transfer;

pub use error::PullError;
pub use hub::{HUB, Hub, Patience};
pub use id::{ModelId, Wanted};
pub use licence::is_open;
pub use manifest::{Manifest, PulledFile};
pub use pull::{Pull, Watch};
pub use store::{Pulled, Store, free_bytes, size};
