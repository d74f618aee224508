//! From a pool to a finished span: by the prior alone, or with a network.

use super::{
    Network, Settings,
    check::{Checked, check, rank},
    frames::Screen,
    mixture::{Leading, Mixture},
    task::Task,
    warm,
};
use crate::{
    EngineError,
    diffusion::{
        Blocks, Canvas, CanvasIdx, Free, Lengths, Never, Outcome, Plan, Rule, Sampling, Schedule, Search,
        Watcher, confidence::Dice, denoise, search,
    },
    model::NetworkUse,
    prior::{Confidence, Pool, PriorDenoiser, calibrate},
    tokens::TokenId,
};

/// Share at which the prior's positions count as agreed.
const AGREED: f32 = 0.9;
/// The prior's steps: what is agreed, then the rest.
const PRIOR_STEPS: u32 = 2;
/// Probability from which a span that the network wrote is shown unasked; not calibrated.
const SHOWN: f32 = 0.5;

/// A span and what is to be said of it.
pub(super) struct Span {
    pub(super) outcome: Outcome,
    pub(super) sure: Confidence,
    /// The other hypotheses, best first.
    pub(super) others: Vec<Vec<TokenId>>,
    pub(super) steps: u32,
    pub(super) prompt_tokens: usize,
    pub(super) cached_tokens: usize,
    pub(super) source: &'static str,
}

/// The pool alone: the winner's agreed positions, then the rest. At temperatures above 0 the winner is drawn by share.
pub(super) fn from_prior(
    pool: &Pool,
    task: &Task,
    plan: &Plan<'_>,
    width: usize,
    screen: &mut Screen<'_, '_>,
) -> Result<Span, EngineError> {
    let drawn = draw(pool, plan.sampling.temperature, plan.sampling.seed);
    let (leader, sure) = match pool.hypotheses.get(drawn) {
        Some(winner) if drawn == 0 => (&winner.tokens[..], calibrate(pool, task.extent)),
        Some(other) => {
            (&other.tokens[..], Confidence { probability: other.share, show: other.share >= SHOWN })
        }
        None => (&[][..], Confidence::default()),
    };
    let plan = Plan {
        sampling: Sampling::default(),
        rule: Rule::Threshold(AGREED),
        schedule: Schedule::Within(PRIOR_STEPS),
        blocks: Blocks::WHOLE,
        lengths: Lengths { expands: 0, allow_empty: false, ..plan.lengths },
        // The pool's lines are spelled as they must be.
        constraint: &Free,
        ..*plan
    };
    let canvas = draft(pool, leader);
    let mut denoiser = Leading { inner: PriorDenoiser::new(pool, plan.marks, width), leader };
    let outcome = denoise(canvas, &mut denoiser, &plan, &mut Never, screen)?;
    let steps = screen.before + outcome.trace.steps.len() as u32;
    let tokens = task.prefix.len() + task.suffix.len() + task.files.iter().map(Vec::len).sum::<usize>();
    let others = others(pool, drawn);
    Ok(Span { outcome, sure, others, steps, prompt_tokens: tokens, cached_tokens: 0, source: "prior" })
}

