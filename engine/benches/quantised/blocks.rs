//! Candle's own block formats beside our int8: one matrix of 0.5B's shape after the other, 32 rows.

use std::time::{Duration, Instant};

use candle_core::{
    Device, Module, Result, Tensor,
    quantized::{GgmlDType, QMatMul, QTensor},
};
use quicksilver_engine::device::kernels::int8::{Int8Matrix, Purpose};

const ROWS: usize = 32;
/// The fastest of so many products counts.
const PRODUCTS: usize = 20;
/// Inputs and outputs of Qwen2.5-0.5B's matrices: q, k and v; out; gate and up; down.
const SHAPES: [(usize, usize); 4] = [(896, 1152), (896, 896), (896, 9728), (4864, 896)];
const FORMATS: [(&str, GgmlDType, f64); 3] =
    [("Q8_0", GgmlDType::Q8_0, 8.5), ("Q4_0", GgmlDType::Q4_0, 4.5), ("Q4K", GgmlDType::Q4K, 4.5)];

/// A line for each format: ms of a block's products, and how they stand to ours.
pub(crate) fn report() -> Result<Vec<String>> {
    FORMATS.iter().map(|&(name, format, bits)| {
        let (mut theirs, mut ours, mut done) = (0.0, 0.0, 0);
        for (width, outputs) in SHAPES.into_iter().filter(|shape| shape.0.is_multiple_of(format.block_size())) {
            let input: Vec<f32> = numbers(ROWS * width).collect();
            let rows: Vec<i8> = numbers(width * outputs).map(|n| (n * 127.0) as i8).collect();
            let matrix = Int8Matrix::new(&rows, &vec![0.01; outputs], width, Purpose::Products);
            ours += best(|| Ok(matrix.as_ref().and_then(|matrix| matrix.multiply(&input))))?;
            let stored = Tensor::from_vec(numbers(width * outputs).collect(), (outputs, width), &Device::Cpu)?;
            let matrix = QMatMul::from_qtensor(QTensor::quantize(&stored, format)?)?;
            let input = Tensor::from_vec(input, (ROWS, width), &Device::Cpu)?;
            theirs += best(|| matrix.forward(&input))?;
            done += 1;
        }
        Ok(format!(
            "candle {name}, {bits} bits a weight, {done} of {} matrices of a block: {theirs:.2} ms, our int8 {ours:.2} ms: {:.1} times as \
             long",
            SHAPES.len(), theirs / ours
        ))
    }).collect()
}

fn numbers(count: usize) -> impl Iterator<Item = f32> {
    (0..count).map(|n| ((n * 7919) % 2001) as f32 / 1000.0 - 1.0)
}

/// ms of the fastest of some runs.
fn best<T>(mut run: impl FnMut() -> Result<T>) -> Result<f64> {
    let mut best = Duration::MAX;
    for _ in 0..PRODUCTS {
        let begun = Instant::now();
        std::hint::black_box(run()?);
        best = best.min(begun.elapsed());
    }
    Ok(best.as_secs_f64() * 1e3)
}
