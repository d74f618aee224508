//! A folder, or what is built into the program, → [`Model`].

use std::{
    borrow::Cow,
    io::Read,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    config::{
        MAX_FILE_BYTES, ModelSpec, NetworkUse,
        generation::Generation,
        signs::{Claims, Ids},
    },
    linear::Precision,
    need::Need,
    network::{DTYPE, Network},
    random::Source,
    weights::{Weights, refuse_file},
};
use crate::{
    EngineError,
    device::{DeviceChoice, FloatType},
    prior::table::Counts,
    tokens::{
        TokenId, Tokenizer,
        fit::Layout,
        folder::{Folder, Named},
    },
};

/// More threads than this wait for each other more than they compute.
pub(super) const MAX_THREADS: usize = 8;
/// How the name of the matrices ends that choose experts: they are small, and a choice is not to be rounded.
pub(super) const ROUTER: &str = "mlp.gate.weight";
/// The file of counts in a model's folder.
const COUNTS: &str = "counts.bin";

/// Where a model comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ModelSource {
    /// The one built into the program.
    #[default]
    Embedded,
    /// A folder with FORMAT.md's files, or a public checkpoint's.
    Dir(PathBuf),
}

/// How to load a model.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadOptions {
    /// Which device.
    pub device: DeviceChoice,
    /// CPU threads; `None` takes the machine's, up to eight.
    pub threads: Option<NonZeroUsize>,
    /// How weights are held and multiplied.
    pub weights: Precision,
    /// What is computed in; `None` takes [`FloatType::usual`].
    pub float: Option<FloatType>,
    /// `decode.vicinity` in place of the config's; without effect on networks that do not see both ways.
    pub vicinity: Option<usize>,
    /// What the network is used for; `None` takes the config's word. [`NetworkUse::Off`] reads no weights but their
    /// headers.
    pub network: Option<NetworkUse>,
}

/// A model, ready.
pub struct Model {
    /// Its name in requests and reports.
    pub name: String,
    /// Its configuration.
    pub spec: ModelSpec,
    /// Its tokenizer.
    pub tokenizer: Arc<Tokenizer>,
    /// Counts of other packages' code for its tokenizer, if it brings any.
    pub counts: Option<Arc<Counts>>,
    /// How contexts are laid out for it.
    pub layout: Layout,
    /// Its network; `None` where only the local prior answers.
    pub network: Option<Network>,
    /// The device it runs on: `cpu`, `cuda:0`.
    pub device: String,
}

/// The embedded model's parts; the network only where the build found one.
struct Embedded;

impl Embedded {
    const TOKENIZER: &'static [u8] = include_bytes!("../../models/embedded/tokenizer.json");
    const COUNTS: &'static [u8] = include_bytes!("../../models/embedded/counts.bin");
    #[cfg(embedded_network)]
    const NETWORK: Option<(&'static [u8], &'static [u8])> = Some((
        include_bytes!("../../models/embedded/config.json"),
        include_bytes!("../../models/embedded/model.safetensors"),
    ));
    #[cfg(not(embedded_network))]
    const NETWORK: Option<(&'static [u8], &'static [u8])> = None;
    /// The configuration without a network: the local prior needs ids and limits only.
    const PRIOR_ONLY: &'static [u8] = br#"{
        "model_type": "quicksilver", "hidden_size": 2, "num_hidden_layers": 1, "num_attention_heads": 2, "head_dim": 2,
        "intermediate_size": 1, "vocab_size": 16384, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "mask_token_id": 1,
        "expand_token_id": 2, "delete_token_id": 3, "bos_token_id": 4, "eos_token_id": 5, "pad_token_id": 0 }"#;
}

/// The embedded model's files and their names in `engine/models/embedded`, for those who want to know what exactly answers.
#[must_use]
pub fn embedded_files() -> Vec<(&'static str, &'static [u8])> {
    let network =
        Embedded::NETWORK.map(|(config, weights)| [("config.json", config), ("model.safetensors", weights)]);
    let always = [("tokenizer.json", Embedded::TOKENIZER), (COUNTS, Embedded::COUNTS)];
    network.into_iter().flatten().chain(always).collect()
}

