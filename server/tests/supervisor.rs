//! The supervisor against real processes: this executable is also the engine, with the real front over a
//! scripted infiller. Runs its own `main`, because an engine's first line of output is part of the protocol.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test ends at the first surprise"
)]

#[cfg(not(all(unix, feature = "engine")))]
fn main() {}

#[cfg(all(unix, feature = "engine"))]
fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("engine") => scripted::run(&args),
        Some("hold") => checks::hold(&args[2]),
        _ if std::env::var_os("IN_PRIVATE_FOLDER").is_some() => checks::all(),
        _ => in_private_folder(),
    }
}

/// Engines of this test and of the machine's user must not meet.
#[cfg(all(unix, feature = "engine"))]
fn in_private_folder() {
    let folder = tempfile::tempdir().unwrap();
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .env("XDG_RUNTIME_DIR", folder.path())
        .env("IN_PRIVATE_FOLDER", "1")
        .status()
        .unwrap();
    assert!(status.success());
}

#[cfg(all(unix, feature = "engine"))]
mod scripted {
    use std::time::{Duration, Instant};

    use quicksilver_engine::{
        EngineError,
        http::{About, Address, Keys, Life, Listener, serve},
        queue::{Infill, Infilled, Queue, Terms},
    };
    use quicksilver_protocol::{
        completion::{FimRequest, FinishReason, Frame},
        engine::Ready,
    };

    struct Script;

    impl Infill for Script {
        /// `long` runs until its deadline, `frames` shows five steps; anything else is answered at once.
        fn infill(&mut self, request: &FimRequest, terms: &mut Terms<'_>) -> Result<Infilled, EngineError> {
            while request.prompt == "long" && Instant::now() < terms.deadline && !terms.cancel.is_cancelled()
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            if let (Some(frames), "frames") = (&mut terms.frames, &*request.prompt) {
                for step in 1..=5 {
                    frames(Frame { step, runs: Vec::new() });
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
            Ok(Infilled {
                text: "filled".into(),
                others: Vec::new(),
                finish: FinishReason::Stop,
                steps: 1,
                prompt_tokens: 1,
                cached_tokens: 0,
                span_tokens: 1,
                confidence: 1.0,
                show: true,
                source: "prior",
                holes: Vec::new(),
                margin: None,
                doubts: Vec::new(),
            })
        }

        fn check(&mut self) -> Result<(), EngineError> {
            Ok(())
        }

        fn reset(&mut self) {}
    }

    /// `quicksilver engine`, but for the model, which says how to fail: `bad` is no model, `crash` ends at once.
    pub(super) fn run(args: &[String]) {
        let value = |name: &str| args.iter().position(|arg| arg == name).map(|at| args[at + 1].clone());
        match value("--model").as_deref() {
            Some("bad") => {
                eprintln!("model.safetensors: not there");
                std::process::exit(4);
            }
            Some("crash") => {
                eprintln!("out of luck");
                std::process::abort();
            }
            _ => {}
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let keys = Keys::parse(&std::env::var("QUICKSILVER_KEY").unwrap());
            let address: Address = value("--listen").unwrap().parse().unwrap();
            let listener = Listener::open(&address, &keys).await.unwrap();
            let queue = Queue::start(|| Ok(Script)).unwrap();
            let ready = Ready {
                address: listener.address().to_string(),
                model: "scripted".into(),
                device: "cpu".into(),
                pid: std::process::id(),
                version: env!("CARGO_PKG_VERSION").into(),
            };
            println!("{}", serde_json::to_string(&ready).unwrap());
            let about = About { model: "scripted".into(), device: "cpu".into() };
            serve(listener, queue, about, keys, Life::WhileLeased, std::future::pending()).await.unwrap();
        });
    }
}

#[cfg(all(unix, feature = "engine"))]
mod checks {
    use std::{
        io::{BufRead, BufReader},
        process::{Command, Stdio},
        time::{Duration, Instant},
    };

    use quicksilver::engine::{AskError, Endpoint, Engine, EngineState, How, Local};
    use quicksilver_protocol::completion::{FimRequest, Frame};
    use rustix::process::{Pid, Signal, kill_process, test_kill_process};