/// The network reads the pool, and writes what is in doubt.
pub(super) fn from_network(
    network: &mut dyn Network,
    pool: &Pool,
    task: &Task,
    plan: &Plan<'_>,
    settings: &Settings,
    screen: &mut Screen<'_, '_>,
) -> Result<Span, EngineError> {
    let marks = &plan.marks;
    if pool.hypotheses.is_empty() && settings.role == NetworkUse::Rescore {
        // It chooses among the prior's lines; there are none.
        return from_prior(pool, task, plan, network.denoiser()?.vocab(), screen);
    }
    if pool.hypotheses.is_empty() {
        let before = task.previous.as_ref().and_then(|before| before.canvas(plan.lengths.capacity));
        let canvas = match before {
            Some((gap, tokens)) => {
                screen.before = 1;
                warm::begin(&mut *network.denoiser()?, gap, tokens, marks)?
            }
            None => {
                let (first, calls) = first_length(network, plan, settings, screen)?;
                screen.before = calls;
                Canvas::masked(first)
            }
        };
        let plan = by_sampler(settings, plan, &canvas);
        let outcome = denoise(canvas, &mut *network.denoiser()?, &plan, &mut Never, screen)?;
        return Ok(written(outcome, screen.before, "network"));
    }
    let winner = pool.hypotheses.first().map_or(&[][..], |winner| &winner.tokens);
    screen.frame(0, &draft(pool, winner));
    if settings.role == NetworkUse::Rescore {
        let next = task.suffix.first().copied().unwrap_or(task.newline);
        let pool = match rank(pool, network, next, settings.weight)? {
            Some(pool) => pool,
            None => check(pool, &mut *network.denoiser()?, marks, settings.weight)?.pool,
        };
        screen.before = 1;
        let width = network.denoiser()?.vocab();
        let span = from_prior(&pool, task, plan, width, screen)?;
        return Ok(Span { source: "prior+network", ..span });
    }
    let Checked { pool, probabilities } = check(pool, &mut *network.denoiser()?, marks, settings.weight)?;
    screen.before = 1;
    let winner = pool.hypotheses.first().map_or(&[][..], |winner| &winner.tokens);
    if pool.hypotheses.first().is_some_and(|winner| winner.signals.previous) {
        let mut reader = network.denoiser()?;
        let mut mixture = Mixture::new(&pool, &mut *reader, settings.weight, *marks);
        let canvas = warm::begin(&mut mixture, 0, winner, marks)?;
        screen.before = 2;
        return denoised(canvas, &pool, task, plan, settings, &mut mixture, screen);
    }
    let mut canvas = draft(&pool, winner);
    let shares: Vec<f32> = canvas.cells().iter().map(|cell| cell.confidence).collect();
    // What both trust stands; the rest stays masked, with the draft as its guess.
    for (at, ((&token, share), p)) in winner.iter().zip(shares).zip(probabilities).enumerate() {
        let trust = (share + settings.weight * p) / (1.0 + settings.weight);
        if trust >= settings.threshold {
            canvas.commit(CanvasIdx(at), token, trust, 0);
        } else {
            canvas.guess(CanvasIdx(at), Some(token), trust);
        }
    }
    // Expands add one position a step and a delete takes away many: a doubted end gets the masks of a fresh span.
    let doubted = canvas.cells().iter().rev().take_while(|cell| cell.is_masked()).count();
    if let (true, Some(&first)) = (doubted > 0 && marks.delete.is_some(), settings.canvas.first()) {
        let room = plan.lengths.capacity.saturating_sub(canvas.len());
        canvas.grow(first.saturating_sub(doubted).min(room));
    }
    let mut reader = network.denoiser()?;
    let mut mixture = Mixture::new(&pool, &mut *reader, settings.weight, *marks);
    denoised(canvas, &pool, task, plan, settings, &mut mixture, screen)
}

/// What prior and network make of a canvas together.
fn denoised(
    canvas: Canvas,
    pool: &Pool,
    task: &Task,
    plan: &Plan<'_>,
    settings: &Settings,
    mixture: &mut Mixture<'_>,
    screen: &mut Screen<'_, '_>,
) -> Result<Span, EngineError> {
    screen.show(screen.before, 0, &canvas);
    let lengths = Lengths { capacity: plan.lengths.capacity.max(canvas.len()), ..plan.lengths };
    let plan = by_sampler(settings, &Plan { lengths, ..*plan }, &canvas);
    let outcome = denoise(canvas, mixture, &plan, &mut Never, screen)?;
    let winner = pool.hypotheses.first().map_or(&[][..], |winner| &winner.tokens);
    let kept = outcome.canvas.decoded() == winner;
    // What the network made of the best one is the answer, so that one is an alternative only if it was changed.
    let span = Span { others: others(pool, usize::MAX), ..written(outcome, screen.before, "prior+network") };
    Ok(if kept { Span { sure: calibrate(pool, task.extent), ..span } } else { span })
}

