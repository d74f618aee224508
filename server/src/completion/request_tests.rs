//! What a completion asks for: what is late stays out, and what was suggested before goes along only as it is documented.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use proptest::prelude::*;
use quicksilver_protocol::limits::MAX_PREVIOUS_BYTES;

use super::*;
use crate::completion::{Polished, reuse::fixture::at, warm};
use crate::context::secrets::{Degree, blank};
use crate::document::{Document, Language, LineEnds, Version};

fn ask(workspace: &Arc<Workspace>, path: Option<PathBuf>, marked: &str, others: &[Open]) -> Ask {
    let (snapshot, at) = at(marked);
    Ask {
        session: SessionId(1),
        hole: Hole { document: Open { path, snapshot, edited: Vec::new() }, at, span: None },
        named: None,
        others: others.to_vec(),
        workspace: Arc::clone(workspace),
        invoked: false,
        history: History::default(),
        pace: Pace::default(),
        engine: None,
        settings: Settings::default(),
    }
}

async fn request_of(ask: &Ask) -> Result<(FimRequest, bool), Silence> {
    request(ask, ask.others.clone()).await
}

/// A folder whose disk says nothing of the file `slow.rs` until it is let go on.
struct Slow {
    folder: tempfile::TempDir,
    workspace: Arc<Workspace>,
    go_on: mpsc::Sender<()>,
    asked: Arc<AtomicUsize>,
}

impl Slow {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (go_on, wait) = mpsc::channel();
        let (wait, asked) = (Mutex::new(wait), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&asked);
        let workspace = Workspace::new(&[folder.path().to_owned()], &[]).slowed(move |path| {
            if path.ends_with("slow.rs") {
                count.fetch_add(1, Ordering::Relaxed);
                // Gone on is gone on, said or hung up.
                let _ = wait.lock().map(|wait| wait.recv());
            }
        });
        Self { folder, workspace: Arc::new(workspace), go_on, asked }
    }

    fn open(&self, name: &str) -> Open {
        let text = format!("fn {}(price: u32) -> u32 {{ price }}\n", name.replace('.', "_"));
        let snapshot = Document::open(Language::from_id("rust"), Version(1), &text).snapshot();
        Open { path: Some(self.folder.path().join(name)), snapshot, edited: Vec::new() }
    }

    /// Lets the disk go on, and waits until it has said it.
    async fn go_on(&self) {
        self.go_on.send(()).expect("it waits");
        while self.workspace.verdict(&self.folder.path().join("slow.rs")).is_none() {
            tokio::task::yield_now().await;
        }
    }
}

// The runtime has one thread: were it kept waiting by the disk, nobody could let the disk go on, and the test would not end.
#[tokio::test]
async fn what_the_disk_does_not_say_stays_out_until_it_does() {
    let disk = Slow::new();
    let others = [disk.open("slow.rs"), disk.open("fast.rs")];
    let asks = || ask(&disk.workspace, Some(disk.folder.path().join("main.rs")), "let price = |\n", &others);
    let paths = |request: &FimRequest| -> Vec<String> {
        let mut paths: Vec<String> = request.context.iter().map(|file| file.path.clone()).collect();
        paths.sort();
        paths
    };
    for _ in 0..3 {
        let (told, _) = request_of(&asks()).await.expect("it is asked");
        assert_eq!(paths(&told), ["fast.rs"]);
    }
    assert_eq!(disk.asked.load(Ordering::Relaxed), 1, "the disk is asked once, however often we are");
    disk.go_on().await;
    let (told, _) = request_of(&asks()).await.expect("it is asked");
    assert_eq!(paths(&told), ["fast.rs", "slow.rs"]);
}

