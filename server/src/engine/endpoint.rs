//! Where an engine is, and whether text may go there: code and keys leave this machine only over `https`.
//!
//! Built from user settings and command lines only; a workspace's own files never reach this module.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use url::{Host, Url};

use super::AskError;

/// A key. It has no `Debug` and no `Display`, so that no log line and no error can hold it by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the first line, without blanks around it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.lines().next().unwrap_or_default().trim().to_owned())
    }

    /// The key itself, for the one header that carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Which engine to ask.
#[derive(Clone)]
pub enum Endpoint {
    /// The engine of this machine and user: joined when it runs, started when not.
    Local(Local),
    /// An engine that somebody else keeps running.
    Remote(Remote),
}

/// How to start an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// The executable; our own, but for tests.
    pub program: PathBuf,
    /// Model folder, or ID of a pulled model; `None` takes the embedded one.
    pub model: Option<String>,
    /// How it computes.
    pub how: How,
}

/// How an engine of this machine computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct How {
    /// `auto`, `cpu` or `cuda:N`.
    pub device: String,
    /// `auto`, `stored` or `int8`.
    pub weights: String,
    /// Context rows either side of the hole that a step reads anew; `None` for what the model's config says.
    pub vicinity: Option<u16>,
}

/// An engine at an address.
#[derive(Clone)]
pub struct Remote {
    /// Where.
    pub(super) address: Address,
    /// The key it wants.
    pub(super) key: Option<Secret>,
    /// The model to ask for, where the engine serves several.
    pub model: Option<String>,
    /// What it understands.
    pub api: Api,
}

/// What an engine understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Api {
    /// `/v1/fim/completions` with our extensions: other files, span kinds, deadlines.
    #[default]
    Quicksilver,
    /// The same without: Mercury's own API.
    Mercury,
    /// `/v1/completions` with `prompt` and `suffix`, as OpenAI once had it.
    OpenAi,
}

impl Api {
    /// Where a hole is posted to.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Quicksilver | Self::Mercury => "v1/fim/completions",
            Self::OpenAi => "v1/completions",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Url(Url),
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => write!(f, "{url}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Endpoint {
    /// The engine of this machine, with our own executable.
    ///
    /// # Errors
    /// [`AskError::CannotStart`] when the system does not say which executable this is.
    pub fn local(model: Option<String>, how: How) -> Result<Self, AskError> {
        let program = std::env::current_exe()
            .map_err(|error| AskError::CannotStart(format!("cannot find my own executable: {error}")))?;
        Ok(Self::Local(Local { program, model, how }))
    }

    /// What user settings or a command line say: an address with its key from `key_file`, else from the environment's
    /// `QUICKSILVER_KEY`; or, without an address, this machine's own engine.
    ///
    /// # Errors
    /// As [`Endpoint::local`] and [`Endpoint::remote`]; [`AskError::Setting`] when the key file cannot be read.
    pub fn from_settings(
        address: Option<&str>,
        key_file: Option<&Path>,
        model: Option<String>,
        how: How,
    ) -> Result<Self, AskError> {
        let Some(address) = address else { return Self::local(model, how) };
        let key = match key_file {
            Some(file) => Some(std::fs::read_to_string(file).map_err(|error| {
                AskError::Setting(format!("the key file {} cannot be read: {error}", file.display()))
            })?),
            None => std::env::var("QUICKSILVER_KEY").ok(),
        };
        let mut endpoint = Self::remote(address, key.as_deref().map(Secret::new))?;
        if let Self::Remote(remote) = &mut endpoint {
            remote.model = model;
        }
        Ok(endpoint)
    }

    /// Whether it is on this machine: text may leave it over `https` alone.
    #[must_use]
    pub fn is_here(&self) -> bool {
        !matches!(self, Self::Remote(Remote { address: Address::Url(url), .. }) if url.scheme() == "https")
    }

    /// The engine at `address`: `https://…`, `http://` on this machine, or `unix:PATH`.
    ///
    /// # Errors
    /// [`AskError::Setting`]: no such address, or one where text would travel in clear.
    pub fn remote(address: &str, key: Option<Secret>) -> Result<Self, AskError> {
        let address = address.parse().map_err(AskError::Setting)?;
        let key = key.filter(|key| !key.is_empty());
        Ok(Self::Remote(Remote { address, key, model: None, api: Api::default() }))
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if cfg!(unix) {
                Ok(Self::Unix(path.into()))
            } else {
                Err("this system has no Unix sockets; give http://127.0.0.1:PORT".to_owned())
            };
        }
        let mut url: Url = text.parse().map_err(|error| {
            format!("`{text}` is no address ({error}); give https://HOST, http://127.0.0.1:PORT or unix:PATH")
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "an address must not hold a name or password; give the key as QUICKSILVER_KEY".to_owned()
            );
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => {
                return Err(format!(
                    "`{text}` would send your code in clear; use https://, or a tunnel to http://127.0.0.1:PORT"
                ));
            }
            other => return Err(format!("`{other}:` is not spoken here; give https://, http:// or unix:")),
        }
        // `join` replaces the last part of a path that does not end so.
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self::Url(url))
    }
}

/// By number or as `localhost`; any other name may resolve to anywhere.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_leaves_the_machine_only_over_https() {
        for good in
            ["https://engine.example", "http://127.0.0.1:8787", "http://localhost:1", "http://[::1]:1/x"]
        {
            assert!(good.parse::<Address>().is_ok(), "{good}");
        }
        for bad in [
            "http://engine.example",
            "http://10.0.0.2:80",
            "http://192.168.1.2",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://0.0.0.0:1",
            "ftp://127.0.0.1",
            "https://user:pass@engine.example",
            "engine.example",
            "",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_base_path_is_kept() {
        let address: Address = "https://api.example/quicksilver".parse().unwrap_or(Address::Unix("".into()));
        let Address::Url(url) = address else { panic!("not a URL") };
        let joined = url.join("v1/models").map(String::from);
        assert_eq!(joined.as_deref(), Ok("https://api.example/quicksilver/v1/models"));
    }
}
