//! Published samplers, token for token: the traces of `engine/training/reference/` replayed.
//!
//! The reference writes the span after each step of each sampler, on a toy model that both sides compute from integers.

use serde::Deserialize;

use super::{
    refresh::{Keep, Refresh},
    toy::{DELETE, EXPAND, MASK, Toy},
    *,
};
use crate::tokens::TokenId;

/// One case as the reference writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    sampler: String,
    seed: u64,
    coupling: u64,
    scale: u64,
    /// Of block-causal models.
    block: usize,
    prefix: Vec<u64>,
    suffix: Vec<u64>,
    masks: usize,
    /// Forward passes.
    calls: usize,
    /// The span after each.
    steps: Vec<String>,
    schedule: Option<u32>,
    /// Of blocks of full-canvas models.
    length: Option<usize>,
    cache: Option<String>,
    threshold: Option<f32>,
    factor: Option<f32>,
    editing: Option<f32>,
    after: Option<u32>,
    most: Option<usize>,
    broadcast: Option<bool>,
    #[serde(default)]
    temperature: f32,
    top_p: Option<f32>,
    top_k: Option<usize>,
    #[serde(default)]
    alg_temp: f32,
}

impl Case {
    fn plan(&self) -> Plan<'static> {
        let dreamon = self.sampler == "dreamon";
        let deletion = if self.broadcast == Some(true) { Deletion::Broadcast } else { Deletion::Single };
        let most = self.most.unwrap_or(self.masks);
        let base = Plan {
            marks: Marks { mask: MASK, delete: dreamon.then_some(DELETE), expand: dreamon.then_some(EXPAND) },
            sampling: Sampling {
                temperature: self.temperature,
                top_p: self.top_p,
                top_k: self.top_k,
                rank_temperature: self.alg_temp,
                seed: self.seed,
                ..Sampling::default()
            },
            rule: self.threshold.map_or(Rule::Quota, Rule::Threshold),
            schedule: Schedule::OneByOne,
            blocks: Blocks::WHOLE,
            revision: Revision::Keep,
            waits: true,
            lengths: Lengths { deletion, capacity: most, expands: most, allow_empty: true },
            remasks: 0,
            constraint: &Free,
        };
        let steps = self.schedule.unwrap_or_default();
        let preset = serde_json::from_value::<Preset>(self.sampler.clone().into());
        let mut plan = match (&*self.sampler, preset) {
            (_, Ok(preset)) => preset.plan(base, self.masks, self.schedule),
            // Fast-dLLM on Dream: the first position of a block first, then by threshold or Dream's entropy.
            ("fast-dream", _) => {
                let plan = if self.threshold.is_some() {
                    Preset::FastDllmThreshold.plan(base, self.masks, None)
                } else {
                    Preset::DreamEntropy.plan(base, self.masks, self.schedule)
                };
                Plan { blocks: Blocks { lead: true, ..Blocks::WHOLE }, ..plan }
            }
            ("fast-dream-paced", _) => Plan { schedule: Schedule::Paced(steps), ..base },
            (other, _) => panic!("no sampler is called {other}"),
        };
        if let Some(length) = self.length.or((self.block > 0).then_some(self.block)) {
            plan.blocks = Blocks { length, ..plan.blocks };
        }
        if self.block > 0 {
            plan.blocks.before = self.prefix.len() % self.block;
        }
        if let (Some(above), Some(after)) = (self.editing, self.after) {
            plan.revision = Revision::Edit { above, after };
        }
        match (plan.rule, self.factor, self.threshold) {
            (Rule::Factor(_), Some(factor), _) => plan.rule = Rule::Factor(factor),
            (Rule::Entropy(_), _, Some(bound)) => plan.rule = Rule::Entropy(bound),
            _ => {}
        }
        plan
    }

    fn toy(&self, blocks: Blocks) -> Toy {
        let keep = match self.cache.as_deref() {
            Some("prefix") => Keep::Left,
            Some("dual") => Keep::Sides,
            _ => Keep::Nothing,
        };
        Toy {
            seed: self.seed,
            coupling: self.coupling,
            scale: self.scale,
            block: self.block,
            prefix: self.prefix.clone(),
            suffix: self.suffix.clone(),
            refresh: Refresh::new(keep, blocks),
            kept: Vec::new(),
            calls: Vec::new(),
        }
    }
}

