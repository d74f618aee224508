//! The local prior: what the request's own text says about the hole.
//!
//! A nested-cache n-gram and copy model, built in about a millisecond from the text that came with a request
//! (prefix, suffix, other files), thrown away with it. No training, any language, any tokenizer; where a model brings
//! counts of other packages for its tokenizer ([`table`]), they stand below the request's own. It thinks in whole lines: [`propose`] answers with a [`Pool`] of hypotheses, each a way to fill the hole, with
//! its share of the pool as confidence; [`PriorDenoiser`] speaks for the pool position by position.
//!
//! | file | owns |
//! |---|---|
//! | `symbols` | tokens read so that code matches at any depth of indentation |
//! | `layout` | symbols written as tokens again |
//! | `caches` | the text as one indexed row: every earlier place, sorted by what stands left of it |
//! | `matches` | the places that match a context, at every depth |
//! | `tally` | what stands at them |
//! | `distribution` | next-token probabilities from matching places (interleaved Witten-Bell, unbounded top) |
//! | `lexicon` | the symbols of a whole vocabulary, numbered alike for every request |
//! | `spelled` | which of them agree with half-typed bytes |
//! | `table` | how often symbols follow each other in other packages: counting, the file, reading it |
//! | `heal` | which tokens agree with half-typed bytes |
//! | `beam` | likely lines, token by token |
//! | `copies` | lines that stand between the same neighbours elsewhere |
//! | `templates` | lines between similar neighbours elsewhere, rewritten |
//! | `recall` | what filled the hole before the last edit |
//! | `rescore` | how well the text right of the hole follows a line |
//! | `weigh` | how well given lines fit a hole |
//! | `ranker` | one score of all that speaks for a line |
//! | `pool` | hypotheses of one line, scored and shared |
//! | `block` | further lines while the pool stays sure |
//! | `twin` | several lines that stand between the same neighbours elsewhere |
//! | `denoiser` | the pool as a [`Denoiser`](crate::diffusion::Denoiser) |
//! | `gate` | calibrated confidence, and whether to show |
//!
//! Sources: Bell & Witten's escape estimate "C" (interpolated Witten-Bell); nested caches after Hellendoorn &
//! Devanbu, "Are deep neural networks the best choice for modeling source code?" (2017); unbounded match after
//! Liu et al., "Infini-gram" (2024). It knows no network, no HTTP and no clock.

mod beam;
mod block;
mod caches;
mod copies;
mod denoiser;
mod distribution;
mod gate;
mod heal;
mod layout;
mod lexicon;
mod matches;
mod pool;
mod ranker;
mod recall;
mod rescore;
mod spelled;
mod symbols;
pub mod table;
mod tally;
mod templates;
mod twin;
mod weigh;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy;

pub use denoiser::PriorDenoiser;
pub use gate::{Confidence, calibrate};
pub use heal::{Healed, heal};
pub use lexicon::Lexicon;
pub use pool::{Hypothesis, Pool};
pub use rescore::Signals;

use crate::tokens::TokenId;
use std::sync::Arc;

/// What the prior needs to know of a tokenizer.
pub trait Vocabulary {
    /// Number of token ids; ids are below it.
    fn size(&self) -> usize;
    /// The bytes that a token stands for; empty for special tokens and for ids out of range.
    fn bytes(&self, token: TokenId) -> &[u8];
    /// The token that is exactly one line feed.
    fn newline(&self) -> TokenId;
}

/// How far an answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extent {
    /// From the cursor to the end of the line.
    Rest,
    /// From the cursor to the text right of it on the same line.
    Inside,
    /// A whole line, its indentation given (as prefix or as bytes to heal).
    Line,
    /// Several lines, until the block that the cursor stands in ends.
    Block,
    /// At most so many tokens, line breaks allowed.
    Tokens(usize),
}

impl Extent {
    /// Whether the answer has no line break.
    #[must_use]
    pub fn one_line(self) -> bool {
        matches!(self, Self::Rest | Self::Inside | Self::Line)
    }
}

/// A hole and the text around it, as tokens.
#[derive(Clone, Copy, Debug)]
pub struct Hole<'a> {
    /// Text before the hole; without the tokens that `heal` replaces.
    pub prefix: &'a [TokenId],
    /// Text after the hole.
    pub suffix: &'a [TokenId],
    /// Other files, the likeliest to help first.
    pub files: &'a [Vec<TokenId>],
    /// Bytes that the answer must begin with: what was typed of the token under the cursor (see [`heal()`]).
    pub heal: &'a [u8],
    /// How far the answer goes.
    pub extent: Extent,
    /// The most tokens of an answer, the healed ones included.
    pub max_tokens: usize,
    /// Whether "nothing is missing here" may win. The pool is then led by a hypothesis that adds no text.
    pub allow_empty: bool,
    /// What is known beside the text.
    pub common: Option<Common<'a>>,
    /// What filled it before the last edit, and may do so again.
    pub previous: Option<Previous<'a>>,
}

/// Text that filled a hole before: one line more to choose from. It is no evidence of anything.
#[derive(Clone, Copy, Debug)]
pub struct Previous<'a> {
    /// Its tokens behind those that are healed.
    pub tokens: &'a [TokenId],
    /// Its tokens alone, where it was the line's end and other text may stand before it.
    pub tail: Option<&'a [TokenId]>,
}

/// What code of a language looks like everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Common<'a> {
    /// The vocabulary's symbols.
    pub lexicon: &'a Arc<Lexicon>,
    /// How often its n-grams stand in other packages.
    pub counts: table::Section<'a>,
}

/// Ways to fill a hole, best first.
///
/// The answer is a pure function of its arguments. `cancelled` is asked before each piece of work (some tens of
/// microseconds); once it is true, what was found so far is scored no further and the pool may be empty.
pub fn propose(hole: &Hole<'_>, vocabulary: &impl Vocabulary, cancelled: &dyn Fn() -> bool) -> Pool {
    pool::propose(hole, vocabulary, cancelled)
}

/// How well each of some lines fits the hole: its log-probability and that of the text right of it, in nats. None of them
/// must be part of the text around the hole, or it would speak for itself.
///
/// A line has no line break, and includes the bytes to heal. Lines that `cancelled` comes before are left out.
pub fn weigh(
    hole: &Hole<'_>,
    lines: &[Vec<TokenId>],
    vocabulary: &impl Vocabulary,
    cancelled: &dyn Fn() -> bool,
) -> Vec<f32> {
    weigh::weigh(hole, lines, vocabulary, cancelled)
}
