//! `quicksilver eval`: from a command line to a set of holes, an engine and a report.

use std::{path::Path, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::{
    Exit, Failure,
    args::AskArgs,
    eval_args::{CodeArgs, EvalArgs, EvalCommand, FormArgs, HoleArgs, RunArgs},
    infill, model, print,
};
use crate::{
    engine::{Api, Client, Endpoint, Engine, EngineState},
    eval::{
        Dataset, EvalError, Hole,
        ask::{Asker, Way},
        compare::compare,
        cut,
        figures::figures,
        humaneval::HumanEval,
        journal::{Configuration, Journal, Run},
        judge::Verdict,
        machine::Machine,
        packages::{Drawing, Packages},
        python::Python,
        report::{self, Form, Report},
        repository::Repository,
        run::{self, Reach, Tester},
        safim::Safim,
        trial::Trial,
        typing::{self, Journals},
    },
};

pub(super) async fn run(args: &EvalArgs) -> Result<(), Failure> {
    match &args.command {
        EvalCommand::Humaneval { file, code, run } => {
            let set = HumanEval::read(file, run.seed)?;
            let tester = python(code).await?;
            let notes = match tester {
                Tester::None => vec!["no program was run: pass@1 needs --run-code".to_owned()],
                _ => Vec::new(),
            };
            evaluate(&set, &tester, drawing(run, None), notes, run).await
        }
        EvalCommand::Safim { file, run } => {
            evaluate(&Safim::read(file, run.seed)?, &Tester::None, drawing(run, None), Vec::new(), run).await
        }
        EvalCommand::Packages { folder, typing, holes, run } => {
            let set = Packages::read(folder, &which(holes, run))?;
            if *typing {
                return type_out(&set, &drawing(run, Some(holes)), run).await;
            }
            let left_out = match set.excluded() {
                0 => Vec::new(),
                holes => vec![format!("{holes} holes are left out: their files are told to no engine")],
            };
            evaluate(&set, &Tester::None, drawing(run, Some(holes)), left_out, run).await
        }
        EvalCommand::Repository { folder, holes, test_command, test_seconds, run, .. } => {
            let set = Repository::read(folder, &which(holes, run))?;
            let limit = Duration::from_secs(*test_seconds);
            let tester = match test_command {
                None => Tester::None,
                Some(command) => {
                    let holes = set.holes().len().min(run.limit.unwrap_or(usize::MAX));
                    Tester::Trial(Mutex::new(Trial::new(folder, &set, holes, command, limit).await?))
                }
            };
            evaluate(&set, &tester, drawing(run, Some(holes)), Vec::new(), run).await
        }
        EvalCommand::Compare { first, second, form } => {
            print(report::print(&compare(first, second)?, form_of(form)).as_bytes())
        }
    }
}

async fn python(code: &CodeArgs) -> Result<Tester, Failure> {
    if !code.run_code {
        return Ok(Tester::None);
    }
    let gaoler = std::env::current_exe().map_err(|error| EvalError::NoSandbox(error.to_string()))?;
    Ok(Tester::Python(Python::find(gaoler, &code.python, Duration::from_secs(code.seconds)).await?))
}

fn which(holes: &HoleArgs, run: &RunArgs) -> Drawing {
    Drawing {
        holes: holes.holes as usize,
        kinds: holes.kinds.iter().copied().map(cut::Kind::from).collect(),
        languages: holes.languages.clone(),
        seed: run.seed,
    }
}

fn drawing(run: &RunArgs, holes: Option<&HoleArgs>) -> String {
    let seed = run.seed;
    match holes {
        None => format!("seed {seed}"),
        Some(HoleArgs { holes, kinds, languages, .. }) => {
            let kinds: Vec<&str> = kinds.iter().map(|kind| cut::Kind::from(*kind).name()).collect();
            let languages =
                if languages.is_empty() { "all languages".to_owned() } else { languages.join(", ") };
            format!("at most {holes} holes of each of {} in {languages}, seed {seed}", kinds.join(", "))
        }
    }
}

async fn evaluate(
    set: &dyn Dataset,
    tester: &Tester,
    drawing: String,
    notes: Vec<String>,
    args: &RunArgs,
) -> Result<(), Failure> {
    let (asker, model, device) = reach(args).await?;
    let run = described(set, drawing, tester.describe(), (model, &device), args);
    let path = args.journal.clone().unwrap_or_else(|| format!("eval-{}.jsonl", set.name()).into());
    let mut journal = Journal::open(&path, &run)?;
    let reach = Reach { limit: args.limit.unwrap_or(usize::MAX), parallel: args.parallel.into() };
    let known = |hole: &Hole| journal.has_answer(&hole.id);
    let bar = Bar::new(set, &known, reach.limit, &path);
    let verdicts =
        run::run(set, &asker, tester, &mut journal, reach, &mut |verdict| bar.step(verdict)).await?;
    bar.0.finish_and_clear();
    let report = Report { run, figures: figures(&verdicts), notes };
    print(report.print(form_of(&args.form)).as_bytes())
}

/// Types all holes out; the report is that of two runs, without and with what was suggested before.
async fn type_out(set: &Packages, drawing: &str, args: &RunArgs) -> Result<(), Failure> {
    let (asker, model, device) = reach(args).await?;
    let journal = |from: &str, path: &Path| {
        let drawing = format!("{drawing}; typed out, {from}");
        Journal::open(path, &described(set, drawing, String::new(), (model.clone(), &device), args))
    };
    let path = args.journal.clone().unwrap_or_else(|| "eval-typing.jsonl".into());
    let mut beside = path.clone().into_os_string();
    beside.push(".cold");
    let mut journals = Journals {
        cold: journal("from masks", Path::new(&beside))?,
        warm: journal("from what was suggested before", &path)?,
    };
    let reach = Reach { limit: args.limit.unwrap_or(usize::MAX), parallel: args.parallel.into() };
    let known = |hole: &Hole| typing::is_known(&journals, hole);
    let bar = Bar::new(set, &known, reach.limit, &path);
    let counts = typing::run(set, &asker, &mut journals, reach, &mut || bar.0.inc(1)).await?;
    bar.0.finish_and_clear();
    drop(journals);
    let typing::Counts { keys, reused, silent, cold, pairs } = counts;
    eprintln!(
        "of {keys} keys {reused} were answered by what was shown, {silent} by silence, {cold} asked with nothing to begin from; \
         {pairs} questions were asked both ways"
    );
    print(report::print(&compare(Path::new(&beside), &path)?, form_of(&args.form)).as_bytes())
}

/// The head of a run.
fn described(
    set: &dyn Dataset,
    drawing: String,
    judged_by: String,
    (model, device): (String, &str),
    args: &RunArgs,
) -> Run {
    let configuration = Configuration {
        set: set.name().to_owned(),
        set_digest: set.digest().to_owned(),
        drawing,
        engine: args.ask.endpoint.clone().unwrap_or_else(|| "this machine".to_owned()),
        api: args.api.name().to_owned(),
        model,
        model_digest: if args.ask.endpoint.is_some() {
            String::new()
        } else {
            model::digest(args.ask.model.as_deref())
        },
        device: args.ask.device.clone(),
        deadline_ms: args.deadline_ms,
        judged_by,
        version: format!("{} build {}", env!("CARGO_PKG_VERSION"), build()),
    };
    Run {
        hash: configuration.hash(),
        configuration,
        machine: Machine::here(device),
        parallel: args.parallel.into(),
    }
}

/// Tells builds of one version apart: another build may answer otherwise.
fn build() -> String {
    let own = std::env::current_exe().and_then(std::fs::read).unwrap_or_default();
    Sha256::digest(own).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// A way to ask, the model's name, and the device.
async fn reach(args: &RunArgs) -> Result<(Asker, String, String), Failure> {
    let AskArgs { model, .. } = &args.ask;
    let deadline = Duration::from_millis(args.deadline_ms);
    let api = args.api.api();
    let mut endpoint = infill::endpoint(&args.ask)?;
    if let Endpoint::Remote(remote) = &mut endpoint {
        remote.api = api;
        // Not every server of another make says which models it has.
        if let (Some(model), true) = (model, api != Api::Quicksilver) {
            let asker = Asker::new(Way::Client(Client::new(remote)?), api, deadline);
            return Ok((asker, model.clone(), "remote".to_owned()));
        }
    }
    let engine = Engine::supervise(endpoint);
    let (_, state) = infill::ready(&engine, &args.ask).await?;
    let EngineState::Ready { model, device } = state else {
        return Err(Failure::new(Exit::Engine, "the engine is not ready"));
    };
    Ok((Asker::new(Way::Engine(engine), api, deadline), model, device))
}

fn form_of(form: &FormArgs) -> Form {
    match (form.json, form.markdown) {
        (true, _) => Form::Json,
        (_, true) => Form::Markdown,
        _ => Form::Text,
    }
}

/// Progress on standard error, where that is a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(set: &dyn Dataset, known: &dyn Fn(&Hole) -> bool, limit: usize, path: &Path) -> Self {
        let holes = &set.holes()[..limit.min(set.holes().len())];
        let done = holes.iter().filter(|hole| known(hole)).count();
        let (all, path) = (holes.len(), path.display());
        eprintln!("{all} holes, {done} of them judged already; verdicts go to {path}");
        let bar = ProgressBar::new(all as u64).with_position(done as u64);
        let style = ProgressStyle::with_template("{bar:32} {pos}/{len} {per_sec}, {eta} left {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.reset_eta();
        Self(bar)
    }

    fn step(&self, verdict: &Verdict) {
        self.0.inc(1);
        if let Some(error) = &verdict.error {
            self.0.set_message(format!("· last without an answer: {error}"));
        }
    }
}
