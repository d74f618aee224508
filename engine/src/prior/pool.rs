//! The pool of hypotheses: lines from the beam and from copies, scored alike, each with its share.

use super::{
    Extent, Hole, Vocabulary,
    beam::{self, Frame, Line},
    block,
    caches::{Caches, MAX_DEPTH},
    copies::Copies,
    distribution::Model,
    gate,
    layout::Layout,
    ranker::Ranker,
    recall::Recalled,
    rescore::{self, Signals},
    symbols::Local,
    twin::{self, Twin},
};
use crate::tokens::TokenId;

/// Longest line, symbols.
const MAX_LINE_SYMBOLS: usize = 96;

/// Ways to fill a hole, best first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pool {
    /// Best first; shares sum to 1 (unless there are none). A block of several lines leads with the share of all of them,
    /// the others are other first lines.
    pub hypotheses: Vec<Hypothesis>,
}

/// One way to fill a hole.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    /// The tokens for the hole, the healed ones included; the line feed that ends a line is not part of it.
    pub tokens: Vec<TokenId>,
    /// Log score: the line's log-probability, the right context's (weighted) and the copy evidence.
    pub score: f32,
    /// Share of the pool (softmax of the scores): the confidence, uncalibrated.
    pub share: f32,
    /// What speaks for it.
    pub signals: Signals,
}

impl Hypothesis {
    /// Symbols that match left and right of the same line elsewhere.
    #[must_use]
    pub fn evidence(&self) -> u16 {
        self.signals.left_match + self.signals.right_match
    }
}

/// A line with its score, not yet written as tokens.
#[derive(Clone, Debug)]
pub(super) struct Scored {
    pub(super) line: Line,
    pub(super) score: f32,
    pub(super) share: f32,
    signals: Signals,
}

/// See [`super::propose`].
pub(super) fn propose<V: Vocabulary>(hole: &Hole<'_>, vocabulary: &V, cancelled: &dyn Fn() -> bool) -> Pool {
    if cancelled() || hole.max_tokens == 0 {
        return Pool::default();
    }
    let mut caches = Caches::new(hole, vocabulary);
    // Symbols of its own must be known before the counts are.
    let recalled = hole.previous.map(|previous| Recalled::of(&previous, &mut caches, vocabulary));
    let caches = caches;
    let mut model = Model::new(&caches, hole.common.map(|common| common.counts), vocabulary.size());
    let indentation = hole.heal.len() - hole.heal.trim_ascii_start().len();
    let (lead, owed) = match caches.reader.fresh {
        Some(_) => (Some(&hole.heal[..indentation]), &hole.heal[indentation..]),
        None => (None, hole.heal),
    };
    let first = caches.after.first().copied();
    let max_tokens = match hole.extent {
        Extent::Tokens(tokens) => tokens.min(hole.max_tokens),
        _ => hole.max_tokens,
    };
    let frame = Frame {
        before: &caches.before,
        owed,
        stop: first.filter(|&local| !caches.symbols.breaks(local)),
        max_symbols: max_tokens.min(MAX_LINE_SYMBOLS),
    };
    let many = matches!(hole.extent, Extent::Block | Extent::Tokens(_)) && frame.stop.is_none();
    // The first of several lines need not fit what comes after the last.
    let seen = if many { &caches.after[..1] } else { &caches.after[..] };
    let mut lines = lines(&mut model, &frame, seen, recalled.as_ref(), vocabulary, cancelled);
    if let (true, Some(first)) = (many, lines.first_mut()) {
        let indent = caches.reader.indent;
        let block = block::extend(&mut model, &frame, &caches.after, first, indent, vocabulary, cancelled);
        // The others stay as they are: what the first line keeps of its share is what the whole block deserves.
        (first.line, first.share) = (block.line, block.share);
    }
    if let (true, Some(twin)) = (many, twin::find(&caches, &frame, &caches.after)) {
        put_first(&mut lines, twin, &mut model, &frame, &caches.after);
    }
    let mut layout = Layout::new(&caches.symbols, vocabulary);
    let hypotheses = lines.into_iter().filter_map(|scored| {
        let tokens = layout.write(&scored.line, lead, caches.reader.indent);
        let text: Vec<u8> =
            tokens.iter().flat_map(|&token| vocabulary.bytes(token).iter().copied()).collect();
        let new = text.strip_prefix(hole.heal)?;
        let allowed = tokens.len() <= max_tokens && (hole.allow_empty || !new.trim_ascii().is_empty());
        allowed.then_some(Hypothesis {
            tokens,
            score: scored.score,
            share: scored.share,
            signals: scored.signals,
        })
    });
    Pool::new(hypotheses.collect())
}

