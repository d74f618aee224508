//! `quicksilver model`: what models there are, and what one is. Also how long a text is for the embedded one.

use super::{
    Failure,
    args::{ModelArgs, ModelCommand},
};

/// Without the feature `engine` there is nothing to look at, and nothing to look with.
#[cfg(not(feature = "engine"))]
pub(super) fn run(args: &ModelArgs) -> Result<(), Failure> {
    let what = match &args.command {
        ModelCommand::List => "lists none",
        ModelCommand::Show { .. } => "shows none",
    };
    let why = format!("this build has no engine and {what}; build with the feature `engine`");
    Err(Failure::new(super::Exit::Model, why))
}

#[cfg(feature = "engine")]
pub(super) fn run(args: &ModelArgs) -> Result<(), Failure> {
    let text = match &args.command {
        ModelCommand::List => with_tensors::list()?,
        ModelCommand::Show { model } => with_tensors::show(model.as_deref())?,
    };
    super::print(text.as_bytes())
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

    use quicksilver_engine::model::{LoadOptions, Model, ModelSource, NetworkUse, Topology, embedded_files};
    use sha2::{Digest, Sha256};

    use super::super::{Failure, engine};

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
        let files: Vec<String> = match engine::source(name) {
            ModelSource::Embedded => {
                embedded_files().iter().map(|(name, bytes)| told(name, &Sha256::digest(bytes))).collect()
            }
            ModelSource::Dir(folder) => {
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

    pub(super) fn list() -> Result<String, Failure> {
        let model = outline(&ModelSource::Embedded)?;
        Ok(format!("{}\tembedded, {}\n", model.name, used(model.spec.decode.network)))
    }

    pub(super) fn show(name: Option<&str>) -> Result<String, Failure> {
        let source = engine::source(name);
        let Model { name, spec, tokenizer, .. } = outline(&source)?;
        let mut text = String::new();
        let mut line = |what: &str, is: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{what:<16} {is}");
        };
        line("name", name);
        line("type", spec.model_type.clone());
        line("fills holes with", used(spec.decode.network).to_owned());
        if spec.decode.network != NetworkUse::Off {
            let topology = match spec.topology {
                Topology::Full => "full (context cache approximate)",
                Topology::ContextExact => "context-exact (context cache exact)",
            };
            line("shape", format!("{} layers × {} wide, {} heads", spec.layers, spec.hidden, spec.heads));
            line("attention", topology.to_owned());
            line("context", format!("{} tokens", spec.context_window));
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
