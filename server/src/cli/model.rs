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

#[cfg(feature = "engine")]
mod with_tensors {
    use std::{fmt::Write, path::Path};

    use quicksilver_engine::model::{LoadOptions, Model, ModelSource, NetworkUse};

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
            for (what, is) in spec.facts() {
                line(what, is);
            }
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
