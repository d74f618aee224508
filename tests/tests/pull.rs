//! Pulling a model from a stand-in for the hub. Whatever happens on the way: the model is whole or absent, what was
//! fetched stays, and the message says what to do.

#![allow(clippy::expect_used, reason = "a test: what is unexpected fails it")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use quicksilver::{
    engine::Secret,
    models::{Hub, ModelId, Patience, Pull, PullError, Pulled, Store, Wanted, Watch, catalogue::KNOWN},
};
use quicksilver_tests::hub::{Asked, HubStandIn, Repository, Trick, sha256};
use serde_json::json;

const ONE: &str = "model-00001-of-00002.safetensors";
const TWO: &str = "model-00002-of-00002.safetensors";
const CDN: &str = "/cdn/";

/// Bytes that are the same every time and nowhere alike.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

fn model() -> Repository {
    let index = json!({"weight_map": {"a": ONE, "b": TWO, "c": ONE}}).to_string();
    let files: BTreeMap<String, Vec<u8>> = [
        ("README.md", b"about".to_vec()),
        ("config.json", b"{}".to_vec()),
        ("model.safetensors.index.json", index.into_bytes()),
        ("modeling_dream.py", b"import os".to_vec()),
        (ONE, noise(1, 300_000)),
        (TWO, noise(2, 200_000)),
        ("pytorch_model.bin", b"\x80\x02".to_vec()),
        ("tokenizer.json", b"{}".to_vec()),
    ]
    .into_iter()
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .collect();
    Repository { id: "org/tiny".into(), commit: "c".repeat(40), licence: Some("apache-2.0".into()), files }
}

/// Says nothing, accepts what it is told to, counts bytes that went backwards.
#[derive(Default)]
struct Quiet {
    accept: bool,
    questions: AtomicUsize,
}

impl Watch for Quiet {
    fn say(&self, _: &str) {}
    fn plan(&self, _: usize, _: u64) {}
    fn have(&self, _: &str, bytes: u64, of: u64) {
        assert!(bytes <= of);
    }
    fn accepts(&self, _: &ModelId, _: &str, _: &str) -> bool {
        self.questions.fetch_add(1, Ordering::SeqCst);
        self.accept
    }
}

struct Place {
    folder: tempfile::TempDir,
    watch: Quiet,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), watch: Quiet::default() }
    }

    fn store(&self) -> Store {
        Store::at(self.folder.path())
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("org").join("tiny")
    }

    fn hub(&self, hub: &HubStandIn) -> Hub {
        let millisecond = Duration::from_millis(1);
        let patience = Patience { tries: 3, first_wait: millisecond, longest_wait: Duration::from_secs(5) };
        Hub::new(&hub.url(), Some(Secret::new("hf_t0ken")), patience).expect("a hub")
    }

    fn pull_as(&self, hub: &HubStandIn, wanted: &str) -> Result<Pulled, PullError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (store, hub, wanted) = (self.store(), self.hub(hub), wanted.parse::<Wanted>().expect("a name"));
        let pull = Pull { store: &store, hub: &hub, watch: &self.watch };
        runtime.block_on(pull.from_hub(&wanted))
    }

    fn pull(&self, hub: &HubStandIn) -> Result<Pulled, PullError> {
        self.pull_as(hub, "org/tiny")
    }

    /// The message of a pull that must fail, after which the model must not be here.
    fn fails(&self, hub: &HubStandIn) -> String {
        let error = self.pull(hub).expect_err("the pull fails");
        assert!(self.store().find(&wanted("org/tiny")).is_none(), "a model that is not whole is not found");
        assert!(self.store().list().is_empty());
        let (shown, debug) = (error.to_string(), format!("{error:?}"));
        for secret in ["hf_t0ken", "s3cret"] {
            assert!(!shown.contains(secret) && !debug.contains(secret), "{shown}\n{debug}");
        }
        shown
    }

    /// Pulls, and checks every file.
    fn succeeds(&self, hub: &HubStandIn) -> Pulled {
        let pulled = self.pull(hub).unwrap_or_else(|error| panic!("{error}"));
        check(&pulled.folder, &model());
        assert_eq!(self.store().find(&wanted("org/tiny")).as_ref(), Some(&pulled));
        pulled
    }
}

