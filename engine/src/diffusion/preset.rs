//! The published samplers by name: each a combination of rules.
//!
//! A model's config may name one; what it says goes beyond what is measured here, so nothing is chosen unasked.
//! Their settings are the published defaults; temperature, top-p, top-k and the seed are the request's.

use serde::Deserialize;

use super::{Blocks, Measure, Plan, Revision, Rule, Sampling, Schedule};

/// Where Dream's timesteps end.
const EPSILON: f32 = 1e-3;
/// Open-dCoder's steps.
const P2_STEPS: u32 = 64;
/// Positions of a block in LLaDA, Fast-dLLM and LLaDA2.
const BLOCK: usize = 32;
/// Positions of a block in SDAR, and the steps for one.
const SDAR_BLOCK: usize = 4;

/// A published sampler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Dream's `origin`: each mask by a coin, whatever its confidence.
    DreamOrigin,
    /// Dream's `maskgit_plus`: by probability.
    DreamMaskgitPlus,
    /// Dream's `topk_margin`: by the lead over the second.
    DreamTopkMargin,
    /// Dream's `entropy`; also Dream-Coder's, DiffuCoder's and CAL's.
    DreamEntropy,
    /// DreamOn: by entropy, one at a time, growing and shrinking.
    Dreamon,
    /// Open-dCoder's `p2`: all is ranked anew in each step.
    P2,
    /// LLaDA's `low_confidence`, in blocks.
    LladaLowConfidence,
    /// LLaDA's `random`, in blocks.
    LladaRandom,
    /// Fast-dLLM's threshold, in blocks.
    FastDllmThreshold,
    /// Fast-dLLM's factor, in blocks.
    FastDllmFactor,
    /// LLaDA2.1: a threshold in blocks, and what stands is edited ("quality" settings).
    Llada21,
    /// SDAR's `sequential`: left to right in blocks of four.
    SdarSequential,
    /// SDAR's `low_confidence_static`.
    SdarStatic,
    /// SDAR's `low_confidence_dynamic`.
    SdarDynamic,
    /// SDAR's `entropy_bounded`.
    SdarEntropy,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::DreamOrigin,
        Self::DreamMaskgitPlus,
        Self::DreamTopkMargin,
        Self::DreamEntropy,
        Self::Dreamon,
        Self::P2,
        Self::LladaLowConfidence,
        Self::LladaRandom,
        Self::FastDllmThreshold,
        Self::FastDllmFactor,
        Self::Llada21,
        Self::SdarSequential,
        Self::SdarStatic,
        Self::SdarDynamic,
        Self::SdarEntropy,
    ];

    /// The blocks that a span is decided in where the model itself has none.
    #[must_use]
    pub fn blocks(self) -> Blocks {
        match self {
            Self::LladaLowConfidence
            | Self::LladaRandom
            | Self::FastDllmThreshold
            | Self::FastDllmFactor
            | Self::Llada21 => Blocks::of(BLOCK),
            Self::SdarSequential | Self::SdarStatic | Self::SdarDynamic | Self::SdarEntropy => {
                Blocks::of(SDAR_BLOCK)
            }
            Self::DreamOrigin
            | Self::DreamMaskgitPlus
            | Self::DreamTopkMargin
            | Self::DreamEntropy
            | Self::Dreamon
            | Self::P2 => Blocks::WHOLE,
        }
    }

    /// `base` with this sampler's rules, for a span of `masks` masks. `steps`: the most for the span, or for each block
    /// where there are several; as published if `None`. Where `base` commits by a threshold or is in blocks, those are
    /// kept: a block-causal model has its own.
    #[must_use]
    pub fn plan<'a>(self, base: Plan<'a>, masks: usize, steps: Option<u32>) -> Plan<'a> {
        let by = |measure| Sampling { measure, ..base.sampling };
        let free = steps.map_or(Schedule::OneByOne, Schedule::Within);
        let plain = Plan {
            sampling: by(Measure::Probability),
            rule: Rule::Quota,
            schedule: free,
            revision: Revision::Keep,
            remasks: 0,
            ..base
        };
        let blocks = if base.blocks == Blocks::WHOLE { self.blocks() } else { base.blocks };
        let threshold = |published| match base.rule {
            Rule::Threshold(set) => Rule::Threshold(set),
            _ => Rule::Threshold(published),
        };
        // Published runs have as many steps as positions.
        let one_each = |positions: usize| steps.unwrap_or(u32::try_from(positions).unwrap_or(u32::MAX));
        let dream = |measure| Plan {
            sampling: by(measure),
            schedule: Schedule::Dream { steps: one_each(masks), epsilon: EPSILON },
            ..plain
        };
        let llada = |measure| Plan {
            sampling: Sampling { untempered: true, ..by(measure) },
            blocks,
            schedule: Schedule::Even(one_each(blocks.length.min(masks))),
            ..plain
        };
        let fast = |rule| Plan { schedule: free, rule, ..llada(Measure::Probability) };
        let sdar = |measure, rule| Plan {
            sampling: by(measure),
            rule,
            schedule: Schedule::Shares(one_each(blocks.length)),
            blocks,
            ..plain
        };
        match self {
            Self::DreamOrigin => Plan { rule: Rule::Chance, ..dream(Measure::Random) },
            Self::DreamMaskgitPlus => dream(Measure::Probability),
            Self::DreamTopkMargin => dream(Measure::Margin),
            Self::DreamEntropy => dream(Measure::NegativeEntropy),
            Self::Dreamon => Plan { sampling: by(Measure::NegativeEntropy), ..plain },
            Self::P2 => Plan {
                schedule: Schedule::Path(steps.unwrap_or(P2_STEPS)),
                revision: Revision::Rerank,
                ..plain
            },
            Self::LladaLowConfidence => llada(Measure::Probability),
            Self::LladaRandom => llada(Measure::Random),
            Self::FastDllmThreshold => fast(threshold(0.9)),
            Self::FastDllmFactor => fast(Rule::Factor(1.0)),
            Self::Llada21 => Plan {
                rule: threshold(0.7),
                blocks,
                revision: Revision::Edit { above: 0.5, after: 16 },
                ..plain
            },
            Self::SdarSequential => sdar(Measure::Leftmost, Rule::Quota),
            Self::SdarStatic => sdar(Measure::Probability, Rule::Quota),
            Self::SdarDynamic => sdar(Measure::Probability, threshold(0.85)),
            Self::SdarEntropy => {
                Plan { schedule: free, ..sdar(Measure::NegativeEntropy, Rule::Entropy(0.35)) }
            }
        }
    }
}
