//! What may stand where, as far as bytes decide it: the healed beginning, one line, no signs.

use crate::{
    diffusion::{CanvasIdx, Constraint, Marks, constraint::ban},
    tokens::{TokenId, Tokenizer},
};

/// Tokens that are never an answer, found once per tokenizer.
#[derive(Debug)]
pub(super) struct Bans {
    /// No text, and neither delete nor expand.
    signs: Vec<TokenId>,
    /// Have a line break in them.
    breaks: Vec<TokenId>,
}

impl Bans {
    /// Looks through `width` ids.
    pub(super) fn new(tokenizer: &Tokenizer, marks: &Marks, width: usize) -> Self {
        let all = || (0..width).map(|id| TokenId(id as u32));
        let is_mark = |token| marks.delete == Some(token) || marks.expand == Some(token);
        Self {
            signs: all().filter(|&token| tokenizer.is_special(token) && !is_mark(token)).collect(),
            breaks: all().filter(|&token| tokenizer.bytes(token).contains(&b'\n')).collect(),
        }
    }
}

/// The rules for one span.
#[derive(Debug)]
pub(super) struct Spelling<'a> {
    pub(super) tokenizer: &'a Tokenizer,
    pub(super) bans: &'a Bans,
    pub(super) mask: TokenId,
    pub(super) heal: &'a [u8],
    pub(super) one_line: bool,
}

impl Spelling<'_> {
    /// The bytes still owed at a position, if everything left of it is decided that far.
    fn owed(&self, span: &[TokenId], at: CanvasIdx) -> Option<&[u8]> {
        let mut owed = self.heal;
        for &token in span.iter().take(at.0) {
            if owed.is_empty() {
                break;
            }
            if token == self.mask {
                return None;
            }
            owed = owed.get(self.tokenizer.bytes(token).len()..).unwrap_or_default();
        }
        Some(owed)
    }
}

impl Constraint for Spelling<'_> {
    fn apply(&self, span: &[TokenId], at: CanvasIdx, logits: &mut [f32]) -> bool {
        ban(logits, self.bans.signs.iter().copied());
        if self.one_line {
            ban(logits, self.bans.breaks.iter().copied());
        }
        let Some(owed) = self.owed(span, at) else { return false };
        if !owed.is_empty() {
            for (id, logit) in logits.iter_mut().enumerate() {
                let bytes = self.tokenizer.bytes(TokenId(id as u32));
                let fits = !bytes.is_empty() && (bytes.starts_with(owed) || owed.starts_with(bytes));
                if !fits {
                    *logit = f32::NEG_INFINITY;
                }
            }
        }
        true
    }

    fn holds(&self, span: &[TokenId], at: CanvasIdx) -> bool {
        self.owed(span, at).is_none_or(|owed| !owed.is_empty())
    }
}
