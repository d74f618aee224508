//! `quicksilver model`: what models there are, and what one is. Also how long a text is for the embedded one.

use super::{
    Failure,
    args::{ModelArgs, ModelCommand},
    models,
};

pub(super) fn run(args: &ModelArgs) -> Result<(), Failure> {
    let text = match &args.command {
        ModelCommand::List { json } => models::list(*json)?,
        ModelCommand::Quantize(args) => super::quantize::run(args)?,
        ModelCommand::Remove { model } => models::remove(model)?,
        ModelCommand::Show { model } => show(model.as_deref())?,
        // It waits for a network: `cli::run` has a runtime for it.
        ModelCommand::Pull(_) => String::new(),
    };
    super::print(text.as_bytes())
}

#[cfg(feature = "engine")]
use with_tensors::show;

/// Without the feature `engine` there is nothing to look with.
#[cfg(not(feature = "engine"))]
fn show(_: Option<&str>) -> Result<String, Failure> {
    let why = "this build has no engine and shows none; build with the feature `engine`";
    Err(Failure::new(super::Exit::Model, why))
}

/// What a model needs of this machine, as far as that is known.
#[derive(Default)]
pub(super) struct MachineNeed {
    /// Whether this version loads it.
    pub(super) loads: Option<bool>,
    /// Memory, in bytes.
    pub(super) bytes: Option<u64>,
    /// Whether the device that would be taken has that.
    pub(super) fits: Option<bool>,
}

/// From a `config.json`; an empty one says nothing.
pub(super) fn need(config: &[u8]) -> MachineNeed {
    #[cfg(feature = "engine")]
    let need = with_tensors::need(config);
    #[cfg(not(feature = "engine"))]
    let need = {
        let _ = config;
        MachineNeed::default()
    };
    need
}

/// The memory of the device that would be taken.
pub(super) fn memory() -> Option<impl serde::Serialize + std::fmt::Display> {
    #[cfg(feature = "engine")]
    let memory = with_tensors::memory();
    #[cfg(not(feature = "engine"))]
    let memory = None::<u64>;
    memory
}

/// The embedded model's name, and what answers in it.
pub(super) fn embedded() -> Result<(String, String), Failure> {
    #[cfg(feature = "engine")]
    let about = with_tensors::embedded();
    #[cfg(not(feature = "engine"))]
    let about = Ok(("none".to_owned(), "this build has no engine".to_owned()));
    about
}

/// Counts tokens as the embedded model does; `None` without the feature `engine`.
pub(super) fn counter() -> Result<Option<impl Fn(&str) -> usize>, Failure> {
    #[cfg(feature = "engine")]
    let counter = with_tensors::counter().map(Some);
    #[cfg(not(feature = "engine"))]
    let counter = Ok(None::<fn(&str) -> usize>);
    counter
}

/// The digests of a model's files, as `sha256sum` prints them but shorter; empty where this build cannot know.
pub(super) fn digest(model: Option<&str>) -> String {
    #[cfg(feature = "engine")]
    let digest = with_tensors::digest(model);
    #[cfg(not(feature = "engine"))]
    let digest = {
        let _ = model;
        String::new()
    };
    digest
}

#[cfg(feature = "engine")]
mod with_tensors {
    use std::{fmt::Write, path::Path};

    use quicksilver_engine::{
        device::{DeviceChoice, memory::Memory},
        model::{LoadOptions, Model, ModelSource, ModelSpec, Need, NetworkUse, Precision, embedded_files},
    };
    use sha2::{Digest, Sha256};

    use super::{
        super::{Failure, engine},
        MachineNeed,
    };

    /// Everything but the weights, which may be large: read and checked.
    fn outline(source: &ModelSource) -> Result<Model, Failure> {
        let options = LoadOptions { network: Some(NetworkUse::Off), ..LoadOptions::default() };
        Model::load(source, options).map_err(engine::failure)
    }

