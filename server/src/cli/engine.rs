//! `quicksilver engine`: a model behind HTTP. The only command with tensor code behind it.

#[cfg(not(feature = "engine"))]
use super::{Exit, Failure, args::EngineArgs};

/// Without the feature `engine` this is a thin client.
#[cfg(not(feature = "engine"))]
pub(super) fn run(_args: &EngineArgs) -> Result<(), Failure> {
    Err(Failure::new(
        Exit::Model,
        "this build has no engine; set `quicksilver.endpoint` (or --endpoint) to one that runs elsewhere, or build \
         with the feature `engine`",
    ))
}

#[cfg(feature = "engine")]
pub(super) use with_tensors::{Source, failure, run, source};

#[cfg(feature = "engine")]
mod with_tensors {
    use std::io::Write;
    use std::time::{Duration, Instant};

    use quicksilver_engine::{
        EngineError,
        http::{About, Address, Keys, Life, Listener, serve},
        infill::Infiller,
        model::{LoadOptions, ModelSource},
        queue::Queue,
    };
    use quicksilver_protocol::engine::Ready;

    use crate::models::Pulled;

    use super::super::{Exit, Failure, args::EngineArgs, models, quantize};

    /// Names of the model that is built in.
    const EMBEDDED: [&str; 2] = ["embedded", "quicksilver"];
    const CHECK_TIMEOUT: Duration = Duration::from_secs(60);
    const ORPHANED: &str = "the server that started this engine is gone";
    /// How often an engine that loads looks whether its server is still there.
    #[cfg(unix)]
    const LOOK_EVERY: Duration = Duration::from_millis(200);

