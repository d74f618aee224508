//! Holes in readable text, on the sample tokenizer; `$0` is the hole. Networks are scripted here.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use expect_test::expect;
use proptest::prelude::*;
use quicksilver_protocol::completion::{ContextFile, FimRequest, FinishReason, Frame, RunKind, Span, Stop};
use serde_json::json;

use super::{
    scripted::{Scripted, VOCAB},
    *,
};
use crate::{
    model::{ModelSpec, NetworkUse, Topology, reference},
    queue::{Cancel, Infill, Infilled, Terms},
    tokens::{TokenId, Tokenizer, sample},
};

pub(super) fn config() -> serde_json::Value {
    let mut config = reference::config(Topology::ContextExact);
    config["vocab_size"] = VOCAB.into();
    config["span_gap"] = 128.into();
    config["context_window"] = 256.into();
    config["decode"] = json!({"max_span": 48, "canvas": [8], "network": "denoise", "network_weight": 1.0});
    config
}

pub(super) fn settings(role: NetworkUse) -> Settings {
    let json = serde_json::to_vec(&config()).unwrap();
    Settings { role, ..Settings::of(&ModelSpec::from_bytes(&json, Path::new("config.json")).unwrap()) }
}

/// A network that has one text in mind for every hole, and is never in doubt.
fn knows(text: Vec<TokenId>) -> Box<dyn Network> {
    let marks = settings(NetworkUse::Denoise).marks;
    Box::new(Scripted::new(move |span, at, row| {
        let wanted = match text.get(at) {
            None => marks.delete,
            Some(_) if at + 1 == span.len() && text.len() > span.len() => marks.expand,
            Some(&token) => Some(token),
        };
        if let Some(token) = text.get(at) {
            row[token.0 as usize] = 9.0;
        }
        row[wanted.unwrap().0 as usize] = 14.0;
    }))
}

pub(super) fn by_prior() -> Infiller {
    Infiller::new(Arc::new(sample::tokenizer()), settings(NetworkUse::Off), None)
}

pub(super) fn with_network(role: NetworkUse, text: &str) -> Infiller {
    let tokenizer = sample::tokenizer();
    let text = tokenizer.encode(text);
    Infiller::new(Arc::new(tokenizer), settings(role), Some(knows(text)))
}

pub(super) fn request(file: &str, span: Span) -> FimRequest {
    let (before, after) = file.split_once("$0").unwrap();
    FimRequest {
        prompt: before.to_owned(),
        suffix: Some(after.to_owned()),
        span: Some(span),
        ..FimRequest::default()
    }
}

pub(super) fn run(infiller: &mut Infiller, request: &FimRequest) -> (Infilled, Vec<Frame>) {
    let mut frames = Vec::new();
    let mut keep = |frame| frames.push(frame);
    let cancel = Cancel::default();
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut terms = Terms { deadline, cancel: &cancel, frames: Some(&mut keep) };
    let infilled = infiller.infill(request, &mut terms).unwrap();
    (infilled, frames)
}

pub(super) fn text(infiller: &mut Infiller, request: &FimRequest) -> String {
    run(infiller, request).0.text
}

/// A frame as text: `{masked}`, `[changed]`, `committed`.
pub(super) fn shown(frames: &[Frame]) -> String {
    let run = |run: &quicksilver_protocol::completion::Run| match run.kind {
        RunKind::Masked => format!("{{{}}}", run.text),
        RunKind::Changed => format!("[{}]", run.text),
        RunKind::Committed => run.text.clone(),
    };
    let line =
        |frame: &Frame| format!("{}: {}\n", frame.step, frame.runs.iter().map(run).collect::<String>());
    frames.iter().map(line).collect()
}

pub(super) const FILE: &str = "\
fn a(&self) {
    let lock = self.inner.lock();
    lock.push(1);
}
fn b(&self) {
    let lo$0
    lock.push(2);
}
";

