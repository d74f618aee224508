//! The hub over HTTP: its address, a token that never leaves for another host, redirects, proxies, patience.
//!
//! What is asked is `api`'s affair. Redirects are followed by hand: each hop is looked at before the token goes along.

use std::time::Duration;

use reqwest::{
    Response,
    header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderValue, LINK, LOCATION, RANGE, RETRY_AFTER},
    redirect::Policy,
};
use url::{Host, Url};

use super::{ModelId, PullError, id::is_hex};
use crate::engine::{Secret, tls_words};

/// The hub's own address.
pub const HUB: &str = "https://huggingface.co";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a byte for so long, a connection is given up.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_REDIRECTS: usize = 10;
/// Bytes of the largest answer that is not a file.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// How often and how long to wait.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Attempts in a row that bring nothing, before giving up.
    pub tries: u32,
    /// The first wait; each further one is twice as long.
    pub first_wait: Duration,
    /// The longest wait that a hub may ask for.
    pub longest_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { tries: 5, first_wait: Duration::from_secs(1), longest_wait: Duration::from_secs(60) }
    }
}

/// A hub, or a mirror of it.
pub struct Hub {
    http: reqwest::Client,
    base: Url,
    authorization: Option<HeaderValue>,
    patience: Patience,
}

/// An answer with a file's bytes.
pub(super) struct Got {
    pub(super) response: Response,
    /// The SHA-256 that the hub links to, where it states one.
    pub(super) sha256: Option<String>,
}

/// Attempts in a row that brought nothing.
pub(super) struct Tries<'a> {
    patience: &'a Patience,
    failed: u32,
}

impl Hub {
    /// Prepares connections to `address`; opens none yet. The environment's `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`
    /// count.
    ///
    /// # Errors
    /// [`PullError::Setting`]: no such address, a token that would travel in clear, or no TLS roots on this machine.
    pub fn new(address: &str, token: Option<Secret>, patience: Patience) -> Result<Self, PullError> {
        let base = base(address)?;
        let authorization = match token.filter(|token| !token.is_empty()) {
            Some(_) if base.scheme() == "http" && !is_loopback(&base) => {
                return Err(PullError::Setting(format!(
                    "HF_TOKEN would be sent to {base} in clear; give an https:// address, or unset HF_TOKEN"
                )));
            }
            Some(token) => {
                let value = HeaderValue::try_from(format!("Bearer {}", token.expose()));
                let mut value = value.map_err(|_| {
                    PullError::Setting("HF_TOKEN has characters that no HTTP header can carry".to_owned())
                })?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        crate::engine::provide_tls();
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("quicksilver/", env!("CARGO_PKG_VERSION")))
                // Bytes are counted and asked for by range: they must be the file's own.
                .default_headers(HeaderMap::from_iter([(
                    ACCEPT_ENCODING,
                    HeaderValue::from_static("identity"),
                )]))
                .redirect(Policy::none())
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(SILENCE_TIMEOUT)
        };
        let http = match builder().build() {
            // A machine without TLS roots can still read from a mirror of its own.
            Err(_) if base.scheme() == "http" => builder().tls_certs_only([]).build(),
            built => built,
        };
        let http = http.map_err(|error| PullError::Setting(tls_words(&error)))?;
        Ok(Self { http, base, authorization, patience })
    }

    /// Its address, without a slash at the end.
    #[must_use]
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The page of a model, for people.
    #[must_use]
    pub fn page(&self, id: &ModelId) -> String {
        format!("{}/{id}", self.address())
    }

