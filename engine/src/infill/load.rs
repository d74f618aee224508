//! From a loaded [`Model`] to an [`Infiller`].

use super::{Infiller, Network, Settings};
use crate::{
    EngineError,
    diffusion::{Blocks, Denoiser},
    model::{self, Context, Model, Topology},
    tokens::{TokenId, fit::Fitted},
};

impl Infiller {
    /// Fills holes with `model`, as its configuration says.
    #[must_use]
    pub fn of(model: Model) -> Self {
        let settings = Settings::of(&model.spec);
        Self::with(model, settings)
    }

    /// Fills holes with `model`, as `settings` say; with its network only if it was loaded with one.
    #[must_use]
    pub fn with(model: Model, settings: Settings) -> Self {
        let network =
            model.network.map(|network| Box::new(Reader { network, context: None }) as Box<dyn Network>);
        Self::new(model.tokenizer, settings, network).knowing(model.counts)
    }
}

/// A network and the hole it has read last.
struct Reader {
    network: model::Network,
    context: Option<Context>,
}

impl Network for Reader {
    fn read(&mut self, around: &Fitted, longest: usize) -> Result<usize, EngineError> {
        let (context, stats) = self.network.encode_context(&around.suffix, &around.prefix, longest)?;
        self.context = Some(context);
        Ok(stats.reused)
    }

    fn denoiser(&mut self) -> Result<Box<dyn Denoiser + '_>, EngineError> {
        let context = self.context.as_ref();
        let context = context.ok_or_else(|| EngineError::Internal("no hole has been read".to_owned()))?;
        Ok(Box::new(self.network.denoiser(context)))
    }

    fn blocks(&self) -> Blocks {
        self.context.as_ref().map_or(Blocks::WHOLE, |context| context.blocks(self.network.spec()))
    }

    fn score(&mut self, texts: &[&[TokenId]]) -> Result<Option<Vec<Vec<f32>>>, EngineError> {
        match &self.context {
            Some(context) if self.network.spec().topology == Topology::ContextExact => {
                self.network.score(context, texts).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn reads_both_ways(&self) -> bool {
        self.network.spec().topology == Topology::Full
    }

    fn freshen(&mut self) -> Result<(), EngineError> {
        self.network.freshen().map(|_| ())
    }

    fn forget(&mut self) {
        self.context = None;
        self.network.forget();
    }
}
