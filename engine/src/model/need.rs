//! What a network will need of a device's memory, computed before a byte of it is allocated.
//!
//! Weights as they are held: on the CPU in the bytes that they are stored in, or int8 where that is what they are made to, read
//! piece by piece; everything else in the type that is computed with. Caches: the contexts that are remembered.
//! Activations: the largest pass. It must not know how a pass is computed, only what it leaves lying.

use std::fmt;

use candle_core::{DType, Device};
use serde::Serialize;

use super::{
    config::{ModelSpec, Topology},
    linear::{Held, Precision},
    load::{MAX_THREADS, ROUTER},
    network::{DTYPE, MAX_REMEMBERED_BYTES, PASS_ROWS, SPAN_ROWS},
    weights::{Stored, Weights},
};
use crate::{
    EngineError,
    device::{
        kernels::{
            halves::Halves,
            int8::{Int8Matrix, MAX_INPUTS},
        },
        memory::{Bound, Bytes, Memory},
    },
};

/// Memory left to everything else, in bytes, when a model's fit is judged.
const RESERVE_BYTES: u64 = 256 * 1024 * 1024;
/// Pieces of a matrix while it is read row by row, in bytes.
const READING_BYTES: u64 = 8 * 1024 * 1024;
/// Widths of the residual stream, and of the SwiGLU, that a block holds for each row at once.
const HIDDEN_COPIES: u64 = 6;
const GATE_COPIES: u64 = 4;
/// Copies of queries, keys and values: as projected, parted, rotated, cached.
const HEAD_COPIES: u64 = 3;

/// Bytes that a network needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// Its weights as they are held.
    pub weights: u64,
    /// Keys and values of the contexts that are remembered.
    pub caches: u64,
    /// What the largest pass holds at once.
    pub activations: u64,
    /// What reading the largest matrix holds beside what has been read; given back before the first pass.
    pub reading: u64,
}

impl Need {
    /// Of a model of which only the configuration is known: its weights are taken to be stored as bf16, and held
    /// as the CPU would.
    #[must_use]
    pub fn of(spec: &ModelSpec) -> Self {
        Self::with(spec, None, DTYPE, Precision::Auto.held(spec, &Device::Cpu, DTYPE))
    }

    /// Of a model computed with in `dtype`, its matrices as `held` says.
    pub(super) fn with(spec: &ModelSpec, weights: Option<&Weights>, dtype: DType, held: Held) -> Self {
        let float = dtype.size_in_bytes() as u64;
        let stored = |name: &str| weights.map_or(Stored::PUBLISHED, |weights| weights.as_stored(name));
        let becomes = |name: &str| match held {
            Held::Floats => Stored::F32,
            _ if name.ends_with(ROUTER) => Stored::F32,
            Held::Stored => stored(name),
            Held::Int8 => Stored::Int8,
        };
        let (mut all, mut largest, mut widened) = (0_u64, READING_BYTES, 0);
        for (name, shape) in spec.tensors() {
            let numbers = shape.iter().fold(1_u64, |all, &n| all.saturating_mul(n as u64));
            let bytes = match (shape.as_slice(), becomes(&name)) {
                (&[rows, width], Stored::Int8) if width <= MAX_INPUTS => {
                    let again =
                        spec.tied && name == super::transformer::EMBEDDING && Int8Matrix::holds_twice();
                    // A scale and a sum for each row.
                    numbers.saturating_mul(1 + u64::from(again)).saturating_add(8 * rows as u64)
                }
                (&[_, width], Stored::Half(_)) => {
                    widened = widened.max((MAX_THREADS * Halves::working_bytes(width)) as u64);
                    numbers.saturating_mul(2)
                }
                _ => {
                    // As stored, widened, and turned.
                    largest = largest.max(numbers.saturating_mul(4 + float));
                    numbers.saturating_mul(float)
                }
            };
            all = all.saturating_add(bytes);
        }
        Self {
            weights: all,
            caches: caches(spec, float),
            activations: activations(spec, float).saturating_add(widened),
            reading: largest,
        }
    }

    /// The most that is held at once.
    #[must_use]
    pub fn total(&self) -> u64 {
        let running = self.caches.saturating_add(self.activations);
        self.weights.saturating_add(running.max(self.reading))
    }

    /// Whether a device with this memory holds it, and leaves something to everything else.
    #[must_use]
    pub fn fits(&self, memory: Memory) -> bool {
        self.total().saturating_add(RESERVE_BYTES) <= memory.free
    }

    /// Says what will be needed, and refuses what will not fit before any of it is allocated.
    ///
    /// # Errors
    /// [`EngineError::TooLarge`] with what is needed, what is free, and what would fit.
    pub fn ensure(&self, device: &Device) -> Result<(), EngineError> {
        let Some(memory) = Memory::of(device) else {
            tracing::info!(need = %self, "memory; this device does not say how much it has");
            return Ok(());
        };
        tracing::info!(need = %self, free = %Bytes(memory.free), "memory");
        if self.fits(memory) {
            return Ok(());
        }
        Err(EngineError::TooLarge(format!("the model needs {self}, and {memory}; {}", advice(self, memory))))
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (weights {}, caches {}, activations {}, while reading {})",
            Bytes(self.total()),
            Bytes(self.weights),
            Bytes(self.caches),
            Bytes(self.activations),
            Bytes(self.reading)
        )
    }
}