/// Writes the span after each step as the reference does: `_` a mask, `+` expand, `-` delete, a letter any other token.
#[derive(Default)]
struct Spans(Vec<String>);

impl Watcher for Spans {
    fn interrupt(&mut self) -> Option<Interrupt> {
        None
    }

    fn frame(&mut self, step: u32, canvas: &Canvas) {
        let letter = |token: TokenId| match token.0 {
            0 => '_',
            1 => '+',
            2 => '-',
            other => char::from(b'a' + (other - 3) as u8),
        };
        if step > 0 {
            self.0.push(canvas.tokens(MASK).into_iter().map(letter).collect());
        }
    }
}

fn replay(traces: &str, count: usize) {
    let cases: Vec<Case> = serde_json::from_str(traces).unwrap();
    assert_eq!(cases.len(), count);
    for case in cases {
        let plan = case.plan();
        let (mut toy, mut spans) = (case.toy(plan.blocks), Spans::default());
        let outcome = denoise(Canvas::masked(case.masks), &mut toy, &plan, &mut Never, &mut spans).unwrap();
        assert_eq!(spans.0, case.steps, "{}", case.name);
        assert_eq!(toy.calls.len(), case.calls, "{}", case.name);
        assert_eq!(outcome.end, End::Complete, "{}", case.name);
    }
}

#[test]
fn dream_and_open_dcoder() {
    replay(include_str!("../../tests/traces/dream.json"), 29);
}

#[test]
fn llada_and_fast_dllm() {
    replay(include_str!("../../tests/traces/llada.json"), 33);
}

#[test]
fn sdar_and_llada21() {
    replay(include_str!("../../tests/traces/blocks.json"), 11);
}

#[test]
fn dreamon() {
    replay(include_str!("../../tests/traces/lengths.json"), 7);
}

/// A search as the reference writes it.
#[derive(Deserialize)]
struct Searched {
    name: String,
    seed: u64,
    coupling: u64,
    scale: u64,
    prefix: Vec<u64>,
    suffix: Vec<u64>,
    first: usize,
    most: usize,
    patience: usize,
    /// Lengths in the order in which the reference scores them, one a pass.
    tried: Vec<usize>,
    best: usize,
}

#[test]
fn cal_scores_the_same_lengths_in_fewer_calls() {
    let cases: Vec<Searched> = serde_json::from_str(include_str!("../../tests/traces/search.json")).unwrap();
    for case in cases {
        let mut toy = Toy {
            seed: case.seed,
            coupling: case.coupling,
            scale: case.scale,
            block: 0,
            prefix: case.prefix,
            suffix: case.suffix,
            refresh: Refresh::new(Keep::Nothing, Blocks::WHOLE),
            kept: Vec::new(),
            calls: Vec::new(),
        };
        let search = Search { first: case.first, most: case.most, patience: case.patience };
        let found = search::climb(&mut toy, MASK, &search, &mut Spans::default()).unwrap();
        assert_eq!(found.length, case.best, "{}", case.name);
        assert_eq!(found.calls as usize, toy.calls.len());
        let mut scored = toy.calls.concat();
        let mut tried = case.tried.clone();
        scored.sort_unstable();
        tried.sort_unstable();
        assert_eq!(scored, tried, "{}: no length more, none twice", case.name);
        assert!(toy.calls.len() * 2 <= tried.len(), "{}: {} calls", case.name, toy.calls.len());
    }
}

#[test]
fn every_preset_has_a_name_of_its_own() {
    for preset in Preset::ALL {
        let name: String = format!("{preset:?}")
            .chars()
            .flat_map(|letter| {
                let dash = letter.is_uppercase().then_some('-');
                dash.into_iter().chain(letter.to_lowercase())
            })
            .skip(1)
            .collect();
        assert_eq!(serde_json::from_value::<Preset>(name.clone().into()).unwrap(), preset, "{name}");
    }
}
