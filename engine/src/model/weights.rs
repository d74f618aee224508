//! Safetensors → numbers, after every name, shape and type was checked against the [`ModelSpec`].
//!
//! Files are read, never mapped: one that shrinks while it is read is an error, not a signal. Pickle and GGUF
//! are refused by name: the one can run code, the other is another format.

mod int8;
mod pieces;

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::Mutex,
};

use half::{bf16, f16};
use rustc_hash::FxHashMap;
use safetensors::tensor::{Dtype, Metadata};

use super::config::{ModelSpec, names::Names};
use crate::EngineError;

pub(super) use pieces::Stored;

/// Bytes of the largest header.
pub const MAX_HEADER_BYTES: u64 = 8 * 1024 * 1024;
/// Tensors in all files together.
pub const MAX_TENSORS: usize = 20_000;
/// What the header's length takes, in bytes.
const LENGTH_BYTES: u64 = 8;

/// Where a file's bytes are.
enum Bytes {
    Memory(&'static [u8]),
    File(Mutex<File>),
}

/// One tensor: which file, where in it, and as what.
struct Place {
    file: usize,
    start: u64,
    bytes: usize,
    dtype: Dtype,
}

/// A model's weights, checked and not yet read. Tensors are asked for by Qwen's names, whatever the files call them.
pub struct Weights {
    files: Vec<(PathBuf, Bytes)>,
    places: FxHashMap<String, (Place, Vec<usize>)>,
    names: Names,
}

impl Weights {
    /// The weights in `folder`: `model.safetensors`, or the files that `model.safetensors.index.json` names.
    /// `None` if there are none at all.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] naming the file and the tensor.
    pub fn in_folder(folder: &Path, spec: &ModelSpec) -> Result<Option<Self>, EngineError> {
        Self::open(folder)?.map(|weights| weights.of(spec)).transpose()
    }

    /// The same, compared with nothing yet: for a spec that leaves something to the weights, see
    /// [`settle`](Self::settle).
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] naming the file.
    pub fn open(folder: &Path) -> Result<Option<Self>, EngineError> {
        let one = folder.join("model.safetensors");
        let index = folder.join("model.safetensors.index.json");
        let paths = if one.exists() {
            vec![one]
        } else if index.exists() {
            shards(folder, &index)?
        } else {
            return refuse_other_formats(folder).map(|()| None);
        };
        let mut files = Vec::new();
        for path in paths {
            let file = File::open(&path).map_err(|error| fault(&path, error.to_string()))?;
            files.push((path, Bytes::File(Mutex::new(file))));
        }
        Self::headers(files).map(Some)
    }

    /// Weights that are part of the program.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] naming `name` and the tensor.
    pub fn in_memory(bytes: &'static [u8], name: &Path, spec: &ModelSpec) -> Result<Self, EngineError> {
        Self::headers(vec![(name.to_owned(), Bytes::Memory(bytes))])?.of(spec)
    }

    /// What a config may leave open, decided by what is there: a head of its own, and the bias of a router.
    pub fn settle(&self, spec: &mut ModelSpec) {
        let has = |name: &str| self.places.contains_key(&spec.names.stored(name));
        if !spec.tied_by_config {
            spec.tied = !has("lm_head.weight");
        }
        if let Some(experts) = spec.experts {
            let bias = has(&format!("model.layers.{}.mlp.gate.expert_bias", experts.dense_layers));
            spec.experts = Some(super::config::Experts { bias, ..experts });
        }
    }

    /// The weights of `spec`: every tensor of it is here with its shape and a known type, and no other is.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] naming the file and the tensor.
    pub fn of(mut self, spec: &ModelSpec) -> Result<Self, EngineError> {
        self.names = spec.names;
        self.compare(spec)?;
        Ok(self)
    }