    pub(super) fn tries(&self) -> Tries<'_> {
        Tries { patience: &self.patience, failed: 0 }
    }

    /// A small JSON answer, and the page after it. With patience.
    pub(super) async fn json<T: serde::de::DeserializeOwned>(
        &self,
        url: &Url,
        id: &ModelId,
        what: &str,
    ) -> Result<(T, Option<Url>), PullError> {
        let mut tries = self.tries();
        loop {
            let ask = async {
                let got = self.send(url.clone(), None).await?;
                let response = self.accepted(got.response, id, what)?;
                let next = next_page(url, response.headers());
                let bytes = self.small(response).await?;
                let value = serde_json::from_slice(&bytes);
                Ok((value.map_err(|error| self.nonsense(error.to_string()))?, next))
            };
            match ask.await {
                Err(error) => tries.pause(error, false).await?,
                done => return done,
            }
        }
    }

    async fn small(&self, mut response: Response) -> Result<Vec<u8>, PullError> {
        let mut bytes = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| self.unreachable(response_host(&self.base), &error))?
        {
            if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(self.nonsense(format!("an answer of more than {MAX_ANSWER_BYTES} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// One request and its redirects. The token goes to the hub's own origin and nowhere else.
    pub(super) async fn send(&self, url: Url, from: Option<u64>) -> Result<Got, PullError> {
        let (mut at, mut sha256) = (url, None);
        for _ in 0..=MAX_REDIRECTS {
            let mut request = self.http.get(at.clone());
            let at_home = self.is_home(&at);
            if let Some(token) = self.authorization.as_ref().filter(|_| at_home) {
                request = request.header(AUTHORIZATION, token.clone());
            }
            if let Some(from) = from {
                request = request.header(RANGE, format!("bytes={from}-"));
            }
            let response =
                request.send().await.map_err(|error| self.unreachable(response_host(&at), &error))?;
            if at_home && sha256.is_none() {
                sha256 = linked(response.headers());
            }
            if !response.status().is_redirection() {
                return Ok(Got { response, sha256 });
            }
            let to = response
                .headers()
                .get(LOCATION)
                .and_then(|to| to.to_str().ok())
                .and_then(|to| at.join(to).ok());
            let to = to.ok_or_else(|| self.nonsense("a redirect to nowhere".to_owned()))?;
            if to.scheme() != "https" && (at.scheme() == "https" || to.scheme() != "http") {
                return Err(self.nonsense(format!("a redirect from {} to {}:", at.scheme(), to.scheme())));
            }
            at = to;
        }
        Err(self.nonsense(format!("more than {MAX_REDIRECTS} redirects")))
    }

    /// Turns everything but success into an error.
    pub(super) fn accepted(
        &self,
        response: Response,
        id: &ModelId,
        what: &str,
    ) -> Result<Response, PullError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let host = response_host(response.url());
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let code = header("x-error-code").unwrap_or_default();
        let token = self.authorization.is_some();
        let what = what.to_owned();
        Err(match (status.as_u16(), code) {
            // A refusal by whom the hub sends us to is about an address that has expired, not about us.
            (401 | 403, _) if !self.is_home(response.url()) => {
                PullError::Status { host, what, status: status.as_u16() }
            }
            (_, "GatedRepo") | (403, _) => PullError::Gated { id: id.clone(), page: self.page(id) },
            // Without a token, the hub does not say whether a private model exists.
            (401, "RepoNotFound") | (404, _) => PullError::NotFound { host, what, token },
            (401, _) => PullError::Unauthorized { host, token },
            (429, _) => {
                let wait = header(RETRY_AFTER.as_str()).and_then(|wait| wait.parse().ok()).unwrap_or(1);
                PullError::Busy { host, wait: Duration::from_secs(wait) }
            }
            (status, _) => PullError::Status { host, what, status },
        })
    }

    pub(super) fn url(&self, path: &[&str]) -> Result<Url, PullError> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            // Each part is escaped: a slash in a revision is one.
            Ok(mut segments) => segments.pop_if_empty().extend(path),
            Err(()) => return Err(PullError::Setting(format!("{} is no address of a hub", self.base))),
        };
        Ok(url)
    }

    /// Whether an address is of the hub itself: scheme, host and port.
    pub(super) fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    pub(super) fn nonsense(&self, reason: String) -> PullError {
        // What it says may be as long as an answer.
        PullError::BadAnswer { host: response_host(&self.base), reason: reason.chars().take(300).collect() }
    }

    /// The URL may hold a signature: only the host is told.
    pub(super) fn unreachable(&self, host: String, error: &reqwest::Error) -> PullError {
        let reason = if error.is_timeout() { "no answer in time".to_owned() } else { tls_words(error) };
        PullError::Unreachable { host, reason }
    }
}