    const LONG: Duration = Duration::from_secs(20);

    pub(super) fn all() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let check = |name: &str, work: &mut dyn FnMut()| {
            let begun = Instant::now();
            work();
            println!("test {name} ... ok ({:.1} s)", begun.elapsed().as_secs_f64());
        };
        check("an_engine_is_started_asked_and_ends_with_its_last_lease", &mut || {
            runtime.block_on(starts_and_ends())
        });
        check("frames_arrive_and_a_dropped_question_frees_the_device", &mut || {
            runtime.block_on(frames_and_drop())
        });
        check("two_servers_share_one_engine", &mut || runtime.block_on(shared()));
        check("a_server_killed_outright_leaves_no_orphan", &mut || runtime.block_on(no_orphan()));
        check("twenty_kills_cost_answers_only", &mut || runtime.block_on(twenty_kills()));
        check("a_stopped_engine_costs_its_deadline_only", &mut || runtime.block_on(stopped()));
        check("a_bad_model_is_said_at_once_and_not_tried_again", &mut || runtime.block_on(bad_model()));
        check("an_engine_that_cannot_live_is_given_up_with_its_last_words", &mut || {
            runtime.block_on(crash())
        });
    }

    fn engine(model: &str) -> Engine {
        let program = std::env::current_exe().unwrap();
        Engine::supervise(Endpoint::Local(Local {
            program,
            model: Some(model.into()),
            how: How { device: "cpu".into(), weights: "auto".into(), vicinity: None },
        }))
    }

    fn request(prompt: &str) -> FimRequest {
        FimRequest { prompt: prompt.into(), ..FimRequest::default() }
    }

    async fn works(engine: &Engine) {
        engine.ready(LONG).await.map(drop).unwrap();
        let answer = engine.infill(&request("a"), Duration::from_secs(2), None).await.unwrap();
        assert_eq!(answer.choices[0].text, "filled");
    }

