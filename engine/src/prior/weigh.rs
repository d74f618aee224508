//! Given lines weighed for one hole, each by itself: what the counts say of it and of the text right of it.

use super::{
    Hole, Vocabulary,
    caches::{Caches, MAX_DEPTH},
    distribution::Model,
    rescore,
};
use crate::tokens::TokenId;

/// See [`super::weigh()`].
pub(super) fn weigh<V: Vocabulary>(
    hole: &Hole<'_>,
    lines: &[Vec<TokenId>],
    vocabulary: &V,
    cancelled: &dyn Fn() -> bool,
) -> Vec<f32> {
    if cancelled() {
        return Vec::new();
    }
    let mut caches = Caches::new(hole, vocabulary);
    let lines: Vec<_> = lines.iter().map(|line| caches.read_line(line, vocabulary)).collect();
    let mut model = Model::new(&caches, hole.common.map(|common| common.counts), vocabulary.size());
    let start = caches.before.len().saturating_sub(MAX_DEPTH);
    let mut weights = Vec::with_capacity(lines.len());
    for line in &lines {
        if cancelled() {
            break;
        }
        let signals = rescore::fit(&mut model, &caches.before[start..], line, &caches.after);
        weights.push(signals.line + signals.right);
    }
    weights
}
