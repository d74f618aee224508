//! Which tokens are drawn from: rows of probabilities with the unlikely taken out.
//!
//! In Dream's order: the nucleus first, then the k likeliest of it; what is left is scaled to 1.

/// Keeps the likeliest tokens whose sum first passes `top_p`, the one that passes it included (Holtzman et al., 2020).
pub(super) fn keep_nucleus(row: &mut [f32], top_p: f32) {
    let mut sum = 0.0;
    for id in ranked(row) {
        let before = sum;
        sum += row[id];
        if before > top_p {
            row[id] = 0.0;
        }
    }
    scale(row);
}

/// Keeps the `top_k` likeliest tokens, and those as likely as the last of them.
pub(super) fn keep_likeliest(row: &mut [f32], top_k: usize) {
    let Some(least) = top_k.checked_sub(1).and_then(|last| ranked(row).get(last).map(|&id| row[id])) else {
        return;
    };
    row.iter_mut().filter(|p| **p < least).for_each(|p| *p = 0.0);
    scale(row);
}

/// The ids of what can be drawn, likeliest first, ties by the lower id.
fn ranked(row: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..row.len()).filter(|&id| row[id] > 0.0).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
    order
}

fn scale(row: &mut [f32]) {
    let kept: f32 = row.iter().sum();
    row.iter_mut().for_each(|p| *p /= kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_are_kept_with_their_equals() {
        let kept = |top_k| {
            let mut row = [0.4, 0.2, 0.2, 0.1, 0.1];
            keep_likeliest(&mut row, top_k);
            row.iter().filter(|p| **p > 0.0).count()
        };
        assert_eq!([kept(0), kept(1), kept(2), kept(3), kept(4), kept(9)], [5, 1, 3, 3, 5, 5]);
    }
}