#[tokio::test]
async fn a_document_is_told_to_nobody_before_it_is_known_that_it_may_be() {
    let disk = Slow::new();
    let own = disk.folder.path().join("slow.rs");
    let of_file = ask(&disk.workspace, Some(own.clone()), "let x = |\n", &[]);
    // As the older text of a file in a repository: no file, but named like one.
    let named = Ask { named: Some(own), ..ask(&disk.workspace, None, "let x = |\n", &[]) };
    assert_eq!(request_of(&of_file).await.err(), Some(Silence::SlowDisk));
    assert_eq!(request_of(&named).await.err(), Some(Silence::SlowDisk));
    disk.go_on().await;
    assert!(request_of(&of_file).await.is_ok() && request_of(&named).await.is_ok());
    let secret = Ask { named: Some("/p/.env".into()), ..ask(&disk.workspace, None, "let x = |\n", &[]) };
    assert!(matches!(request_of(&secret).await, Err(Silence::Excluded(_))));
}

proptest! {
    /// Neovim's cursor may stand between a `\r` and a `\n`.
    #[test]
    fn a_hole_may_be_anywhere_in_a_text_with_carriage_returns(
        text in "([\r\n{}( ,]|a|fn |😀){0,24}", line in 0..12_u32, column in 0..12_u32,
    ) {
        let snapshot = Document::open(Language::from_id("rust"), Version(1), &text).counting(LineEnds::Lf).snapshot();
        let at = snapshot.byte_at(crate::document::Position::new(line, column), crate::document::Encoding::Utf8);
        let (prompt, suffix) = (snapshot.slice(0..at.0), snapshot.slice(at.0..text.len()));
        let site = Site::at(&snapshot, at);
        let hole = Hole { document: Open { path: None, snapshot, edited: Vec::new() }, at, span: None };
        let told = Workspace::default().explain(&hole, &[], &mut || false).expect("it may be told");
        let unix = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
        prop_assert_eq!((told.request.prompt, told.request.suffix), (unix(&prompt), Some(unix(&suffix))));
        let _ = polish::polish("a(b,\n    c)", &site, polish::Wanted { one_line: false, invoked: true });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever was shown, and whatever was typed since.
    #[test]
    fn what_was_suggested_before_goes_along_only_as_it_is_documented(
        head in "(let x = |let k = \"ghp_)?[a1]{0,2}",
        offered in prop_oneof![
            8 => "[a-c(, )é;\r\n]{1,12}",
            2 => "[A1]{18}\";",
            2 => (MAX_PREVIOUS_BYTES - 2..MAX_PREVIOUS_BYTES + 3).prop_map(|bytes| "x".repeat(bytes)),
        ],
        typed in "[a-c(]{0,3}",
        above in "(use a;\n)?",
        taken in any::<bool>(),
    ) {
        let (made_from, cursor) = at(&format!("use b;\n\n{head}|\n"));
        let best = Polished { text: offered.clone(), swallows: 0 };
        let shown = Suggestion { id: 7, best, others: Vec::new(), at: cursor, confidence: 1.0, made_from };
        let mut asked = ask(&Arc::default(), None, &format!("{above}use b;\n\n{head}{typed}|\n"), &[]);
        asked.history.shown(shown.clone());
        if taken {
            asked.history.settle(7);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (request, _) = runtime.block_on(request_of(&asked)).expect("it may be told");
        let unix = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
        let suffix = request.suffix.clone().unwrap_or_default();
        let keeps_keys = |text: &str| {
            let whole = format!("{}{text}{suffix}", request.prompt);
            blank(&whole, Degree::Certain) == whole && !request.prompt.ends_with('*')
        };
        let left = warm::surviving(&shown, asked.snapshot(), asked.hole.at).filter(|_| !taken);
        let may_go = left.filter(|left| unix(&left.text).len() <= MAX_PREVIOUS_BYTES && keeps_keys(&unix(&left.text)));
        prop_assert_eq!(request.previous.is_some(), may_go.is_some());
        if let Some(previous) = request.previous {
            prop_assert!((1..=MAX_PREVIOUS_BYTES).contains(&previous.text.len()) && !previous.text.trim().is_empty());
            prop_assert!(unix(&format!("{head}{offered}")).ends_with(&previous.text), "its end");
            let filled = unix(&format!("{head}{typed}{}", previous.text));
            prop_assert!(previous.tail || filled == unix(&format!("{head}{offered}")), "all that is left of it");
            prop_assert!(request.holes.is_empty() && request.rewrite.is_none() && !request.doubt, "one hole is filled");
        }
    }
}
