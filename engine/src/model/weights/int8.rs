//! Matrices as int8, a scale for each row: as stored, or made from floats.
//!
//! Both ways they come in pieces of some rows, so that beside what is made of them nothing large is held. Rounding is
//! symmetric: a row's scale is its largest magnitude / 127, and zero stays zero.

use safetensors::tensor::Dtype;

use super::{Weights, widen};
use crate::EngineError;

/// The largest magnitude of a rounded weight; −128 is not used, so that a row and its negative round alike.
const LARGEST: f32 = 127.0;

/// Rounds a row of finite numbers to `into`, and returns its scale: number ≈ rounded × scale, to half a scale.
fn round(row: &[f32], into: &mut [i8]) -> f32 {
    let most = row.iter().fold(0.0_f32, |most, number| most.max(number.abs()));
    let scale = most / LARGEST;
    if !scale.is_normal() {
        // Zeros, and what is too small to matter beside anything.
        into.fill(0);
        return 0.0;
    }
    let inverse = 1.0 / scale;
    for (rounded, number) in into.iter_mut().zip(row) {
        *rounded = (number * inverse).round_ties_even().clamp(-LARGEST, LARGEST) as i8;
    }
    scale
}

impl Weights {
    /// Whether a tensor is stored as int8.
    #[must_use]
    pub fn is_int8(&self, name: &str) -> bool {
        self.find(name).is_ok_and(|(place, _)| place.dtype == Dtype::I8)
    }

    /// Hands out a matrix, some rows and their scales at a time, in order; what is stored as floats is rounded.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] if the file shrank, or the tensor holds a NaN or an infinity; and what `take` returns.
    pub fn int8_pieces(
        &self,
        name: &str,
        mut take: impl FnMut(&[i8], &[f32]) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let (place, _) = self.find(name)?;
        let stored = if place.dtype == Dtype::I8 { self.read(&format!("{name}_scale"))? } else { Vec::new() };
        let (mut rounded, mut scales) = (Vec::new(), Vec::new());
        self.pieces(name, |raw, first, width| {
            rounded.clear();
            if place.dtype == Dtype::I8 {
                rounded.extend(raw.iter().map(|byte| byte.cast_signed()));
                return take(&rounded, &stored[first..first + rounded.len() / width]);
            }
            let numbers = widen(raw, place.dtype);
            self.all_finite(name, &numbers, first * width)?;
            rounded.resize(numbers.len(), 0);
            scales.clear();
            let lines = numbers.chunks_exact(width).zip(rounded.chunks_exact_mut(width));
            scales.extend(lines.map(|(row, into)| round(row, into)));
            take(&rounded, &scales)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use safetensors::tensor::TensorView;

    use super::*;
    use crate::model::{ModelSpec, Topology, reference};

    proptest! {
        #[test]
        fn a_number_comes_back_to_half_a_step(row in prop::collection::vec(-1e3_f32..1e3, 1..80), magnitude in -30..30) {
            let row: Vec<f32> = row.iter().map(|number| number * 10_f32.powi(magnitude)).collect();
            let mut rounded = vec![0; row.len()];
            let scale = round(&row, &mut rounded);
            let negative: Vec<f32> = row.iter().map(|number| -number).collect();
            let mut other = vec![0; row.len()];
            prop_assert_eq!(round(&negative, &mut other), scale);
            for ((number, rounded), other) in row.iter().zip(&rounded).zip(other) {
                prop_assert!((f32::from(*rounded) * scale - number).abs() <= scale * 0.5001, "{number}: {rounded} x {scale}");
                prop_assert_eq!(*rounded, -other);
            }
        }
    }

    #[test]
    fn zeros_and_extreme_rows_have_a_finite_scale() {
        let rounded = |row: &[f32]| {
            let mut into = vec![1; row.len()];
            let scale = round(row, &mut into);
            (into, scale)
        };
        assert_eq!(rounded(&[0.0, -0.0]), (vec![0, 0], 0.0));
        assert_eq!(rounded(&[f32::MIN_POSITIVE / 4.0, 0.0]), (vec![0, 0], 0.0));
        assert_eq!(rounded(&[f32::MAX, f32::MIN]), (vec![127, -127], f32::MAX / 127.0));
        assert_eq!(rounded(&[f32::MAX, 1.0]).0, [127, 0]);
        assert_eq!(rounded(&[3.0]), (vec![127], 3.0 / 127.0));
    }

    #[test]
    fn a_weight_that_is_no_number_is_refused_by_its_tensors_name() {
        let json = serde_json::to_vec(&reference::config(Topology::Full)).unwrap();
        let spec = ModelSpec::from_bytes(&json, Path::new("config.json")).unwrap();
        let up = "model.layers.1.mlp.up_proj.weight";
        for (fault, said) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
            let bytes = reference::safetensors(&spec, 1);
            let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
            let sound = file.tensor(up).unwrap();
            let mut data = sound.data().to_vec();
            data[4 * 77..][..4].copy_from_slice(&fault.to_le_bytes());
            let mut all = file.tensors();
            all.retain(|(name, _)| name != up);
            all.push((up.to_owned(), TensorView::new(Dtype::F32, sound.shape().to_vec(), &data).unwrap()));
            let bytes: &'static [u8] = safetensors::serialize(all, None).unwrap().leak();
            let weights = Weights::in_memory(bytes, Path::new("model.safetensors"), &spec).unwrap();
            let error = weights.int8_pieces(up, |_, _| Ok(())).unwrap_err().to_string();
            assert!(error.contains(&format!("{up}: number 77 is {said}")), "{error}");
        }
    }
}
