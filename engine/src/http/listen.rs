//! Where the engine listens, and how connections are taken: loopback TCP or a Unix socket by default, caps
//! on headers and connections, and a short drain at the end.

use std::{fmt, io, net::SocketAddr, path::PathBuf, str::FromStr, sync::Arc};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use quicksilver_protocol::limits::{ARRIVAL_TIMEOUT, DRAIN_TIMEOUT, MAX_CONNECTIONS, MAX_HEADER_BYTES};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinSet,
};

use super::Keys;
use crate::EngineError;

/// `ADDR:PORT`, or `unix:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Port 0 takes a free one.
    Tcp(SocketAddr),
    /// A socket that only this user can open.
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(path.into()));
        }
        let tcp = text.strip_prefix("http://").unwrap_or(text).replace("localhost:", "127.0.0.1:");
        tcp.parse().map(Self::Tcp).map_err(|_| {
            format!("`{text}` is no address: give ADDR:PORT, such as 127.0.0.1:8787, or unix:PATH")
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// An open listener.
pub struct Listener {
    socket: Socket,
    address: Address,
}

enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix {
        listener: tokio::net::UnixListener,
        _remove: RemoveOnDrop,
    },
}

/// A socket's file outlives its listener otherwise.
#[cfg(unix)]
struct RemoveOnDrop(PathBuf);

#[cfg(unix)]
impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Opens the address. Anything but loopback and Unix sockets needs a key.
    ///
    /// # Errors
    /// [`EngineError::Listen`]: the address is taken, not ours, or open to others without a key.
    pub async fn open(address: &Address, keys: &Keys) -> Result<Self, EngineError> {
        let refuse = |reason: String| EngineError::Listen { address: address.to_string(), reason };
        match address {
            Address::Tcp(tcp) => {
                if !tcp.ip().is_loopback() && keys.is_empty() {
                    return Err(refuse(
                        "others could reach it without a key; set QUICKSILVER_KEY or --key-file, or listen on \
                         127.0.0.1"
                            .to_owned(),
                    ));
                }
                let listener = TcpListener::bind(tcp).await.map_err(|error| refuse(advice(&error)))?;
                let address =
                    listener.local_addr().map(Address::Tcp).map_err(|error| refuse(error.to_string()))?;
                Ok(Self { socket: Socket::Tcp(listener), address })
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let listener = open_unix(path).await.map_err(|error| refuse(advice(&error)))?;
                let socket = Socket::Unix { listener, _remove: RemoveOnDrop(path.clone()) };
                Ok(Self { socket, address: address.clone() })
            }
            #[cfg(not(unix))]
            Address::Unix(_) => Err(refuse("this system has no Unix sockets; give ADDR:PORT".to_owned())),
        }
    }

    /// Where it listens, with the port that was chosen.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }
}

fn advice(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "something listens there already; choose another port (0 takes a free one) or stop it".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            "this user may not; choose a port above 1023 or another path".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        _ => error.to_string(),
    }
}

/// Binds with mode 0600, over a socket file that nobody answers on any more.
#[cfg(unix)]
async fn open_unix(path: &std::path::Path) -> io::Result<tokio::net::UnixListener> {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    if std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) {
        if tokio::net::UnixStream::connect(path).await.is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        std::fs::remove_file(path)?;
    }
    let listener = tokio::net::UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Resolves when the engine is to stop.
pub(super) async fn told(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Takes connections until `stopped`, then lets the open ones end.
pub(super) async fn accept(listener: Listener, router: Router, mut stopped: watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut open = JoinSet::new();
    loop {
        let slot = Arc::clone(&slots).acquire_owned();
        let next = async {
            let slot = slot.await;
            (listener.next().await, slot)
        };
        tokio::select! {
            biased;
            () = told(&mut stopped) => break,
            Some(_) = open.join_next(), if !open.is_empty() => {}
            (stream, slot) = next => match stream {
                Ok(stream) => {
                    let connection = answer(stream, router.clone(), stopped.clone());
                    open.spawn(async move {
                        connection.await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    // Out of file handles, mostly: some will come free.
                    tracing::warn!(%error, "cannot take a connection");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            },
        }
    }
    drop(listener);
    let drained = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_TIMEOUT, drained).await.is_err() {
        tracing::warn!("some requests had not ended when the engine stopped");
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Listener {
    async fn next(&self) -> io::Result<Box<dyn Stream>> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Frames are small and wanted now.
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            #[cfg(unix)]
            Socket::Unix { listener, .. } => Ok(Box::new(listener.accept().await?.0)),
        }
    }
}

async fn answer(stream: Box<dyn Stream>, router: Router, mut stopped: watch::Receiver<bool>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ARRIVAL_TIMEOUT)
        .max_header_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = told(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
}
