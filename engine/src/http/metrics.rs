//! `/metrics` in Prometheus' text form: requests by route and status, load, steps, times, cache hits.

use std::time::Duration;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use super::About;
use crate::queue::{Infilled, Load};

/// Upper bounds of the time histograms, in seconds: the targets are 20, 80 and 300 ms.
const SECONDS: [f64; 13] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.0, 2.0, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: &'static str,
    status: u16,
}

/// Everything that is counted.
pub(super) struct Metrics {
    registry: Registry,
    answered: Family<Answered, Counter>,
    cancelled: Counter,
    queued: Gauge,
    running: Gauge,
    steps: Counter,
    span_tokens: Counter,
    prompt_tokens: Counter,
    cached_tokens: Counter,
    total: Histogram,
    waiting: Histogram,
}

impl Metrics {
    pub(super) fn new(about: &About) -> Self {
        let histogram = || Histogram::new(SECONDS);
        let metrics = Self {
            registry: Registry::with_prefix("quicksilver"),
            answered: Family::default(),
            cancelled: Counter::default(),
            queued: Gauge::default(),
            running: Gauge::default(),
            steps: Counter::default(),
            span_tokens: Counter::default(),
            prompt_tokens: Counter::default(),
            cached_tokens: Counter::default(),
            total: histogram(),
            waiting: histogram(),
        };
        metrics.registered(about)
    }

    fn registered(mut self, about: &About) -> Self {
        let registry = &mut self.registry;
        let info = vec![
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("model", about.model.clone()),
            ("device", about.device.clone()),
        ];
        registry.register("engine", "What this engine is", Info::new(info));
        registry.register("requests", "Answers by route and HTTP status", self.answered.clone());
        registry.register(
            "cancelled",
            "Requests whose client left before the answer",
            self.cancelled.clone(),
        );
        registry.register("queue_depth", "Jobs that wait for the device", self.queued.clone());
        registry.register("running", "Jobs on the device", self.running.clone());
        registry.register("denoise_steps", "Denoise steps run", self.steps.clone());
        registry.register("span_tokens", "Tokens answered", self.span_tokens.clone());
        registry.register("prompt_tokens", "Context tokens given to the model", self.prompt_tokens.clone());
        registry.register(
            "cached_tokens",
            "Context tokens that a cache answered for",
            self.cached_tokens.clone(),
        );
        registry.register_with_unit("infill", "From arrival to answer", Unit::Seconds, self.total.clone());
        registry.register_with_unit(
            "queued",
            "From arrival to the device",
            Unit::Seconds,
            self.waiting.clone(),
        );
        self
    }

    pub(super) fn answered(&self, route: &'static str, status: u16) {
        self.answered.get_or_create(&Answered { route, status }).inc();
    }

    pub(super) fn cancelled(&self) {
        self.cancelled.inc();
    }

    pub(super) fn infilled(&self, infilled: &Infilled, total: Duration, queued: Duration) {
        self.steps.inc_by(u64::from(infilled.steps));
        self.span_tokens.inc_by(u64::from(infilled.span_tokens));
        self.prompt_tokens.inc_by(u64::from(infilled.prompt_tokens));
        self.cached_tokens.inc_by(u64::from(infilled.cached_tokens));
        self.total.observe(total.as_secs_f64());
        self.waiting.observe(queued.as_secs_f64());
    }

    /// The page, with the load as it is now.
    pub(super) fn page(&self, load: Load) -> String {
        self.queued.set(i64::try_from(load.queued).unwrap_or(i64::MAX));
        self.running.set(i64::try_from(load.running).unwrap_or(i64::MAX));
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut page, &self.registry);
        page
    }
}