    /// Engines of this test: processes whose command line is ours, found by the system's own list.
    fn pids(model: &str) -> Vec<Pid> {
        let ours = |pid: i32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            let exe = std::env::current_exe().unwrap();
            line.starts_with(&*exe.to_string_lossy())
                && line.contains(" engine ")
                && line.contains(&format!("--model {model}"))
        };
        let all = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        all.filter(|pid| ours(*pid)).filter_map(Pid::from_raw).collect()
    }

    fn the_only(model: &str) -> Pid {
        let pids = pids(model);
        assert_eq!(pids.len(), 1, "{pids:?}");
        pids[0]
    }

    /// Two seconds of grace, as many to drain, and the rest for a machine that is busy with other things.
    async fn gone(pid: Pid) {
        let until = Instant::now() + Duration::from_secs(10);
        // What has ended and waits for its parent to notice holds nothing any more; an init may take its time.
        while test_kill_process(pid).is_ok() && state(&format!("/proc/{}", pid.as_raw_nonzero())) != Some('Z')
        {
            assert!(Instant::now() < until, "still there");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the system says a process or thread is doing: `R`uns, `S`leeps, s`T`ands still, `Z` has ended.
    fn state(folder: &str) -> Option<char> {
        let line = std::fs::read_to_string(format!("{folder}/stat")).ok()?;
        line.rsplit(") ").next()?.chars().next()
    }

    async fn starts_and_ends() {
        let engine = engine("one");
        assert_eq!(*engine.state().borrow(), EngineState::Starting);
        assert_eq!(engine.infill(&request("a"), LONG, None).await, Err(AskError::NotReady));
        works(&engine).await;
        let pid = the_only("one");
        drop(engine);
        gone(pid).await;
    }

    async fn frames_and_drop() {
        let engine = engine("frames");
        works(&engine).await;
        let mut steps = Vec::new();
        let mut on_frame = |frame: Frame| steps.push(frame.step);
        let answer =
            engine.infill(&request("frames"), Duration::from_secs(2), Some(&mut on_frame)).await.unwrap();
        assert_eq!(answer.choices[0].text, "filled");
        assert!(steps.len() >= 3 && steps.is_sorted(), "{steps:?}");
        let long = request("long");
        let question = engine.infill(&long, Duration::from_secs(9), None);
        assert!(
            tokio::time::timeout(Duration::from_millis(50), question).await.is_err(),
            "dropped while it runs"
        );
        let begun = Instant::now();
        works(&engine).await;
        assert!(begun.elapsed() < Duration::from_millis(200), "{:?}", begun.elapsed());
    }

    async fn shared() {
        let (first, second) = (engine("shared"), engine("shared"));
        works(&first).await;
        works(&second).await;
        let pid = the_only("shared");
        drop(first);
        tokio::time::sleep(Duration::from_millis(2500)).await;
        works(&second).await;
        assert_eq!(the_only("shared"), pid);
        drop(second);
        gone(pid).await;
    }

    /// A server of its own process, for `no_orphan`.
    pub(super) fn hold(model: &str) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let engine = engine(model);
            works(&engine).await;
            println!("holding");
            std::future::pending::<()>().await;
        });
    }

    async fn no_orphan() {
        let mut server = Command::new(std::env::current_exe().unwrap())
            .args(["hold", "orphan"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "holding\n");
        let pid = the_only("orphan");
        server.kill().unwrap();
        server.wait().unwrap();
        gone(pid).await;
    }

    async fn twenty_kills() {
        let engine = engine("killed");
        let (mut slowest_refusal, mut slowest_return) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..20 {
            works(&engine).await;
            let pid = the_only("killed");
            let asked = engine.clone();
            let pending =
                tokio::spawn(
                    async move { asked.infill(&request("long"), Duration::from_secs(9), None).await },
                );
            tokio::time::sleep(Duration::from_millis(30)).await;
            let killed = Instant::now();
            kill_process(pid, Signal::KILL).unwrap();
            let answer = pending.await.unwrap();
            assert!(matches!(answer, Err(AskError::Unreachable(_))), "{answer:?}");
            slowest_refusal = slowest_refusal.max(killed.elapsed());
            let mut state = engine.state();
            state.wait_for(|state| !matches!(state, EngineState::Ready { .. })).await.unwrap();
            works(&engine).await;
            slowest_return = slowest_return.max(killed.elapsed());
        }
        println!("20 kills: pending answered within {slowest_refusal:?}, back within {slowest_return:?}");
        assert!(slowest_refusal < Duration::from_millis(100), "{slowest_refusal:?}");
    }

    /// Stops a process, and waits until the last of its threads stands still: the signal alone returns before that.
    fn stop(pid: Pid) {
        kill_process(pid, Signal::STOP).unwrap();
        let threads = format!("/proc/{}/task", pid.as_raw_nonzero());
        let runs = |thread: std::fs::DirEntry| {
            state(&thread.path().display().to_string()).is_some_and(|state| state != 'T')
        };
        while std::fs::read_dir(&threads).unwrap().any(|thread| runs(thread.unwrap())) {
            std::thread::yield_now();
        }
    }

    async fn stopped() {
        let engine = engine("stopped");
        works(&engine).await;
        let pid = the_only("stopped");
        stop(pid);
        let begun = Instant::now();
        let deadline = Duration::from_millis(300);
        assert_eq!(engine.infill(&request("a"), deadline, None).await, Err(AskError::Timeout(deadline)));
        assert!(begun.elapsed() < Duration::from_millis(400), "{:?}", begun.elapsed());
        kill_process(pid, Signal::CONT).unwrap();
        works(&engine).await;
    }

    async fn bad_model() {
        let engine = engine("bad");
        let failed = engine.ready(LONG).await.err();
        assert_eq!(
            failed,
            Some(AskError::CannotStart("the model cannot be loaded: model.safetensors: not there".into()))
        );
        assert!(pids("bad").is_empty());
    }

    async fn crash() {
        let engine = engine("crash");
        let Some(AskError::CannotStart(reason)) = engine.ready(LONG).await.err() else { panic!("it lives") };
        assert!(reason.contains("too often") && reason.contains("out of luck"), "{reason}");
        let mut state = engine.state();
        state.mark_unchanged();
        engine.retry();
        state.changed().await.unwrap();
        assert_eq!(*state.borrow(), EngineState::Starting, "until the user says so");
    }
}
