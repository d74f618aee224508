//! Matrices some rows at a time, so that beside what is made of them nothing large is held; and floats of two bytes as they are.

use safetensors::tensor::Dtype;

use super::{Place, Weights, widen};
use crate::{EngineError, device::kernels::halves::Half};

/// Bytes read at once, about.
const PIECE_BYTES: usize = 1 << 20;

/// What a tensor's numbers are in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Stored {
    F32,
    Half(Half),
    Int8,
}

impl Stored {
    /// What nearly all published checkpoints are stored as.
    pub(in crate::model) const PUBLISHED: Self = Self::Half(Half::Bf16);
}

impl Weights {
    /// Rows of a matrix.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] if there is none of that name.
    pub(in crate::model) fn rows(&self, name: &str) -> Result<usize, EngineError> {
        self.find(name).map(|(_, shape)| shape.first().copied().unwrap_or_default())
    }

    /// What a tensor is stored as.
    pub(in crate::model) fn as_stored(&self, name: &str) -> Stored {
        match self.find(name).map(|(place, _)| place.dtype) {
            Ok(Dtype::I8) => Stored::Int8,
            Ok(Dtype::BF16) => Stored::Half(Half::Bf16),
            Ok(Dtype::F16) => Stored::Half(Half::F16),
            _ => Stored::F32,
        }
    }

    /// Hands out a matrix that is stored in two bytes a number, row by row.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] if the file shrank, or the tensor holds a NaN or an infinity; and what `take` returns.
    pub(in crate::model) fn half_rows(
        &self,
        name: &str,
        mut take: impl FnMut(&[u16]) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let (place, _) = self.find(name)?;
        let mut bits = Vec::new();
        self.pieces(name, |raw, first, width| {
            self.all_finite(name, &widen(raw, place.dtype), first * width)?;
            bits.clear();
            bits.extend(raw.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
            bits.chunks_exact(width).try_for_each(&mut take)
        })
    }

    /// Hands out a matrix as stored: bytes of some rows, which row is the first, and numbers in a row.
    pub(super) fn pieces(
        &self,
        name: &str,
        mut take: impl FnMut(&[u8], usize, usize) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let (place, shape) = self.find(name)?;
        let &[rows, width] = shape.as_slice() else {
            return Err(self.fault(place, name, "is no matrix"));
        };
        if rows == 0 || width == 0 {
            return Ok(());
        }
        let row_bytes = place.bytes / rows;
        let step = (PIECE_BYTES / row_bytes).max(1);
        for first in (0..rows).step_by(step) {
            let bytes = step.min(rows - first) * row_bytes;
            let part = Place { start: place.start + (first * row_bytes) as u64, bytes, ..*place };
            let raw = self.raw(&part).map_err(|reason| self.fault(place, name, &reason))?;
            take(&raw, first, width)?;
        }
        Ok(())
    }

    /// Refuses a number that is none; `first` is the place of the first of them in the tensor.
    pub(super) fn all_finite(&self, name: &str, numbers: &[f32], first: usize) -> Result<(), EngineError> {
        match numbers.iter().position(|number| !number.is_finite()) {
            Some(at) => {
                let (place, _) = self.find(name)?;
                Err(self.fault(place, name, &format!("number {} is {}", first + at, numbers[at])))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use safetensors::tensor::TensorView;

    use super::*;
    use crate::model::{ModelSpec, Topology, reference};

    #[test]
    fn rows_of_two_bytes_come_as_stored_and_one_that_is_no_number_is_refused() {
        let json = serde_json::to_vec(&reference::config(Topology::Full)).unwrap();
        let spec = ModelSpec::from_bytes(&json, Path::new("config.json")).unwrap();
        let down = "model.layers.1.mlp.down_proj.weight";
        for (dtype, infinity, stored) in
            [(Dtype::BF16, 0x7f80_u16, Half::Bf16), (Dtype::F16, 0x7c00, Half::F16)]
        {
            let rows = |spoiled: bool| {
                let number = |n: usize| if spoiled && n == 77 { infinity } else { n as u16 };
                let raw: Vec<(String, Vec<usize>, Vec<u8>)> = spec
                    .tensors()
                    .into_iter()
                    .map(|(name, shape)| {
                        let size = shape.iter().product::<usize>();
                        let bytes = (0..size).flat_map(|n| number(n).to_le_bytes()).collect();
                        (name, shape, bytes)
                    })
                    .collect();
                let views = raw.iter().map(|(name, shape, bytes)| {
                    (name, TensorView::new(dtype, shape.clone(), bytes).unwrap())
                });
                let file: &'static [u8] = safetensors::serialize(views, None).unwrap().leak();
                let weights = Weights::in_memory(file, Path::new("model.safetensors"), &spec).unwrap();
                assert_eq!(weights.as_stored(down), Stored::Half(stored));
                let mut rows = Vec::new();
                weights.half_rows(down, |row| {
                    rows.push(row.to_vec());
                    Ok(())
                })?;
                Ok::<_, EngineError>(rows)
            };
            let sound = rows(false).unwrap();
            assert_eq!(sound.len(), spec.hidden);
            assert_eq!(sound.concat(), (0..(spec.hidden * spec.intermediate) as u16).collect::<Vec<_>>());
            let error = rows(true).unwrap_err().to_string();
            assert!(error.contains(&format!("{down}: number 77 is inf")), "{error}");
        }
    }
}
