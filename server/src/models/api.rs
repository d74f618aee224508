//! What the hub is asked about a model: its commit and licence, its files, a file's bytes. The URL layout and the shape
//! of the answers (a mirror that keeps both works too); how they travel is `hub`'s affair.

use reqwest::StatusCode;
use serde::Deserialize;

use super::{
    Hub, ModelId, PullError, Wanted,
    hub::{Got, is_digest},
    id::is_commit,
    listing::Entry,
};

/// Files of the largest model.
const MAX_ENTRIES: usize = 10_000;

/// What the hub says of a model.
pub(super) struct Info {
    pub(super) commit: String,
    /// Its licence by the hub's identifier.
    pub(super) licence: Option<String>,
}

impl Hub {
    /// The commit that a revision is now, and the licence.
    pub(super) async fn info(&self, wanted: &Wanted) -> Result<Info, PullError> {
        #[derive(Deserialize)]
        struct Model {
            sha: String,
            #[serde(default, rename = "cardData")]
            card: Option<Card>,
            #[serde(default)]
            tags: Vec<String>,
        }
        #[derive(Deserialize)]
        struct Card {
            #[serde(default)]
            license: Option<serde_json::Value>,
            #[serde(default)]
            license_name: Option<String>,
        }
        let id = &wanted.id;
        let revision = wanted.revision.as_deref().unwrap_or("main");
        let url = self.url(&["api", "models", id.org(), id.name(), "revision", revision])?;
        let what = format!("model {wanted}");
        let model: Model = self.json(&url, id, &what).await?.0;
        if !is_commit(&model.sha) {
            return Err(self.nonsense(format!("its commit is {:?}", model.sha)));
        }
        let card = model.card.unwrap_or(Card { license: None, license_name: None });
        let stated = match (card.license_name, card.license) {
            // `other`, with its name beside it.
            (Some(name), _) => Some(name),
            (None, Some(serde_json::Value::String(licence))) => Some(licence),
            (None, Some(list)) => list.get(0).and_then(|first| first.as_str()).map(Into::into),
            (None, None) => model.tags.iter().find_map(|tag| tag.strip_prefix("license:")).map(Into::into),
        };
        Ok(Info { commit: model.sha, licence: stated.map(|licence| plain(&licence)) })
    }

    /// The files at the top of a model.
    pub(super) async fn listing(&self, id: &ModelId, commit: &str) -> Result<Vec<Entry>, PullError> {
        #[derive(Deserialize)]
        struct Node {
            #[serde(rename = "type")]
            kind: String,
            path: String,
            #[serde(default)]
            size: u64,
            #[serde(default)]
            lfs: Option<Large>,
        }
        #[derive(Deserialize)]
        struct Large {
            oid: String,
            size: u64,
        }
        let mut at = self.url(&["api", "models", id.org(), id.name(), "tree", commit])?;
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (nodes, next): (Vec<Node>, _) =
                self.json(&at, id, &format!("files of {id} at {commit}")).await?;
            for node in nodes.into_iter().filter(|node| node.kind != "directory") {
                let bytes = node.lfs.as_ref().map_or(node.size, |large| large.size);
                let sha256 =
                    node.lfs.map(|large| large.oid.trim_start_matches("sha256:").to_ascii_lowercase());
                if let Some(digest) = sha256.as_ref().filter(|digest| !is_digest(digest)) {
                    return Err(self.nonsense(format!("{} has the digest {digest:?}", node.path)));
                }
                entries.push(Entry { path: node.path, bytes, sha256 });
            }
            if entries.len() > MAX_ENTRIES {
                return Err(self.nonsense(format!("the model has more than {MAX_ENTRIES} files")));
            }
            match next {
                // A page of another host is none of this model's.
                Some(next) if self.is_home(&next) && next != at => at = next,
                _ => return Ok(entries),
            }
        }
    }

    /// A file's bytes from `from` on, if the server can; else from its beginning.
    pub(super) async fn file(
        &self,
        id: &ModelId,
        commit: &str,
        name: &str,
        from: u64,
    ) -> Result<Got, PullError> {
        let mut path = vec![id.org(), id.name(), "resolve", commit];
        path.extend(name.split('/'));
        let got = self.send(self.url(&path)?, (from > 0).then_some(from)).await?;
        match got.response.status() {
            StatusCode::RANGE_NOT_SATISFIABLE if from > 0 => Ok(got),
            _ => {
                Ok(Got { response: self.accepted(got.response, id, &format!("file {name} in {id}"))?, ..got })
            }
        }
    }
}

/// An identifier as it can be shown and compared: what else may stand there is for no terminal.
fn plain(licence: &str) -> String {
    let shown = licence.chars().filter(char::is_ascii_graphic).take(60);
    shown.collect::<String>().to_ascii_lowercase()
}