impl Model {
    /// Loads a model; nothing large is allocated before its files have been checked.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] naming file and field, [`EngineError::Device`] for a device that is not there,
    /// [`EngineError::TooLarge`] for one that is too small.
    pub fn load(source: &ModelSource, options: LoadOptions) -> Result<Self, EngineError> {
        match source {
            ModelSource::Embedded => {
                let config = Embedded::NETWORK.map_or(Embedded::PRIOR_ONLY, |(config, _)| config);
                let spec = ModelSpec::from_bytes(config, Path::new("embedded config.json"))?;
                let tokenizer =
                    Tokenizer::from_bytes(Embedded::TOKENIZER, Path::new("embedded tokenizer.json"))?;
                agree(&spec, &tokenizer)?;
                let counts = counts(Embedded::COUNTS, Path::new("embedded counts.bin"), &tokenizer)?;
                let name = Path::new("embedded model.safetensors");
                let weights = Embedded::NETWORK.map(|(_, weights)| Weights::in_memory(weights, name, &spec));
                Self::assemble("quicksilver", spec, tokenizer, Some(counts), options, weights.transpose()?)
            }
            ModelSource::Dir(folder) => {
                let (spec, tokenizer, weights) = folder_parts(folder)?;
                let name = folder.file_name().map_or("model".into(), |name| name.to_string_lossy());
                let file = folder.join(COUNTS);
                let counts = match std::fs::read(&file) {
                    Ok(bytes) => Some(counts(bytes, &file, &tokenizer)?),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                    Err(error) => return Err(EngineError::ModelFile { file, reason: error.to_string() }),
                };
                Self::assemble(&name, spec, tokenizer, counts, options, weights)
            }
        }
    }

    /// What the network of a model, of which `spec` is the configuration, needs of the CPU's memory. No number of it is
    /// read; `None` where there is no network.
    ///
    /// # Errors
    /// [`EngineError::ModelFile`] for a fault of the weights' headers.
    pub fn need(
        source: &ModelSource,
        spec: &ModelSpec,
        precision: Precision,
    ) -> Result<Option<Need>, EngineError> {
        let name = Path::new("embedded model.safetensors");
        let weights = match source {
            ModelSource::Embedded => {
                Embedded::NETWORK.map(|(_, weights)| Weights::in_memory(weights, name, spec)).transpose()
            }
            ModelSource::Dir(folder) => Weights::in_folder(folder, spec),
        };
        Ok(weights?.map(|weights| {
            Need::with(spec, Some(&weights), DTYPE, precision.held(spec, &candle_core::Device::Cpu, DTYPE))
        }))
    }

    fn assemble(
        name: &str,
        mut spec: ModelSpec,
        tokenizer: Tokenizer,
        counts: Option<Counts>,
        options: LoadOptions,
        weights: Option<Weights>,
    ) -> Result<Self, EngineError> {
        let mut device = "cpu".to_owned();
        let mut network = None;
        spec.decode.vicinity = options.vicinity.or(spec.decode.vicinity);
        if let DeviceChoice::Cuda(_) = options.device {
            // Whoever names a GPU is not to be served by something else unawares.
            options.device.open()?;
        }
        if options.network.unwrap_or(spec.decode.network) != NetworkUse::Off
            && let Some(weights) = weights
        {
            let (opened, called) = options.device.open()?;
            device = called;
            let machine = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MAX_THREADS);
            let threads = options.threads.map_or(machine, NonZeroUsize::get);
            weights.check_head(&spec)?;
            let float = options.float.unwrap_or_else(|| FloatType::usual(&opened)).on(&opened)?;
            let source = Source::Stored(&weights);
            let mut loaded = Network::computing_in(float, &spec, source, &opened, threads, options.weights)?;
            loaded.ban(meaningless(&spec, &tokenizer));
            if options.vicinity.is_some() && loaded.keeps().is_none() {
                tracing::warn!("a vicinity changes nothing here: this model does not see both ways");
            }
            network = Some(loaded);
        }
        let (bos, eos) = spec.frame();
        let layout = Layout::new(&tokenizer, bos, eos);
        let (name, tokenizer, counts) = (name.to_owned(), Arc::new(tokenizer), counts.map(Arc::new));
        Ok(Self { name, spec, tokenizer, counts, layout, network, device })
    }
}