    /// Headers read; no number is.
    fn headers(files: Vec<(PathBuf, Bytes)>) -> Result<Self, EngineError> {
        let mut places = FxHashMap::default();
        for (at, (path, bytes)) in files.iter().enumerate() {
            let (start, header) = header(bytes).map_err(|reason| fault(path, reason))?;
            for (name, info) in header.tensors() {
                let place = Place {
                    file: at,
                    start: start + info.data_offsets.0 as u64,
                    bytes: info.data_offsets.1 - info.data_offsets.0,
                    dtype: info.dtype,
                };
                if places.insert(name.clone(), (place, info.shape.clone())).is_some() {
                    return Err(fault(path, format!("{name}: is in another file too")));
                }
                if places.len() > MAX_TENSORS {
                    return Err(fault(path, format!("has more than {MAX_TENSORS} tensors")));
                }
            }
        }
        Ok(Self { files, places, names: Names::default() })
    }

    fn compare(&self, spec: &ModelSpec) -> Result<(), EngineError> {
        let mut known = 0;
        for (name, shape) in spec.tensors() {
            let (place, found) = self.find(&name)?;
            if *found != shape {
                return Err(self.fault(
                    place,
                    &name,
                    &format!("has the shape {found:?}; config.json asks for {shape:?}"),
                ));
            }
            known += 1;
            match place.dtype {
                Dtype::F32 | Dtype::F16 | Dtype::BF16 => {}
                Dtype::I8 if shape.len() == 2 => {
                    let scale = format!("{name}_scale");
                    let (scale_place, scale_shape) = self.find(&scale)?;
                    if *scale_shape != shape[..1] {
                        return Err(self.fault(
                            scale_place,
                            &scale,
                            &format!("has the shape {scale_shape:?}; one number a row is {:?}", &shape[..1]),
                        ));
                    }
                    if !matches!(scale_place.dtype, Dtype::F32 | Dtype::F16) {
                        return Err(self.fault(
                            scale_place,
                            &scale,
                            &format!("is {:?}; F32 or F16 is supported", scale_place.dtype),
                        ));
                    }
                    known += 1;
                }
                other => {
                    return Err(self.fault(
                        place,
                        &name,
                        &format!("is {other:?}; F32, F16, BF16, and I8 matrices with a scale are supported"),
                    ));
                }
            }
        }
        if known == self.places.len() {
            return Ok(());
        }
        let expected: rustc_hash::FxHashSet<String> =
            spec.tensors().into_iter().map(|(name, _)| self.names.stored(&name)).collect();
        let mut unknown: Vec<&String> = self
            .places
            .keys()
            .filter(|name| {
                !expected.contains(*name)
                    && !name.strip_suffix("_scale").is_some_and(|name| expected.contains(name))
            })
            // Some exporters write the head although it is the embedding, or frequencies that follow from the config.
            .filter(|name| !(spec.tied && **name == self.names.stored("lm_head.weight")))
            .filter(|name| !name.ends_with("rotary_emb.inv_freq"))
            .collect();
        unknown.sort();
        match unknown.first().and_then(|name| self.places.get(*name).map(|(place, _)| (place, name))) {
            Some((place, name)) => {
                Err(self.fault(place, name, "is not a tensor of the model that config.json describes"))
            }
            None => Ok(()),
        }
    }

    fn find(&self, name: &str) -> Result<&(Place, Vec<usize>), EngineError> {
        let first = self.files.first().map_or(Path::new("model.safetensors"), |(path, _)| path);
        let stored = self.names.stored(name);
        self.places.get(&stored).ok_or_else(|| fault(first, format!("{stored}: is missing")))
    }

    fn fault(&self, place: &Place, name: &str, reason: &str) -> EngineError {
        let path = self.files.get(place.file).map_or(Path::new("model.safetensors"), |(path, _)| path);
        fault(path, format!("{}: {reason}", self.names.stored(name)))
    }

    /// A head beside a config that says the embedding is the head must be the embedding.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] naming both sources, if they disagree.
    pub fn check_head(&self, spec: &ModelSpec) -> Result<(), EngineError> {
        const HEAD: &str = "lm_head.weight";
        const STEP: usize = 1 << 20;
        if !spec.tied || !self.places.contains_key(&self.names.stored(HEAD)) {
            return Ok(());
        }
        let ((head, _), (embedding, _)) = (self.find(HEAD)?, self.find("model.embed_tokens.weight")?);
        let mut same = head.bytes == embedding.bytes && head.dtype == embedding.dtype;
        for start in (0..head.bytes).step_by(STEP) {
            let part = |place: &Place| {
                let bytes = STEP.min(place.bytes - start);
                self.raw(&Place { start: place.start + start as u64, bytes, ..*place })
            };
            same = same
                && part(head).map_err(|reason| self.fault(head, HEAD, &reason))?
                    == part(embedding).map_err(|reason| self.fault(embedding, HEAD, &reason))?;
            if !same {
                let why = "is not the embedding, but config.json's tie_word_embeddings says that it is; correct the one \
                           that is wrong";
                return Err(self.fault(head, HEAD, why));
            }
        }
        Ok(())
    }