#[test]
fn the_prior_completes_a_line_that_stands_elsewhere_and_shows_its_draft_first() {
    let (infilled, frames) = run(&mut by_prior(), &request(FILE, Span::Rest));
    assert_eq!(infilled.text, "ck = self.inner.lock();");
    assert_eq!(infilled.source, "prior");
    assert_eq!(infilled.finish, FinishReason::Stop);
    assert!((1..=2).contains(&infilled.steps), "{} steps", infilled.steps);
    assert_eq!(frames[0].runs.len(), 1);
    assert_eq!(
        (frames[0].runs[0].kind, &*frames[0].runs[0].text),
        (RunKind::Masked, "ck = self.inner.lock();")
    );
    let last = frames.last().unwrap();
    assert_eq!(last.step, infilled.steps);
    assert_eq!(last.runs.iter().map(|run| &*run.text).collect::<String>(), infilled.text);
    assert!(last.runs.iter().all(|run| run.kind != RunKind::Masked));
}

#[test]
fn alternatives_are_other_lines_of_the_pool_none_twice() {
    let file = "let a = read(first);\nlet b = read(second);\nlet a = read(first);\nlet b = read(second);\nlet c = $0\n";
    let asked = |n| FimRequest { n, ..request(file, Span::Rest) };
    let mut infiller = by_prior();
    let (many, _) = run(&mut infiller, &asked(Some(4)));
    let mut all = vec![many.text.clone()];
    all.extend(many.others.clone());
    for line in ["read(first);", "read(second);"] {
        assert_eq!(all.iter().filter(|text| *text == line).count(), 1, "{all:?}");
    }
    assert!(all.len() <= 4, "{all:?}");
    let (one, _) = run(&mut infiller, &asked(None));
    assert_eq!((&one.text, one.others.len(), one.confidence), (&many.text, 0, many.confidence));
}

#[test]
fn other_files_help_but_not_the_saved_copy_of_this_one() {
    let hole = "use std::collections::Ha$0\n\nfn main() {}\n";
    let other = |path: &str| ContextFile {
        path: path.to_owned(),
        text: "use std::fmt;\nuse std::collections::HashMap;\n".to_owned(),
    };
    let mut asked = request(hole, Span::Rest);
    asked.path = Some("src/main.rs".to_owned());
    asked.context = vec![other("src/lib.rs")];
    assert_eq!(text(&mut by_prior(), &asked), "shMap;");
    asked.context = vec![other("src/main.rs")];
    assert_ne!(text(&mut by_prior(), &asked), "shMap;");
}

#[test]
fn windows_line_ends_come_back_as_windows_line_ends() {
    let crlf = FILE.replace('\n', "\r\n");
    assert_eq!(text(&mut by_prior(), &request(&crlf, Span::Rest)), "ck = self.inner.lock();");
    let mut asked = request("a\r\n$0\r\nb\r\n", Span::Tokens(40));
    let mut network = with_network(NetworkUse::Denoise, "let x = 1;\nlet y = 2;");
    network.kit.settings.drafts = false;
    assert_eq!(text(&mut network, &asked), "let x = 1;\r\nlet y = 2;");
    asked.stop = Some(Stop::One("\r\n".to_owned()));
    assert_eq!(text(&mut network, &asked), "let x = 1;");
}