    pub(in super::super) fn run(args: &EngineArgs) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime =
            runtime.map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
        let result = runtime.block_on(serve_model(args));
        // The watch on standard input blocks a thread that nothing can wake.
        runtime.shutdown_background();
        result
    }

    async fn serve_model(args: &EngineArgs) -> Result<(), Failure> {
        let address: Address = args
            .listen
            .parse()
            .map_err(|reason: String| Failure::new(Exit::Usage, format!("--listen: {reason}")))?;
        let keys = keys(args)?;
        // First the address, which is cheap to be wrong about; then the model.
        let listener = Listener::open(&address, &keys).await.map_err(failure)?;
        let orphaned = orphaned(args.while_leased);
        tokio::pin!(orphaned);
        let begun = Instant::now();
        let source = source(args.model.as_deref())?;
        let options = options(args).map_err(failure)?;
        let loading = tokio::task::spawn_blocking(move || load(source, options));
        let loaded = tokio::select! {
            loaded = loading => loaded,
            () = &mut orphaned => return Err(Failure::new(Exit::Failed, ORPHANED)),
        };
        let (queue, about) = loaded
            .map_err(|error| Failure::new(Exit::Failed, format!("loading the model failed: {error}")))?
            .map_err(failure)?;
        queue.check(Instant::now() + CHECK_TIMEOUT).map_err(failure)?.answer().await.map_err(failure)?;
        let ready = Ready {
            address: listener.address().to_string(),
            model: about.model.clone(),
            device: about.device.clone(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let line =
            serde_json::to_string(&ready).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        tracing::info!(address = ready.address, ms = begun.elapsed().as_millis(), "ready");
        if keys.is_empty() {
            tracing::warn!(
                "no key: every program of this machine may ask; set QUICKSILVER_KEY to change that"
            );
        }
        let life = if args.while_leased { Life::WhileLeased } else { Life::UntilStopped };
        let heard = std::io::stdout()
            .write_all(format!("{line}\n").as_bytes())
            .and_then(|()| std::io::stdout().flush());
        if life == Life::WhileLeased && heard.is_err() {
            return Err(Failure::new(Exit::Failed, ORPHANED));
        }
        serve(listener, queue, about, keys, life, told_to_stop(args.die_with_parent)).await.map_err(failure)
    }

    fn keys(args: &EngineArgs) -> Result<Keys, Failure> {
        let lines = match &args.key_file {
            Some(file) => std::fs::read_to_string(file).map_err(|error| {
                Failure::new(Exit::Usage, format!("--key-file {}: {error}", file.display()))
            })?,
            None => std::env::var("QUICKSILVER_KEY").unwrap_or_default(),
        };
        let keys = Keys::parse(&lines);
        if keys.is_empty() && args.key_file.is_some() {
            return Err(Failure::new(Exit::Usage, "--key-file: there is no key in it; one key per line"));
        }
        Ok(keys)
    }

    pub(in super::super) fn failure(error: EngineError) -> Failure {
        let exit = match error {
            EngineError::ModelFile { .. } | EngineError::TooLarge(_) => Exit::Model,
            EngineError::Listen { .. } => Exit::Listen,
            // A device that is not there: another start would only say it again.
            EngineError::Device { .. } => Exit::Usage,
            _ => Exit::Failed,
        };
        Failure::new(exit, error.to_string())
    }

    /// Resolves when the process that started us is gone: until somebody leases it, an engine that lives by leases is its own.
    #[cfg(unix)]
    async fn orphaned(while_leased: bool) {
        let parent = rustix::process::getppid();
        while !while_leased || rustix::process::getppid() == parent {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    #[cfg(not(unix))]
    async fn orphaned(_while_leased: bool) {
        std::future::pending().await
    }

    /// SIGTERM, Ctrl-C, or the end of standard input when that means the end of our parent.
    async fn told_to_stop(die_with_parent: bool) {
        let parent = async {
            if die_with_parent {
                let mut stdin = tokio::io::stdin();
                let _ = tokio::io::copy(&mut stdin, &mut tokio::io::sink()).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = parent => tracing::info!("standard input closed"),
            () = terminated() => tracing::info!("told to stop"),
            _ = tokio::signal::ctrl_c() => tracing::info!("interrupted"),
        }
    }

    #[cfg(unix)]
    async fn terminated() {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    }

    #[cfg(not(unix))]
    async fn terminated() {
        std::future::pending().await
    }

    fn options(args: &EngineArgs) -> Result<LoadOptions, EngineError> {
        Ok(LoadOptions {
            device: args.device.parse()?,
            weights: args.weights.parse()?,
            vicinity: args.vicinity.map(usize::from),
            ..LoadOptions::default()
        })
    }

    fn load(source: Source, options: LoadOptions) -> Result<(Queue, About), EngineError> {
        let (send, about) = std::sync::mpsc::sync_channel(1);
        // On the worker's thread: a device's handles may not change threads.
        let queue = Queue::start(move || {
            let mut model = quantize::load(&source, options)?;
            model.name = source.name.unwrap_or(model.name);
            let _ = send.send(About { model: model.name.clone(), device: model.device.clone() });
            Ok(Infiller::of(model))
        })?;
        let about = about.recv().map_err(|_| EngineError::Internal("no model was loaded".to_owned()))?;
        Ok((queue, about))
    }

    /// Where a model's files are, and its name where that is not its folder's.
    pub(in super::super) struct Source {
        pub(in super::super) from: ModelSource,
        pub(in super::super) name: Option<String>,
        /// Where it was pulled.
        pub(in super::super) pulled: Option<Pulled>,
    }

    /// The embedded model by its names, a folder, or a pulled model by its ID.
    pub(in super::super) fn source(model: Option<&str>) -> Result<Source, Failure> {
        let folder = match model {
            Some(text) if !EMBEDDED.contains(&text) => text,
            _ => return Ok(Source { from: ModelSource::Embedded, name: None, pulled: None }),
        };
        if !std::path::Path::new(folder).exists()
            && let Some(pulled) = models::pulled(folder)
        {
            let pulled = pulled?;
            let (from, name) = (ModelSource::Dir(pulled.folder.clone()), Some(pulled.manifest.id.clone()));
            return Ok(Source { from, name, pulled: Some(pulled) });
        }
        Ok(Source { from: ModelSource::Dir(folder.into()), name: None, pulled: None })
    }
}
