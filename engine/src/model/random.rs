//! Networks of published shapes with random weights, made on the device itself: what a step costs does not depend on
//! the numbers, and nobody has to carry 15 GB to measure it. Where the weights of a pass come from, is said here too.

use candle_core::{DType, Device, Result, Tensor};
use rustc_hash::FxHashMap;
use serde_json::json;

use super::{
    config::ModelSpec,
    linear::Precision,
    network::Network,
    weights::{Stored, Weights},
};
use crate::{EngineError, device::FloatType};

/// Standard deviation of random matrices: about that of trained ones, so that activations stay sane.
const DEVIATION: f32 = 0.02;

/// A published network's shape: name; layers, width, query heads, key heads, head width, SwiGLU width, vocabulary, tied head.
type Row = (&'static str, [usize; 7], bool);

/// The shapes, from the configs that their authors published (all have biases on q, k and v); `toy` is for trying things out.
const SHAPES: [Row; 4] = [
    ("toy", [2, 64, 4, 2, 16, 128, 512], true),
    ("qwen2.5-0.5b", [24, 896, 14, 2, 64, 4864, 151_936], true),
    ("qwen2.5-1.5b", [28, 1536, 12, 2, 128, 8960, 151_936], true),
    ("dream-7b", [28, 3584, 28, 4, 128, 18_944, 152_064], false),
];

/// The names of the known shapes.
#[must_use]
pub fn names() -> Vec<&'static str> {
    SHAPES.iter().map(|shape| shape.0).collect()
}

/// The configuration of a shape for contexts of `context` tokens and spans of `span`. `cached`: the context's keys and values are
/// kept, and a step computes the span alone; else a step computes everything.
///
/// # Errors
/// [`EngineError::BadRequest`] for a name that is not known, [`EngineError::ModelFile`] for lengths beyond what a config may say.
pub fn spec(
    name: &str,
    cached: bool,
    context: usize,
    span: usize,
) -> std::result::Result<ModelSpec, EngineError> {
    let found = SHAPES.iter().find(|shape| shape.0 == name);
    let Some((_, [layers, hidden, heads, kv_heads, width, intermediate, vocab], tied)) = found else {
        let reason = format!("{name:?} is none of {}", names().join(", "));
        return Err(EngineError::BadRequest { field: "shape", reason });
    };
    let config = json!({
        "model_type": "quicksilver", "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": kv_heads, "head_dim": width, "intermediate_size": intermediate, "vocab_size": vocab,
        "rms_norm_eps": 1e-6, "rope_theta": 1e6, "attention_bias": true, "qk_norm": false, "tie_word_embeddings": tied,
        "logit_shift": false, "attention_topology": if cached { "context-exact" } else { "full" }, "span_gap": 2 * span.max(1),
        "mask_token_id": 1, "context_window": context.max(1), "decode": {"max_span": span.max(1), "canvas": [1]}
    });
    ModelSpec::from_bytes(config.to_string().as_bytes(), std::path::Path::new(name))
}

/// Where the numbers of a network come from.
#[derive(Clone)]
pub(super) enum Source<'a> {
    /// A model's files.
    Stored(&'a Weights),
    /// Nowhere: only the shapes are known.
    Random(Shapes),
}

impl<'a> Source<'a> {
    pub(super) fn stored(&self) -> Option<&'a Weights> {
        match self {
            Self::Stored(weights) => Some(weights),
            Self::Random(_) => None,
        }
    }

    /// What a tensor's numbers are stored as; those that are not are taken for bf16, as nearly all published ones are.
    pub(super) fn as_stored(&self, name: &str) -> Stored {
        self.stored().map_or(Stored::PUBLISHED, |weights| weights.as_stored(name))
    }

    /// Rows of a matrix.
    pub(super) fn rows(&self, name: &str) -> std::result::Result<usize, EngineError> {
        match self {
            Self::Stored(weights) => weights.rows(name),
            Self::Random(shapes) => Ok(shapes.rows(name)),
        }
    }

    /// A tensor's numbers; of what is not stored, vectors only: ones for norms, zeros for biases.
    pub(super) fn read(&self, name: &str) -> std::result::Result<Vec<f32>, EngineError> {
        match self {
            Self::Stored(weights) => weights.read(name),
            Self::Random(shapes) => {
                Ok(vec![if name.contains("norm") { 1.0 } else { 0.0 }; shapes.rows(name)])
            }
        }
    }
}