fn wanted(name: &str) -> Wanted {
    name.parse().expect("a name")
}

fn check(folder: &Path, repository: &Repository) {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    let expected = [
        "config.json",
        ONE,
        TWO,
        "model.safetensors.index.json",
        "quicksilver-manifest.json",
        "tokenizer.json",
    ];
    assert_eq!(names, expected, "nothing else: no code, no pickle, nothing unfinished");
    for name in names.iter().filter(|name| *name != "quicksilver-manifest.json") {
        assert!(
            std::fs::read(folder.join(name)).ok().as_ref() == repository.files.get(name),
            "{name} is as published"
        );
    }
}

fn cdn(asked: &Asked) -> bool {
    asked.path.starts_with(CDN)
}

fn is_part(asked: &Asked, name: &str) -> bool {
    cdn(asked) && asked.path.ends_with(&sha256(&model().files[name]))
}

#[test]
fn a_pull_fetches_what_is_needed_and_the_next_fetches_nothing() {
    let (place, hub) = (Place::new(), HubStandIn::start(model(), |_| None));
    let pulled = place.succeeds(&hub);
    assert_eq!(pulled.manifest.revision, "c".repeat(40));
    assert_eq!(pulled.manifest.licence, "apache-2.0");
    let digest = |name: &str| {
        pulled.manifest.files.iter().find(|file| file.name == name).map(|file| file.sha256.clone())
    };
    assert_eq!(digest(ONE), Some(sha256(&model().files[ONE])));
    let before = hub.asked().len();
    place.succeeds(&hub);
    assert_eq!(hub.asked().len(), before, "what is here stays, and nobody is asked");
    place.pull_as(&hub, "org/tiny@main").expect("a pull");
    assert_eq!(hub.asked().len(), before + 1, "only whether `main` has moved");
    assert_eq!(place.watch.questions.load(Ordering::SeqCst), 0);
    for revision in ["main", "ccccccc", &"c".repeat(40)] {
        assert!(place.store().find(&wanted(&format!("org/tiny@{revision}"))).is_some(), "{revision}");
    }
    assert!(place.store().find(&wanted("org/tiny@v2")).is_none());
}

#[test]
fn a_file_that_breaks_off_goes_on_where_it_stopped() {
    let cut = |asked: &Asked| (is_part(asked, ONE) && asked.before == 0).then_some(Trick::Cut(100_000));
    let (place, hub) = (Place::new(), HubStandIn::start(model(), cut));
    place.succeeds(&hub);
    let asked: Vec<_> = hub.asked().into_iter().filter(|asked| is_part(asked, ONE)).collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!(asked[0].range, None);
    assert_eq!(asked[1].range.as_deref(), Some("bytes=100000-"));
}

#[test]
fn an_interrupted_pull_leaves_no_model_and_the_next_one_uses_what_is_there() {
    let place = Place::new();
    let hub = HubStandIn::start(model(), |asked| match (is_part(asked, TWO), asked.before) {
        (true, 0) => Some(Trick::Cut(50_000)),
        (true, _) => Some(Trick::Status(502, vec![])),
        _ => None,
    });
    let message = place.fails(&hub);
    assert!(message.contains("502") && message.contains("goes on where it stopped"), "{message}");
    assert_eq!(place.store().unfinished(&"org/tiny".parse().expect("an id")) / 10_000, 35);

    let hub = HubStandIn::start(model(), |_| None);
    place.succeeds(&hub);
    assert!(hub.asked().iter().all(|asked| !is_part(asked, ONE)), "it was whole");
    let ranges: Vec<_> = hub.asked_for(CDN).into_iter().map(|asked| asked.range).collect();
    assert_eq!(ranges, [Some("bytes=50000-".to_owned())]);
}

