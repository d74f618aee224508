//! Which device computes, whether a model fits it, and the CPU's own [`kernels`]. Knows nothing of models.

pub mod kernels;

use std::{fmt, str::FromStr};

use candle_core::Device;

use crate::EngineError;

/// Memory left to everything else, in bytes, when a model's fit is judged.
const RESERVE_BYTES: u64 = 256 * 1024 * 1024;

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

/// Refuses what would not fit before a byte of it is allocated. `needed` in bytes.
///
/// # Errors
/// [`EngineError::Device`] with both numbers.
pub fn ensure_fits(device: &Device, needed: u64) -> Result<(), EngineError> {
    let Some(free) = free_bytes(device) else { return Ok(()) };
    if needed.saturating_add(RESERVE_BYTES) <= free {
        return Ok(());
    }
    let mib = |bytes: u64| bytes / (1024 * 1024);
    Err(EngineError::Device {
        reason: format!(
            "the model needs about {} MiB and {} MiB are free; use a smaller model",
            mib(needed),
            mib(free)
        ),
        sticky: false,
    })
}

/// Memory that can be had now, in bytes, where the system tells.
fn free_bytes(device: &Device) -> Option<u64> {
    if !device.is_cpu() {
        // The driver refuses by itself, with an error that reaches the caller.
        return None;
    }
    let report = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = report.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
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

    #[test]
    fn a_model_larger_than_memory_is_refused() {
        assert!(ensure_fits(&Device::Cpu, 1024).is_ok());
        if free_bytes(&Device::Cpu).is_some() {
            assert!(ensure_fits(&Device::Cpu, 1 << 60).is_err());
        }
    }
}
