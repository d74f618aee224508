//! The other side of the bars: the same network in candle's own crates, f32, with nothing of ours in it.
//!
//! `candle_transformers`' Qwen2 with its keys and values of the context cached, a pass of the span's rows, and the head over
//! all of them. It masks the rows among each other causally, which costs it what a mask of zeros would.

use std::time::{Duration, Instant};

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::{Init, Linear, Module, VarBuilder, var_builder::SimpleBackend};
use candle_transformers::models::qwen2::{Config, Model};
use quicksilver_engine::model::ModelSpec;

/// The fastest of so many steps counts.
const STEPS: usize = 12;

/// ms of a step of `span` rows beside `context` cached ones.
pub(crate) fn step(spec: &ModelSpec, context: usize, span: usize) -> Result<f64> {
    let config = Config {
        vocab_size: spec.vocab,
        hidden_size: spec.hidden,
        intermediate_size: spec.intermediate,
        num_hidden_layers: spec.layers,
        num_attention_heads: spec.heads,
        num_key_value_heads: spec.kv_heads,
        max_position_embeddings: context + span,
        sliding_window: context + span,
        max_window_layers: spec.layers,
        tie_word_embeddings: spec.tied,
        rope_theta: spec.rope_theta,
        rms_norm_eps: spec.norm_eps,
        use_sliding_window: false,
        hidden_act: candle_nn::Activation::Silu,
    };
    let device = Device::Cpu;
    let mut read =
        Model::new(&config, VarBuilder::from_backend(Box::new(Numbers), DType::F32, device.clone()))?;
    let head = Linear::new(numbers(&(spec.vocab, spec.hidden).into(), &device)?, None);
    let ids = |count: usize| {
        Tensor::from_vec((0..count as u32).map(|n| 64 + n * 37 % 512).collect(), (1, count), &device)
    };
    read.forward(&ids(context)?, 0, None)?;
    let masks = ids(span)?;
    let mut best = Duration::MAX;
    for _ in 0..STEPS {
        // It remembers what it was told; a copy shares the context's numbers and forgets the span's with itself.
        let mut model = read.clone();
        let begun = Instant::now();
        let logits = head.forward(&model.forward(&masks, context, None)?)?;
        best = best.min(begun.elapsed());
        logits.dims3()?;
    }
    Ok(best.as_secs_f64() * 1e3)
}

/// Weights of any shape: real memory, no two rows alike.
struct Numbers;

fn numbers(shape: &Shape, device: &Device) -> Result<Tensor> {
    let number = |n: usize| ((n * 7919) % 2001) as f32 / 40_000.0 - 0.025;
    Tensor::from_vec((0..shape.elem_count()).map(number).collect(), shape, device)
}

impl SimpleBackend for Numbers {
    fn get(&self, shape: Shape, _: &str, _: Init, _: DType, device: &Device) -> Result<Tensor> {
        numbers(&shape, device)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("{name} of an unknown shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}