#[test]
fn a_branch_that_moves_meanwhile_costs_only_what_has_changed() {
    let place = Place::new();
    let hub = HubStandIn::start(model(), |asked| is_part(asked, TWO).then_some(Trick::Status(503, vec![])));
    place.fails(&hub);
    let mut moved = Repository { commit: "d".repeat(40), ..model() };
    moved.files.insert("config.json".into(), b"[]".to_vec());
    let hub = HubStandIn::start(moved.clone(), |_| None);
    let pulled = place.pull(&hub).expect("a pull");
    check(&pulled.folder, &moved);
    assert_eq!(hub.asked_for(CDN).len(), 1, "the first part was here");

    let mut again = Repository { commit: "e".repeat(40), ..moved };
    again.files.insert("tokenizer.json".into(), b"[]".to_vec());
    hub.publish(again.clone());
    assert_eq!(place.pull(&hub).expect("a pull"), pulled, "what is here stays at its commit");
    let pulled = place.pull_as(&hub, "org/tiny@main").expect("a pull");
    check(&pulled.folder, &again);
    assert_eq!(hub.asked_for(CDN).len(), 1, "both parts are those of the commit before");
    assert_eq!(place.store().list().len(), 2);
    assert_eq!(place.store().find(&wanted("org/tiny")), Some(pulled));
}

#[test]
fn a_known_model_comes_at_the_commit_that_is_pinned_unless_another_is_asked_for() {
    let known = KNOWN.iter().find(|known| known.pin.is_some()).expect("one is pinned");
    let pin = known.pin.unwrap_or_default();
    let of = |commit: &str| Repository { id: known.id.into(), commit: commit.into(), ..model() };
    let (place, hub) = (Place::new(), HubStandIn::start(of(pin), |_| None));
    let pulled = place.pull_as(&hub, known.id).expect("a pull");
    assert_eq!((&*pulled.manifest.revision, &*pulled.manifest.asked), (pin, pin));
    assert!(
        hub.asked_for("/revision/").iter().all(|asked| asked.path.ends_with(pin)),
        "the branch is not asked for"
    );

    hub.publish(of(&"d".repeat(40)));
    assert_eq!(place.pull_as(&hub, known.id).expect("a pull").manifest.revision, pin);
    let newest = place.pull_as(&hub, &format!("{}@main", known.id)).expect("a pull");
    assert_eq!(newest.manifest.revision, "d".repeat(40));
    assert_eq!(place.pull_as(&hub, known.id).expect("a pull"), newest, "and stays there");

    // A hub that has lost the commit is told so, not asked for another one.
    let error = Place::new().pull_as(&hub, known.id).expect_err("it is not there").to_string();
    assert!(error.contains(pin), "{error}");
}

#[test]
fn bytes_that_do_not_fit_their_digest_are_dropped_and_nothing_else() {
    let place = Place::new();
    let changed = |asked: &Asked| is_part(asked, TWO).then(|| Trick::Bytes(noise(9, 200_000)));
    let hub = HubStandIn::start(model(), changed);
    let message = place.fails(&hub);
    assert!(
        message.contains(TWO) && message.contains("SHA-256") && message.contains("mirror or the proxy"),
        "{message}"
    );
    let hub = HubStandIn::start(model(), |_| None);
    place.succeeds(&hub);
    assert_eq!(hub.asked_for(CDN).len(), 1);
}

#[test]
fn an_unfinished_file_of_another_content_is_fetched_anew() {
    let (place, hub) = (Place::new(), HubStandIn::start(model(), |_| None));
    let partial = place.home().join(format!("{}.partial", "c".repeat(40)));
    std::fs::create_dir_all(&partial).expect("a folder");
    std::fs::write(partial.join(format!("{ONE}.part")), noise(7, 1000)).expect("a file");
    std::fs::write(partial.join(format!("{TWO}.part")), noise(7, 900_000)).expect("longer than the file");
    std::fs::write(partial.join("leftover.part"), b"x").expect("a file");
    place.succeeds(&hub);
}

#[test]
fn a_server_without_ranges_starts_the_file_anew() {
    let hub = HubStandIn::start(model(), |asked| match (is_part(asked, ONE), asked.before) {
        (true, 0) => Some(Trick::Cut(100_000)),
        (true, _) => Some(Trick::NoRange),
        _ => None,
    });
    Place::new().succeeds(&hub);
}