    /// The numbers of a tensor as stored (row by row), each finite.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] if the file shrank, or holds a NaN or an infinity.
    pub fn read(&self, name: &str) -> Result<Vec<f32>, EngineError> {
        let (place, shape) = self.find(name)?;
        let raw = self.raw(place).map_err(|reason| self.fault(place, name, &reason))?;
        let mut numbers = widen(&raw, place.dtype);
        if place.dtype == Dtype::I8 {
            let scales = self.read(&format!("{name}_scale"))?;
            let width = shape.get(1).copied().unwrap_or(1).max(1);
            for (row, scale) in numbers.chunks_exact_mut(width).zip(scales) {
                row.iter_mut().for_each(|number| *number *= scale);
            }
        }
        self.all_finite(name, &numbers, 0)?;
        Ok(numbers)
    }

    fn raw(&self, place: &Place) -> Result<Vec<u8>, String> {
        let cut = || "is cut off; fetch the file again".to_owned();
        match self.files.get(place.file).map(|(_, bytes)| bytes) {
            Some(Bytes::Memory(bytes)) => {
                let start = usize::try_from(place.start).map_err(|_| cut())?;
                bytes.get(start..start + place.bytes).map(<[u8]>::to_vec).ok_or_else(cut)
            }
            Some(Bytes::File(file)) => {
                let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                read_at(&mut file, place.start, place.bytes).map_err(|error| match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => cut(),
                    _ => error.to_string(),
                })
            }
            None => Err(cut()),
        }
    }
}

fn fault(path: &Path, reason: String) -> EngineError {
    EngineError::ModelFile { file: path.to_owned(), reason }
}

fn read_at(file: &mut File, start: u64, bytes: usize) -> std::io::Result<Vec<u8>> {
    let mut raw = vec![0; bytes];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut raw)?;
    Ok(raw)
}

/// Where the data begins, and the header, whose offsets must fill the file to its end.
fn header(bytes: &Bytes) -> Result<(u64, Metadata), String> {
    let part = |start: u64, length: u64| -> Result<Vec<u8>, String> {
        match bytes {
            Bytes::Memory(all) => all
                .get(start as usize..(start + length) as usize)
                .map(<[u8]>::to_vec)
                .ok_or_else(|| "is cut off in its header".to_owned()),
            Bytes::File(file) => {
                let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                read_at(&mut file, start, length as usize)
                    .map_err(|error| format!("is cut off in its header: {error}"))
            }
        }
    };
    let size = match bytes {
        Bytes::Memory(all) => all.len() as u64,
        Bytes::File(file) => {
            let file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            file.metadata().map_err(|error| error.to_string())?.len()
        }
    };
    if size < LENGTH_BYTES {
        return Err(format!("has {size} bytes, less than any header; fetch the file again"));
    }
    let length = part(0, LENGTH_BYTES)?;
    let first = <[u8; 8]>::try_from(length).map_err(|_| "is cut off in its header".to_owned())?;
    let length = u64::from_le_bytes(first);
    if length > size.saturating_sub(LENGTH_BYTES) && length <= MAX_HEADER_BYTES {
        return Err(format!("claims a header of {length} bytes in a file of {size}; fetch the file again"));
    }
    if length > MAX_HEADER_BYTES {
        if let Some(what) = something_else(&first) {
            return Err(what.to_owned());
        }
        return Err(format!("claims a header of {length} bytes; at most {MAX_HEADER_BYTES} are read"));
    }
    let header: Metadata =
        serde_json::from_slice(&part(LENGTH_BYTES, length)?).map_err(|error| format!("header: {error}"))?;
    let start = LENGTH_BYTES + length;
    // As large as numbers get, the sum would overflow.
    let expected = start.saturating_add(header.data_len() as u64);
    if size == expected {
        Ok((start, header))
    } else {
        Err(format!("has {size} bytes where its header announces {expected}; fetch the file again"))
    }
}