    pub(super) fn counter() -> Result<impl Fn(&str) -> usize, Failure> {
        let tokenizer = outline(&ModelSource::Embedded)?.tokenizer;
        Ok(move |text: &str| tokenizer.encode(text).len())
    }

    pub(super) fn digest(name: Option<&str>) -> String {
        let told = |name: &str, hash: &[u8]| {
            let short: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            format!("{name} {short}")
        };
        let files: Vec<String> = match engine::source(name).map(|source| source.from) {
            Err(_) => return String::new(),
            Ok(ModelSource::Embedded) => {
                embedded_files().iter().map(|(name, bytes)| told(name, &Sha256::digest(bytes))).collect()
            }
            Ok(ModelSource::Dir(folder)) => {
                let mut paths: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().collect();
                paths.sort_by_key(std::fs::DirEntry::file_name);
                let hashed = paths.iter().filter_map(|entry| {
                    let name = entry.file_name().into_string().ok()?;
                    let matters =
                        name.ends_with(".safetensors") || name == "config.json" || name == "tokenizer.json";
                    let mut hash = Sha256::new();
                    std::io::copy(
                        &mut std::fs::File::open(entry.path()).ok().filter(|_| matters)?,
                        &mut hash,
                    )
                    .ok()?;
                    Some(told(&name, &hash.finalize()))
                });
                hashed.collect()
            }
        };
        files.join(", ")
    }

    pub(super) fn embedded() -> Result<(String, String), Failure> {
        let model = outline(&ModelSource::Embedded)?;
        Ok((model.name, used(model.spec.decode.network).to_owned()))
    }

    pub(super) fn need(config: &[u8]) -> MachineNeed {
        if config.is_empty() {
            return MachineNeed::default();
        }
        let Ok(spec) = ModelSpec::from_bytes(config, Path::new("config.json")) else {
            return MachineNeed { loads: Some(false), ..MachineNeed::default() };
        };
        let need = Need::of(&spec);
        let fits = memory().map(|memory| need.fits(memory));
        MachineNeed { loads: Some(true), bytes: Some(need.total()), fits }
    }

    pub(super) fn memory() -> Option<Memory> {
        let (device, _) = DeviceChoice::Auto.open().ok()?;
        Memory::of(&device)
    }

    pub(super) fn show(name: Option<&str>) -> Result<String, Failure> {
        let engine::Source { from: source, name, .. } = engine::source(name)?;
        let Model { name: called, spec, tokenizer, .. } = outline(&source)?;
        let name = name.unwrap_or(called);
        let mut text = String::new();
        let mut line = |what: &str, is: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{what:<16} {is}");
        };
        line("name", name);
        line("type", spec.model_type.clone());
        line("fills holes with", used(spec.decode.network).to_owned());
        if spec.decode.network != NetworkUse::Off {
            for (what, is) in spec.facts() {
                line(what, is);
            }
        }
        if let Some(need) = Model::need(&source, &spec, Precision::Auto).map_err(engine::failure)? {
            // Also where the network is off: it can be switched on.
            line("memory", format!("{need}, with the network"));
        }
        line("vocabulary", format!("{} tokens", tokenizer.vocab()));
        if let ModelSource::Dir(folder) = &source {
            line("folder", folder.display().to_string());
            line("weights", weights(folder));
        }
        Ok(text)
    }

    fn used(network: NetworkUse) -> &'static str {
        match network {
            NetworkUse::Off => "the local prior",
            NetworkUse::Rescore => "the local prior, its ideas weighed by a network",
            NetworkUse::Denoise => "the local prior's drafts, denoised by a network",
        }
    }

    fn weights(folder: &Path) -> String {
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let bytes: u64 = files
            .filter(|file| file.path().extension().is_some_and(|extension| extension == "safetensors"))
            .filter_map(|file| file.metadata().ok())
            .map(|about| about.len())
            .sum();
        if bytes == 0 { "none".to_owned() } else { format!("{:.1} MB", bytes as f64 / 1e6) }
    }
}
