//! Which device computes, how much [`memory`] it has, and the CPU's own [`kernels`]. Knows nothing of models.

pub mod kernels;
pub mod memory;

use std::{fmt, str::FromStr};

use candle_core::Device;

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
            Self::Auto => Ok(Self::Cuda(0).open().unwrap_or((Device::Cpu, "cpu".to_owned()))),
            Self::Cuda(_) if !cfg!(feature = "cuda") => Err(EngineError::Device {
                reason: format!(
                    "{self} was asked for, but this build has no CUDA; build with --features cuda, or use cpu"
                ),
                sticky: false,
            }),
            Self::Cuda(number) => Device::new_cuda(number)
                .map(|device| (device, self.to_string()))
                .map_err(|error| failed(&error)),
        }
    }
}

/// A tensor library's error as ours. An error of the CUDA driver leaves nothing to be computed in this process,
/// except that there was no memory.
#[must_use]
pub fn failed(error: &candle_core::Error) -> EngineError {
    let reason = error.to_string();
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
    #[cfg(not(feature = "cuda"))]
    fn without_cuda_a_gpu_is_refused_and_auto_is_the_cpu() {
        let error = DeviceChoice::Cuda(0).open().unwrap_err().to_string();
        assert!(error.contains("--features cuda"), "{error}");
        assert_eq!(DeviceChoice::Auto.open().unwrap().1, "cpu");
    }
}
