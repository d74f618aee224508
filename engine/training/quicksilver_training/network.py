"""The transformer of `engine/models/FORMAT.md`: Qwen3's block, with the context-exact or the full attention topology.

Knows positions and masks as tensors handed in; how a sample is laid out is `samples.py`'s.
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention.flex_attention import BlockMask, flex_attention


@dataclass
class Shape:
    """The keys of `config.json` that shape the network, under their names there."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    intermediate_size: int
    vocab_size: int
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10_000.0
    attention_bias: bool = False
    qk_norm: bool = True
    tie_word_embeddings: bool = True
    logit_shift: bool = False
    attention_topology: str = "context-exact"

    def keys(self) -> dict:
        """As a dictionary for `config.json`."""
        return asdict(self)


class RmsNorm(nn.Module):
    """x / sqrt(mean(x²) + eps) * weight over the last axis, computed in f32."""

    def __init__(self, width: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        y = x.float()
        y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + self.eps)
        return (y * self.weight.float()).to(x.dtype)


def rotation(sides: list[Tensor], head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """cos and sin `[batch, sides, rows, head_dim]`; the heads are shared out evenly among the sides they count positions from."""
    position = torch.stack(sides, 1).float()
    inverse = theta ** (-torch.arange(0, head_dim, 2, dtype=torch.float32, device=position.device) / head_dim)
    angle = position[..., None] * inverse
    angle = torch.cat([angle, angle], -1)
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Half-split rotation of `[batch, heads, rows, head_dim]`."""
    sided = x.unflatten(1, (cos.shape[1], -1))
    low, high = sided.chunk(2, -1)
    return (sided * cos[:, :, None] + torch.cat([-high, low], -1) * sin[:, :, None]).flatten(1, 2).to(x.dtype)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | BlockMask) -> Tensor:
    """Attention under `[batch, rows, rows]` booleans, or under the same as a block mask (quick only where it is compiled)."""
    if isinstance(mask, Tensor):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None])
    return flex_attention(q, k, v, block_mask=mask)


class Attention(nn.Module):
    def __init__(self, s: Shape):
        super().__init__()
        self.s = s
        self.q_proj = nn.Linear(s.hidden_size, s.num_attention_heads * s.head_dim, bias=s.attention_bias)
        self.k_proj = nn.Linear(s.hidden_size, s.num_key_value_heads * s.head_dim, bias=s.attention_bias)
        self.v_proj = nn.Linear(s.hidden_size, s.num_key_value_heads * s.head_dim, bias=s.attention_bias)
        self.o_proj = nn.Linear(s.num_attention_heads * s.head_dim, s.hidden_size, bias=False)
        if s.qk_norm:
            self.q_norm = RmsNorm(s.head_dim, s.rms_norm_eps)
            self.k_norm = RmsNorm(s.head_dim, s.rms_norm_eps)

    def forward(self, x: Tensor, mask: Tensor | BlockMask, q_rope: tuple[Tensor, Tensor], k_rope: tuple[Tensor, Tensor]) -> Tensor:
        batch, rows, _ = x.shape
        q = self.q_proj(x).view(batch, rows, -1, self.s.head_dim).transpose(1, 2)
        k = self.k_proj(x).view(batch, rows, -1, self.s.head_dim).transpose(1, 2)
        v = self.v_proj(x).view(batch, rows, -1, self.s.head_dim).transpose(1, 2)
        if self.s.qk_norm:
            q, k = self.q_norm(q), self.k_norm(k)
        q, k = rotate(q, *q_rope), rotate(k, *k_rope)
        groups = self.s.num_attention_heads // self.s.num_key_value_heads
        if groups > 1:
            k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
        out = attend(q, k, v, mask)
        return self.o_proj(out.transpose(1, 2).reshape(batch, rows, -1))


class Mlp(nn.Module):
    def __init__(self, s: Shape):
        super().__init__()
        self.gate_proj = nn.Linear(s.hidden_size, s.intermediate_size, bias=False)
        self.up_proj = nn.Linear(s.hidden_size, s.intermediate_size, bias=False)
        self.down_proj = nn.Linear(s.intermediate_size, s.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, s: Shape):
        super().__init__()
        self.input_layernorm = RmsNorm(s.hidden_size, s.rms_norm_eps)
        self.self_attn = Attention(s)
        self.post_attention_layernorm = RmsNorm(s.hidden_size, s.rms_norm_eps)
        self.mlp = Mlp(s)

    def forward(self, x: Tensor, mask: Tensor | BlockMask, q_rope: tuple[Tensor, Tensor], k_rope: tuple[Tensor, Tensor]) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), mask, q_rope, k_rope)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    def __init__(self, s: Shape):
        super().__init__()
        self.embed_tokens = nn.Embedding(s.vocab_size, s.hidden_size)
        self.layers = nn.ModuleList(Layer(s) for _ in range(s.num_hidden_layers))
        self.norm = RmsNorm(s.hidden_size, s.rms_norm_eps)


def run(layer: Layer, *inputs) -> Tensor:
    """One layer; a function of its own, so that one compilation of it serves them all."""
    return layer(*inputs)


class Network(nn.Module):
    """Token ids to hidden states; `logits` turns chosen rows into `[rows, vocab]`."""

    def __init__(self, shape: Shape, seed: int = 0):
        super().__init__()
        self.shape = shape
        self.run = run
        self.model = Body(shape)
        self.lm_head = None if shape.tie_word_embeddings else nn.Linear(shape.hidden_size, shape.vocab_size, bias=False)
        generator = torch.Generator().manual_seed(seed)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                # Matrices that write into the residual stream start smaller, so that depth does not add up.
                deep = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(p, std=0.02 / (2 * shape.num_hidden_layers) ** 0.5 if deep else 0.02, generator=generator)
            elif name.endswith("bias"):
                nn.init.zeros_(p)

    def forward(self, ids: Tensor, left: Tensor, right: Tensor, mask: Tensor | BlockMask) -> Tensor:
        """`[batch, rows]` ids and positions, `[batch, rows, rows]` mask (query sees key) → `[batch, rows, hidden]`, normed."""
        s = self.shape
        q_rope, k_rope = (rotation([left, right][:heads], s.head_dim, s.rope_theta) for heads in (s.num_attention_heads, s.num_key_value_heads))
        x = self.model.embed_tokens(ids)
        for layer in self.model.layers:
            x = self.run(layer, x, mask, q_rope, k_rope)
        return self.model.norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        """`[rows, hidden]` → `[rows, vocab]`."""
        return F.linear(hidden, self.model.embed_tokens.weight if self.lm_head is None else self.lm_head.weight)
