//! Each of the CPU's kernels beside the operations of plain candle, f32, whose place it takes: shapes of configs/s.json, 32 rows by 512
//! tokens.

use std::time::{Duration, Instant};

use candle_core::{Device, Result, Tensor};
use candle_nn::{ops, rotary_emb::rope};
use quicksilver_engine::device::kernels::{
    attention::{Heads, attend},
    heads::{Part, Slots, Turns, place},
    int8::{Int8Matrix, Purpose, Put, Rounded, Rows},
    norm::Norm,
};

const ROWS: usize = 32;
const SEEN: usize = 512 + ROWS;
const HIDDEN: usize = 512;
const HEADS: usize = 8;
const WIDTH: usize = HIDDEN / HEADS;
const GATE: usize = 1408;
const VOCAB: usize = 16384;
const EPS: f32 = 1e-6;
/// The fastest of so many runs counts.
const RUNS: usize = 60;

/// A line for each kernel.
pub(crate) fn report() -> Result<Vec<String>> {
    Ok(vec![
        product("norm, then q, k and v", HIDDEN, 3 * HIDDEN, Before::Norm)?,
        heads()?,
        attention()?,
        product("out, added", HIDDEN, HIDDEN, Before::Nothing)?,
        product("norm, then gate and up", HIDDEN, 2 * GATE, Before::Norm)?,
        product("SwiGLU, then down, added", GATE, HIDDEN, Before::Gate)?,
        product("norm, then head", HIDDEN, VOCAB, Before::Norm)?,
    ])
}

fn line(what: &str, ours: f64, plain: f64) -> String {
    format!("{what}: ours {ours:.3} ms, plain candle f32 {plain:.3} ms: {:.1} times as fast", plain / ours)
}

/// What stands before a product.
#[derive(PartialEq)]
enum Before {
    /// Nothing; the product is added to what was there, as it is behind a gate.
    Nothing,
    Norm,
    Gate,
}

fn product(what: &str, width: usize, outputs: usize, before: Before) -> Result<String> {
    let stride = if before == Before::Gate { 2 * width } else { width };
    let (input, weight) = (numbers(ROWS * stride), vec![1.0; width]);
    let rows = match before {
        Before::Nothing => Rows::Plain(&input),
        Before::Norm => Rows::Normed(&input, Norm { weight: &weight, eps: EPS }),
        Before::Gate => Rows::Gated(&input),
    };
    let put = if before == Before::Norm { Put::Over } else { Put::Added };
    let stored: Vec<i8> = numbers(width * outputs).iter().map(|number| (number * 127.0) as i8).collect();
    let matrix = Int8Matrix::new(&stored, &vec![0.001; outputs], width, Purpose::Products);
    let (mut rounded, mut out) = (Rounded::default(), vec![0.0; ROWS * outputs]);
    let ours =
        best(|| Ok(matrix.as_ref().and_then(|matrix| matrix.product(rows, &mut rounded, put, &mut out))))?;

    let x = tensor(&[ROWS, stride])?;
    let (stored, weight, stream) = (tensor(&[outputs, width])?, tensor(&[width])?, tensor(&[ROWS, outputs])?);
    let plain = best(|| match before {
        Before::Nothing => &stream + x.matmul(&stored.t()?)?,
        Before::Norm => ops::rms_norm(&x, &weight, EPS)?.matmul(&stored.t()?),
        Before::Gate => {
            let gated = (x.narrow(1, 0, width)?.silu()? * x.narrow(1, width, width)?)?;
            &stream + gated.matmul(&stored.t()?)?
        }
    })?;
    Ok(line(what, ours, plain))
}

/// q of a block: normed, rotated, head by head.
fn heads() -> Result<String> {
    let (qkv, weight) = (numbers(ROWS * 3 * HIDDEN), vec![1.0; WIDTH]);
    let angles = |of: fn(f32) -> f32| numbers(ROWS * WIDTH / 2).into_iter().map(of).collect::<Vec<f32>>();
    let turns = [Turns { cos: angles(f32::cos), sin: angles(f32::sin), pairs: WIDTH / 2 }];
    let part = Part {
        numbers: &qkv,
        stride: 3 * HIDDEN,
        first: 0,
        heads: HEADS,
        width: WIDTH,
        bias: None,
        norm: Some(Norm { weight: &weight, eps: EPS }),
        turns: &turns,
    };
    let mut data = vec![0.0; ROWS * HIDDEN];
    let ours = best(|| Ok(place(&part, Slots { data: &mut data, stride: ROWS * WIDTH, first: 0 })))?;
    let (qkv, weight) = (tensor(&[ROWS, 3 * HIDDEN])?, tensor(&[WIDTH])?);
    let (cos, sin) = (tensor(&[ROWS, WIDTH / 2])?.cos()?, tensor(&[ROWS, WIDTH / 2])?.sin()?);
    let plain = best(|| {
        let q = qkv.narrow(1, 0, HIDDEN)?.reshape((ROWS, HEADS, WIDTH))?.transpose(0, 1)?.contiguous()?;
        rope(&ops::rms_norm(&q, &weight, EPS)?.unsqueeze(0)?, &cos, &sin)
    })?;
    Ok(line("heads of q, normed and rotated", ours, plain))
}

fn attention() -> Result<String> {
    let (queries, store) = (numbers(ROWS * HIDDEN), numbers(SEEN * HIDDEN));
    let of = |data| Heads { data, stride: SEEN * WIDTH, count: HEADS };
    let seen = vec![(SEEN - ROWS, SEEN - ROWS..SEEN); ROWS];
    let mut out = vec![0.0; ROWS * HIDDEN];
    let ours = best(|| {
        attend(&queries, of(&store), of(&store), WIDTH, &seen, &mut out);
        Ok(())
    })?;
    let (q, k) = (tensor(&[HEADS, ROWS, WIDTH])?, tensor(&[HEADS, SEEN, WIDTH])?);
    let plain = best(|| {
        let scores = (q.matmul(&k.t()?)? * (WIDTH as f64).powf(-0.5))?;
        let mixed = ops::softmax_last_dim(&scores)?.matmul(&k)?;
        mixed.transpose(0, 1)?.reshape((ROWS, HIDDEN))
    })?;
    Ok(line("attention", ours, plain))
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|n| ((n * 7919) % 2001) as f32 / 1000.0 - 1.0).collect()
}

fn tensor(shape: &[usize]) -> Result<Tensor> {
    Tensor::from_vec(numbers(shape.iter().product()), shape, &Device::Cpu)
}

/// ms of the fastest of some runs.
fn best<T>(mut run: impl FnMut() -> Result<T>) -> Result<f64> {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let begun = Instant::now();
        std::hint::black_box(run()?);
        best = best.min(begun.elapsed());
    }
    Ok(best.as_secs_f64() * 1e3)
}
