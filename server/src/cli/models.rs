//! `quicksilver model list` and `model remove`: what there is, what is here, what fits this machine.

use std::fmt::Write;

use serde::Serialize;

use super::{Failure, model};
use crate::models::{Manifest, ModelId, Store, Wanted, catalogue, is_open, size};
#[cfg(feature = "engine")]
use crate::models::{PullError, Pulled};

/// A line of the list. Sizes in bytes.
#[derive(Debug, Serialize)]
struct Line {
    id: String,
    parameters_m: Option<u32>,
    /// Of the weights, about; of all files where it is on this disk.
    bytes: u64,
    licence: String,
    must_be_accepted: bool,
    good_at: String,
    /// The commit that `model pull` fetches, where this version pins one.
    pinned: Option<&'static str>,
    /// The commit on this disk.
    pulled: Option<String>,
    folder: Option<String>,
    /// Of a pull that was interrupted.
    unfinished_bytes: u64,
    /// Whether this version loads it; `None` where there is no engine to ask, or too little is known.
    loads: Option<bool>,
    /// Memory that it needs here.
    needs_bytes: Option<u64>,
    /// Whether this machine has that; `None` where that is not known.
    fits: Option<bool>,
}

pub(super) fn list(json: bool) -> Result<String, Failure> {
    let store = Store::open()?;
    let mut lines: Vec<Line> = catalogue::KNOWN.iter().map(|known| known_line(&store, known)).collect();
    for pulled in store.list() {
        let known = lines.iter_mut().find(|line| line.id == pulled.manifest.id && line.pulled.is_none());
        match known {
            Some(line) => here(line, &pulled.folder, &pulled.manifest),
            None => lines.push(other_line(&pulled.folder, &pulled.manifest)),
        }
    }
    lines.insert(0, embedded()?);
    if json {
        let report =
            serde_json::json!({ "folder": store.root(), "memory": model::memory(), "models": lines });
        return Ok(format!("{report}\n"));
    }
    Ok(table(&store, &lines))
}

pub(super) fn remove(name: &str) -> Result<String, Failure> {
    let mut wanted: Wanted = name.parse()?;
    if let Some(id) = canonical(&wanted.id) {
        wanted.id = id;
    }
    let freed = Store::open()?.remove(&wanted)?;
    Ok(format!("{wanted} is gone; {} are free again\n", size(freed)))
}

/// A pulled model by its name; `None` if `text` is no name of one.
#[cfg(feature = "engine")]
pub(super) fn pulled(text: &str) -> Option<Result<Pulled, Failure>> {
    let mut wanted: Wanted = text.parse().ok()?;
    if let Some(id) = canonical(&wanted.id) {
        wanted.id = id;
    }
    let found = Store::open().and_then(|store| store.find(&wanted).ok_or(PullError::NotHere(wanted)));
    Some(found.map_err(Failure::from))
}

fn canonical(id: &ModelId) -> Option<ModelId> {
    catalogue::find(id)?.id.parse().ok()
}

fn known_line(store: &Store, known: &catalogue::Known) -> Line {
    let need = model::need(known.config.as_bytes());
    Line {
        id: known.id.to_owned(),
        parameters_m: Some(known.parameters_m),
        bytes: u64::from(known.megabytes) * 1_000_000,
        licence: known.licence.to_owned(),
        must_be_accepted: !is_open(known.licence),
        good_at: known.good_at.to_owned(),
        pinned: known.pin,
        pulled: None,
        folder: None,
        unfinished_bytes: known.id.parse().map_or(0, |id| store.unfinished(&id)),
        loads: need.loads,
        needs_bytes: need.bytes,
        fits: need.fits,
    }
}

fn other_line(folder: &std::path::Path, manifest: &Manifest) -> Line {
    let mut line = Line {
        id: manifest.id.clone(),
        parameters_m: None,
        bytes: 0,
        licence: manifest.licence.clone(),
        must_be_accepted: !is_open(&manifest.licence),
        good_at: String::new(),
        pinned: None,
        pulled: None,
        folder: None,
        unfinished_bytes: 0,
        loads: None,
        needs_bytes: None,
        fits: None,
    };
    here(&mut line, folder, manifest);
    line
}

/// What the files themselves say counts more than what is known.
fn here(line: &mut Line, folder: &std::path::Path, manifest: &Manifest) {
    line.bytes = manifest.bytes();
    line.pulled = Some(manifest.revision.clone());
    line.folder = Some(folder.display().to_string());
    if let Ok(config) = std::fs::read(folder.join("config.json")) {
        let need = model::need(&config);
        (line.loads, line.needs_bytes, line.fits) = (need.loads, need.bytes, need.fits);
    }
}

fn embedded() -> Result<Line, Failure> {
    let (name, used) = model::embedded()?;
    Ok(Line {
        id: name,
        parameters_m: None,
        bytes: 0,
        licence: "mit or apache-2.0".to_owned(),
        must_be_accepted: false,
        good_at: used,
        pinned: None,
        pulled: None,
        folder: None,
        unfinished_bytes: 0,
        loads: cfg!(feature = "engine").then_some(true),
        needs_bytes: None,
        fits: cfg!(feature = "engine").then_some(true),
    })
}

fn table(store: &Store, lines: &[Line]) -> String {
    let rows: Vec<[String; 5]> = lines
        .iter()
        .map(|line| {
            let size = match line.bytes {
                0 => "built in".to_owned(),
                bytes => size(bytes),
            };
            let licence =
                format!("{}{}", line.licence, if line.must_be_accepted { " (to accept)" } else { "" });
            [line.id.clone(), size, licence, place(line), machine(line)]
        })
        .collect();
    let heads = ["MODEL", "SIZE", "LICENCE", "ON THIS DISK", "THIS MACHINE"];
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([heads[column].len()]).max().unwrap_or_default()
    };
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut text = String::new();
    let mut line = |cells: [&str; 5]| {
        let padded: Vec<String> =
            cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", padded.join("  ").trim_end());
    };
    line(heads);
    for (row, about) in rows.iter().zip(lines) {
        line(std::array::from_fn(|column| row[column].as_str()));
        if !about.good_at.is_empty() {
            line([&format!("  {}", about.good_at), "", "", "", ""]);
        }
    }
    let _ = writeln!(text, "\n{}", model::memory().map_or_else(String::new, |memory| memory.to_string()));
    let _ = writeln!(
        text,
        "pulled models are in {}; `quicksilver model pull ID` fetches one",
        store.root().display()
    );
    text
}

fn place(line: &Line) -> String {
    match (&line.pulled, line.unfinished_bytes) {
        (Some(revision), _) => format!("at {}", revision.get(..12).unwrap_or(revision)),
        (None, 0) if line.bytes == 0 => "always".to_owned(),
        (None, 0) => "-".to_owned(),
        (None, bytes) => format!("{} of it", size(bytes)),
    }
}

fn machine(line: &Line) -> String {
    match (line.loads, line.needs_bytes, line.fits) {
        (Some(false), ..) => "not loaded by this version".to_owned(),
        (_, Some(bytes), Some(true)) => format!("fits: needs {}", size(bytes)),
        (_, Some(bytes), Some(false)) => format!("too large: needs {}", size(bytes)),
        (_, Some(bytes), None) => format!("needs {}", size(bytes)),
        (_, None, Some(true)) => "fits".to_owned(),
        _ => "-".to_owned(),
    }
}
