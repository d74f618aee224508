//! What a network thinks of a hypothesis: its text's log-probability, read left to right.

use candle_core::Tensor;

use super::{
    attention::Seen,
    cache::Rows,
    context::Context,
    denoise::{batches, lengths},
    network::Network,
};
use crate::{EngineError, device::failed, tokens::TokenId};

impl Network {
    /// Log-probabilities of each candidate's tokens as the text after the prefix, read left to right, the suffix
    /// being seen: what the network thinks of a hypothesis. One pass for all.
    ///
    /// # Errors
    /// [`EngineError::BadRequest`] for a network without next-token rows, or unknown ids.
    pub fn score(&self, context: &Context, candidates: &[&[TokenId]]) -> Result<Vec<Vec<f32>>, EngineError> {
        let (Some(rows), Some(last)) = (&context.rows, &context.last) else {
            return Err(EngineError::BadRequest {
                field: "model",
                reason: "has no next-token rows to score with: its topology is full, or the context is empty"
                    .to_owned(),
            });
        };
        let ids = candidates.iter().map(|tokens| self.ids(tokens)).collect::<Result<Vec<_>, _>>()?;
        let mut scores = Vec::with_capacity(ids.len());
        for batch in batches(&ids, rows.room()) {
            let batch = self.pool.install(|| self.score_batch(context, rows, last, batch));
            scores.extend(batch.map_err(|error| failed(&error))?);
        }
        Ok(scores)
    }

    fn score_batch(
        &self,
        context: &Context,
        rows: &Rows,
        last: &Tensor,
        batch: &[Vec<u32>],
    ) -> candle_core::Result<Vec<Vec<f32>>> {
        let tokens: Vec<u32> = batch.concat();
        let positions: Vec<u32> =
            batch.iter().flat_map(|ids| (0..ids.len()).map(|j| (context.prefix.len() + j) as u32)).collect();
        let mut hidden = vec![last.clone()];
        if !tokens.is_empty() {
            let seen = Seen::causal(rows.len, &lengths(batch));
            hidden.push(self.pass(&tokens, &[&positions], Some(rows), &seen)?);
        }
        // Row 0 is the prefix's last, row 1 + r the candidates' row r.
        let hidden = Tensor::cat(&hidden, 0)?;
        let mut start = 0;
        let mut wanted = Vec::with_capacity(tokens.len());
        for ids in batch {
            wanted.extend((0..ids.len()).map(|j| if j == 0 { 0 } else { (start + j) as u32 }));
            start += ids.len();
        }
        if wanted.is_empty() {
            return Ok(batch.iter().map(|_| Vec::new()).collect());
        }
        let hidden = hidden.index_select(&Tensor::new(wanted, &self.body.device)?, 0)?;
        let logits = self.body.logits(&hidden)?;
        let total = logits.log_sum_exp(1)?;
        let chosen = logits.gather(&Tensor::new(tokens, &self.body.device)?.unsqueeze(1)?, 1)?.squeeze(1)?;
        let flat: Vec<f32> = (chosen - total)?.to_vec1()?;
        let mut flat = flat.into_iter();
        Ok(batch.iter().map(|ids| flat.by_ref().take(ids.len()).collect()).collect())
    }
}