#[test]
fn the_network_rewrites_what_it_doubts_in_the_draft() {
    let mut network = with_network(NetworkUse::Denoise, "lock = self.inner.load();");
    network.kit.settings.weight = 4.0;
    let (infilled, frames) = run(&mut network, &request(FILE, Span::Rest));
    assert_eq!(infilled.text, "ck = self.inner.load();");
    assert_eq!(infilled.source, "prior+network");
    expect![[r#"
        0: {ck = self.inner.lock();}
        1: [ck = self.inner.lo]{ck}[();]
        2: ck = self.inner.lo[a]{d}();
        3: ck = self.inner.loa[d]();
    "#]]
    .assert_eq(&shown(&frames));
}

#[test]
fn a_doubted_end_gets_room_to_grow() {
    let mut network = with_network(NetworkUse::Denoise, "lock = self.inner.lock().load();");
    network.kit.settings.weight = 4.0;
    let (infilled, frames) = run(&mut network, &request(FILE, Span::Rest));
    assert_eq!(infilled.text, "ck = self.inner.lock().load();");
    expect![[r#"
        0: {ck = self.inner.lock();}
        1: [ck = self.inner.lock()]{;}{}{}{}{}{}{}{}
        2: ck = self.inner.lock()[.]{load();}
        3: ck = self.inner.lock().[load();]
    "#]]
    .assert_eq(&shown(&frames));
}

#[test]
fn the_network_alone_grows_the_span_from_masks() {
    let mut network = with_network(NetworkUse::Denoise, " = first(x)");
    network.kit.settings.drafts = false;
    let (infilled, frames) = run(&mut network, &request("let y$0\n", Span::Rest));
    // The word under the cursor is given up and must come again, so the network's text does not fit as it is.
    assert!(frames.len() as u32 == infilled.steps + 1, "{}", shown(&frames));
    let mut network = with_network(NetworkUse::Denoise, "let first = x;");
    network.kit.settings.drafts = false;
    let (infilled, frames) = run(&mut network, &request("\n$0\n", Span::Line));
    assert_eq!((&*infilled.text, infilled.source), ("let first = x;", "network"));
    assert!(infilled.show && infilled.confidence > 0.9, "{infilled:?}");
    assert!(infilled.steps > 1, "it had to grow\n{}", shown(&frames));
    assert_eq!(frames[0].runs.len(), 8, "a run for each mask");
}

#[test]
fn the_network_chooses_among_the_priors_lines() {
    let file = "\
open(alpha);
close();
open(beta);
close();
open(alpha);
close();
$0
close();
";
    for line in ["open(alpha);", "open(beta);"] {
        let mut network = with_network(NetworkUse::Rescore, line);
        let (infilled, _) = run(&mut network, &request(file, Span::Line));
        assert_eq!((&*infilled.text, infilled.source), (line, "prior+network"));
    }
}

#[test]
fn several_lines_end_before_what_stands_after_the_hole() {
    let mut network = with_network(NetworkUse::Denoise, "let x = 1;\nlet y = 2;\nreturn x + y;\n");
    network.kit.settings.drafts = false;
    let asked = request("{\n$0\nreturn x + y;\n}\n", Span::Tokens(48));
    let (infilled, _) = run(&mut network, &asked);
    assert_eq!((&*infilled.text, infilled.finish), ("let x = 1;\nlet y = 2;", FinishReason::Stop));
}

#[test]
fn the_answer_ends_at_a_stop_string_a_line_end_or_the_most_tokens() {
    let mut asked = request(FILE, Span::Rest);
    asked.stop = Some(Stop::Many(vec!["lock()".to_owned(), "inner".to_owned()]));
    let (infilled, _) = run(&mut by_prior(), &asked);
    assert_eq!((&*infilled.text, infilled.finish), ("ck = self.", FinishReason::Stop));

    let mut network = with_network(NetworkUse::Denoise, "abcdefghijklmnop");
    network.kit.settings.drafts = false;
    let mut asked = request("\n$0\n", Span::Line);
    asked.max_tokens = Some(6);
    let (infilled, _) = run(&mut network, &asked);
    assert_eq!((&*infilled.text, infilled.finish), ("abcdef", FinishReason::Length));
    asked.max_tokens = Some(0);
    assert_eq!(text(&mut network, &asked), "");

    let mut network = with_network(NetworkUse::Denoise, "abc\ndef");
    network.kit.settings.drafts = false;
    let one_line = text(&mut network, &request("\n$0\n", Span::Line));
    assert!(!one_line.contains('\n') && one_line.starts_with("abc"), "{one_line:?}");
}

#[test]
fn nothing_is_an_answer_and_is_not_shown() {
    let (infilled, frames) = run(&mut by_prior(), &request("$0", Span::Line));
    assert_eq!((&*infilled.text, infilled.show, infilled.steps), ("", false, 0));
    assert_eq!(frames.len(), 1);
}

#[test]
fn a_cancel_is_an_error_and_a_deadline_gives_the_best_there_is() {
    let asked = request(FILE, Span::Rest);
    let now = Instant::now();
    let cancel = Cancel::default();
    let mut terms = Terms { deadline: now, cancel: &cancel, frames: None };
    let late = by_prior().infill(&asked, &mut terms);
    assert!(matches!(late, Err(EngineError::Late)), "no time at all: {late:?}");
    cancel.cancel();
    let mut terms = Terms { deadline: now + Duration::from_secs(9), cancel: &cancel, frames: None };
    let cancelled = by_prior().infill(&asked, &mut terms);
    assert!(matches!(cancelled, Err(EngineError::Cancelled)), "{cancelled:?}");

    // The client leaves, or the time is up, while the network reads.
    for (cancels, expected) in [(true, None), (false, Some("ck = self.inner.lock();"))] {
        let cancel = Cancel::default();
        let mut slow = Scripted::new(|_, _, row| row[80] = 14.0);
        let leaves = cancels.then(|| cancel.clone());
        slow.on_read = Box::new(move || match &leaves {
            Some(cancel) => cancel.cancel(),
            None => std::thread::sleep(Duration::from_millis(300)),
        });
        let network: Option<Box<dyn Network>> = Some(Box::new(slow));
        let mut infiller =
            Infiller::new(Arc::new(sample::tokenizer()), settings(NetworkUse::Denoise), network);
        let deadline = Instant::now() + Duration::from_millis(if cancels { 60_000 } else { 250 });
        let mut terms = Terms { deadline, cancel: &cancel, frames: None };
        match (infiller.infill(&asked, &mut terms), expected) {
            (Err(EngineError::Cancelled), None) => {}
            (Ok(infilled), Some(text)) => {
                assert_eq!((&*infilled.text, infilled.finish), (text, FinishReason::Deadline));
                assert!(!infilled.show);
            }
            (other, _) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_seed_decides_at_temperatures_above_zero() {
    let mut asked = request("open(a);\nopen(b);\nopen(c);\n$0\n", Span::Line);
    asked.temperature = Some(1.0);
    let texts: Vec<String> = (0..40)
        .map(|seed| {
            asked.seed = Some(seed);
            let first = text(&mut by_prior(), &asked);
            assert_eq!(first, text(&mut by_prior(), &asked));
            first
        })
        .collect();
    assert!(texts.iter().any(|text| *text != texts[0]), "{texts:?}");
}

#[test]
fn the_known_answers_hold() {
    by_prior().check().unwrap();
    let mut network = with_network(NetworkUse::Denoise, "abc");
    network.check().unwrap();
    network.check().unwrap();
    network.known = Some(Vec::new());
    assert!(network.check().is_err());
}

fn tokenizer() -> &'static Tokenizer {
    static TOKENIZER: std::sync::OnceLock<Tokenizer> = std::sync::OnceLock::new();
    TOKENIZER.get_or_init(sample::tokenizer)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn any_request_is_answered_within_its_terms(
        before in "([a-c(){}; é日]{0,9}\r?\n){0,6}[a-c é日]{0,6}",
        after in "[a-c)]{0,3}(\r?\n[a-c(){}; é]{0,9}){0,6}",
        thought in "[a-c é日\n;]{0,20}",
        span in prop_oneof![
            Just(Span::Rest), Just(Span::Line), Just(Span::Block), (0_u32..60).prop_map(Span::Tokens)
        ],
        role in prop_oneof![Just(NetworkUse::Off), Just(NetworkUse::Rescore), Just(NetworkUse::Denoise)],
        drafts: bool,
        max_tokens in proptest::option::of(0_u32..40),
        temperature in proptest::option::of(0.0_f64..1.5),
    ) {
        let asked = FimRequest {
            prompt: before, suffix: Some(after), span: Some(span), max_tokens, temperature, ..FimRequest::default()
        };
        let mut infiller = with_network(role, &thought);
        infiller.kit.settings.drafts = drafts;
        let (infilled, frames) = run(&mut infiller, &asked);
        if matches!(span, Span::Rest | Span::Line) {
            prop_assert!(!infilled.text.contains('\n'));
        }
        let most = max_tokens.map_or(256, |tokens| tokens as usize);
        prop_assert!(tokenizer().encode(&infilled.text).len() <= most.max(1) * 4);
        prop_assert!((0.0..=1.0).contains(&infilled.confidence));
        prop_assert!(!infilled.show || !infilled.text.is_empty());
        prop_assert!(frames.windows(2).all(|pair| pair[0].step < pair[1].step), "{}", shown(&frames));
        let mut again = with_network(role, &thought);
        again.kit.settings.drafts = drafts;
        prop_assert_eq!(run(&mut again, &asked).0, infilled);
    }
}
