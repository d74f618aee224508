//! A config as read, whoever's names its keys had: nothing checked yet, what it leaves unsaid left out.

use serde::Deserialize;

use super::{DecodeSpec, Experts, Topology, signs::Ids};

/// What a `config.json` says. Sizes are in the units of [`ModelSpec`](super::ModelSpec).
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    pub(super) hidden: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) kv_heads: Option<usize>,
    pub(super) head_dim: Option<usize>,
    pub(super) intermediate: usize,
    pub(super) vocab: usize,
    pub(super) norm_eps: f64,
    pub(super) rope_theta: f64,
    /// Share of a head's dimensions that are rotated.
    pub(super) rotary: Option<f64>,
    pub(super) qkv_bias: Option<bool>,
    pub(super) qk_norm: Option<bool>,
    pub(super) tied: Option<bool>,
    pub(super) logit_shift: Option<bool>,
    pub(super) topology: Option<TopologyKey>,
    /// Positions of a block of block-causal attention.
    pub(super) block: Option<usize>,
    pub(super) span_gap: Option<usize>,
    pub(super) context_window: Option<usize>,
    /// Positions that the rotation was made for.
    pub(super) positions: Option<usize>,
    pub(super) experts: Option<Experts>,
    pub(super) ids: Ids,
    pub(super) decode: Option<DecodeSpec>,
}

/// `attention_topology`, a key of our own.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TopologyKey {
    Full,
    ContextExact,
}

impl From<TopologyKey> for Topology {
    fn from(key: TopologyKey) -> Self {
        match key {
            TopologyKey::Full => Self::Full,
            TopologyKey::ContextExact => Self::ContextExact,
        }
    }
}

/// Refuses a key whose value asks for what is not computed.
pub(super) fn refuse(field: &str, asked: bool, why: &str) -> Result<(), String> {
    if asked { Err(format!("{field}: {why}")) } else { Ok(()) }
}
