//! The engine as the rest of the server holds it: ask it, look at its state; that it is started, joined,
//! leased and started again is seen to here. The death of an engine costs answers, never a server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use quicksilver_protocol::completion::{FimRequest, FimResponse};
use tokio::{
    sync::{Notify, watch},
    task::AbortHandle,
};

use super::{
    AskError, Client, Endpoint, Local, Remote,
    backoff::{Backoff, Verdict},
    client::OnFrame,
    launch,
};

const MODELS_TIMEOUT: Duration = Duration::from_secs(5);

/// How the engine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineState {
    /// Being joined or started.
    Starting,
    /// Answers.
    Ready {
        /// The model it serves.
        model: String,
        /// The device it runs on; `remote` when it does not say.
        device: String,
    },
    /// Died; is started again after the wait.
    Restarting {
        /// How long until the next try.
        wait: Duration,
        /// Why it died.
        reason: String,
    },
    /// Will not be tried again by itself.
    Failed {
        /// Why, and what to do.
        reason: String,
    },
}

/// A supervised engine; clones are the same one. When the last is dropped the lease ends.
#[derive(Clone)]
pub struct Engine {
    state: watch::Receiver<EngineState>,
    client: watch::Receiver<Option<Client>>,
    told: Arc<Told>,
    here: bool,
    _task: Arc<EndTask>,
}

struct EndTask(AbortHandle);

impl Drop for EndTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What the holders of an engine tell those who look after it.
#[derive(Default)]
struct Told {
    /// It has filled a hole in this life.
    answered: AtomicBool,
    /// Try again, though it has failed for good.
    retry: Notify,
}

struct Post {
    state: watch::Sender<EngineState>,
    client: watch::Sender<Option<Client>>,
    told: Arc<Told>,
}

impl Post {
    fn ready(&self, client: Client, model: String, device: String) {
        self.client.send_replace(Some(client));
        self.state.send_replace(EngineState::Ready { model, device });
    }

    fn set(&self, state: EngineState) {
        self.client.send_replace(None);
        self.state.send_replace(state);
    }
}

impl Engine {
    /// Begins to look after the engine at `endpoint`; must be called within a Tokio runtime. Returns at once.
    #[must_use]
    pub fn supervise(endpoint: Endpoint) -> Self {
        let (set_state, state) = watch::channel(EngineState::Starting);
        let (set_client, client) = watch::channel(None);
        let told = Arc::<Told>::default();
        let here = endpoint.is_here();
        let post = Post { state: set_state, client: set_client, told: Arc::clone(&told) };
        let task = tokio::spawn(async move {
            loop {
                match &endpoint {
                    Endpoint::Local(local) => keep_local(local, &post).await,
                    Endpoint::Remote(remote) => keep_remote(remote, &post).await,
                }
                post.told.retry.notified().await;
            }
        });
        Self { state, client, told, here, _task: Arc::new(EndTask(task.abort_handle())) }
    }

    /// Asks, if the engine is ready now; see [`Client::infill`].
    ///
    /// # Errors
    /// [`AskError::NotReady`] at once when it is not; else as [`Client::infill`].
    pub async fn infill(
        &self,
        request: &FimRequest,
        deadline: Duration,
        on_frame: Option<OnFrame<'_>>,
    ) -> Result<FimResponse, AskError> {
        let client = self.client.borrow().clone().ok_or(AskError::NotReady)?;
        let answer = client.infill(request, deadline, on_frame).await;
        if answer.is_ok() {
            self.told.answered.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// Whether it answers on this machine, where a question costs nobody money.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.here
    }

    /// Tries again where it was given up: for a command that the user runs after having mended something.
    pub fn retry(&self) {
        self.told.retry.notify_one();
    }

    /// The state, to look at or to follow.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<EngineState> {
        self.state.clone()
    }

    /// Waits until it answers or has failed for good, and returns a way to ask and what answers.
    ///
    /// # Errors
    /// [`AskError::CannotStart`], or [`AskError::Timeout`] after `within`.
    pub async fn ready(&self, within: Duration) -> Result<(Client, EngineState), AskError> {
        let mut state = self.state.clone();
        let settled =
            state.wait_for(|state| matches!(state, EngineState::Ready { .. } | EngineState::Failed { .. }));
        let settled = tokio::time::timeout(within, settled).await.map_err(|_| AskError::Timeout(within))?;
        let settled = settled.map_err(|_| AskError::NotReady)?.clone();
        match settled {
            EngineState::Failed { reason } => Err(AskError::CannotStart(reason)),
            ready => {
                let client = self.client.borrow().clone().ok_or(AskError::NotReady)?;
                Ok((client, ready))
            }
        }
    }
}

async fn keep_local(local: &Local, post: &Post) {
    let mut backoff = Backoff::default();
    loop {
        post.set(EngineState::Starting);
        post.told.answered.store(false, Ordering::Relaxed);
        let (reason, lived) = match launch::join_or_start(local).await {
            Ok(running) => {
                let since = Instant::now();
                post.ready(running.client.clone(), running.ready.model.clone(), running.ready.device.clone());
                (running.ended().await, since.elapsed())
            }
            Err(AskError::CannotStart(reason) | AskError::Setting(reason)) => {
                tracing::error!(reason, "the engine cannot start");
                return post.set(EngineState::Failed { reason });
            }
            Err(error) => (error.to_string(), Duration::ZERO),
        };
        match backoff.died(Instant::now(), lived, post.told.answered.load(Ordering::Relaxed)) {
            Verdict::RestartIn(wait) => {
                tracing::warn!(reason, wait_ms = wait.as_millis(), "the engine is gone; starting it again");
                post.set(EngineState::Restarting { wait, reason });
                tokio::time::sleep(wait).await;
            }
            Verdict::GiveUp => {
                tracing::error!(reason, "the engine died too often");
                let reason = format!(
                    "it died too often in three minutes, the last time because: {reason}; run `quicksilver doctor`, \
                     then restart the engine"
                );
                return post.set(EngineState::Failed { reason });
            }
        }
    }
}

/// Somebody else keeps it running: find out what it serves, however long it takes to come up.
async fn keep_remote(remote: &Remote, post: &Post) {
    let mut backoff = Backoff::default();
    loop {
        let reached = async {
            let client = Client::new(remote)?;
            let models = client.models(MODELS_TIMEOUT).await?;
            Ok::<_, AskError>((client, models))
        };
        match reached.await {
            Ok((client, models)) => {
                let first = models.data.into_iter().next().map(|model| model.id);
                let model = remote.model.clone().or(first).unwrap_or_default();
                return post.ready(client, model, "remote".to_owned());
            }
            Err(error) if error.is_passing() => {
                let wait = backoff.absent();
                post.set(EngineState::Restarting { wait, reason: error.to_string() });
                tokio::time::sleep(wait).await;
            }
            Err(error) => return post.set(EngineState::Failed { reason: error.to_string() }),
        }
    }
}
