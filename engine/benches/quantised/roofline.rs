//! What a step of a network would take if nothing but its multiplications took time.

use std::{hint::black_box, time::Instant};

use quicksilver_engine::{
    device::kernels::int8::{Int8Matrix, Purpose},
    model::ModelSpec,
};

use crate::{ROOFLINE, pool};

/// Int8 operations a second, two cores, of the machine that the bar was set on: 512-bit `vpdpbusd` at half the rate of this one.
const OF_THE_BAR: f64 = 790e9;
/// Times as long as an int8 operation that one of attention takes, in f32.
const FLOAT: f64 = 4.0;

/// Prints how `ms` stands to the roofline of the machine that the bar was set on, all operations at its int8 rate; and to that
/// of this machine as measured now, where attention is counted as the f32 that it is.
pub(crate) fn report(what: &str, spec: &ModelSpec, context: usize, span: usize, ms: f64) {
    let attention = 4.0 * (span * (context + span) * spec.layers * spec.heads * spec.head_dim) as f64;
    let products = 2.0 * span as f64 * spec.parameters() as f64;
    let of_the_bar = (products + attention) / OF_THE_BAR * 1e3;
    let own = (products + FLOAT * attention) / rate() * 1e3;
    println!(
        "{what}: {ms:.2} ms; roofline at 790 GOPS {of_the_bar:.2} ms: {:.1} times (bar {ROOFLINE}); at this machine's own rate \
         {own:.2} ms: {:.1} times",
        ms / of_the_bar,
        ms / own
    );
}

/// Operations a second of an int8 product that fits the caches, by the kernel that is measured.
fn rate() -> f64 {
    const SIDE: usize = 2048;
    const ROWS: usize = 64;
    let rows = vec![3_i8; SIDE * SIDE];
    let matrix = Int8Matrix::new(&rows, &vec![0.01; SIDE], SIDE, Purpose::Products).expect("a matrix");
    let input = vec![0.5; ROWS * SIDE];
    let once = || {
        let begun = Instant::now();
        black_box(matrix.multiply(&input));
        begun.elapsed()
    };
    let best = pool().install(|| (0..100).map(|_| once()).min().expect("one"));
    2.0 * (ROWS * SIDE * SIDE) as f64 / best.as_secs_f64()
}