#[test]
fn a_server_that_cannot_go_on_is_asked_from_the_beginning() {
    let hub = HubStandIn::start(model(), |asked| {
        (is_part(asked, ONE) && asked.range.is_some()).then_some(Trick::Status(416, vec![]))
    });
    let place = Place::new();
    let partial = place.home().join(format!("{}.partial", "c".repeat(40)));
    std::fs::create_dir_all(&partial).expect("a folder");
    std::fs::write(partial.join(format!("{ONE}.part")), &model().files[ONE][..5000]).expect("a file");
    place.succeeds(&hub);
}

#[test]
fn more_bytes_than_announced_are_not_kept() {
    let hub =
        HubStandIn::start(model(), |asked| is_part(asked, ONE).then(|| Trick::Bytes(noise(1, 400_000))));
    let place = Place::new();
    let message = place.fails(&hub);
    assert!(message.contains("longer than the 300000 bytes announced"), "{message}");
    assert!(place.store().unfinished(&"org/tiny".parse().expect("an id")) < 1000);
}

#[test]
fn each_refusal_says_what_to_do() {
    let answers = |status: u16, code: &'static str| {
        move |asked: &Asked| {
            asked
                .path
                .starts_with("/api")
                .then(|| Trick::Status(status, vec![("x-error-code", code.to_owned())]))
        }
    };
    for (status, code, says) in [
        (401, "", "HF_TOKEN is not valid there"),
        (401, "RepoNotFound", "has no model org/tiny; check the spelling"),
        (404, "RepoNotFound", "has no model org/tiny; check the spelling"),
        (403, "GatedRepo", "is gated: accept its conditions at http://127.0.0.1"),
        (401, "GatedRepo", "then set HF_TOKEN"),
        (418, "", "answers 418 for model org/tiny"),
    ] {
        let hub = HubStandIn::start(model(), answers(status, code));
        let message = Place::new().fails(&hub);
        assert!(message.contains(says), "{status} {code}: {message}");
        assert_eq!(hub.asked().len(), 1, "{status} {code}: asking again would change nothing");
    }
    let hub = HubStandIn::start(model(), |asked| cdn(asked).then_some(Trick::Status(403, vec![])));
    let message = Place::new().fails(&hub);
    assert!(message.contains("answers 403 for file") && message.contains("pull again later"), "{message}");
    let hub = HubStandIn::start(model(), |_| None);
    let error = Place::new().pull_as(&hub, "org/tiny@v9").expect_err("no such revision").to_string();
    assert!(error.contains("has no model org/tiny@v9"), "{error}");
}

#[test]
fn who_asks_to_wait_is_waited_for_and_who_asks_too_much_is_not() {
    let wait = |seconds: &'static str| {
        move |asked: &Asked| {
            let first = is_part(asked, ONE) && asked.before == 0;
            first.then(|| Trick::Status(429, vec![("retry-after", seconds.to_owned())]))
        }
    };
    Place::new().succeeds(&HubStandIn::start(model(), wait("0")));
    let begun = std::time::Instant::now();
    Place::new().succeeds(&HubStandIn::start(model(), wait("1")));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let message = Place::new().fails(&HubStandIn::start(model(), wait("3600")));
    assert!(message.contains("asks to wait 3600 s"), "{message}");
}

#[test]
fn a_server_that_fails_is_asked_again_but_not_for_ever() {
    let place = Place::new();
    let twice = |asked: &Asked| (asked.before < 2 && !cdn(asked)).then_some(Trick::Status(500, vec![]));
    place.succeeds(&HubStandIn::start(model(), twice));
    let hub = HubStandIn::start(model(), |_| Some(Trick::Status(503, vec![])));
    let message = Place::new().fails(&hub);
    assert!(message.contains("503"), "{message}");
    assert_eq!(hub.asked().len(), 3);
}

