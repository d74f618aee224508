//! The pipeline: what is asked of whom, in which order. The steps themselves are in the other files.

use std::sync::Arc;

use quicksilver_protocol::completion::{FimRequest, FinishReason};

use super::{
    Network, Settings,
    answer::answer,
    fill::{Span, from_network, from_prior},
    frames::Screen,
    many,
    spelling::{Bans, Spelling},
    task::Task,
};
use crate::{
    EngineError,
    diffusion::{Blocks, End, Interrupt, Lengths, Plan, Revision, Rule, Sampling, Schedule, Watcher},
    model::NetworkUse,
    prior::{Pool, propose, table::Counts},
    queue::{Infill, Infilled, Terms},
    tokens::{
        TokenId, Tokenizer,
        fit::{Fitted, Layout, Parts},
    },
};

/// Fills holes with one model; lives on the device's thread.
pub struct Infiller {
    pub(super) kit: Kit,
    pub(super) network: Option<Box<dyn Network>>,
    /// What the network answered to [`Infill::check`] the first time.
    pub(super) known: Option<Vec<TokenId>>,
}

/// What stays the same from request to request.
pub(super) struct Kit {
    pub(super) tokenizer: Arc<Tokenizer>,
    pub(super) settings: Settings,
    layout: Layout,
    bans: Bans,
    /// What code looks like elsewhere.
    counts: Option<Arc<Counts>>,
    /// Width of a row of the prior's.
    width: usize,
}

impl Infiller {
    /// With a network, or the local prior alone.
    #[must_use]
    pub fn new(tokenizer: Arc<Tokenizer>, settings: Settings, network: Option<Box<dyn Network>>) -> Self {
        let network = network.filter(|_| settings.role != NetworkUse::Off);
        Self { kit: Kit::new(tokenizer, settings), network, known: None }
    }

    /// The same, with counts of other packages made for its tokenizer.
    #[must_use]
    pub fn knowing(mut self, counts: Option<Arc<Counts>>) -> Self {
        self.kit.counts = counts;
        self
    }

    /// The choices it fills with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.kit.settings
    }

    fn span(
        &mut self,
        task: &Task,
        request: &FimRequest,
        screen: &mut Screen<'_, '_>,
    ) -> Result<Span, EngineError> {
        let pool = self.kit.propose(task, screen)?;
        match self.network.as_deref_mut() {
            Some(network) if task.max_tokens > 0 && screen.look().is_none() => {
                self.kit.with_network(network, &pool, task, request, screen)
            }
            _ => self.kit.by_prior(&pool, task, request, screen),
        }
    }
}

impl Kit {
    pub(super) fn new(tokenizer: Arc<Tokenizer>, settings: Settings) -> Self {
        let width = settings.width(&tokenizer);
        Self {
            layout: Layout::new(&tokenizer, settings.bos, settings.eos),
            bans: Bans::new(&tokenizer, &settings.marks, width),
            counts: None,
            width,
            tokenizer,
            settings,
        }
    }

    /// The context of a hole.
    pub(super) fn around(&self, task: &Task) -> Fitted {
        self.around_all(task, task, 0)
    }

    /// The context of all holes from `first` to `last`, where the canvas has `given` tokens of it already.
    pub(super) fn around_all(&self, first: &Task, last: &Task, given: usize) -> Fitted {
        let files: Vec<&[TokenId]> = first.files.iter().map(Vec::as_slice).collect();
        let parts = Parts {
            prefix: &first.prefix,
            suffix: &last.suffix,
            language: first.language.as_deref(),
            path: first.path.as_deref(),
            snippets: &files,
        };
        self.layout.fit(&self.tokenizer, &parts, self.settings.window.saturating_sub(given))
    }

    /// The local prior alone fills the hole.
    pub(super) fn by_prior(
        &self,
        pool: &Pool,
        task: &Task,
        request: &FimRequest,
        screen: &mut Screen<'_, '_>,
    ) -> Result<Span, EngineError> {
        let spelling = self.spelling(task);
        from_prior(pool, task, &self.plan(task, request, &spelling), self.width, screen)
    }

    pub(super) fn propose(&self, task: &Task, screen: &mut Screen<'_, '_>) -> Result<Pool, EngineError> {
        if !self.settings.drafts {
            return Ok(Pool::default());
        }
        let stop = || screen.look().is_some();
        let pool = propose(&task.hole(self.counts.as_deref()), &*self.tokenizer, &stop);
        match screen.interrupt() {
            Some(Interrupt::Cancel) => Err(EngineError::Cancelled),
            Some(Interrupt::Deadline) if pool.hypotheses.is_empty() => Err(EngineError::Late),
            Some(Interrupt::Deadline) | None => Ok(pool),
        }
    }

    pub(super) fn spelling<'a>(&'a self, task: &'a Task) -> Spelling<'a> {
        Spelling {
            tokenizer: &self.tokenizer,
            bans: &self.bans,
            mask: self.settings.marks.mask,
            heal: &task.heal,
            one_line: task.one_line(),
        }
    }

