//! `quicksilver model pull`: progress for people, the question about a licence, and what to do next.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io::{BufRead, IsTerminal, Write},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Failure, args::PullArgs, print};
use crate::{
    engine::Secret,
    models::{Hub, ModelId, Patience, Pull, Store, Wanted, catalogue, size},
};

const BAR: &str = "{msg} [{bar:30}] {bytes}/{total_bytes} · {bytes_per_sec} · {eta} left";

pub(super) async fn run(args: &PullArgs) -> Result<(), Failure> {
    let mut wanted: Wanted = match &args.revision {
        Some(revision) => format!("{}@{revision}", args.model).parse()?,
        None => args.model.parse()?,
    };
    // As the hub spells it.
    if let Some(id) = catalogue::find(&wanted.id).and_then(|known| known.id.parse().ok()) {
        wanted.id = id;
    }
    let store = Store::open()?;
    let token = std::env::var("HF_TOKEN").ok().map(|token| Secret::new(&token));
    let hub = Hub::new(&args.hub, token, Patience::default())?;
    let watch = Screen::new(args.accept_licence);
    let pull = Pull { store: &store, hub: &hub, watch: &watch };
    let pulled = match &args.from {
        Some(from) => pull.from_folder(&wanted, from).await,
        None => pull.from_hub(&wanted).await,
    };
    watch.end();
    let pulled = pulled?;
    let at = pulled.manifest.revision.get(..12).unwrap_or(&pulled.manifest.revision);
    print(
        format!(
            "{} at {at}: {} in {}\nuse it with --model {}, or as the setting `model`\n",
            wanted.id,
            size(pulled.manifest.bytes()),
            pulled.folder.display(),
            wanted.id,
        )
        .as_bytes(),
    )
}

/// A bar on a terminal, a line for each file elsewhere; both on standard error.
struct Screen {
    bar: ProgressBar,
    is_terminal: bool,
    accept: bool,
    /// Bytes of each file.
    have: RefCell<BTreeMap<String, u64>>,
}

impl Screen {
    fn new(accept: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style.progress_chars("━╸ "));
        }
        Self { bar, is_terminal, accept, have: RefCell::default() }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl crate::models::Watch for Screen {
    fn say(&self, what: &str) {
        if self.is_terminal {
            self.bar.println(what);
        } else {
            eprintln!("{what}");
        }
    }

    fn plan(&self, files: usize, bytes: u64) {
        self.bar.set_length(bytes);
        self.bar.reset_eta();
        self.say(&format!("{files} files, {}", size(bytes)));
    }

    fn have(&self, file: &str, bytes: u64, of: u64) {
        let mut have = self.have.borrow_mut();
        let before = have.insert(file.to_owned(), bytes);
        if self.is_terminal {
            self.bar.set_message(file.to_owned());
            self.bar.set_position(have.values().sum());
        } else if bytes == of && before != Some(of) {
            eprintln!("{file}: {}", size(of));
        }
    }

    fn accepts(&self, id: &ModelId, licence: &str, page: &str) -> bool {
        self.say(&format!(
            "{id} is under the licence {licence}, which restricts what you may do with it: {page}"
        ));
        if self.accept {
            return true;
        }
        if !(self.is_terminal && std::io::stdin().is_terminal()) {
            return false;
        }
        eprint!("Do you accept it? Type yes: ");
        let mut answer = String::new();
        let _ = std::io::stderr().flush();
        std::io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim().eq_ignore_ascii_case("yes")
    }
}
