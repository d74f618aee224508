//! `quicksilver model quantize`, and the same done once for a pulled model before an engine loads it in int8: what was made is
//! kept beside it, so that the second start reads half as much and rounds nothing.

#[cfg(not(feature = "engine"))]
use super::{Exit, Failure, args::QuantizeArgs};

/// Without the feature `engine` there is nothing to read weights with.
#[cfg(not(feature = "engine"))]
pub(super) fn run(_args: &QuantizeArgs) -> Result<String, Failure> {
    Err(Failure::new(Exit::Model, "this build has no engine; build with the feature `engine`"))
}

#[cfg(feature = "engine")]
pub(super) use with_tensors::{load, run};

#[cfg(feature = "engine")]
mod with_tensors {
    use std::path::{Path, PathBuf};

    use quicksilver_engine::{
        EngineError,
        model::{LoadOptions, Model, ModelSource, Quantisation, quantise::is_whole},
    };

    use super::super::{
        Exit, Failure,
        args::QuantizeArgs,
        engine::{Source, failure, source},
    };
    use crate::models::{Pulled, free_bytes, size};

    /// Bytes of the disk that are left free.
    const SPARE_BYTES: u64 = 64 * 1024 * 1024;

    pub(in super::super) fn run(args: &QuantizeArgs) -> Result<String, Failure> {
        let Source { from, pulled, .. } = source(Some(&args.model))?;
        let ModelSource::Dir(folder) = from else {
            return Err(Failure::new(Exit::Usage, "the embedded model is int8 already"));
        };
        let key = pulled.as_ref().map(|pulled| pulled.manifest.digests()).unwrap_or_default();
        let (out, told) = match (&args.out, &pulled) {
            (Some(out), _) => (out.clone(), out.display().to_string()),
            (None, Some(pulled)) => (pulled.int8_folder(), args.model.clone()),
            (None, None) => {
                let out = beside(&folder);
                let told = out.display().to_string();
                (out, told)
            }
        };
        if args.out.is_none() && pulled.is_some() && is_whole(&out, &key) {
            return Ok(format!("{told} is in int8 already, in {}\n", out.display()));
        }
        let quantisation = Quantisation::of(&folder).map_err(failure)?;
        room(&quantisation, &out).map_err(|reason| Failure::new(Exit::Pull, reason))?;
        quantisation.write(&out, &key).map_err(failure)?;
        let bytes = size(quantisation.bytes());
        Ok(format!("{bytes} in {}\nuse it with --model {told}, or as the setting `model`\n", out.display()))
    }

    /// `FOLDER-int8`.
    fn beside(folder: &Path) -> PathBuf {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let mut name = folder.file_name().unwrap_or_default().to_owned();
        name.push("-int8");
        folder.with_file_name(name)
    }

    /// Whether the disk has room for it.
    fn room(quantisation: &Quantisation, out: &Path) -> Result<(), String> {
        let needed = quantisation.bytes();
        let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match free_bytes(parent) {
            Some(free) if needed.saturating_add(SPARE_BYTES) > free => Err(format!(
                "{} needs {} and its disk has {} free; make room, or give --out on another disk",
                out.display(),
                size(needed),
                size(free)
            )),
            _ => Ok(()),
        }
    }

    /// Loads a model; a pulled one that would be rounded to int8, from what was written of it before, or is now.
    pub(in super::super) fn load(source: &Source, options: LoadOptions) -> Result<Model, EngineError> {
        let made = source.pulled.as_ref().and_then(|pulled| made(pulled, options));
        let Some(folder) = made else { return Model::load(&source.from, options) };
        match Model::load(&ModelSource::Dir(folder.clone()), options) {
            Err(EngineError::ModelFile { file, reason }) => {
                tracing::warn!(file = %file.display(), reason, "what was kept in int8 is spoilt; it is made anew");
                let _ = std::fs::remove_dir_all(&folder);
                let again = source.pulled.as_ref().and_then(|pulled| made_now(pulled, options));
                Model::load(&again.map_or_else(|| source.from.clone(), ModelSource::Dir), options)
            }
            loaded => loaded,
        }
    }

    /// The folder of a pulled model in int8, if it is to be loaded so and could be written.
    fn made(pulled: &Pulled, options: LoadOptions) -> Option<PathBuf> {
        let on_cpu = options.device.open().is_ok_and(|(device, _)| device.is_cpu());
        if !on_cpu {
            return None;
        }
        let folder = pulled.int8_folder();
        let quantisation = Quantisation::of(&pulled.folder).ok()?;
        if !quantisation.is_made_at_load(options.weights) {
            return None;
        }
        if is_whole(&folder, &pulled.manifest.digests()) {
            return Some(folder);
        }
        let _ = std::fs::remove_dir_all(&folder);
        made_now(pulled, options)
    }

    fn made_now(pulled: &Pulled, options: LoadOptions) -> Option<PathBuf> {
        let folder = pulled.int8_folder();
        let quantisation = Quantisation::of(&pulled.folder).ok()?;
        if !quantisation.is_made_at_load(options.weights) {
            return None;
        }
        tracing::info!(folder = %folder.display(), bytes = quantisation.bytes(), "keeping the weights in int8");
        let written = room(&quantisation, &folder).and_then(|()| {
            quantisation.write(&folder, &pulled.manifest.digests()).map_err(|error| error.to_string())
        });
        // It is only for the next start: this one can do without.
        written.inspect_err(|reason| tracing::warn!(reason, "int8 weights are not kept")).ok()?;
        Some(folder)
    }
}
