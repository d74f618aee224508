//! Joining the engine that this machine's servers share, or starting it. The engine is told to live while it
//! is leased: however its servers end, `kill -9` included, their leases close and it goes.

use std::{process::Stdio, time::Duration};

use quicksilver_protocol::engine::Ready;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
};

use super::{
    AskError, Client, Local, Remote, Secret,
    client::Lease,
    endpoint::{Address, Api},
    rendezvous::{Notice, Rendezvous},
};

/// A large model on a slow disk takes its time.
const START_TIMEOUT: Duration = Duration::from_secs(120);
const JOIN_TIMEOUT: Duration = Duration::from_secs(2);
const EXIT_TIMEOUT: Duration = Duration::from_millis(500);
/// Bytes of the line that says where the engine listens.
const MAX_READY_LINE: u64 = 16 * 1024;
/// The engine's exit codes that another start would only repeat: wrong usage, and no usable model.
const HOPELESS_CODES: [i32; 2] = [2, MODEL_CODE];
const MODEL_CODE: i32 = 4;
/// How a failed start begins whose cause is the model.
pub const NO_MODEL: &str = "the model cannot be loaded";

/// An engine that answers, and our lease of it.
pub(super) struct Running {
    pub(super) client: Client,
    pub(super) ready: Ready,
    lease: Lease,
    /// The process, when it is our child: to be reaped, never to be killed, for others may have joined it.
    child: Option<Child>,
    rendezvous: Rendezvous,
}

impl Running {
    /// Waits until the engine is gone, and says what is known of why.
    pub(super) async fn ended(mut self) -> String {
        self.lease.ended().await;
        let Some(mut child) = self.child else { return "the engine went away".to_owned() };
        match tokio::time::timeout(EXIT_TIMEOUT, child.wait()).await {
            Ok(Ok(status)) => match self.rendezvous.last_words() {
                words if words.is_empty() => format!("the engine ended ({status})"),
                words => format!("the engine ended ({status}): {words}"),
            },
            _ => "the engine closed its connection".to_owned(),
        }
    }
}

/// Joins, else starts. Servers take turns, so that one starts the engine and the others find it.
pub(super) async fn join_or_start(local: &Local) -> Result<Running, AskError> {
    let rendezvous = Rendezvous::open(local)?;
    let _turn = rendezvous.turn(START_TIMEOUT).await?;
    if let Some(notice) = rendezvous.notice()
        && let Ok((client, lease)) = join(&notice).await
    {
        tracing::info!(pid = notice.ready.pid, "joined a running engine");
        return Ok(Running { client, ready: notice.ready, lease, child: None, rendezvous });
    }
    start(local, rendezvous).await
}

async fn join(notice: &Notice) -> Result<(Client, Lease), AskError> {
    let address: Address = notice.ready.address.parse().map_err(AskError::BadAnswer)?;
    let remote = Remote { address, key: Some(notice.key()), model: None, api: Api::Quicksilver };
    let client = Client::new(&remote)?;
    let lease = client.lease(JOIN_TIMEOUT).await?;
    Ok((client, lease))
}

async fn start(local: &Local, rendezvous: Rendezvous) -> Result<Running, AskError> {
    let key = random_key()?;
    let mut child = spawn(local, &rendezvous, &key)?;
    let ready = match tokio::time::timeout(START_TIMEOUT, ready_line(&mut child)).await {
        Ok(Some(ready)) => ready,
        Ok(None) => return Err(stillborn(child, &rendezvous).await),
        Err(_) => {
            let _ = child.start_kill();
            return Err(AskError::Timeout(START_TIMEOUT));
        }
    };
    let notice = Notice::new(ready, &key);
    let (client, lease) = match join(&notice).await {
        Ok(joined) => joined,
        Err(error) => {
            let _ = child.start_kill();
            return Err(error);
        }
    };
    rendezvous.announce(&notice)?;
    tracing::info!(pid = notice.ready.pid, address = notice.ready.address, "started an engine");
    Ok(Running { client, ready: notice.ready, lease, child: Some(child), rendezvous })
}

fn spawn(local: &Local, rendezvous: &Rendezvous, key: &Secret) -> Result<Child, AskError> {
    let unique: String = key.expose().chars().take(8).collect();
    let mut command = Command::new(&local.program);
    command.args([
        "engine",
        "--while-leased",
        "--device",
        &local.how.device,
        "--weights",
        &local.how.weights,
    ]);
    command.arg("--listen").arg(rendezvous.address(&unique));
    if let Some(model) = &local.model {
        command.arg("--model").arg(model);
    }
    if let Some(vicinity) = local.how.vicinity {
        command.arg("--vicinity").arg(vicinity.to_string());
    }
    // By environment, because arguments are there for every user to read.
    command.env("QUICKSILVER_KEY", key.expose());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(rendezvous.log()?);
    // A Ctrl-C in one server's terminal is not meant for the engine of all.
    #[cfg(unix)]
    command.process_group(0);
    command.spawn().map_err(|error| AskError::CannotStart(format!("{}: {error}", local.program.display())))
}

/// The one line that an engine prints when it can answer; `None` when it ended without.
async fn ready_line(child: &mut Child) -> Option<Ready> {
    let stdout = child.stdout.take()?;
    let mut line = String::new();
    BufReader::new(stdout.take(MAX_READY_LINE)).read_line(&mut line).await.ok()?;
    serde_json::from_str(&line).ok()
}

async fn stillborn(mut child: Child, rendezvous: &Rendezvous) -> AskError {
    let status = tokio::time::timeout(EXIT_TIMEOUT, child.wait()).await;
    let words = rendezvous.last_words();
    match status {
        Ok(Ok(status)) if status.code().is_some_and(|code| HOPELESS_CODES.contains(&code)) => {
            match status.code() {
                Some(MODEL_CODE) => AskError::CannotStart(format!("{NO_MODEL}: {words}")),
                _ => AskError::CannotStart(words),
            }
        }
        Ok(Ok(status)) => AskError::Unreachable(format!("it ended at once ({status}): {words}")),
        _ => {
            let _ = child.start_kill();
            AskError::BadAnswer("its first line is not what an engine says".to_owned())
        }
    }
}

fn random_key() -> Result<Secret, AskError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| AskError::CannotStart(format!("this system gives no random numbers: {error}")))?;
    Ok(Secret::new(&bytes.map(|byte| format!("{byte:02x}")).concat()))
}
