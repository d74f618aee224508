//! Asking the engine, patiently: what passes is waited for, what does not ends the run.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use quicksilver_protocol::completion::{FimRequest, Report, Span, Stop};

use crate::engine::{Api, AskError, Client, Engine};

/// Tries for a hole while the engine is busy or away.
const TRIES: u32 = 4;
/// How long an engine that went away may take to come back.
const RETURN_TIMEOUT: Duration = Duration::from_secs(60);
/// And how long nobody asks it: who looks after it must see first that it is gone.
const RETURN_WAIT: Duration = Duration::from_secs(1);
/// The longest wait for a busy engine.
const MAX_BUSY_WAIT: Duration = Duration::from_secs(30);
/// Refusals in a row after which the engine refuses everything.
const MAX_REFUSALS: u32 = 5;

/// What an engine answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The text for the hole.
    pub text: String,
    /// The other answers, the likeliest first.
    pub others: Vec<String>,
    /// How it came to be, from our engine.
    pub report: Option<Report>,
    /// Tokens of the text, as the engine counts.
    pub tokens: Option<u32>,
    /// Milliseconds from request to answer.
    pub ms: f64,
}

/// How an engine is reached.
pub enum Way {
    /// One that is looked after: this machine's own is started again when it dies.
    Engine(Engine),
    /// One that may not even say which models it has.
    Client(Client),
}

/// A way to ask one engine.
pub struct Asker {
    way: Way,
    api: Api,
    deadline: Duration,
    refusals: AtomicU32,
}

impl Asker {
    /// Asks within `deadline` a hole.
    #[must_use]
    pub fn new(way: Way, api: Api, deadline: Duration) -> Self {
        Self { way, api, deadline, refusals: AtomicU32::new(0) }
    }

    /// Asks; inside, why this hole got no answer.
    ///
    /// # Errors
    /// What no other hole would be spared.
    pub async fn ask(&self, request: &FimRequest) -> Result<Result<Answer, String>, AskError> {
        let request = self.adapted(request);
        let mut tries = 1;
        loop {
            let began = Instant::now();
            let answered = match &self.way {
                Way::Engine(engine) => engine.infill(&request, self.deadline, None).await,
                Way::Client(client) => client.infill(&request, self.deadline, None).await,
            };
            let error = match answered {
                Ok(response) => {
                    self.refusals.store(0, Ordering::Relaxed);
                    let ms = began.elapsed().as_secs_f64() * 1e3;
                    let mut texts = response.choices.into_iter().map(|choice| choice.text);
                    let Some(text) = texts.next() else {
                        return Ok(Err("an answer without a choice".to_owned()));
                    };
                    let one_line = matches!(request.span, Some(Span::Rest | Span::Line));
                    let cut = |text: String| if one_line { first_line(&text).to_owned() } else { text };
                    return Ok(Ok(Answer {
                        text: cut(text),
                        others: texts.map(cut).collect(),
                        report: response.quicksilver,
                        tokens: response.usage.map(|usage| usage.completion_tokens),
                        ms,
                    }));
                }
                Err(error) => error,
            };
            match error {
                AskError::Timeout(_) => return Ok(Err(error.to_string())),
                AskError::Refused { status: 401 | 403 | 404, .. } => return Err(error),
                AskError::Refused { .. } | AskError::BadAnswer(_) => {
                    let refusals = self.refusals.fetch_add(1, Ordering::Relaxed) + 1;
                    return if refusals < MAX_REFUSALS { Ok(Err(error.to_string())) } else { Err(error) };
                }
                AskError::Busy(wait) if tries < TRIES => tokio::time::sleep(wait.min(MAX_BUSY_WAIT)).await,
                AskError::Unreachable(_) | AskError::NotReady if tries < TRIES => {
                    tokio::time::sleep(RETURN_WAIT).await;
                    if let Way::Engine(engine) = &self.way {
                        engine.ready(RETURN_TIMEOUT).await?;
                    }
                }
                error => return Err(error),
            }
            tries += 1;
        }
    }

    /// Engines of other makes know no kinds of span: the line's end stops them.
    fn adapted(&self, request: &FimRequest) -> FimRequest {
        let mut request = request.clone();
        if self.api != Api::Quicksilver && matches!(request.span, Some(Span::Rest | Span::Line)) {
            request.stop = Some(Stop::One("\n".to_owned()));
        }
        request
    }
}

fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or_default()
}