/// Lines for one hole, best first, with their shares.
pub(super) fn lines(
    model: &mut Model<'_>,
    frame: &Frame<'_>,
    after: &[Local],
    recalled: Option<&Recalled>,
    vocabulary: &impl Vocabulary,
    cancelled: &dyn Fn() -> bool,
) -> Vec<Scored> {
    let copies = Copies::find(model.caches, frame, after, vocabulary);
    let mut candidates = copies.best();
    for line in beam::lines(model, frame, vocabulary, cancelled) {
        if !candidates.contains(&line) {
            candidates.push(line);
        }
    }
    for rewritten in &copies.rewritten {
        if !candidates.contains(&rewritten.line) {
            candidates.push(rewritten.line.clone());
        }
    }
    let again = recalled.map_or_else(Vec::new, |recalled| {
        recalled.lines(&candidates, &model.caches.symbols, frame, vocabulary)
    });
    for line in &again {
        if !candidates.contains(line) {
            candidates.push(line.clone());
        }
    }
    let start = frame.before.len().saturating_sub(MAX_DEPTH);
    let typed = model.caches.line_before();
    let begins = |&local: &Local| model.caches.symbols.is_step(local) || model.caches.symbols.breaks(local);
    let is_line = frame.owed.is_empty() && frame.before.last().is_some_and(begins);
    let ranker = if is_line { Ranker::LINE } else { Ranker::REST };
    let mut scored = Vec::with_capacity(candidates.len());
    for line in candidates {
        if cancelled() {
            break;
        }
        let mut signals = rescore::fit(model, &frame.before[start..], &line, after);
        (signals.left_match, signals.right_match, signals.places) = copies.evidence(&line);
        if signals.places == 0
            && let Some(source) = copies.rewritten.iter().find(|rewritten| rewritten.line == line)
        {
            (signals.left_match, signals.right_match) = (source.left, source.right);
            signals.rewritten = true;
        }
        signals.previous = again.contains(&line);
        let whole = [typed, &line].concat();
        signals.repeats_next = after.get(1..).is_some_and(|next| next.starts_with(&whole));
        signals.repeats_previous = model.caches.previous_line() == whole;
        let score = ranker.score(&signals);
        scored.push(Scored { line, score, share: 0.0, signals });
    }
    scored.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.line.cmp(&b.line)));
    let scores: Vec<f32> = scored.iter().map(|line| line.score).collect();
    for (line, share) in scored.iter_mut().zip(shares(&scores)) {
        line.share = share;
    }
    scored
}

/// Puts a block that stands elsewhere first: line by line the pool fills one such hole in twenty, twins one in ten, and hardly
/// ever another one. The others keep what the twin leaves of their shares.
fn put_first(lines: &mut Vec<Scored>, twin: Twin, model: &mut Model<'_>, frame: &Frame<'_>, after: &[Local]) {
    lines.retain(|scored| scored.line != twin.lines);
    let share = gate::twin(twin.left, twin.right);
    let left: f32 = lines.iter().map(|scored| scored.share).sum();
    lines.iter_mut().for_each(|scored| scored.share *= (1.0 - share) / left.max(f32::EPSILON));
    let start = frame.before.len().saturating_sub(MAX_DEPTH);
    let mut signals = rescore::fit(model, &frame.before[start..], &twin.lines, after);
    (signals.left_match, signals.right_match, signals.places) = (twin.left, twin.right, 1);
    signals.twin = true;
    let score = Ranker::LINE.score(&signals);
    lines.insert(0, Scored { line: twin.lines, score, share, signals });
}

/// Softmax of scores.
fn shares(scores: &[f32]) -> Vec<f32> {
    let best = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f32 = scores.iter().map(|score| (score - best).exp()).sum();
    scores.iter().map(|score| (score - best).exp() / total).collect()
}

impl Pool {
    /// Hypotheses that are sorted already; their shares are made to sum to 1.
    fn new(mut hypotheses: Vec<Hypothesis>) -> Self {
        let total: f32 = hypotheses.iter().map(|hypothesis| hypothesis.share).sum();
        for hypothesis in &mut hypotheses {
            hypothesis.share /= total;
        }
        Self { hypotheses }
    }
}