/// How many masks to begin with where nothing is known, and the calls it took to say so.
fn first_length(
    network: &mut dyn Network,
    plan: &Plan<'_>,
    settings: &Settings,
    screen: &mut Screen<'_, '_>,
) -> Result<(usize, u32), EngineError> {
    let (mask, most) = (plan.marks.mask, plan.lengths.capacity);
    let lengths: Vec<usize> = settings.canvas.iter().map(|&length| length.clamp(1, most.max(1))).collect();
    if settings.search {
        let published = Search::published(most);
        let search = Search { first: lengths.first().copied().unwrap_or(published.first), ..published };
        let found = search::climb(&mut *network.denoiser()?, mask, &search, screen)?;
        return Ok((found.length, found.calls));
    }
    Ok(match lengths[..] {
        [] => (1, 0),
        [only] => (only, 0),
        _ => (search::surest(&mut *network.denoiser()?, mask, &lengths)?.unwrap_or(1), 1),
    })
}

/// The plan by the published sampler that the model's config names, if it names one; steps bound the whole span, so
/// each of its blocks gets an equal part of them, but at least one.
pub(super) fn by_sampler<'a>(settings: &Settings, plan: &Plan<'a>, canvas: &Canvas) -> Plan<'a> {
    let masks = canvas.masks();
    let within = |steps: Option<u32>| match settings.sampler {
        Some(sampler) => sampler.plan(*plan, masks.len(), steps),
        None => Plan { schedule: steps.map_or(plan.schedule, Schedule::Within), ..*plan },
    };
    let whole = within(settings.max_steps);
    let blocks = whole.blocks.count(&masks);
    match settings.max_steps {
        Some(steps) if blocks > 1 => within(Some((steps / blocks).max(1))),
        Some(_) | None => whole,
    }
}

/// A span that the network wrote, sure by the product of what was committed.
fn written(outcome: Outcome, before: u32, source: &'static str) -> Span {
    let probability: f32 = outcome.canvas.cells().iter().map(|cell| cell.confidence).product();
    let steps = before + outcome.trace.steps.len() as u32;
    let sure = Confidence { probability, show: probability >= SHOWN };
    Span { outcome, sure, others: Vec::new(), steps, prompt_tokens: 0, cached_tokens: 0, source }
}

/// All hypotheses but the one at `taken`, best first.
fn others(pool: &Pool, taken: usize) -> Vec<Vec<TokenId>> {
    let left = pool.hypotheses.iter().enumerate().filter(|(at, _)| *at != taken);
    left.map(|(_, hypothesis)| hypothesis.tokens.clone()).collect()
}

/// A hypothesis as first canvas: each position with the share of the pool that agrees there.
fn draft(pool: &Pool, tokens: &[TokenId]) -> Canvas {
    let share = |(at, &token): (usize, &TokenId)| {
        let agree = pool.hypotheses.iter().filter(|hypothesis| hypothesis.tokens.get(at) == Some(&token));
        (token, agree.map(|hypothesis| hypothesis.share).sum::<f32>().min(1.0))
    };
    Canvas::draft(&tokens.iter().enumerate().map(share).collect::<Vec<_>>())
}

/// Index of a hypothesis: the best at temperature 0, else drawn by share^(1/temperature).
fn draw(pool: &Pool, temperature: f32, seed: u64) -> usize {
    if temperature <= 0.0 {
        return 0;
    }
    let weights: Vec<f32> =
        pool.hypotheses.iter().map(|hypothesis| hypothesis.share.powf(1.0 / temperature)).collect();
    let mut left = Dice::new(seed).roll() * weights.iter().sum::<f32>();
    let found = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    found.unwrap_or(0)
}
