//! For tests: small random networks, and the forward pass written out in plain loops, without caches or tensors.

use rustc_hash::FxHashMap;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

use super::config::{ModelSpec, Topology};

/// A small network's config.
pub(crate) fn config(topology: Topology) -> Value {
    let topology = if topology == Topology::Full { "full" } else { "context-exact" };
    json!({
        "model_type": "quicksilver", "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 8, "intermediate_size": 40, "vocab_size": 50, "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0, "attention_bias": false, "qk_norm": true, "tie_word_embeddings": true,
        "logit_shift": false, "attention_topology": topology, "span_gap": 32, "mask_token_id": 1,
        "expand_token_id": 2, "delete_token_id": 3, "bos_token_id": 4, "eos_token_id": 5, "pad_token_id": 0,
        "context_window": 64, "decode": {"max_span": 16, "canvas": [8]}
    })
}

/// A stream of numbers in [-1, 1): a linear congruence (Knuth's MMIX constants).
fn random(seed: u64) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32) / (1 << 23) as f32 - 1.0
    }
}

/// Random weights of `spec`.
pub(crate) fn weights(spec: &ModelSpec, seed: u64) -> FxHashMap<String, Vec<f32>> {
    let mut next = random(seed);
    let mut tensor = |(name, shape): (String, Vec<usize>)| {
        let around = if name.contains("norm") { 1.0 } else { 0.0 };
        let size = shape.iter().product();
        (name, (0..size).map(|_| around + 0.4 * next()).collect())
    };
    spec.tensors().into_iter().map(&mut tensor).collect()
}

/// Random weights as a file, F32.
pub(crate) fn safetensors(spec: &ModelSpec, seed: u64) -> Vec<u8> {
    let weights = weights(spec, seed);
    let raw: Vec<(String, Vec<usize>, Vec<u8>)> = spec
        .tensors()
        .into_iter()
        .map(|(name, shape)| {
            let bytes = weights[&name].iter().flat_map(|number| number.to_le_bytes()).collect();
            (name, shape, bytes)
        })
        .collect();
    let views = raw
        .iter()
        .map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    safetensors::serialize(views, None).unwrap()
}

/// One row of a pass: its token, its position in each half of the heads.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) token: u32,
    pub(crate) left: f64,
    pub(crate) right: f64,
}

/// Logits of every row, `sees(row, other)` deciding who sees whom.
pub(crate) fn forward(
    spec: &ModelSpec,
    w: &FxHashMap<String, Vec<f32>>,
    rows: &[Row],
    sees: impl Fn(usize, usize) -> bool,
) -> Vec<Vec<f32>> {
    let d = spec.hidden;
    let embedding = &w["model.embed_tokens.weight"];
    let mut x: Vec<Vec<f32>> =
        rows.iter().map(|row| embedding[row.token as usize * d..][..d].to_vec()).collect();
    for layer in 0..spec.layers {
        let get = |name: &str| &w[&format!("model.layers.{layer}.{name}")];
        let project = |x: &[f32], name: &str| {
            let mut y = product(get(&format!("self_attn.{name}_proj.weight")), x);
            if let Some(bias) = w.get(&format!("model.layers.{layer}.self_attn.{name}_proj.bias")) {
                y.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
            }
            y
        };
        let heads = |y: Vec<f32>, name: &str, row: Row, count: usize| -> Vec<Vec<f32>> {
            let turn = |(head, part): (usize, &[f32])| {
                let part = if spec.qk_norm {
                    norm(part, get(&format!("self_attn.{name}_norm.weight")), spec.norm_eps)
                } else {
                    part.to_vec()
                };
                rotate(&part, if head < count / 2 { row.left } else { row.right }, spec.rope_theta)
            };
            y.chunks(spec.head_dim).enumerate().map(turn).collect()
        };
        let normed: Vec<Vec<f32>> =
            x.iter().map(|x| norm(x, get("input_layernorm.weight"), spec.norm_eps)).collect();
        let q: Vec<_> =
            normed.iter().zip(rows).map(|(x, row)| heads(project(x, "q"), "q", *row, spec.heads)).collect();
        let k: Vec<_> = normed
            .iter()
            .zip(rows)
            .map(|(x, row)| heads(project(x, "k"), "k", *row, spec.kv_heads))
            .collect();
        let v: Vec<_> = normed.iter().map(|x| project(x, "v")).collect();
        for i in 0..rows.len() {
            let mut mixed = Vec::new();
            for (head, query) in q[i].iter().enumerate() {
                let kv = head / (spec.heads / spec.kv_heads);
                let seen: Vec<usize> = (0..rows.len()).filter(|&j| sees(i, j)).collect();
                let scores: Vec<f32> =
                    seen.iter().map(|&j| dot(query, &k[j][kv]) / (spec.head_dim as f32).sqrt()).collect();
                let most = scores.iter().copied().fold(f32::MIN, f32::max);
                let total: f32 = scores.iter().map(|score| (score - most).exp()).sum();
                for n in 0..spec.head_dim {
                    let part = seen
                        .iter()
                        .zip(&scores)
                        .map(|(&j, score)| (score - most).exp() * v[j][kv * spec.head_dim + n]);
                    mixed.push(part.sum::<f32>() / total);
                }
            }
            add(&mut x[i], &product(get("self_attn.o_proj.weight"), &mixed));
        }
        for x in &mut x {
            let normed = norm(x, get("post_attention_layernorm.weight"), spec.norm_eps);
            let (gate, up) =
                (product(get("mlp.gate_proj.weight"), &normed), product(get("mlp.up_proj.weight"), &normed));
            let gated: Vec<f32> = gate.iter().zip(&up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
            add(x, &product(get("mlp.down_proj.weight"), &gated));
        }
    }
    let head = w.get("lm_head.weight").unwrap_or(embedding);
    x.iter().map(|x| product(head, &norm(x, &w["model.norm.weight"], spec.norm_eps))).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

/// A matrix of `[out, in]` times a vector.
fn product(matrix: &[f32], x: &[f32]) -> Vec<f32> {
    matrix.chunks(x.len()).map(|row| dot(row, x)).collect()
}

fn norm(x: &[f32], weight: &[f32], eps: f64) -> Vec<f32> {
    let mean = dot(x, x) / x.len() as f32;
    x.iter().zip(weight).map(|(x, w)| x / (mean + eps as f32).sqrt() * w).collect()
}

/// Half-split rotation.
fn rotate(x: &[f32], position: f64, theta: f64) -> Vec<f32> {
    let half = x.len() / 2;
    let angle = |i: usize| position * theta.powf(-2.0 * (i % half) as f64 / x.len() as f64);
    (0..x.len())
        .map(|i| {
            let other = if i < half { -x[i + half] } else { x[i - half] };
            x[i] * angle(i).cos() as f32 + other * angle(i).sin() as f32
        })
        .collect()
}