/// What a folder's files say, checked against each other; its weights are not read yet.
pub(super) fn folder_parts(folder: &Path) -> Result<(ModelSpec, Tokenizer, Option<Weights>), EngineError> {
    if folder.is_file() {
        refuse_file(folder)?;
    }
    let config = folder.join("config.json");
    let json = small(&config).map_err(|error| EngineError::ModelFile {
        file: config.clone(),
        reason: format!(
            "{error}; a model is `quicksilver`, the ID of a pulled one, or a folder with config.json, \
             tokenizer.json and model.safetensors"
        ),
    })?;
    let Folder { tokenizer, named } = Folder::read(folder)?;
    let mut spec = resolve(folder, &json, &config, &tokenizer, &named)?;
    agree(&spec, &tokenizer)?;
    let weights = Weights::open(folder)?.map(|weights| {
        weights.settle(&mut spec);
        weights.of(&spec)
    });
    let weights = weights.transpose()?;
    Ok((spec, tokenizer, weights))
}

/// The config, and what the files beside it say of the same.
fn resolve(
    folder: &Path,
    json: &[u8],
    config: &Path,
    tokenizer: &Tokenizer,
    named: &Named,
) -> Result<ModelSpec, EngineError> {
    let fail = |file: &Path, reason: String| EngineError::ModelFile { file: file.to_owned(), reason };
    let path = folder.join("generation_config.json");
    let bytes = match small(&path) {
        Ok(json) => json,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => b"{}".to_vec(),
        Err(error) => return Err(fail(&path, error.to_string())),
    };
    let wrong = |error: serde_json::Error| fail(&path, error.to_string());
    let generation: Ids = serde_json::from_slice(&bytes).map_err(wrong)?;
    let sampling: Generation = serde_json::from_slice(&bytes).map_err(wrong)?;
    if let Some(mask) = named.mask.as_deref().filter(|mask| tokenizer.special(mask).is_none()) {
        let path = folder.join("tokenizer_config.json");
        return Err(fail(&path, format!("mask_token: {mask:?} is no special token of the tokenizer")));
    }
    let of =
        |name: &Option<String>| name.as_deref().and_then(|name| tokenizer.special(name)).map(|token| token.0);
    let (mask, bos, eos, pad) = (of(&named.mask), of(&named.bos), of(&named.eos), of(&named.pad));
    let claims = Claims {
        generation,
        sampling,
        tokenizer: Ids { mask, bos, eos, pad, ..Ids::default() },
        names: tokenizer.specials().map(|(name, token)| (name.to_owned(), token)).collect(),
    };
    ModelSpec::resolve(json, config, &claims)
}