impl Tries<'_> {
    /// Waits before the next attempt, or gives the error back when there is to be none. An attempt that brought bytes
    /// begins the count anew.
    pub(super) async fn pause(&mut self, error: PullError, progress: bool) -> Result<(), PullError> {
        self.failed = if progress { 1 } else { self.failed + 1 };
        let wait = match &error {
            PullError::Busy { wait, .. } => *wait,
            _ => self.patience.first_wait * 2_u32.saturating_pow(self.failed - 1),
        };
        if !error.is_transient() || self.failed >= self.patience.tries || wait > self.patience.longest_wait {
            return Err(error);
        }
        tracing::warn!(%error, wait_ms = wait.as_millis(), "trying again");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

pub(super) fn response_host(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => url.scheme().to_owned(),
    }
}

/// The digest behind a large file's link. Small files have a git digest there, which is shorter.
fn linked(headers: &HeaderMap) -> Option<String> {
    let etag = headers.get("x-linked-etag")?.to_str().ok()?;
    let digest = etag.trim_start_matches("W/").trim_matches('"').to_ascii_lowercase();
    is_digest(&digest).then_some(digest)
}

pub(super) fn is_digest(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

/// `Link: <URL>; rel="next"`.
fn next_page(at: &Url, headers: &HeaderMap) -> Option<Url> {
    let links = headers.get(LINK)?.to_str().ok()?;
    let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    at.join(next.split_once('<')?.1.split_once('>')?.0).ok()
}

fn base(address: &str) -> Result<Url, PullError> {
    let wrong = |why: String| PullError::Setting(format!("the hub `{address}` {why}"));
    let url: Url =
        address.parse().map_err(|error| wrong(format!("is no address ({error}); give https://HOST")))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(wrong("is neither https:// nor http://".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(PullError::Setting(
            "the hub's address must not hold a password; give a token as HF_TOKEN".to_owned(),
        ));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(address: &str, token: &str) -> Result<Hub, String> {
        Hub::new(address, Some(Secret::new(token)), Patience::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_never_travels_in_clear() {
        assert!(hub("https://hub.example", "t").is_ok() && hub("http://127.0.0.1:1", "t").is_ok());
        assert!(hub("http://hub.example", "").is_ok(), "without a token a mirror may be plain");
        let error = hub("http://hub.example", "hf_secret").err().unwrap();
        assert!(error.contains("in clear") && !error.contains("hf_secret"), "{error}");
        for bad in ["hub.example", "ftp://hub.example", "https://u:p@hub.example", ""] {
            assert!(hub(bad, "").is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_the_hubs_own() {
        let hub = hub("https://mirror.example/hf/", "").unwrap();
        let url = hub.url(&["api", "models", "a", "b", "revision", "refs/pr/1"]).unwrap();
        assert_eq!(url.as_str(), "https://mirror.example/hf/api/models/a/b/revision/refs%2Fpr%2F1");
        assert_eq!(hub.page(&"a/b".parse().unwrap()), "https://mirror.example/hf/a/b");
        let mut headers = HeaderMap::new();
        headers.insert(LINK, HeaderValue::from_static("</x?cursor=a%3D>; rel=\"next\""));
        assert_eq!(next_page(&url, &headers).unwrap().as_str(), "https://mirror.example/x?cursor=a%3D");
    }

    #[test]
    fn only_a_sha256_counts_as_a_linked_digest() {
        let of = |etag: &str| {
            linked(&HeaderMap::from_iter([(
                "x-linked-etag".parse().unwrap(),
                HeaderValue::try_from(etag).unwrap(),
            )]))
        };
        assert_eq!(of(&format!("\"{}\"", "AB".repeat(32))), Some("ab".repeat(32)));
        assert_eq!(of(&format!("\"{}\"", "a".repeat(40))), None);
    }
}
