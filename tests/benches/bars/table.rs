//! Rows of the table, and quantiles.

use std::{fmt, time::Duration};

/// What is measured against a bar.
pub(crate) struct Row {
    /// What it is.
    pub(crate) name: String,
    /// The most it may be; infinite for what only tells how busy the machine is.
    pub(crate) bar: f64,
    /// What it was.
    pub(crate) measured: f64,
    /// Of both.
    pub(crate) unit: &'static str,
    /// What else is worth knowing.
    pub(crate) note: String,
}

impl Row {
    /// A row.
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, bar: f64, measured: f64) -> Self {
        Self { name: name.into(), bar, measured, unit, note: String::new() }
    }

    /// The 99th percentile of times, in ms, with their median.
    pub(crate) fn tail(name: impl Into<String>, bar: f64, times: &[Duration]) -> Self {
        let note = format!(" (median {:.2})", quantile(times, 0.5));
        Self { note, ..Self::new(name, "ms", bar, quantile(times, 0.99)) }
    }

    /// Whether the bar is kept.
    pub(crate) fn met(&self) -> bool {
        self.measured <= self.bar
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, bar, measured, unit, note } = self;
        let met = if self.met() { "yes" } else { "**no**" };
        let bar = if bar.is_finite() { format!("{bar} {unit}") } else { "–".to_owned() };
        write!(f, "| {name} | {bar} | {measured:.2} {unit}{note} | {met} |")
    }
}

/// The value below which a share of all values lies, in ms.
pub(crate) fn quantile(times: &[Duration], share: f64) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    let at = ((times.len().max(1) - 1) as f64 * share).round() as usize;
    times.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0)
}
