//! A model's folder → another with its matrices in int8, which loads as it is (FORMAT.md).
//!
//! Written whole or not at all: into a folder of another name, which gets its own at the end. What a killed run left behind, the
//! next one removes.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufWriter, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use safetensors::tensor::Dtype;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    config::ModelSpec,
    linear::{Held, Precision},
    load::{ROUTER, folder_parts},
    network::DTYPE,
    weights::Weights,
};
use crate::EngineError;

/// Of what is written here. Another number makes what was written before be written anew.
const VERSION: u32 = 1;
/// What was written and from what, in the folder.
const RECORD: &str = "quicksilver-int8.json";
const WEIGHTS: &str = "model.safetensors";
/// The ending of a folder that is not whole, and the lock in it of whoever writes it.
const UNFINISHED: &str = "making";
const LOCK: &str = "lock";
/// Endings and beginnings of the files that go with the weights: configuration, tokenizer, licence, card.
const ENDINGS: [&str; 5] = [".json", ".txt", ".md", ".jinja", "counts.bin"];
const BEGINNINGS: [&str; 2] = ["LICENSE", "NOTICE"];
/// Files that tell of the other weights.
const OTHERS: [&str; 3] = ["model.safetensors.index.json", "quicksilver-manifest.json", RECORD];

/// A folder's weights that can be written as int8.
pub struct Quantisation {
    folder: PathBuf,
    spec: ModelSpec,
    weights: Weights,
}

/// What was written.
#[derive(Serialize, Deserialize)]
struct Record {
    version: u32,
    /// Digests of what it was made from, as whoever wrote it knows them.
    from: String,
    /// Bytes of each file.
    files: BTreeMap<String, u64>,
}

/// A tensor to be written: its name in the file, shape, type, and where its bytes begin.
struct Entry {
    /// Qwen's name.
    name: String,
    shape: Vec<usize>,
    dtype: Dtype,
    start: u64,
    bytes: u64,
}

impl Quantisation {
    /// Of the model in `folder`; no number is read yet.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] for a folder that could not be loaded, or without weights.
    pub fn of(folder: &Path) -> Result<Self, EngineError> {
        let (spec, _, weights) = folder_parts(folder)?;
        let weights = weights.ok_or_else(|| fault(folder, "has no weights".to_owned()))?;
        weights.check_head(&spec)?;
        Ok(Self { folder: folder.to_owned(), spec, weights })
    }

    /// Whether loading with `precision` on the CPU would round any matrix.
    #[must_use]
    pub fn is_made_at_load(&self, precision: Precision) -> bool {
        precision.held(&self.spec, &candle_core::Device::Cpu, DTYPE) == Held::Int8
            && self.spec.tensors().iter().any(|(name, shape)| self.rounds(name, shape))
    }

