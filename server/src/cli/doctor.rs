//! `quicksilver doctor`: checks what a completion needs, one line each, and says what is wrong.

use std::time::{Duration, Instant};

use quicksilver_protocol::completion::{FimRequest, Span};

use super::{Exit, Failure, args::DoctorArgs, infill, model, print};
use crate::engine::{Engine, EngineState};

const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let engine_here =
        if cfg!(feature = "engine") { "with its own engine" } else { "thin client, no engine inside" };
    good(&format!("quicksilver {} ({engine_here})", env!("CARGO_PKG_VERSION")))?;
    if let Some(memory) = model::memory() {
        good(&memory.to_string())?;
    }
    if let Some(gpu) = gpu() {
        good(&gpu)?;
    }
    match tokio::net::TcpListener::bind("127.0.0.1:0").await {
        Ok(_) => good("loopback can be listened on")?,
        Err(error) => bad(&format!("loopback cannot be listened on: {error}"))?,
    }
    let begun = Instant::now();
    let engine = Engine::supervise(infill::endpoint(&args.ask)?);
    let (client, state) = match infill::ready(&engine, &args.ask).await {
        Ok(ready) => ready,
        Err(failure) => {
            bad(&format!("engine: {failure}"))?;
            return Err(failure);
        }
    };
    if let EngineState::Ready { model, device } = &state {
        let ms = begun.elapsed().as_millis();
        good(&format!("engine answers after {ms} ms: model {model} on {device}"))?;
    }
    client.check(CHECK_TIMEOUT).await?;
    good("one denoise step gave its known answer")?;
    let begun = Instant::now();
    let response = client.infill(&sample(), CHECK_TIMEOUT, None).await?;
    let text = response.choices.first().map_or("", |choice| choice.text.as_str());
    let ms = begun.elapsed().as_secs_f64() * 1e3;
    if text.is_empty() {
        bad("a sample hole was left empty")?;
        return Err(Failure::new(Exit::Failed, "the engine answers, but fills nothing in"));
    }
    good(&format!("a sample hole was filled in {ms:.1} ms with {text:?}"))
}

/// Whether a GPU can compute, and if not why; no fault, for the CPU does without.
fn gpu() -> Option<String> {
    #[cfg(feature = "engine")]
    let gpu = Some(match quicksilver_engine::device::DeviceChoice::Cuda(0).open() {
        Ok((_, name)) => format!("GPU {name} can be used"),
        Err(_) if !cfg!(feature = "cuda") => "no GPU is used: this build has no CUDA".to_owned(),
        Err(error) => format!("no GPU is used; {error}"),
    });
    #[cfg(not(feature = "engine"))]
    let gpu = None;
    gpu
}

fn good(what: &str) -> Result<(), Failure> {
    print(format!("ok   {what}\n").as_bytes())
}

fn bad(what: &str) -> Result<(), Failure> {
    print(format!("BAD  {what}\n").as_bytes())
}

/// A hole whose filling stands in the text itself.
fn sample() -> FimRequest {
    let before = "let mercury = quicksilver;\nlet gallium = 31;\nlet mercury =";
    FimRequest {
        prompt: before.to_owned(),
        suffix: Some("\n".to_owned()),
        path: Some("sample.rs".to_owned()),
        language: Some("rust".to_owned()),
        span: Some(Span::Rest),
        ..FimRequest::default()
    }
}
