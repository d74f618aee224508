//! `quicksilver bench`: what a denoise step costs on a device, and whether that device computes what PyTorch does.
//! `--agreement` is told in its own file.
//!
//! Steps are measured through the sampler's own way to a network, logits on the host included, so a figure is what a request
//! pays. Every row is printed as soon as it is known: who stops the command keeps what was measured.

#[cfg(not(feature = "engine"))]
use super::{Exit, Failure, args::BenchArgs};

/// Without the feature `engine` there is nothing to measure.
#[cfg(not(feature = "engine"))]
pub(super) fn run(_args: &BenchArgs) -> Result<(), Failure> {
    let why = "this build has no engine and measures none; build with the feature `engine`";
    Err(Failure::new(Exit::Model, why))
}

#[cfg(feature = "engine")]
pub(super) use with_tensors::run;

#[cfg(feature = "engine")]
mod with_tensors {
    use std::{
        path::Path,
        time::{Duration, Instant},
    };

    use quicksilver_engine::{
        EngineError,
        device::{DeviceChoice, FloatType},
        diffusion::{CanvasIdx, Denoiser},
        model::{
            LoadOptions, Model, ModelSource, Network, NetworkUse, Precision, random, recorded::Recorded,
        },
        tokens::TokenId,
    };
    use serde_json::json;

    use super::super::{
        Exit, Failure,
        args::{BenchArgs, Way},
        engine::failure,
        print,
    };

    /// Steps before the first that is timed.
    const WARM_UP: usize = 3;
    /// Steps that are timed at least, however long they take.
    const LEAST: usize = 5;
    /// The most that bf16 may differ, as a share of the widest row of logits: its numbers have 8 bits, and rounding adds up from
    /// layer to layer.
    const BF16_SHARE: f32 = 0.05;
    /// Not a mask, and in every vocabulary.
    const SOME_TOKEN: u32 = 7;

    pub(in super::super) fn run(args: &BenchArgs) -> Result<(), Failure> {
        if !args.agreement.is_empty() {
            super::super::agreement::run(args)
        } else if args.shape.is_empty() {
            parity(args)
        } else {
            table(args)
        }
    }

    fn usage(error: EngineError) -> Failure {
        match error {
            EngineError::BadRequest { .. } => Failure::new(Exit::Usage, error.to_string()),
            other => failure(other),
        }
    }

    fn threads() -> usize {
        std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
    }

    /// One line for each shape, way and span.
    fn table(args: &BenchArgs) -> Result<(), Failure> {
        let choice: DeviceChoice = args.device.parse().map_err(usage)?;
        let (device, name) = choice.open().map_err(failure)?;
        let float: FloatType = match &args.float {
            Some(float) => float.parse().map_err(usage)?,
            None => FloatType::usual(&device),
        };
        if !args.json {
            print(
                b"| shape | way | device | type | prefix | suffix | span | read ms | ms/step (median, 10 to 90 %) | tokens/s |\n\
                  |---|---|---|---|---|---|---|---|---|---|\n",
            )?;
        }
        let weights: Precision = args.weights.parse().map_err(usage)?;
        let longest = args.spans.iter().copied().max().unwrap_or(1);
        let ways: &[bool] = match args.way {
            Way::Full | Way::Kept => &[false],
            Way::Cached => &[true],
            Way::Both => &[false, true],
        };
        for (shape, &cached) in args.shape.iter().flat_map(|shape| ways.iter().map(move |way| (shape, way))) {
            let spec = random::spec(shape, cached, args.prefix + args.suffix, longest).map_err(usage)?;
            let mut network = Network::random(&spec, &device, float, threads(), weights).map_err(usage)?;
            let kept = if let Way::Kept = args.way { &args.vicinity[..] } else { &[] };
            let vicinities = std::iter::once(None).chain(kept.iter().copied().map(Some));
            for (vicinity, &span) in
                vicinities.flat_map(|vicinity| args.spans.iter().map(move |span| (vicinity, span)))
            {
                network.keep(vicinity);
                let measured = measure(&mut network, args, span).map_err(usage)?;
                let [low, middle, high] = [0.1, 0.5, 0.9].map(|share| measured.quantile(share));
                let per_s = args.per_step.min(span) as f64 * 1e3 / middle;
                let way = match vicinity {
                    Some(vicinity) => format!("kept {vicinity}"),
                    None => if cached { "cached" } else { "full" }.to_owned(),
                };
                let line = if args.json {
                    json!({
                        "engine": "quicksilver", "shape": shape, "way": way, "device": name, "float": float.to_string(),
                        "prefix": args.prefix, "suffix": args.suffix, "span": span, "read_ms": measured.read,
                        "ms": middle, "ms_low": low, "ms_high": high, "steps": measured.steps.len(),
                        "per_step": args.per_step, "tokens_per_s": per_s
                    })
                    .to_string()
                } else {
                    format!(
                        "| {shape} | {way} | {name} | {float} | {} | {} | {span} | {:.2} | {middle:.2} ({low:.2} to {high:.2}) | {per_s:.0} |",
                        args.prefix, args.suffix, measured.read
                    )
                };
                print(format!("{line}\n").as_bytes())?;
            }
        }
        Ok(())
    }

