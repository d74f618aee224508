//! Keys and values kept from step to step where a network sees both ways (after Fast-dLLM's dual cache, Wu et al., 2025).
//!
//! A whole pass writes every row; later ones read the span and its vicinity anew against the rest as it was. Approximate,
//! since what is kept saw an older span. Owns when a whole pass is due; knows nothing of other requests.

use candle_core::{Result, Tensor};

use super::{attention::Seen, cache::Rows, context::Context, network::Network};

/// What a whole pass left behind.
pub(super) struct Kept {
    rows: Rows,
    /// Tokens of the span that it was for.
    span: usize,
    /// Passes since.
    age: usize,
}

/// Hidden states of the last prefix rows, the span and the first suffix rows, and how many of the prefix those are.
/// A whole pass where nothing is kept, the span's length is another, or `refresh` passes (0: never) went by.
pub(super) fn pass(
    network: &Network,
    context: &Context,
    kept: &mut Option<Kept>,
    span: &[u32],
    (vicinity, refresh): (usize, usize),
) -> Result<(Tensor, usize)> {
    let (prefix, suffix) = (&context.prefix[..], &context.suffix[..]);
    // Where logits are shifted, the row before the span is needed.
    let left = vicinity.max(usize::from(network.spec.logit_shift)).min(prefix.len());
    let (before, near_before) = prefix.split_at(prefix.len() - left);
    let (near_after, after) = suffix.split_at(vicinity.min(suffix.len()));
    let near = [near_before, span, near_after].concat();
    let behind = before.len() + near.len();
    let positions = (before.len()..behind).map(|at| at as u32);
    let far = before.len() + after.len();
    if let Some(kept) =
        kept.as_mut().filter(|kept| kept.span == span.len() && (refresh == 0 || kept.age < refresh))
    {
        kept.age += 1;
        let positions: Vec<u32> = positions.collect();
        let seen = Seen::whole(far, &[near.len()]);
        return Ok((network.pass(&near, &[&positions], Some(&kept.rows), &seen)?, left));
    }
    let all = [before, after, &near].concat();
    let far_positions = (0..before.len()).chain(behind..behind + after.len()).map(|at| at as u32);
    let positions: Vec<u32> = far_positions.chain(positions).collect();
    let mut rows = Rows::new(&network.spec, all.len(), network.body.dtype, &network.body.device)?;
    let hidden = network.pass(&all, &[&positions], Some(&rows), &Seen::whole(0, &[all.len()]))?;
    rows.len = far;
    *kept = Some(Kept { rows, span: span.len(), age: 0 });
    Ok((hidden.narrow(0, far, near.len())?, left))
}
