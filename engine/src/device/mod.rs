//! Which device computes, how much [`memory`] it has, and the CPU's own [`kernels`]. Knows nothing of models.

pub mod kernels;
pub mod memory;

use std::{fmt, str::FromStr};

use candle_core::{DType, Device};

use crate::EngineError;

/// Which device to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The first GPU if this build has CUDA and there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU of this number.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => {
                text.strip_prefix("cuda:").and_then(|number| number.parse().ok()).map(Self::Cuda).ok_or_else(
                    || EngineError::BadRequest {
                        field: "device",
                        reason: format!("{text:?} is none of auto, cpu, cuda:N"),
                    },
                )
            }
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

impl DeviceChoice {
    /// Opens the device, and gives its name as reports have it.
    ///
    /// # Errors
    /// [`EngineError::Device`] if the GPU asked for is not there, or this build has no CUDA.
    pub fn open(self) -> Result<(Device, String), EngineError> {
        match self {
            Self::Cpu => Ok((Device::Cpu, "cpu".to_owned())),
            Self::Auto => Ok(Self::Cuda(0).open().unwrap_or_else(|error| {
                tracing::info!(%error, "the CPU computes");
                (Device::Cpu, "cpu".to_owned())
            })),
            Self::Cuda(_) if !cfg!(feature = "cuda") => Err(EngineError::Device {
                reason: format!(
                    "{self} was asked for, but this build has no CUDA; build with --features cuda, or use cpu"
                ),
                sticky: false,
            }),
            Self::Cuda(number) => {
                Device::new_cuda(number).map(|device| (device, self.to_string())).map_err(|error| {
                    // Nothing has been computed: whoever asks again, perhaps with a driver, may succeed.
                    EngineError::Device {
                        reason: absent(&self.to_string(), &error.to_string()),
                        sticky: false,
                    }
                })
            }
        }
    }
}

/// Why a GPU cannot be used, from the driver's words, and what to do.
fn absent(gpu: &str, words: &str) -> String {
    let words = first_line(words);
    let has = |part: &str| words.contains(part);
    let (why, remedy) = if has("NO_DEVICE") || has("STUB_LIBRARY") {
        ("no NVIDIA GPU or driver is found", "see that `nvidia-smi` lists it")
    } else if has("INVALID_DEVICE") {
        ("there is no GPU of this number", "count from 0; `nvidia-smi -L` lists them")
    } else if has("SYSTEM_DRIVER_MISMATCH") || has("INSUFFICIENT_DRIVER") || has("VERSION_MISMATCH") {
        ("the driver is too old", "CUDA 13 needs 580 or later")
    } else if has("OUT_OF_MEMORY") {
        ("its memory is taken", "end what holds it (`nvidia-smi` lists it)")
    } else if has("CUBLAS") || has("CURAND") || has("Cublas") || has("Curand") {
        ("the driver is there, but cuBLAS 13 or cuRAND 10 is not", "put their folder on LD_LIBRARY_PATH")
    } else {
        ("it cannot be opened", "see that `nvidia-smi` lists it")
    };
    format!("{gpu} was asked for, but {why} ({words}); {remedy}, or use --device cpu")
}

/// An error's own words, without the backtrace that may follow them.
fn first_line(words: &str) -> &str {
    let line = words.lines().next().unwrap_or_default();
    // Without a driver there is nobody to translate the number.
    line.split(", \"<Failure when calling").next().unwrap_or(line).trim_start_matches("DriverError(")
}

/// What a network computes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatType {
    /// Four bytes.
    F32,
    /// Two bytes, on a GPU only: the CPU has no products of it.
    Bf16,
}

impl FloatType {
    /// What is taken where nobody says: bf16 on a GPU, as published checkpoints are run; f32 on the CPU.
    #[must_use]
    pub fn usual(device: &Device) -> Self {
        if device.is_cpu() { Self::F32 } else { Self::Bf16 }
    }

    /// The tensor library's word for it.
    ///
    /// # Errors
    /// [`EngineError::BadRequest`] for bf16 on the CPU.
    pub fn on(self, device: &Device) -> Result<DType, EngineError> {
        match self {
            Self::F32 => Ok(DType::F32),
            Self::Bf16 if device.is_cpu() => Err(EngineError::BadRequest {
                field: "float",
                reason: "bf16 is computed on a GPU only; take f32".to_owned(),
            }),
            Self::Bf16 => Ok(DType::BF16),
        }
    }
}

impl FromStr for FloatType {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        match text {
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            _ => Err(EngineError::BadRequest {
                field: "float",
                reason: format!("{text:?} is none of f32, bf16"),
            }),
        }
    }
}

impl fmt::Display for FloatType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

/// A tensor library's error as ours. An error of the CUDA driver leaves nothing to be computed in this process,
/// except that there was no memory.
#[must_use]
pub fn failed(error: &candle_core::Error) -> EngineError {
    let reason = first_line(&error.to_string()).to_owned();
    let sticky = reason.contains("CUDA_ERROR") && !reason.contains("OUT_OF_MEMORY");
    EngineError::Device { reason, sticky }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_reads_as_it_is_written() {
        for text in ["auto", "cpu", "cuda:0", "cuda:3"] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap().to_string(), text);
        }
        for text in ["", "gpu", "cuda:", "cuda:x", "CPU"] {
            assert!(text.parse::<DeviceChoice>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_gpu_that_is_not_there_is_told_in_one_line_with_a_remedy() {
        let words = "DriverError(CUDA_ERROR_NO_DEVICE, \"<Failure when calling cuGetErrorString()>\")\n   0: <unknown>";
        assert_eq!(
            absent("cuda:0", words),
            "cuda:0 was asked for, but no NVIDIA GPU or driver is found (CUDA_ERROR_NO_DEVICE); see that `nvidia-smi` \
             lists it, or use --device cpu"
        );
        assert!(absent("cuda:9", "DriverError(CUDA_ERROR_INVALID_DEVICE, \"x\")").contains("of this number"));
        assert!(
            absent("cuda:0", "CurandError(CURAND_STATUS_INITIALIZATION_FAILED)").contains("LD_LIBRARY_PATH")
        );
    }

    #[test]
    fn bf16_is_for_gpus() {
        assert_eq!(FloatType::usual(&Device::Cpu), FloatType::F32);
        assert!(FloatType::Bf16.on(&Device::Cpu).unwrap_err().to_string().contains("take f32"));
        assert_eq!("bf16".parse::<FloatType>().unwrap().to_string(), "bf16");
        assert!("f16".parse::<FloatType>().is_err());
    }

    #[test]
    #[cfg(not(feature = "cuda"))]
    fn without_cuda_a_gpu_is_refused_and_auto_is_the_cpu() {
        let error = DeviceChoice::Cuda(0).open().unwrap_err().to_string();
        assert!(error.contains("--features cuda"), "{error}");
        assert_eq!(DeviceChoice::Auto.open().unwrap().1, "cpu");
    }
}