/// A config file's bytes, one more than may be at the most.
fn small(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn counts(
    bytes: impl Into<Cow<'static, [u8]>>,
    file: &Path,
    tokenizer: &Tokenizer,
) -> Result<Counts, EngineError> {
    Counts::new(bytes, tokenizer).map_err(|reason| EngineError::ModelFile { file: file.to_owned(), reason })
}

/// Config and tokenizer must be of one model.
fn agree(spec: &ModelSpec, tokenizer: &Tokenizer) -> Result<(), EngineError> {
    let fail = |reason: String| Err(EngineError::ModelFile { file: "config.json".into(), reason });
    if tokenizer.vocab() > spec.vocab {
        return fail(format!(
            "vocab_size: {} is less than the {} tokens of tokenizer.json",
            spec.vocab,
            tokenizer.vocab()
        ));
    }
    if tokenizer.is_special(spec.mask) {
        Ok(())
    } else {
        fail(format!("mask_token_id: {} is text in tokenizer.json", spec.mask.0))
    }
}

/// What a span can never hold: every sign but expand, delete and, where it ends a span, eos.
fn meaningless(spec: &ModelSpec, tokenizer: &Tokenizer) -> Vec<TokenId> {
    (0..spec.vocab as u32)
        .map(TokenId)
        .filter(|&token| {
            tokenizer.is_special(token) && Some(token) != spec.expand && Some(token) != spec.delete
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Topology, reference},
        tokens::sample,
    };

    #[test]
    fn the_embedded_model_loads() {
        let model = Model::load(&ModelSource::Embedded, LoadOptions::default()).unwrap();
        let text = "fn main() {\n    println!(\"日本\");\n}\n<|mask|>";
        let tokens = model.tokenizer.encode(text);
        assert_eq!(model.tokenizer.text(&tokens), text);
        assert_eq!(model.tokenizer.special("<|mask|>"), Some(model.spec.mask));
    }

    #[test]
    #[cfg(not(feature = "cuda"))]
    fn a_gpu_that_is_named_must_be_there_even_if_no_network_runs() {
        let options = LoadOptions { device: DeviceChoice::Cuda(0), ..LoadOptions::default() };
        let error = Model::load(&ModelSource::Embedded, options).err().unwrap();
        assert!(error.to_string().contains("no CUDA"), "{error}");
    }

    #[test]
    fn a_folder_loads_and_its_faults_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let load = || {
            let options = LoadOptions { network: Some(NetworkUse::Denoise), ..LoadOptions::default() };
            Model::load(&ModelSource::Dir(folder.path().to_owned()), options)
        };
        let fault = || load().err().unwrap().to_string();
        assert!(fault().contains("config.json") && fault().contains("`quicksilver`"), "{}", fault());
        let mut config = reference::config(Topology::ContextExact);
        config["vocab_size"] = 320.into();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        write("config.json", &serde_json::to_vec(&config).unwrap());
        assert!(fault().contains("tokenizer.json"), "{}", fault());
        write("tokenizer.json", &serde_json::to_vec(&sample::json()).unwrap());
        write("pytorch_model.bin", b"\x80\x02");
        assert!(fault().contains("pickle"), "{}", fault());
        std::fs::remove_file(folder.path().join("pytorch_model.bin")).unwrap();
        assert!(load().unwrap().network.is_none(), "no weights: the local prior answers");

        let spec = ModelSpec::from_bytes(&serde_json::to_vec(&config).unwrap(), Path::new("c")).unwrap();
        let weights = reference::safetensors(&spec, 1);
        write("model.safetensors", &weights);
        assert!(load().unwrap().network.is_some());
        write("model.safetensors", &weights[..weights.len() / 2]);
        assert!(fault().contains("model.safetensors: has"), "{}", fault());
        config["vocab_size"] = 200.into();
        write("config.json", &serde_json::to_vec(&config).unwrap());
        assert!(fault().contains("vocab_size"), "{}", fault());
    }

    #[test]
    fn a_vicinity_that_is_asked_for_counts_where_a_model_sees_both_ways() {
        for (name, both) in [("open-dcoder", true), ("context-exact-f32", false)] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fixture").join(name);
            let with = |vicinity| {
                let network = Some(NetworkUse::Denoise);
                let options = LoadOptions { vicinity, network, ..LoadOptions::default() };
                Model::load(&ModelSource::Dir(folder.clone()), options).unwrap().network.unwrap()
            };
            assert_eq!(with(None).keeps(), None, "{name}");
            assert_eq!(with(Some(4)).keeps(), both.then_some(4), "{name}");
            assert_eq!(
                with(Some(4)).need().caches > with(None).need().caches,
                both,
                "{name}: memory is reckoned"
            );
        }
    }
}
