//! The tensors of a [`ModelSpec`], by Qwen2's and Qwen3's names; [`names`](super::config::names) has the files'.

use super::config::ModelSpec;

impl ModelSpec {
    /// The weights' tensors and their shapes, in [out, in] as stored.
    #[must_use]
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let d = self.hidden;
        let mut all = vec![
            ("model.embed_tokens.weight".to_owned(), vec![self.vocab, d]),
            ("model.norm.weight".to_owned(), vec![d]),
        ];
        if !self.tied {
            all.push(("lm_head.weight".to_owned(), vec![self.vocab, d]));
        }
        for layer in 0..self.layers {
            let mut add =
                |name: &str, shape: Vec<usize>| all.push((format!("model.layers.{layer}.{name}"), shape));
            add("input_layernorm.weight", vec![d]);
            add("post_attention_layernorm.weight", vec![d]);
            self.attention(&mut add);
            self.mlp(layer, &mut add);
        }
        all
    }

    fn attention(&self, add: &mut dyn FnMut(&str, Vec<usize>)) {
        let d = self.hidden;
        let (q, kv) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        let parts: &[(&str, usize)] =
            if self.names.fuses_qkv() { &[("qkv", q + 2 * kv)] } else { &[("q", q), ("k", kv), ("v", kv)] };
        for &(name, out) in parts {
            add(&format!("self_attn.{name}_proj.weight"), vec![out, d]);
            if self.qkv_bias {
                add(&format!("self_attn.{name}_proj.bias"), vec![out]);
            }
        }
        add("self_attn.o_proj.weight", vec![d, q]);
        if self.qk_norm {
            add("self_attn.q_norm.weight", vec![self.head_dim]);
            add("self_attn.k_norm.weight", vec![self.head_dim]);
        }
    }

    fn mlp(&self, layer: usize, add: &mut dyn FnMut(&str, Vec<usize>)) {
        let d = self.hidden;
        let mut swiglu = |at: &str, width: usize| {
            add(&format!("{at}.gate_proj.weight"), vec![width, d]);
            add(&format!("{at}.up_proj.weight"), vec![width, d]);
            add(&format!("{at}.down_proj.weight"), vec![d, width]);
        };
        let Some(experts) = self.experts.filter(|experts| layer >= experts.dense_layers) else {
            return swiglu("mlp", self.intermediate);
        };
        for expert in 0..experts.count {
            swiglu(&format!("mlp.experts.{expert}"), experts.width);
        }
        if experts.shared > 0 {
            swiglu("mlp.shared_experts", experts.shared);
        }
        add("mlp.gate.weight", vec![experts.count, d]);
        if experts.bias {
            add("mlp.gate.expert_bias", vec![experts.count]);
        }
    }

    /// Numbers in the network, the head counted once where it is the embedding.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.tensors().iter().map(|(_, shape)| shape.iter().map(|&n| n as u64).product::<u64>()).sum()
    }

    /// Of these, the ones that compute a row.
    #[must_use]
    pub fn active_parameters(&self) -> u64 {
        let Some(experts) = self.experts else { return self.parameters() };
        let layers = self.layers.saturating_sub(experts.dense_layers);
        let idle = layers * (experts.count - experts.chosen) * 3 * experts.width * self.hidden;
        self.parameters() - idle as u64
    }
}
