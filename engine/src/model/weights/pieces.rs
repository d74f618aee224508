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
