//! `config.json` → [`ModelSpec`]: each value checked, each fault named by its field.
//!
//! | file | owns |
//! |---|---|
//! | `family` | the families of checkpoints, and what each leaves unsaid |
//! | `huggingface`, `llada` | key names → `keys` |
//! | [`names`] | what a family calls its tensors |
//! | [`signs`] | which tokens are no text, and who says so |
//! | [`decode`] | the sampler's measured choices |
//! | [`generation`] | the authors' choices, where nothing was measured |
//! | `check` | keys → a checked spec |
//! | `facts` | a spec → lines for people |
//!
//! Another family that the transformer covers is a line in `family`; one with other keys is a file beside these.

mod check;
pub mod decode;
mod facts;
mod family;
pub mod generation;
mod huggingface;
mod keys;
mod llada;
pub mod names;
pub mod signs;

use std::path::Path;

pub use decode::{DecodeSpec, FirstLength, NetworkUse};
use names::Names;
use signs::{Claims, FillIn, Signs};

use crate::{EngineError, tokens::TokenId};

/// Bytes of the largest `config.json`.
pub(super) const MAX_FILE_BYTES: usize = 1024 * 1024;

/// Who sees whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// Every row sees every row; nothing can be cached exactly.
    Full,
    /// Suffix, then prefix, both causal; span rows see all. FORMAT.md, "Context-exact topology".
    ContextExact,
    /// A row sees its own block of so many positions, counted from the first row, and all blocks before it. What stands
    /// behind the span is not seen, so the suffix goes before it, in a fill-in-the-middle prompt.
    BlockCausal(usize),
}

/// How experts are chosen for a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gating {
    /// The largest of the softmax over all, plus the bias if there is one; not made to sum to 1 (LLaDA-MoE).
    Softmax,
    /// The largest sigmoids within the best groups; a bias counts for the choice alone (LLaDA2).
    SigmoidGroups {
        /// Groups of equally many experts, each worth its two largest.
        groups: usize,
        /// Groups that experts are taken from.
        kept: usize,
        /// What the chosen weights sum to.
        scale: f64,
    },
}

/// The experts of a layer that has any.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Experts {
    /// How many there are.
    pub count: usize,
    /// How many compute each row.
    pub chosen: usize,
    /// Width of an expert's SwiGLU.
    pub width: usize,
    /// Width of the SwiGLU that computes every row, 0 for none.
    pub shared: usize,
    /// So many layers at the bottom have none.
    pub dense_layers: usize,
    /// Whether the router has a bias.
    pub bias: bool,
    /// How they are chosen.
    pub gating: Gating,
}

/// Everything about a model but its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    /// `quicksilver`, `qwen2`, `qwen3`, `Dream`, …
    pub model_type: String,
    /// The family, as its authors call it.
    pub family: &'static str,
    /// What the tensors are called.
    pub names: Names,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Blocks.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; each serves `heads / kv_heads` query heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Dimensions of a head that are rotated, the first ones.
    pub rotary: usize,
    /// Width of the SwiGLU.
    pub intermediate: usize,
    /// Experts in the place of the SwiGLU.
    pub experts: Option<Experts>,
    /// Rows of the embedding and of the head.
    pub vocab: usize,
    /// Added under the root of RMSNorm.
    pub norm_eps: f64,
    /// Base of the rotary frequencies.
    pub rope_theta: f64,
    /// Biases on q, k and v.
    pub qkv_bias: bool,
    /// RMSNorm on each head of q and k.
    pub qk_norm: bool,
    /// The head is the embedding.
    pub tied: bool,
    /// Whether the config says so itself; else the weights have the last word.
    pub tied_by_config: bool,
    /// The hidden state at i − 1 predicts token i.
    pub logit_shift: bool,
    /// Who sees whom.
    pub topology: Topology,
    /// Context-exact: positions between prefix and suffix.
    pub span_gap: usize,
    /// Stands for an undecided position.
    pub mask: TokenId,
    /// Stands for two or more tokens.
    pub expand: Option<TokenId>,
    /// No token here or further right.
    pub delete: Option<TokenId>,
    /// Begins a row.
    pub bos: Option<TokenId>,
    /// Ends a file.
    pub eos: Option<TokenId>,
    /// Fills what is not there.
    pub pad: Option<TokenId>,
    /// The canvas begins with bos and ends with eos.
    pub framed: bool,
    /// Markers of a fill-in-the-middle prompt.
    pub fill_in: Option<FillIn>,
    /// Who named the signs.
    pub signs: Signs,
    /// The most context tokens.
    pub context_window: usize,
    /// Measured choices of the sampler.
    pub decode: DecodeSpec,
}

impl ModelSpec {
    /// Reads a config's bytes, no other file having a say; `name` is only for errors.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] naming the file and the field.
    pub fn from_bytes(json: &[u8], name: &Path) -> Result<Self, EngineError> {
        Self::resolve(json, name, &Claims::default())
    }

    /// Reads a config's bytes, and asks the other files what it leaves unsaid.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] naming the file and the field; or both sources, where two disagree.
    pub fn resolve(json: &[u8], name: &Path, claims: &Claims) -> Result<Self, EngineError> {
        let fail = |reason: String| EngineError::ModelFile { file: name.to_owned(), reason };
        if json.len() > MAX_FILE_BYTES {
            return Err(fail(format!("has {} bytes; at most {MAX_FILE_BYTES} are read", json.len())));
        }
        check::spec(json, claims).map_err(fail)
    }

    /// Whether a span's first length is searched for (CAL): by default where the model sees what follows the span, for
    /// else no length fits better than another, and can neither expand nor delete, for else it mends the length itself.
    #[must_use]
    pub fn searches_length(&self) -> bool {
        let sees_all = !matches!(self.topology, Topology::BlockCausal(_));
        let fixed = sees_all && self.expand.is_none() && self.delete.is_none();
        self.decode.length.map_or(fixed, |length| length == FirstLength::Search)
    }

    /// What a canvas begins and ends with.
    #[must_use]
    pub fn frame(&self) -> (Option<TokenId>, Option<TokenId>) {
        if self.framed { (self.bos, self.eos) } else { (None, None) }
    }
}

#[cfg(test)]
mod tests;