#[test]
fn nobody_there_is_told_with_what_to_try() {
    let hub = HubStandIn::start(model(), |_| None);
    let (place, gone) = (Place::new(), hub.url());
    drop(hub);
    let patience = Patience { tries: 1, ..Patience::default() };
    let (hub, store) = (Hub::new(&gone, None, patience).expect("a hub"), place.store());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let pull = Pull { store: &store, hub: &hub, watch: &place.watch };
    let message = runtime.block_on(pull.from_hub(&wanted("org/tiny"))).expect_err("nobody").to_string();
    assert!(message.contains("HTTPS_PROXY") && message.contains("HF_ENDPOINT"), "{message}");
}

#[test]
fn a_token_goes_to_the_hub_and_to_nobody_else() {
    let (place, hub) = (Place::new(), HubStandIn::start(model(), |_| None));
    place.succeeds(&hub);
    for asked in hub.asked() {
        let wanted = if cdn(&asked) { None } else { Some("Bearer hf_t0ken") };
        assert_eq!(asked.authorization.as_deref(), wanted, "{}", asked.path);
    }
    assert!(!hub.asked_for(CDN).is_empty());
}

#[test]
fn a_redirect_that_goes_in_circles_or_to_another_scheme_is_an_error() {
    for (to, says) in [("/org/tiny/x", "redirects"), ("ftp://127.0.0.1/x", "a redirect from http to ftp")] {
        let hub = HubStandIn::start(model(), move |asked| {
            (!asked.path.starts_with("/api")).then(|| Trick::Status(302, vec![("location", to.to_owned())]))
        });
        let message = Place::new().fails(&hub);
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn names_that_leave_the_folder_are_refused_before_anything_is_fetched() {
    for bad in
        ["../config.json", "/etc/passwd", "a/../../x.safetensors", "C:\\x.safetensors", "link -> /etc\n"]
    {
        let mut hostile = model();
        hostile.files.insert(bad.to_owned(), b"x".to_vec());
        let hub = HubStandIn::start(hostile, |_| None);
        let place = Place::new();
        let message = place.fails(&hub);
        assert!(message.contains("would leave the model's folder"), "{bad}: {message}");
        assert!(hub.asked_for("/resolve/").is_empty(), "{bad}");
        assert!(!place.folder.path().join("config.json").exists());
    }
    for bad in ["../x.safetensors", "/x.safetensors", "a/b.safetensors", "x.bin", "..\\x.safetensors"] {
        let mut hostile = model();
        let index = json!({ "weight_map": { "a": bad } }).to_string();
        hostile.files.insert("model.safetensors.index.json".into(), index.into_bytes());
        let hub = HubStandIn::start(hostile, |_| None);
        let message = Place::new().fails(&hub);
        assert!(message.contains("would leave the model's folder"), "{bad}: {message}");
        assert!(hub.asked_for(CDN).is_empty(), "{bad}");
    }
}

#[test]
fn answers_that_no_hub_gives_are_errors() {
    for (part, document) in [
        ("/revision/", json!({"sha": "../../x"})),
        ("/revision/", json!([1, 2])),
        ("/tree/", json!({"error": "x"})),
        ("/tree/", json!([{"type": "file", "path": "model.safetensors", "lfs": {"oid": "xyz", "size": 1}}])),
    ] {
        let hub = HubStandIn::start(model(), move |asked| {
            asked.path.contains(part).then(|| Trick::Json(document.clone()))
        });
        let message = Place::new().fails(&hub);
        assert!(message.contains("answers what no hub says"), "{message}");
    }
}

#[test]
fn a_model_larger_than_the_disk_is_refused_before_it_is_fetched() {
    let hub = HubStandIn::start(model(), |asked| {
        let file = |name: &str, bytes: u64| json!({"type": "file", "path": name, "size": bytes, "lfs": {"oid": "a".repeat(64), "size": bytes}});
        let small = |name: &str| json!({"type": "file", "path": name, "size": 2});
        asked.path.contains("/tree/").then(|| {
            Trick::Json(json!([
                small("config.json"),
                small("tokenizer.json"),
                file("model.safetensors", 1 << 60)
            ]))
        })
    });
    let message = Place::new().fails(&hub);
    if cfg!(unix) {
        assert!(
            message.contains("needs 1152921504.6 GB more") && message.contains("QUICKSILVER_MODELS"),
            "{message}"
        );
        assert!(hub.asked_for("model.safetensors").is_empty());
    }
}

#[test]
fn two_pulls_at_once_fetch_each_file_once() {
    let hub = HubStandIn::start(model(), |_| None);
    let place = Place::new();
    std::thread::scope(|scope| {
        let store = place.store();
        let pulls: Vec<_> = (0..2)
            .map(|_| {
                let (hub, store) = (place.hub(&hub), store.clone());
                scope.spawn(move || {
                    let watch = Quiet::default();
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                    let pull = Pull { store: &store, hub: &hub, watch: &watch };
                    runtime.expect("a runtime").block_on(pull.from_hub(&wanted("org/tiny"))).expect("a pull")
                })
            })
            .collect();
        for pulled in pulls {
            check(&pulled.join().expect("no panic").folder, &model());
        }
    });
    assert_eq!(hub.asked_for(CDN).len(), 2);
}

#[test]
fn a_licence_that_restricts_use_is_accepted_once() {
    for (id, licence) in
        [("org/tiny", Some("apple-amlr")), ("org/tiny", None), ("apple/DiffuCoder-7B-Base", Some("mit"))]
    {
        let hub = HubStandIn::start(
            Repository { id: id.into(), licence: licence.map(Into::into), ..model() },
            |_| None,
        );
        let mut place = Place::new();
        let message = place.pull_as(&hub, id).expect_err("nobody accepted").to_string();
        let stated = if id.starts_with("apple/") { "apple-amlr" } else { licence.unwrap_or("none stated") };
        assert!(message.contains(stated) && message.contains("--accept-licence"), "{message}");
        assert!(hub.asked_for("/resolve/").is_empty(), "nothing is fetched before");
        place.watch.accept = true;
        place.pull_as(&hub, id).expect("accepted");
        place.store().remove(&wanted(id)).expect("it was here");
        place.watch.accept = false;
        place.pull_as(&hub, id).expect("accepted before");
        assert_eq!(place.watch.questions.load(Ordering::SeqCst), 2);
    }
}

#[test]
fn a_folder_is_as_good_as_the_hub() {
    let from = tempfile::tempdir().expect("a folder");
    for (name, bytes) in model().files {
        std::fs::write(from.path().join(name), bytes).expect("a file");
    }
    let mut place = Place::new();
    place.watch.accept = true;
    let hub = HubStandIn::start(model(), |_| None);
    let (store, never) = (place.store(), place.hub(&hub));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let pull = Pull { store: &store, hub: &never, watch: &place.watch };
    let pulled = runtime.block_on(pull.from_folder(&wanted("org/tiny"), from.path())).expect("a copy");
    check(&pulled.folder, &model());
    assert!(pulled.manifest.revision.starts_with("local-"), "{}", pulled.manifest.revision);
    assert_eq!(store.find(&wanted("org/tiny")), Some(pulled));
    assert!(hub.asked().is_empty());
    std::fs::remove_file(from.path().join(TWO)).expect("it is there");
    let error =
        runtime.block_on(pull.from_folder(&wanted("org/other"), from.path())).expect_err("a part is missing");
    assert!(error.to_string().contains(TWO), "{error}");
}

#[test]
fn what_is_removed_is_gone_and_what_is_damaged_is_not_found() {
    let (place, hub) = (Place::new(), HubStandIn::start(model(), |_| None));
    let pulled = place.succeeds(&hub);
    let freed = place.store().remove(&wanted("org/tiny@main")).expect("it is here");
    assert!(freed > 500_000);
    assert!(!place.home().exists());
    assert!(
        place.store().remove(&wanted("org/tiny")).expect_err("gone").to_string().contains("not on this disk")
    );

    place.succeeds(&hub);
    std::fs::write(pulled.folder.join(ONE), b"short").expect("a file");
    assert!(place.store().find(&wanted("org/tiny")).is_none());
    place.succeeds(&hub);
}