fn advice(need: &Need, memory: Memory) -> String {
    let smaller = "take a smaller model (`quicksilver model list` shows which fit)";
    match memory.bound {
        Bound::Gpu => match Memory::of_cpu() {
            Some(cpu) if need.fits(cpu) => format!("--device cpu would hold it, or {smaller}"),
            _ => smaller.to_owned(),
        },
        _ if need.total().saturating_add(RESERVE_BYTES) <= memory.total => {
            format!("end other programs, or {smaller}")
        }
        Bound::Limit => format!("raise the limit, or {smaller}"),
        Bound::Machine => {
            format!("{smaller}, or a machine or GPU with {}", Bytes(need.total() + RESERVE_BYTES))
        }
    }
}

/// Rows of the longest canvas: context and span.
pub(super) fn canvas(spec: &ModelSpec) -> u64 {
    (spec.context_window + spec.decode.max_span) as u64
}

fn caches(spec: &ModelSpec, float: u64) -> u64 {
    match spec.topology {
        Topology::BlockCausal(_) => 0,
        // Nothing is kept between passes.
        Topology::Full if spec.decode.vicinity.is_none() => 0,
        Topology::Full | Topology::ContextExact => {
            let row = 2 * (spec.layers * spec.kv_heads * spec.head_dim) as u64 * float;
            // One context may be larger than what is remembered; while it grows or is rearranged there are two of it.
            let one = (canvas(spec) + SPAN_ROWS as u64).saturating_mul(row);
            one.saturating_add(one.max(MAX_REMEMBERED_BYTES as u64))
        }
    }
}

fn activations(spec: &ModelSpec, float: u64) -> u64 {
    let rows = match spec.topology {
        Topology::Full | Topology::BlockCausal(_) => canvas(spec),
        Topology::ContextExact => PASS_ROWS.max(SPAN_ROWS) as u64,
    };
    let heads = ((spec.heads + 2 * spec.kv_heads) * spec.head_dim) as u64;
    let row =
        HIDDEN_COPIES * spec.hidden as u64 + HEAD_COPIES * heads + GATE_COPIES * spec.intermediate as u64;
    // Logits of every masked row: normed, as computed, and as the sampler takes them.
    let logits = 3 * (spec.decode.max_span * spec.vocab) as u64 * 4;
    // The CPU's kernel needs the scores of 32 rows of a head a thread; elsewhere there are all of them, before and after the softmax.
    let scores =
        if spec.topology != Topology::ContextExact { 2 * spec.heads as u64 * rows * rows * float } else { 0 };
    rows.saturating_mul(row).saturating_mul(float).saturating_add(logits).saturating_add(scores)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reference;

    fn spec(topology: Topology) -> ModelSpec {
        let json = serde_json::to_vec(&reference::config(topology)).unwrap();
        ModelSpec::from_bytes(&json, std::path::Path::new("config.json")).unwrap()
    }

    fn memory(free: u64, bound: Bound) -> Memory {
        Memory { total: free, free, bound }
    }

    #[test]
    fn weights_are_counted_as_they_are_held() {
        let spec = spec(Topology::Full);
        let with = |held| Need::with(&spec, None, DTYPE, held).weights;
        assert_eq!(with(Held::Floats), spec.parameters() * 4);
        // Norms and biases are widened.
        let vectors: usize =
            spec.tensors().into_iter().filter(|(_, shape)| shape.len() == 1).map(|(_, shape)| shape[0]).sum();
        assert_eq!(with(Held::Stored), (spec.parameters() + vectors as u64) * 2);
        assert_eq!(Need::of(&spec).weights, with(Held::Stored));
        assert_eq!(Need::with(&spec, None, DType::BF16, Held::Floats).weights, spec.parameters() * 2);
    }

    #[test]
    fn what_a_network_that_sees_both_ways_keeps_is_counted_if_it_keeps_it() {
        let mut spec = spec(Topology::Full);
        assert_eq!(Need::of(&spec).caches, 0);
        spec.decode.vicinity = Some(4);
        assert!(Need::of(&spec).caches > MAX_REMEMBERED_BYTES as u64);
    }

    #[test]
    fn only_what_leaves_room_for_the_rest_fits() {
        let need = Need::of(&spec(Topology::ContextExact));
        let enough = need.total() + RESERVE_BYTES;
        assert!(need.fits(memory(enough, Bound::Machine)));
        assert!(!need.fits(memory(enough - 1, Bound::Machine)));
    }

    #[test]
    fn a_refusal_says_what_would_fit() {
        let large = Need { weights: 1 << 60, caches: 1, activations: 1, reading: 1 };
        let error = large.ensure(&Device::Cpu).unwrap_err().to_string();
        assert!(
            error.contains("the model needs 1152921504.6 GB (weights 1152921504.6 GB, caches"),
            "{error}"
        );
        assert!(error.contains("smaller model") && error.contains("are free"), "{error}");
        let small = Need { weights: 1000, ..large };
        assert!(advice(&small, memory(10, Bound::Gpu)).contains("--device cpu would hold it"));
        assert!(!advice(&large, memory(10, Bound::Gpu)).contains("--device cpu"));
        assert!(advice(&large, memory(10, Bound::Limit)).contains("raise the limit"));
        assert!(
            advice(&small, Memory { total: 1 << 40, free: 0, bound: Bound::Machine })
                .contains("end other programs")
        );
    }
}
