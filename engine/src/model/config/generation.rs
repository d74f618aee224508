//! How a checkpoint's authors sample it, as `generation_config.json` says, and what of that counts.
//!
//! For each choice, asked in this order: the request (temperature, top-p, seed); `config.json`'s `decode`, which is
//! measured here; `generation_config.json`; what is built in. Two that differ are no error, as they are for ids: each
//! is somebody's choice. What is passed over is told, by `quicksilver model show`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{DecodeSpec, signs::Origin};
use crate::diffusion::Preset;

/// The file.
const FILE: &str = "generation_config.json";
/// The most steps that are taken over; published runs have as many as 512.
const MAX_STEPS: u32 = 1 << 10;
/// The keys of `decode` that people ask about, with the file's words for them.
const DECODE: [(&str, &str); 7] = [
    ("sampler", "decode.sampler"),
    ("max_steps", "decode.max_steps"),
    ("temperature", "decode.temperature"),
    ("top_p", "decode.top_p"),
    ("top_k", "decode.top_k"),
    ("rank_temperature", "decode.rank_temperature"),
    ("threshold", "decode.threshold"),
];

/// What the file says beside ids.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Generation {
    /// Dream's and Open-dCoder's name of the sampler.
    alg: Option<String>,
    /// LLaDA's.
    remasking: Option<String>,
    /// SDAR's.
    remasking_strategy: Option<String>,
    steps: Option<u32>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    top_k: Option<usize>,
    alg_temp: Option<f32>,
}

/// Who made each choice; what is not in it is built in.
pub type Origins = BTreeMap<&'static str, Origin>;

impl Generation {
    /// The sampler's name, and the field that has it. A file that names none tells how a model that was adapted used to
    /// write left to right: Qwen's instructed models still have their temperature of 0.7 there.
    fn named(&self) -> Option<(&str, &'static str)> {
        [(&self.alg, "alg"), (&self.remasking, "remasking"), (&self.remasking_strategy, "remasking_strategy")]
            .into_iter()
            .find_map(|(name, field)| Some((name.as_deref()?, field)))
    }

    /// # Errors
    /// A number that is none of what it should be, by its field.
    fn check(&self) -> Result<(), String> {
        let fault =
            |field: &str, value: f32, range: &str| format!("{FILE}'s {field}: {value} is not {range}");
        for (field, value) in [("temperature", self.temperature), ("alg_temp", self.alg_temp)] {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value >= 0.0)) {
                return Err(fault(field, value, "a number from 0"));
            }
        }
        match self.top_p.filter(|top_p| !(*top_p > 0.0 && *top_p <= 1.0)) {
            Some(top_p) => Err(fault("top_p", top_p, "in (0, 1]")),
            None => Ok(()),
        }
    }
}

/// The sampler of a published name; DreamOn's is Dream's by entropy, with lengths that change.
fn sampler(name: &str, expands: bool) -> Option<Preset> {
    Some(match name {
        "origin" => Preset::DreamOrigin,
        "maskgit_plus" => Preset::DreamMaskgitPlus,
        "topk_margin" => Preset::DreamTopkMargin,
        "entropy" if expands => Preset::Dreamon,
        "entropy" => Preset::DreamEntropy,
        "p2" => Preset::P2,
        "low_confidence" => Preset::LladaLowConfidence,
        "random" => Preset::LladaRandom,
        "confidence_threshold" => Preset::FastDllmThreshold,
        "sequential" => Preset::SdarSequential,
        "low_confidence_static" => Preset::SdarStatic,
        "low_confidence_dynamic" => Preset::SdarDynamic,
        "entropy_bounded" => Preset::SdarEntropy,
        _ => return None,
    })
}

/// Takes over what the file says in `field`, unless somebody who counts first chose `key`.
fn offer<T>(
    origins: &mut Origins,
    passed: &mut Vec<String>,
    (key, field): (&'static str, &'static str),
    choice: &mut Option<T>,
    said: Option<T>,
) {
    match origins.get(key) {
        _ if said.is_none() => {}
        Some(other) => passed.push(format!("{FILE}'s {field}: {other} counts first")),
        None => {
            origins.insert(key, Origin::Field(FILE, field));
            *choice = said;
        }
    }
}

impl DecodeSpec {
    /// With what the authors say where `config.json` names nothing; `set` are the keys that its `decode` has.
    ///
    /// # Errors
    /// A number that is none of what it should be, by its file and field.
    pub(super) fn completed(
        mut self,
        set: &BTreeSet<String>,
        said: &Generation,
        expands: bool,
    ) -> Result<Self, String> {
        let own = DECODE.into_iter().filter(|(key, _)| set.contains(*key));
        self.origins = own.map(|(key, field)| (key, Origin::Field("config.json", field))).collect();
        said.check()?;
        let Some((name, field)) = said.named() else {
            let inherited = [
                ("temperature", said.temperature.is_some()),
                ("top_p", said.top_p.is_some()),
                ("top_k", said.top_k.is_some()),
            ];
            let inherited: Vec<&str> =
                inherited.into_iter().filter_map(|(field, is)| is.then_some(field)).collect();
            if !inherited.is_empty() {
                let fields = inherited.join(", ");
                self.passed
                    .push(format!("{FILE}'s {fields}: it names no sampler, so they are of another model"));
            }
            return Ok(self);
        };
        let Some(sampler) = sampler(name, expands) else {
            self.passed.push(format!("{FILE}'s {field}: no sampler of the name {name:?} is known"));
            return Ok(self);
        };
        let (origins, passed) = (&mut self.origins, &mut self.passed);
        offer(origins, passed, ("sampler", field), &mut self.sampler, Some(sampler));
        // 0 steps, and SDAR's top-k of 0, stand for none.
        let steps = said.steps.filter(|&steps| steps > 0).map(|steps| steps.min(MAX_STEPS));
        offer(origins, passed, ("max_steps", "steps"), &mut self.max_steps, steps);
        offer(origins, passed, ("temperature", "temperature"), &mut self.temperature, said.temperature);
        offer(origins, passed, ("top_p", "top_p"), &mut self.top_p, said.top_p);
        let top_k = said.top_k.filter(|&top_k| top_k > 0);
        offer(origins, passed, ("top_k", "top_k"), &mut self.top_k, top_k);
        offer(origins, passed, ("rank_temperature", "alg_temp"), &mut self.rank_temperature, said.alg_temp);
        Ok(self)
    }
}

#[cfg(test)]
#[path = "generation_tests.rs"]
mod tests;
