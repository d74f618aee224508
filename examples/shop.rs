//! A small shop, for trying Quicksilver: `quicksilver infill examples/shop.rs:20:22`.

use std::collections::BTreeMap;

/// What a customer is about to buy: pieces by article name.
#[derive(Default)]
pub struct Basket {
    pieces: BTreeMap<String, u32>,
}

impl Basket {
    /// Puts `count` pieces of an article into the basket.
    pub fn add(&mut self, article: &str, count: u32) {
        let pieces = self.pieces.entry(article.to_owned()).or_insert(0);
        *pieces += count;
    }

    /// Takes `count` pieces out again; an article without pieces leaves the basket.
    pub fn remove(&mut self, article: &str, count: u32) {
        let pieces = 
        *pieces = pieces.saturating_sub(count);
        if *pieces == 0 {
            self.pieces.remove(article);
        }
    }

    /// What all of it costs, in cents.
    pub fn total(&self, prices: &BTreeMap<String, u32>) -> u32 {
        self.pieces.iter().filter_map(|(article, count)| prices.get(article).map(|price| price * count)).sum()
    }
}
