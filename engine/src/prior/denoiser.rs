//! The pool as a [`Denoiser`]: per position, the marginal of the hypotheses that agree with what is committed.
//!
//! Never a product of positions: tokens of two different lines are not mixed. Knows nothing of how the pool came to be.

use super::Pool;
use crate::{
    EngineError,
    diffusion::{CanvasIdx, Denoiser, Marks},
    tokens::TokenId,
};

/// Logit of what no hypothesis proposes: a probability of 1e-20, so small beside any share that it counts as none.
const UNPROPOSED: f32 = -46.05;

/// Speaks for a pool, position by position.
#[derive(Clone, Debug)]
pub struct PriorDenoiser<'a> {
    pool: &'a Pool,
    marks: Marks,
    vocab: usize,
}

impl<'a> PriorDenoiser<'a> {
    /// A denoiser over a vocabulary of `vocab` ids.
    pub fn new(pool: &'a Pool, marks: Marks, vocab: usize) -> Self {
        Self { pool, marks, vocab }
    }

    /// The hypotheses that agree with the committed tokens of a span, with their shares; if none does, those that agree
    /// with the longest committed prefix.
    fn agreeing(&self, span: &[TokenId]) -> Vec<(&'a [TokenId], f32)> {
        let agreed = |tokens: &[TokenId]| {
            span.iter()
                .enumerate()
                .position(|(at, &token)| {
                    token != self.marks.mask && Some(token) != self.vote(tokens, at, span.len())
                })
                .unwrap_or(span.len())
        };
        let all: Vec<(&[TokenId], f32, usize)> = self
            .pool
            .hypotheses
            .iter()
            .map(|hypothesis| (&hypothesis.tokens[..], hypothesis.share, agreed(&hypothesis.tokens)))
            .collect();
        let most = all.iter().map(|&(.., agreed)| agreed).max().unwrap_or(0);
        all.into_iter()
            .filter(|&(.., agreed)| agreed == most)
            .map(|(tokens, share, _)| (tokens, share))
            .collect()
    }

    /// What a hypothesis says about a position of a span of `length` tokens.
    fn vote(&self, tokens: &[TokenId], at: usize, length: usize) -> Option<TokenId> {
        match tokens.get(at) {
            Some(_) if at + 1 == length && tokens.len() > length && self.marks.expand.is_some() => {
                self.marks.expand
            }
            Some(&token) => Some(token),
            None => self.marks.delete,
        }
    }
}

impl Denoiser for PriorDenoiser<'_> {
    fn vocab(&self) -> usize {
        self.vocab
    }

    fn logits(
        &mut self,
        spans: &[&[TokenId]],
        rows: &[&[CanvasIdx]],
        logits: &mut Vec<f32>,
    ) -> Result<(), EngineError> {
        logits.clear();
        let mut marginal: Vec<(TokenId, f32)> = Vec::new();
        for (span, rows) in spans.iter().zip(rows) {
            let hypotheses = self.agreeing(span);
            let total: f32 = hypotheses.iter().map(|&(_, share)| share).sum();
            for row in *rows {
                let start = logits.len();
                logits.resize(start + self.vocab, UNPROPOSED);
                marginal.clear();
                for &(tokens, share) in &hypotheses {
                    let Some(vote) = self.vote(tokens, row.0, span.len()) else { continue };
                    match marginal.iter_mut().find(|(token, _)| *token == vote) {
                        Some((_, sum)) => *sum += share / total,
                        None => marginal.push((vote, share / total)),
                    }
                }
                for &(token, sum) in marginal.iter().filter(|(_, sum)| *sum > 0.0) {
                    if let Some(logit) = logits[start..].get_mut(token.0 as usize) {
                        *logit = sum.ln();
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Hypothesis, Signals};
    use super::*;

    const MASK: TokenId = TokenId(0);
    const DELETE: TokenId = TokenId(1);
    const EXPAND: TokenId = TokenId(2);
    const MARKS: Marks = Marks { mask: MASK, delete: Some(DELETE), expand: Some(EXPAND) };

    /// A pool of two lines: `5 6 7` with 0.6, `5 8` with 0.4.
    fn pool() -> Pool {
        let line = |tokens: &[u32], share| Hypothesis {
            tokens: tokens.iter().map(|&id| TokenId(id)).collect(),
            score: 0.0,
            share,
            signals: Signals::default(),
        };
        Pool { hypotheses: vec![line(&[5, 6, 7], 0.6), line(&[5, 8], 0.4)] }
    }

    /// The tokens proposed at each position with their probabilities in percent, the likeliest first.
    fn marginals(span: &[TokenId]) -> Vec<Vec<(u32, u32)>> {
        let pool = pool();
        let mut denoiser = PriorDenoiser::new(&pool, MARKS, 10);
        let rows: Vec<CanvasIdx> = (0..span.len()).map(CanvasIdx).collect();
        let mut logits = Vec::new();
        denoiser.logits(&[span], &[&rows], &mut logits).unwrap();
        logits
            .chunks(10)
            .map(|row| {
                let percent = |(id, logit): (usize, &f32)| (id as u32, (100.0 * logit.exp()).round() as u32);
                let mut tokens: Vec<(u32, u32)> = row.iter().enumerate().map(percent).collect();
                tokens.retain(|&(_, percent)| percent > 0);
                tokens.sort_by_key(|&(_, percent)| std::cmp::Reverse(percent));
                tokens
            })
            .collect()
    }

    #[test]
    fn an_open_span_has_the_marginals_of_the_pool_and_short_lines_vote_delete() {
        assert_eq!(marginals(&[MASK; 3]), [vec![(5, 100)], vec![(6, 60), (8, 40)], vec![(7, 60), (1, 40)]]);
    }

    #[test]
    fn a_committed_token_leaves_only_the_lines_that_agree() {
        assert_eq!(marginals(&[MASK, TokenId(8), MASK]), [vec![(5, 100)], vec![(8, 100)], vec![(1, 100)]]);
    }

    #[test]
    fn a_line_longer_than_the_span_votes_expand_at_its_end() {
        assert_eq!(marginals(&[MASK; 2]), [vec![(5, 100)], vec![(2, 60), (8, 40)]]);
    }

    #[test]
    fn with_no_line_left_the_longest_agreeing_prefix_decides() {
        assert_eq!(marginals(&[MASK, TokenId(6), TokenId(9)])[0], [(5, 100)]);
    }

    #[test]
    fn no_pool_and_odd_marks_are_survived() {
        let empty = Pool::default();
        let odd = Marks { mask: TokenId(u32::MAX), delete: Some(TokenId(99)), expand: None };
        let mut logits = Vec::new();
        PriorDenoiser::new(&empty, MARKS, 4).logits(&[&[MASK]], &[&[CanvasIdx(0)]], &mut logits).unwrap();
        assert_eq!(logits, [UNPROPOSED; 4]);
        PriorDenoiser::new(&pool(), odd, 4).logits(&[&[MASK; 9]], &[&[CanvasIdx(8)]], &mut logits).unwrap();
        assert_eq!(logits, [UNPROPOSED; 4]);
    }
}