    /// Bytes that will be written, about.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let (entries, _) = self.layout();
        entries.last().map_or(0, |last| last.start + last.bytes)
            + self.companions().iter().map(|file| file.1).sum::<u64>()
    }

    /// Writes the folder `out`, which must not exist. `from` is kept, to be compared by [`is_whole`].
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] for a fault of the weights, or a disk that is full or must not be written to.
    pub fn write(&self, out: &Path, from: &str) -> Result<(), EngineError> {
        if out.exists() {
            return Err(fault(out, "exists already; give a folder that does not".to_owned()));
        }
        let draft = Draft::begin(out)?;
        let mut files = BTreeMap::new();
        for (name, bytes) in self.companions() {
            let to = draft.folder.join(&name);
            fs::copy(self.folder.join(&name), &to).map_err(|error| fault(&to, error.to_string()))?;
            files.insert(name, bytes);
        }
        let path = draft.folder.join(WEIGHTS);
        files.insert(WEIGHTS.to_owned(), self.write_weights(&path)?);
        let record = Record { version: VERSION, from: from.to_owned(), files };
        let path = draft.folder.join(RECORD);
        let json = serde_json::to_vec_pretty(&record).map_err(|error| fault(&path, error.to_string()))?;
        fs::write(&path, json).map_err(|error| fault(&path, error.to_string()))?;
        draft.finish(out)
    }

    /// Whether a matrix is to become int8.
    fn rounds(&self, name: &str, shape: &[usize]) -> bool {
        shape.len() == 2 && !name.ends_with(ROUTER) && !self.weights.is_int8(name)
    }

    /// Files beside the weights, and their bytes.
    fn companions(&self) -> Vec<(String, u64)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let wanted = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let about = fs::metadata(entry.path()).ok().filter(fs::Metadata::is_file)?;
            let goes = ENDINGS.iter().any(|ending| name.ends_with(ending))
                || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning));
            (goes && !OTHERS.contains(&name.as_str())).then_some((name, about.len()))
        });
        let mut all: Vec<_> = wanted.collect();
        all.sort();
        all
    }

    /// Floats first, then bytes: so that each tensor begins at a multiple of its numbers' size.
    fn layout(&self) -> (Vec<Entry>, Vec<usize>) {
        let mut all = Vec::new();
        for (name, shape) in self.spec.tensors() {
            let is_int8 = self.weights.is_int8(&name) || self.rounds(&name, &shape);
            if is_int8 {
                let scale = format!("{name}_scale");
                all.push((scale, vec![shape[0]], Dtype::F32));
                all.push((name, shape, Dtype::I8));
            } else {
                all.push((name, shape, Dtype::F32));
            }
        }
        all.sort_by_key(|(_, _, dtype)| *dtype == Dtype::I8);
        let mut start = 0;
        let mut entries = Vec::new();
        for (name, shape, dtype) in all {
            let numbers: u64 = shape.iter().map(|&n| n as u64).product();
            let bytes = if dtype == Dtype::I8 { numbers } else { 4 * numbers };
            entries.push(Entry { name, shape, dtype, start, bytes });
            start += bytes;
        }
        let matrices = (0..entries.len()).filter(|&at| entries[at].dtype == Dtype::I8).collect();
        (entries, matrices)
    }

    /// Returns the file's size.
    fn write_weights(&self, path: &Path) -> Result<u64, EngineError> {
        let failed = |error: std::io::Error| fault(path, error.to_string());
        let (entries, matrices) = self.layout();
        let mut header = Map::new();
        for entry in &entries {
            let about = json!({
                "dtype": if entry.dtype == Dtype::I8 { "I8" } else { "F32" }, "shape": entry.shape,
                "data_offsets": [entry.start, entry.start + entry.bytes]
            });
            header.insert(self.spec.names.stored(&entry.name), about);
        }
        let mut header = Value::Object(header).to_string().into_bytes();
        header.resize(header.len().next_multiple_of(8), b' ');
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path).map_err(failed)?);
        file.write_all(&(header.len() as u64).to_le_bytes()).map_err(failed)?;
        file.write_all(&header).map_err(failed)?;
        let data = 8 + header.len() as u64;
        // First the matrices, which stand last: only then their scales are known.
        let mut scales: BTreeMap<String, Vec<f32>> = BTreeMap::new();
        let first = matrices.first().map_or(0, |&at| entries[at].start);
        file.seek(SeekFrom::Start(data + first)).map_err(failed)?;
        for &at in &matrices {
            let name = &entries[at].name;
            let own = scales.entry(format!("{name}_scale")).or_default();
            self.weights.int8_pieces(name, |rows, of_rows| {
                own.extend_from_slice(of_rows);
                let bytes: Vec<u8> = rows.iter().map(|number| number.cast_unsigned()).collect();
                file.write_all(&bytes).map_err(failed)
            })?;
        }
        file.seek(SeekFrom::Start(data)).map_err(failed)?;
        for entry in entries.iter().filter(|entry| entry.dtype != Dtype::I8) {
            let numbers = match scales.remove(&entry.name) {
                Some(scales) => scales,
                None => self.weights.read(&entry.name)?,
            };
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            file.write_all(&bytes).map_err(failed)?;
        }
        file.flush().map_err(failed)?;
        let file = file.into_inner().map_err(|error| fault(path, error.to_string()))?;
        file.sync_all().map_err(failed)?;
        file.metadata().map(|about| about.len()).map_err(failed)
    }
}

/// Whether `folder` holds all that was written, by this version and from the same.
#[must_use]
pub fn is_whole(folder: &Path, from: &str) -> bool {
    let record =
        fs::read(folder.join(RECORD)).ok().and_then(|json| serde_json::from_slice::<Record>(&json).ok());
    record.is_some_and(|record| {
        let there = |(name, bytes): (&String, &u64)| {
            fs::metadata(folder.join(name)).is_ok_and(|about| about.is_file() && about.len() == *bytes)
        };
        record.version == VERSION && record.from == from && record.files.iter().all(there)
    })
}

/// A folder being written.
struct Draft {
    folder: PathBuf,
    /// Held until the end.
    lock: File,
}

impl Draft {
    fn begin(out: &Path) -> Result<Self, EngineError> {
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{UNFINISHED}"));
        let folder = out.with_file_name(name);
        fs::create_dir_all(&folder).map_err(|error| fault(&folder, error.to_string()))?;
        let path = folder.join(LOCK);
        let open = File::options().write(true).create(true).truncate(false).open(&path);
        let lock = open.map_err(|error| fault(&path, error.to_string()))?;
        if lock.try_lock().is_err() {
            return Err(fault(out, "is being written by another program; wait for that".to_owned()));
        }
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_name() != LOCK {
                fs::remove_file(entry.path()).map_err(|error| fault(&entry.path(), error.to_string()))?;
            }
        }
        Ok(Self { folder, lock })
    }

    fn finish(self, out: &Path) -> Result<(), EngineError> {
        let done = fs::remove_file(self.folder.join(LOCK)).and_then(|()| fs::rename(&self.folder, out));
        drop(self.lock);
        done.map_err(|error| fault(out, error.to_string()))
    }
}

fn fault(path: &Path, reason: String) -> EngineError {
    EngineError::ModelFile { file: path.to_owned(), reason }
}

#[cfg(test)]
#[path = "quantise_tests.rs"]
mod tests;