    pub(super) fn plan<'a>(&self, task: &Task, request: &FimRequest, spelling: &'a Spelling<'a>) -> Plan<'a> {
        Plan {
            marks: self.settings.marks,
            sampling: Sampling {
                temperature: request.temperature.unwrap_or(0.0) as f32,
                top_p: request.top_p.map(|top_p| top_p as f32),
                seed: request.seed.unwrap_or(0),
                ..Sampling::default()
            },
            rule: Rule::Threshold(self.settings.threshold),
            schedule: self.settings.max_steps.map_or(Schedule::OneByOne, Schedule::Within),
            blocks: Blocks::WHOLE,
            revision: Revision::Keep,
            waits: false,
            lengths: Lengths {
                deletion: self.settings.deletion,
                capacity: task.max_tokens.min(self.settings.max_span),
                expands: self.settings.max_span,
                allow_empty: task.allow_empty && task.heal.is_empty(),
            },
            remasks: 0,
            constraint: spelling,
        }
    }

    /// The network's sampling: what a request leaves open is as its authors have it.
    pub(super) fn sampling(&self, request: &FimRequest, plain: Sampling) -> Sampling {
        let settings = &self.settings;
        let published = |own: Option<f64>, theirs: Option<f32>| own.map(|own| own as f32).or(theirs);
        Sampling {
            temperature: published(request.temperature, settings.temperature).unwrap_or(0.0),
            top_p: published(request.top_p, settings.top_p),
            top_k: settings.top_k,
            rank_temperature: settings.rank_temperature,
            ..plain
        }
    }

    /// The other hypotheses as texts, none said twice, so that with `text` there are `wanted` at most.
    fn others(&self, span: &Span, text: &str, task: &Task, wanted: Option<u32>) -> Vec<String> {
        let most = wanted.unwrap_or(1).saturating_sub(1) as usize;
        let mut found: Vec<String> = Vec::new();
        for tokens in &span.others {
            if found.len() >= most {
                break;
            }
            let other = answer(&self.tokenizer.raw(tokens), task, FinishReason::Stop).text;
            if !other.trim().is_empty() && other != text && !found.contains(&other) {
                found.push(other);
            }
        }
        found
    }

    fn with_network(
        &self,
        network: &mut dyn Network,
        pool: &Pool,
        task: &Task,
        request: &FimRequest,
        screen: &mut Screen<'_, '_>,
    ) -> Result<Span, EngineError> {
        let around = self.around(task);
        let longest = pool.hypotheses.iter().map(|draft| draft.tokens.len() + 1).max().unwrap_or(0);
        let cached_tokens = network.read(&around, longest.max(self.settings.max_span))?;
        // Reading a cold context takes longest; the draft is worth more than a check that comes too late.
        if screen.look().is_some() {
            return self.by_prior(pool, task, request, screen);
        }
        let spelling = self.spelling(task);
        let plan = self.plan(task, request, &spelling);
        let plan = Plan { blocks: network.blocks(), sampling: self.sampling(request, plan.sampling), ..plan };
        let span = from_network(network, pool, task, &plan, &self.settings, screen)?;
        Ok(Span { prompt_tokens: around.prefix.len() + around.suffix.len(), cached_tokens, ..span })
    }
}

impl Infiller {
    /// Fills the one hole of a request.
    fn one(&mut self, request: &FimRequest, terms: &mut Terms<'_>) -> Result<Infilled, EngineError> {
        let mut task = Task::read(request, &self.kit.tokenizer);
        if !self.kit.settings.warm {
            task.previous = None;
        }
        let tokenizer = Arc::clone(&self.kit.tokenizer);
        let mut screen = Screen::new(terms, &tokenizer, &task);
        let span = self.span(&task, request, &mut screen)?;
        let Span { outcome, sure, .. } = &span;
        let tokens = outcome.canvas.decoded();
        let finish = match outcome.end {
            End::Deadline => FinishReason::Deadline,
            End::Complete if tokens.len() >= task.max_tokens => FinishReason::Length,
            End::Complete => FinishReason::Stop,
        };
        let answer = answer(&tokenizer.raw(&tokens), &task, finish);
        let others = self.kit.others(&span, &answer.text, &task, request.n);
        tracing::debug!(steps = span.steps, source = span.source, trace = %outcome.trace, "infilled");
        Ok(Infilled {
            show: sure.show && !answer.text.is_empty() && outcome.end == End::Complete,
            text: answer.text,
            others,
            finish: answer.finish,
            steps: span.steps,
            prompt_tokens: span.prompt_tokens as u32,
            cached_tokens: span.cached_tokens as u32,
            span_tokens: tokens.len() as u32,
            confidence: sure.probability.clamp(0.0, 1.0),
            source: span.source,
            holes: Vec::new(),
            margin: None,
            doubts: Vec::new(),
        })
    }
}

impl Infill for Infiller {
    fn infill(&mut self, request: &FimRequest, terms: &mut Terms<'_>) -> Result<Infilled, EngineError> {
        if request.doubt {
            self.kit.doubts(request, terms)
        } else if let Some(rewrite) = &request.rewrite {
            self.rewrite(request, rewrite, terms)
        } else if request.holes.is_empty() {
            self.one(request, terms)
        } else if let Some(infilled) = self.joint(request, terms)? {
            Ok(infilled)
        } else {
            many::fill(request, terms, &mut |request, terms| self.one(request, terms))
        }
    }

    fn check(&mut self) -> Result<(), EngineError> {
        self.check_prior()?;
        self.check_network()
    }

    fn idle(&mut self) -> Result<(), EngineError> {
        self.network.as_deref_mut().map_or(Ok(()), |network| network.freshen())
    }

    fn reset(&mut self) {
        if let Some(network) = &mut self.network {
            network.forget();
        }
    }
}