/// What stands under the name of weights when a download or a clone went another way, by its first bytes; taken for a header's
/// length, each is far too large.
fn something_else(first: &[u8; 8]) -> Option<&'static str> {
    match first {
        b"version " => Some("is a Git LFS pointer, not the weights; run `git lfs pull` in its folder"),
        [b'<', b'!' | b'h' | b'H' | b'?', ..] => Some("is a web page, not the weights; fetch the file again"),
        [b'P', b'K', 3, 4, ..] | [0x80, 2..=5, ..] => Some(
            "is a pickle under another name, which can run code when it is loaded; convert it to safetensors",
        ),
        _ => None,
    }
}

/// The files that an index names: plain names of real files in `folder`, nothing else.
fn shards(folder: &Path, index: &Path) -> Result<Vec<PathBuf>, EngineError> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: std::collections::BTreeMap<String, String>,
    }
    let size = std::fs::metadata(index).map_err(|error| fault(index, error.to_string()))?.len();
    if size > MAX_HEADER_BYTES {
        return Err(fault(index, format!("has {size} bytes; at most {MAX_HEADER_BYTES} are read")));
    }
    let json = std::fs::read(index).map_err(|error| fault(index, error.to_string()))?;
    let map: Index = serde_json::from_slice(&json).map_err(|error| fault(index, error.to_string()))?;
    let names: std::collections::BTreeSet<String> = map.weight_map.into_values().collect();
    let home = folder.canonicalize().map_err(|error| fault(folder, error.to_string()))?;
    let mut paths = Vec::new();
    for name in names {
        let plain = Path::new(&name).components().count() == 1
            && !name.contains(['/', '\\'])
            && name.ends_with(".safetensors");
        if !plain || name.starts_with('.') {
            return Err(fault(
                index,
                format!("weight_map: {name:?} is not the plain name of a safetensors file"),
            ));
        }
        let path = folder.join(&name);
        let real = path.canonicalize().map_err(|error| fault(&path, error.to_string()))?;
        if real.parent() != Some(&home) {
            return Err(fault(
                index,
                format!(
                    "weight_map: {name:?} leads out of the model's folder; if it is another program's cache, \
                     `quicksilver model pull ID --from {}` takes the files over",
                    folder.display()
                ),
            ));
        }
        paths.push(path);
    }
    Ok(paths)
}

/// A folder with weights of another format is an error that says so, not a folder without weights.
fn refuse_other_formats(folder: &Path) -> Result<(), EngineError> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    entries.flatten().try_for_each(|entry| refuse_file(&entry.path()))
}

/// Refuses a file whose name says that it is of another format.
///
/// # Errors
/// [`EngineError::ModelFile`] saying why, and what to do.
pub(super) fn refuse_file(path: &Path) -> Result<(), EngineError> {
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    let reason = match extension.as_deref() {
        Some("bin" | "pt" | "pth" | "ckpt" | "pkl") => {
            "is a pickle, which can run code when it is loaded; convert it to safetensors on a machine that you do not \
             mind losing, or ask its authors to"
        }
        Some("gguf") => "is GGUF; only safetensors is read",
        _ => return Ok(()),
    };
    Err(fault(path, reason.to_owned()))
}

fn widen(raw: &[u8], dtype: Dtype) -> Vec<f32> {
    let pairs = || raw.chunks_exact(2).map(|pair| [pair[0], pair[1]]);
    match dtype {
        Dtype::F32 => {
            raw.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
        }
        Dtype::F16 => pairs().map(|pair| f16::from_le_bytes(pair).to_f32()).collect(),
        Dtype::BF16 => pairs().map(|pair| bf16::from_le_bytes(pair).to_f32()).collect(),
        // Checked before: nothing else is left but I8.
        _ => raw.iter().map(|&byte| f32::from(byte.cast_signed())).collect(),
    }
}

#[cfg(test)]
#[path = "weights_tests.rs"]
mod tests;
