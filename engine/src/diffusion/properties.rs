//! What holds for every combination of rules, and for every published one, whatever the denoiser says.

use proptest::prelude::*;

use super::{
    scripted::{Doubtful, LeftToRight, MASK, Noise, plan},
    *,
};
use crate::EngineError;

/// Steps of a schedule here.
const STEPS: u32 = 9;
/// Steps of edits after the last mask.
const AFTER: u32 = 3;

fn any_sampling() -> impl Strategy<Value = Sampling> {
    let measure = prop_oneof![
        Just(Measure::Probability),
        Just(Measure::Margin),
        Just(Measure::NegativeEntropy),
        Just(Measure::Random),
        Just(Measure::Leftmost),
    ];
    let cold = || prop_oneof![Just(0.0_f32), 0.1_f32..2.0];
    let share = proptest::option::of(0.01_f32..1.0);
    (measure, cold(), cold(), share, proptest::option::of(0_usize..9), any::<bool>()).prop_map(
        |(measure, temperature, rank_temperature, top_p, top_k, untempered)| Sampling {
            measure,
            temperature,
            rank_temperature,
            top_p,
            top_k,
            untempered,
            seed: 7,
        },
    )
}

fn any_plan() -> impl Strategy<Value = Plan<'static>> {
    let rule = prop_oneof![
        Just(Rule::Quota),
        (0.0_f32..1.0).prop_map(Rule::Threshold),
        (0.0_f32..2.0).prop_map(Rule::Factor),
        (0.0_f32..4.0).prop_map(Rule::Entropy),
        Just(Rule::Chance),
    ];
    let schedule = (0..STEPS).prop_flat_map(|steps| {
        prop_oneof![
            Just(Schedule::OneByOne),
            Just(Schedule::Within(steps)),
            Just(Schedule::Even(steps)),
            Just(Schedule::Shares(steps)),
            Just(Schedule::Dream { steps, epsilon: 1e-3 }),
            Just(Schedule::Paced(steps)),
            Just(Schedule::Path(steps)),
        ]
    });
    let blocks = prop_oneof![
        Just(Blocks::WHOLE),
        (1_usize..6, 0_usize..6, any::<bool>()).prop_map(|(length, before, lead)| Blocks {
            length,
            before: before % length,
            lead
        }),
    ];
    let revision = prop_oneof![
        Just(Revision::Keep),
        Just(Revision::Rerank),
        (0.0_f32..1.0, 0..=AFTER).prop_map(|(above, after)| Revision::Edit { above, after }),
    ];
    let deletion = prop_oneof![Just(Deletion::Single), Just(Deletion::Broadcast), Just(Deletion::Rest)];
    let lengths = (deletion, 1_usize..12, 0_usize..6, any::<bool>()).prop_map(
        |(deletion, capacity, expands, allow_empty)| Lengths { deletion, capacity, expands, allow_empty },
    );
    let preset = proptest::option::of(proptest::sample::select(Preset::ALL.to_vec()));
    let constraint =
        prop_oneof![Just(&Free as &'static dyn Constraint), Just(&LeftToRight as &'static dyn Constraint)];
    let rules = (rule, schedule, blocks, revision, any::<bool>());
    (rules, any_sampling(), lengths, 0_usize..6, preset, constraint).prop_map(
        |((rule, schedule, blocks, revision, waits), sampling, lengths, remasks, preset, constraint)| {
            let plan = Plan {
                rule,
                schedule,
                blocks,
                revision,
                waits,
                sampling,
                lengths,
                remasks,
                constraint,
                ..plan(Rule::Quota)
            };
            preset.map_or(plan, |preset| preset.plan(plan, 12, Some(STEPS)))
        },
    )
}

/// Fails on what must hold after every step.
struct Law {
    most: usize,
    cancel_at: Option<u32>,
    seen: u32,
}

impl Watcher for Law {
    fn interrupt(&mut self) -> Option<Interrupt> {
        self.cancel_at.filter(|&at| self.seen >= at).map(|_| Interrupt::Cancel)
    }

    fn frame(&mut self, step: u32, canvas: &Canvas) {
        self.seen = step;
        assert!(canvas.len() <= self.most, "{} positions", canvas.len());
        assert!(canvas.cells().iter().all(|cell| cell.is_masked() || cell.token.is_some()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_ends_with_every_mask_decided(
        plan in any_plan(), masks in 0_usize..12, seed: u64, below in 0.0_f32..1.0,
    ) {
        let most = plan.lengths.capacity.max(masks);
        let run = || {
            let mut law = Law { most, cancel_at: None, seen: 0 };
            let mut noise = Noise { seed, calls: 0 };
            denoise(Canvas::masked(masks), &mut noise, &plan, &mut Doubtful { below }, &mut law)
        };
        let outcome = run().unwrap();
        prop_assert_eq!(outcome.end, End::Complete);
        prop_assert!(outcome.canvas.masks().is_empty());
        let blocks = most + 1;
        let idle = blocks * (if plan.waits { STEPS as usize } else { 0 } + AFTER.max(16) as usize);
        let decided = masks + 2 * (plan.lengths.expands + plan.remasks);
        prop_assert!(outcome.trace.steps.len() <= decided + idle, "{} steps", outcome.trace.steps.len());
        if !plan.waits {
            prop_assert!(outcome.trace.steps.iter().all(|step| step.committed >= 1 || step.masks == 0));
            let busy = outcome.trace.steps.iter().filter(|step| step.masks > 0).count();
            prop_assert!(busy <= decided, "{} steps for {}", busy, decided);
        }
        let marks = [Some(MASK), plan.marks.delete, plan.marks.expand];
        prop_assert!(outcome.canvas.decoded().iter().all(|&token| !marks.contains(&Some(token))));
        prop_assert_eq!(run().unwrap(), outcome, "the same again");
    }

    #[test]
    fn a_cancel_is_seen_before_the_next_call(plan in any_plan(), masks in 1_usize..12, seed: u64, at in 0_u32..12) {
        let mut law = Law { most: plan.lengths.capacity.max(masks), cancel_at: Some(at), seen: 0 };
        let mut noise = Noise { seed, calls: 0 };
        let result = denoise(Canvas::masked(masks), &mut noise, &plan, &mut Never, &mut law);
        prop_assert!(noise.calls <= u64::from(at));
        prop_assert!(matches!(result, Err(EngineError::Cancelled)) || law.seen <= at);
    }

    #[test]
    fn a_search_ends_within_its_lengths(seed: u64, first in 0_usize..20, most in 0_usize..20, patience in 0_usize..6) {
        let mut noise = Noise { seed, calls: 0 };
        let mut law = Law { most, cancel_at: None, seen: 0 };
        let search = Search { first, most, patience };
        let found = search::climb(&mut noise, MASK, &search, &mut law).unwrap();
        prop_assert!((1..=most.max(1)).contains(&found.length));
        prop_assert!(found.calls as usize <= most + 1);
        let mut law = Law { cancel_at: Some(0), ..law };
        let cancelled = search::climb(&mut noise, MASK, &search, &mut law);
        prop_assert!(matches!(cancelled, Err(EngineError::Cancelled)));
    }
}
