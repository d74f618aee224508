//! Where and when something is measured.

use std::process::Command;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A machine at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// When the run began, UTC.
    pub date: String,
    /// The processor, by its own name.
    pub cpu: String,
    /// Threads that may run at once.
    pub threads: usize,
    /// GPUs, where the engine uses one.
    pub gpu: Option<String>,
    /// `linux x86_64`.
    pub system: String,
}

impl Machine {
    /// This machine now; `device` is the engine's.
    #[must_use]
    pub fn here(device: &str) -> Self {
        let date = Timestamp::now().to_string();
        Self {
            // Seconds are more than anybody wants to know.
            date: date.split('.').next().unwrap_or_default().trim_end_matches('Z').to_owned() + "Z",
            cpu: cpu().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            gpu: device.starts_with("cuda").then(|| gpu().unwrap_or_else(|| device.to_owned())),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        }
    }
}

fn cpu() -> Option<String> {
    let about = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let name = about.lines().find_map(|line| line.strip_prefix("model name"))?;
    Some(name.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

fn gpu() -> Option<String> {
    let said =
        Command::new("nvidia-smi").args(["--query-gpu=name", "--format=csv,noheader"]).output().ok()?;
    let names = String::from_utf8(said.stdout).ok()?;
    let names: Vec<&str> = names.lines().map(str::trim).filter(|name| !name.is_empty()).collect();
    (!names.is_empty()).then(|| names.join(", "))
}
