//! A spec as lines for people: what was resolved, and from where.

use super::{Gating, ModelSpec, NetworkUse, Topology, signs::Sign};

impl ModelSpec {
    /// What the network is and how it is used, as names and values.
    #[must_use]
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![
            ("family", self.family.to_owned()),
            ("shape", self.shape()),
            ("attention", self.attention_fact()),
            (
                "logit shift",
                if self.logit_shift { "yes: the row before a token predicts it" } else { "no" }.to_owned(),
            ),
            ("head", if self.tied { "the embedding (tied)" } else { "its own" }.to_owned()),
        ];
        let signs = [
            ("mask", &self.signs.mask),
            ("expand", &self.signs.expand),
            ("delete", &self.signs.delete),
            ("begin of text", &self.signs.bos),
            ("end of text", &self.signs.eos),
        ];
        facts.extend(signs.map(|(name, sign)| (name, sign_fact(sign))));
        facts.push(("canvas", self.canvas_fact().to_owned()));
        facts.push(("context", format!("{} tokens", self.context_window)));
        if self.decode.network == NetworkUse::Denoise {
            facts.extend(self.sampling_facts());
        }
        facts
    }

    /// How it is sampled, and who chose.
    fn sampling_facts(&self) -> Vec<(&'static str, String)> {
        let decode = &self.decode;
        let by = |key: &str, is: String| match decode.origins.get(key) {
            Some(origin) => format!("{is} from {origin}"),
            None => format!("{is} by default"),
        };
        let threshold = format!("commits from probability {}", decode.threshold);
        let sampler = match decode.sampler {
            // By the name that a config gives it.
            Some(sampler) => {
                let name = serde_json::to_value(sampler).unwrap_or_default();
                by("sampler", name.as_str().unwrap_or_default().to_owned())
            }
            None => by("threshold", threshold),
        };
        let steps =
            decode.max_steps.map_or("as many as it takes".to_owned(), |steps| format!("at most {steps}"));
        let number = |value: Option<f32>| value.unwrap_or(0.0).to_string();
        let mut facts = vec![
            ("sampler", sampler),
            ("steps", by("max_steps", steps)),
            ("temperature", by("temperature", number(decode.temperature))),
        ];
        if let Some(top_p) = decode.top_p {
            facts.push(("top-p", by("top_p", top_p.to_string())));
        }
        if let Some(top_k) = decode.top_k {
            facts.push(("top-k", by("top_k", top_k.to_string())));
        }
        if decode.rank_temperature.is_some() {
            facts.push((
                "order",
                by("rank_temperature", format!("drawn at {}", number(decode.rank_temperature))),
            ));
        }
        facts.push(("first length", self.length_fact()));
        facts.extend(decode.passed.iter().map(|passed| ("not used", passed.clone())));
        facts
    }

    fn length_fact(&self) -> String {
        let lengths: Vec<String> = self.decode.canvas.iter().map(usize::to_string).collect();
        let surest = format!("the surest of {} masks", lengths.join(", "));
        match (self.decode.length, self.topology) {
            (Some(_), _) if self.searches_length() => {
                "searched (CAL) from config.json's decode.length".to_owned()
            }
            (Some(_), _) => format!("{surest} from config.json's decode.length"),
            (None, _) if self.searches_length() => {
                "searched (CAL): it sees what follows, and can neither expand nor delete".to_owned()
            }
            (None, Topology::BlockCausal(_)) => format!("{surest}: it does not see what follows"),
            (None, _) => format!("{surest}: it mends the length as it goes"),
        }
    }

    fn shape(&self) -> String {
        let ModelSpec { layers, hidden, heads, kv_heads, .. } = self;
        let numbers = rounded(self.parameters());
        let shape =
            format!("{numbers} parameters: {layers} layers × {hidden} wide, {heads} heads on {kv_heads}");
        let Some(experts) = self.experts else { return shape };
        let by = match experts.gating {
            Gating::Softmax => "softmax".to_owned(),
            Gating::SigmoidGroups { groups, kept, .. } => format!("sigmoids in {kept} of {groups} groups"),
        };
        let active = rounded(self.active_parameters());
        let shared = if experts.shared > 0 { " and a shared one" } else { "" };
        format!("{shape}, {} of {} experts{shared} by {by} ({active} active)", experts.chosen, experts.count)
    }

    fn attention_fact(&self) -> String {
        match self.topology {
            Topology::Full => "full: every token sees every other (context cache approximate)".to_owned(),
            Topology::ContextExact => "context-exact (context cache exact)".to_owned(),
            Topology::BlockCausal(size) => {
                format!(
                    "causal from block to block of {size} tokens, full within one; nothing behind the span is seen"
                )
            }
        }
    }

    fn canvas_fact(&self) -> &'static str {
        match (self.topology, self.fill_in.is_some()) {
            (Topology::BlockCausal(_), true) => "fill-in-the-middle prompt, span",
            (Topology::BlockCausal(_), false) => {
                "prefix, span; the suffix is not used: the tokenizer has no markers for it"
            }
            _ if self.framed => "begin of text, prefix, span, suffix, end of text",
            _ => "prefix, span, suffix",
        }
    }
}

fn sign_fact(sign: &Option<Sign>) -> String {
    sign.as_ref().map_or("none".to_owned(), |(id, origin)| format!("{} from {origin}", id.0))
}

/// `13 k`, `3.4 M`, `494 M`, `7.6 B`.
fn rounded(numbers: u64) -> String {
    match numbers {
        0..1_000_000 => format!("{:.0} k", numbers as f64 / 1e3),
        1_000_000..100_000_000 => format!("{:.1} M", numbers as f64 / 1e6),
        100_000_000..1_000_000_000 => format!("{:.0} M", numbers as f64 / 1e6),
        _ => format!("{:.1} B", numbers as f64 / 1e9),
    }
}