/// The tensors' first dimensions, by name.
#[derive(Clone)]
pub(super) struct Shapes(FxHashMap<String, usize>);

impl Shapes {
    fn of(spec: &ModelSpec) -> Self {
        let first = |(name, shape): (String, Vec<usize>)| (name, shape.first().copied().unwrap_or(0));
        Self(spec.tensors().into_iter().map(first).collect())
    }

    /// Rows of a matrix, numbers of a vector; 0 for what there is not.
    pub(super) fn rows(&self, name: &str) -> usize {
        self.0.get(name).copied().unwrap_or(0)
    }
}

/// A random matrix, drawn where it will lie.
pub(super) fn matrix(shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
    Tensor::randn(0_f32, DEVIATION, shape, device)?.to_dtype(dtype)
}

/// A random int8 matrix, some rows and their scales at a time.
pub(super) fn int8(
    rows: usize,
    width: usize,
    mut take: impl FnMut(&[i8], &[f32]) -> std::result::Result<(), EngineError>,
) -> std::result::Result<(), EngineError> {
    // Evenly spread bytes deviate by 74.
    let scale = [DEVIATION / 74.0];
    by_rows(rows, width, |state| (state >> 56) as i8, |row| take(row, &scale))
}

/// A random bf16 matrix, row by row.
pub(super) fn bf16(
    rows: usize,
    width: usize,
    take: impl FnMut(&[u16]) -> std::result::Result<(), EngineError>,
) -> std::result::Result<(), EngineError> {
    // As above.
    let number = |state: u64| f32::from((state >> 56) as i8) * (DEVIATION / 74.0);
    by_rows(rows, width, |state| half::bf16::from_f32(number(state)).to_bits(), take)
}

fn by_rows<T: Copy + Default>(
    rows: usize,
    width: usize,
    number: impl Fn(u64) -> T,
    mut take: impl FnMut(&[T]) -> std::result::Result<(), EngineError>,
) -> std::result::Result<(), EngineError> {
    let mut state = rows as u64;
    let mut row = vec![T::default(); width];
    (0..rows).try_for_each(|_| {
        for into in &mut row {
            // A linear congruence (Knuth's MMIX constants).
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *into = number(state);
        }
        take(&row)
    })
}

impl Network {
    /// A network of `spec` with random weights: it answers nonsense at the speed of a trained one.
    ///
    /// # Errors
    /// [`EngineError::TooLarge`] if it does not fit the device, [`EngineError::Device`] if that fails.
    pub fn random(
        spec: &ModelSpec,
        device: &Device,
        float: FloatType,
        threads: usize,
        precision: Precision,
    ) -> std::result::Result<Self, EngineError> {
        let source = Source::Random(Shapes::of(spec));
        Self::computing_in(float.on(device)?, spec, source, device, threads, precision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diffusion::{CanvasIdx, Denoiser},
        tokens::TokenId,
    };

    #[test]
    fn published_shapes_have_the_published_sizes() {
        let parameters = |name| spec(name, false, 1024, 32).unwrap().parameters();
        assert_eq!(parameters("qwen2.5-0.5b"), 494_032_768);
        assert_eq!(parameters("qwen2.5-1.5b"), 1_543_714_304);
        assert_eq!(parameters("dream-7b"), 7_615_616_512, "Qwen2.5-7B's, as Dream has it");
        let error = spec("gpt", false, 1, 1).unwrap_err().to_string();
        assert!(error.contains("none of toy, qwen2.5-0.5b"), "{error}");
    }

    #[test]
    fn a_random_network_answers_with_and_without_a_cache() {
        let ways = [
            (true, Precision::Full),
            (false, Precision::Full),
            (true, Precision::Int8),
            (true, Precision::Stored),
        ];
        for (cached, precision) in ways {
            let spec = spec("toy", cached, 24, 8).unwrap();
            let mut network = Network::random(&spec, &Device::Cpu, FloatType::F32, 1, precision).unwrap();
            let ids = |n| vec![TokenId(7); n];
            let (context, _) = network.encode_context(&ids(8), &ids(16), 8).unwrap();
            let rows: Vec<CanvasIdx> = (0..8).map(CanvasIdx).collect();
            let mut logits = Vec::new();
            network.denoiser(&context).logits(&[&[TokenId(1); 8]], &[&rows], &mut logits).unwrap();
            assert_eq!(logits.len(), 8 * 512);
            assert!(logits.iter().all(|logit| logit.is_finite()) && logits[0] != logits[1]);
        }
    }
}
