//! How much memory a device has, and how much of it can be had now. Knows nothing of what it is for.
//!
//! CPU: what the system calls available, and the limit of the process's control group where there is one (Linux). GPU:
//! what the driver says. Other devices say nothing, and are not asked.

use std::fmt;

use candle_core::Device;
use serde::Serialize;
use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, System};

/// What bounds a device's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// The machine's own memory.
    Machine,
    /// A limit set for this process and its like: a container's, a service's.
    Limit,
    /// The GPU's memory.
    Gpu,
}

/// Memory of a device, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// All of it, or the limit.
    pub total: u64,
    /// What can be had now. Cached files do not count as taken: they make room.
    pub free: u64,
    /// What sets these.
    pub bound: Bound,
}

impl Memory {
    /// Of a device, where it can be asked.
    #[must_use]
    pub fn of(device: &Device) -> Option<Self> {
        match device {
            Device::Cpu => Self::of_cpu(),
            #[cfg(feature = "cuda")]
            Device::Cuda(gpu) => {
                let (free, total) = gpu.cuda_stream().context().mem_get_info().ok()?;
                Some(Self { total: total as u64, free: free as u64, bound: Bound::Gpu })
            }
            _ => None,
        }
    }

    /// Of this machine, for this process.
    #[must_use]
    pub fn of_cpu() -> Option<Self> {
        let mut system = System::new().ok()?;
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let machine =
            Self { total: system.total_memory(), free: system.available_memory(), bound: Bound::Machine };
        let me = sysinfo::get_current_pid().ok()?;
        system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&[me]),
            false,
            ProcessRefreshKind::nothing(),
        );
        let limit = system.process(me).and_then(sysinfo::Process::cgroup_limits);
        // What the group holds in the file cache is given up when it needs memory, so only its own pages count.
        let machine = limit.map_or(machine, |limit| machine.limited(limit.total_memory, limit.rss));
        (machine.total > 0).then_some(machine)
    }

    /// The same under a limit of which `taken` is used.
    fn limited(self, limit: u64, taken: u64) -> Self {
        if limit >= self.total {
            return self;
        }
        Self { total: limit, free: self.free.min(limit.saturating_sub(taken)), bound: Bound::Limit }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = match self.bound {
            Bound::Machine => "this machine's memory",
            Bound::Limit => "the memory that this process is limited to",
            Bound::Gpu => "the GPU's memory",
        };
        write!(f, "{} of {whose} ({}) are free", Bytes(self.free), Bytes(self.total))
    }
}

/// Bytes for people.
#[derive(Clone, Copy, Debug)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as f64;
        match self.0 {
            0..1_000_000 => write!(f, "{:.1} kB", bytes / 1e3),
            1_000_000..1_000_000_000 => write!(f, "{:.1} MB", bytes / 1e6),
            _ => write!(f, "{:.1} GB", bytes / 1e9),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    #[test]
    fn this_machine_has_memory_and_some_of_it_is_free() {
        let memory = Memory::of_cpu().unwrap();
        assert!(memory.free > 0 && memory.free <= memory.total, "{memory:?}");
        assert_eq!(Memory::of(&Device::Cpu).unwrap().total, memory.total);
    }

    #[test]
    fn a_containers_limit_counts_where_it_is_lower() {
        let machine = Memory { total: 64 * GB, free: 40 * GB, bound: Bound::Machine };
        let limited = |limit, taken| machine.limited(limit, taken);
        assert_eq!(limited(16 * GB, 2 * GB), Memory { total: 16 * GB, free: 14 * GB, bound: Bound::Limit });
        assert_eq!(limited(50 * GB, 2 * GB), Memory { total: 50 * GB, free: 40 * GB, bound: Bound::Limit });
        assert_eq!(limited(GB, 2 * GB).free, 0);
        assert_eq!(limited(64 * GB, 0), machine);
        assert_eq!(limited(u64::MAX, 0), machine);
    }
}