    /// In ms.
    struct Measured {
        /// Reading the context, nothing being known of it; near 0 where it is read anew in each step.
        read: f64,
        /// Steps, the quickest first.
        steps: Vec<f64>,
    }

    impl Measured {
        fn quantile(&self, share: f64) -> f64 {
            let last = self.steps.len().saturating_sub(1);
            self.steps.get((share * last as f64).round() as usize).copied().unwrap_or(f64::NAN)
        }
    }

    fn measure(network: &mut Network, args: &BenchArgs, span: usize) -> Result<Measured, EngineError> {
        let ids = |count: usize| vec![TokenId(SOME_TOKEN); count];
        let (suffix, prefix) = (ids(args.suffix), ids(args.prefix));
        // Once to warm up: a GPU's kernels are translated at their first call.
        let mut read = 0.0;
        for _ in 0..2 {
            network.forget();
            let begun = Instant::now();
            network.encode_context(&suffix, &prefix, span)?;
            network.wait()?;
            read = ms(begun);
        }
        let (context, _) = network.encode_context(&suffix, &prefix, span)?;
        let masks = vec![network.spec().mask; span];
        let rows: Vec<CanvasIdx> = (0..span).map(CanvasIdx).collect();
        let (mut logits, mut steps) = (Vec::new(), Vec::new());
        let budget = Duration::from_secs_f64(args.seconds);
        let mut begun = Instant::now();
        for step in 0.. {
            if step == WARM_UP {
                begun = Instant::now();
            }
            if step >= WARM_UP + LEAST && begun.elapsed() > budget {
                break;
            }
            let started = Instant::now();
            network.denoiser(&context).logits(&[&masks], &[&rows], &mut logits)?;
            if step >= WARM_UP {
                steps.push(ms(started));
            }
        }
        steps.sort_by(f64::total_cmp);
        Ok(Measured { read, steps })
    }

    fn ms(since: Instant) -> f64 {
        since.elapsed().as_secs_f64() * 1e3
    }

    /// One line for each folder; a folder beyond its bounds fails the command, after all have been compared.
    fn parity(args: &BenchArgs) -> Result<(), Failure> {
        let device: DeviceChoice = args.device.parse().map_err(usage)?;
        let (opened, name) = device.open().map_err(failure)?;
        let float = match &args.float {
            Some(float) => float.parse().map_err(usage)?,
            None => FloatType::usual(&opened),
        };
        float.on(&opened).map_err(usage)?;
        let mut apart = Vec::new();
        for folder in &args.parity {
            let reference = folder.join("reference.json");
            let recorded = std::fs::read(&reference).map_err(|error| error.to_string()).and_then(|bytes| {
                serde_json::from_slice::<Recorded>(&bytes).map_err(|error| error.to_string())
            });
            let recorded = recorded
                .map_err(|why| Failure::new(Exit::Input, format!("{}: {why}", reference.display())))?;
            let mut network = load(folder, device, float)?;
            let found = recorded.distance(&mut network).map_err(failure)?;
            let most = match float {
                FloatType::F32 => recorded.tolerance,
                FloatType::Bf16 => BF16_SHARE * found.spread,
            };
            // In bf16 two nearly equal tokens may change places.
            let sound = found.furthest <= most && (float != FloatType::F32 || found.same == found.rows);
            let model = folder.file_name().map_or("model".into(), |name| name.to_string_lossy());
            let line = if args.json {
                json!({
                    "parity": model, "device": name, "float": float.to_string(), "furthest": found.furthest, "most": most,
                    "rows": found.rows, "same_argmax": found.same, "sound": sound
                })
                .to_string()
            } else {
                format!(
                    "{} {model} on {name} in {float}: logits at most {:.1e} from PyTorch's ({most:.1e} allowed), likeliest token \
                     the same in {} of {} rows",
                    if sound { "ok  " } else { "BAD " },
                    found.furthest,
                    found.same,
                    found.rows
                )
            };
            print(format!("{line}\n").as_bytes())?;
            if !sound {
                apart.push(model.into_owned());
            }
        }
        if apart.is_empty() {
            return Ok(());
        }
        Err(Failure::new(
            Exit::Failed,
            format!("{} computes otherwise than PyTorch: {}", name, apart.join(", ")),
        ))
    }

    /// A folder's network, nothing banned, int8 widened.
    fn load(folder: &Path, device: DeviceChoice, float: FloatType) -> Result<Network, Failure> {
        let options = LoadOptions {
            device,
            float: Some(float),
            weights: Precision::Full,
            network: Some(NetworkUse::Denoise),
            ..LoadOptions::default()
        };
        let model = Model::load(&ModelSource::Dir(folder.to_owned()), options).map_err(failure)?;
        let mut network = model
            .network
            .ok_or_else(|| Failure::new(Exit::Model, format!("{}: has no weights", folder.display())))?;
        network.ban([]);
        Ok(network)
    }
}
