"""Tiny random-weight checkpoints in the layouts of public families, with logits by PyTorch: what the engine must agree with.

Tensor names, config keys and tokenizer files are the published ones; widths and ids are not. Families whose code is stock
(Qwen2, Qwen3, LLaMA) are computed by `transformers` under a 4-D additive mask that hides nothing, or later blocks only. The others
are written out here, in f64: `forward`, which must first agree with the stock ones. `fixture.py` makes all, with the versions of `published.txt`.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from .export import INDEX, rounded, save_shards

Weights = dict[str, Tensor]
DTYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
TOLERANCE = 1e-4
# Of logits, how far the code below may be from the stock one.
AGREEMENT = 1e-4
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
MERGES = ["Ġ Ġ", "ĠĠ ĠĠ", "Ċ ĠĠĠĠ", "l e", "le t", "Ġ let", "i n", "p r", "pr in", "prin t", "f n", "r e", "Ġ =", "( )", "( s", "e l", "el f", "Ġ {", ") ;", "); Ċ"]
QWEN = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>"]
SEED_FIRST = ["<[begin▁of▁sentence]>", "<[PAD▁TOKEN]>", "<[end▁of▁sentence]>", "<[UNK▁TOKEN]>", "<[SEP▁TOKEN]>", "<[MASK]>"]
SEED_FIRST += ["<[fim-suffix]>", "<[fim-prefix]>", "<[fim-middle]>"]
TEXTS = ["let x = 12;\n    print(self.it's)\r\n\n\treturn 日本 == \"été\"  // 3.14\n   ", "fn f()  {\n\n}\n"]


def alphabet() -> list[str]:
    """GPT-2's stand-ins for the 256 bytes, in the order of their code points."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(b) for b in plain] + [chr(256 + n) for n in range(256 - len(plain))]


def vocabulary(first: list[str]) -> dict[str, int]:
    """`first` (names that some tokenizers begin with), the bytes, what the merges make."""
    return {token: i for i, token in enumerate([*first, *alphabet(), *(merge.replace(" ", "") for merge in MERGES)])}


@dataclass
class Family:
    """One checkpoint: files as they are published, and how its logits come about."""

    folder: str
    # `config.json` but for what the tokenizer decides.
    config: dict
    # (stored name, shape)
    tensors: list[tuple[str, tuple[int, ...]]]
    # Stored name → the name in `forward`.
    canonical: Callable[[str], str]
    shape: dict
    kind: str
    # Added tokens, after the vocabulary; with `first`, these stand before it.
    signs: list[str]
    first: list[str] = field(default_factory=list)
    # `tokenizer_config.json`; `None` for none.
    tokenizer: dict | None = None
    # Config keys that hold the id of a sign.
    ids: dict[str, str] = field(default_factory=dict)
    generation: dict[str, str] = field(default_factory=dict)
    # The transformers class that computes it.
    stock: str = ""
    block: int = 0
    # `vocab.json` and `merges.txt` in the place of `tokenizer.json`.
    split_tokenizer: bool = False
    shard_bytes: int = 0
    mask: str = ""
    rows: int = 12

    def numbers(self) -> dict[str, int]:
        """Id of each sign."""
        if self.first:
            return {name: i for i, name in enumerate(self.first)}
        return {name: len(vocabulary([])) + i for i, name in enumerate(self.signs)}


HIDDEN, LAYERS, HEADS, WIDTH, FFN, ROWS = 24, 2, 4, 8, 40, 296
# Families without a `head_dim` of their own: theirs follows from the hidden size.
THIN = HIDDEN // HEADS
COMMON = {"hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "hidden_act": "silu", "vocab_size": ROWS}


def attention(prefix: str, kv: int, bias: bool = False, norm: bool = False, width: int = WIDTH) -> Iterator[tuple[str, tuple[int, ...]]]:
    for part, heads in (("q", HEADS), ("k", kv), ("v", kv)):
        yield f"{prefix}.{part}_proj.weight", (heads * width, HIDDEN)
        if bias:
            yield f"{prefix}.{part}_proj.bias", (heads * width,)
    yield f"{prefix}.o_proj.weight", (HIDDEN, HEADS * width)
    if norm:
        yield f"{prefix}.q_norm.weight", (width,)
        yield f"{prefix}.k_norm.weight", (width,)


def mlp(prefix: str, width: int = FFN) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from ((f"{prefix}.{part}_proj.weight", (width, HIDDEN)) for part in ("gate", "up"))
    yield f"{prefix}.down_proj.weight", (HIDDEN, width)


def qwen(kv: int, tied: bool, bias: bool = False, norm: bool = False, width: int = WIDTH, body: Callable[[str], Iterator] | None = None) -> list[tuple[str, tuple[int, ...]]]:
    """Qwen's and LLaMA's tensors; `body` gives a layer's MLP."""
    out: list[tuple[str, tuple[int, ...]]] = [("model.embed_tokens.weight", (ROWS, HIDDEN)), ("model.norm.weight", (HIDDEN,))]
    for layer in range(LAYERS):
        at = f"model.layers.{layer}"
        out += [(f"{at}.input_layernorm.weight", (HIDDEN,)), (f"{at}.post_attention_layernorm.weight", (HIDDEN,))]
        out += [*attention(f"{at}.self_attn", kv, bias, norm, width), *(body or mlp)(f"{at}.mlp")]
    return out if tied else [*out, ("lm_head.weight", (ROWS, HIDDEN))]


def experts(count: int, width: int) -> Callable[[str], Iterator]:
    def body(at: str) -> Iterator[tuple[str, tuple[int, ...]]]:
        yield f"{at}.gate.weight", (count, HIDDEN)
        for expert in range(count):
            yield from mlp(f"{at}.experts.{expert}", width)

    return body


# LLaDA's names for the same; within a block `ff_out` is the MLP's last matrix, outside it is the head.
LLADA = {
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ff_norm", "self_attn.q_proj": "q_proj", "self_attn.k_proj": "k_proj",
    "self_attn.v_proj": "v_proj", "self_attn.o_proj": "attn_out", "mlp.gate_proj": "ff_proj", "mlp.up_proj": "up_proj", "mlp.down_proj": "ff_out",
}
LLADA_OUTSIDE = {"model.embed_tokens": "model.transformer.wte", "model.norm": "model.transformer.ln_f", "lm_head": "model.transformer.ff_out"}


def as_llada(name: str) -> str:
    if not name.startswith("model.layers."):
        module, _, kind = name.rpartition(".")
        return f"{LLADA_OUTSIDE[module]}.{kind}"
    _, _, layer, rest = name.split(".", 3)
    module, _, kind = rest.rpartition(".")
    return f"model.transformer.blocks.{layer}.{LLADA[module]}.{kind}"


def as_ling(name: str) -> str:
    for ours, theirs in (("embed_tokens", "word_embeddings"), ("self_attn.o_proj", "attention.dense"), ("self_attn.q_norm", "attention.query_layernorm"), ("self_attn.k_norm", "attention.key_layernorm")):
        name = name.replace(ours, theirs)
    return name


def renamed(tensors: list[tuple[str, tuple[int, ...]]], to: Callable[[str], str]) -> tuple[list[tuple[str, tuple[int, ...]]], Callable[[str], str]]:
    """Tensors under their stored names, and the way back."""
    back = {to(name): name for name, _ in tensors}
    return [(to(name), shape) for name, shape in tensors], back.__getitem__


def ling() -> list[tuple[str, tuple[int, ...]]]:
    """LLaDA2's tensors by our names: a dense layer, a layer of experts, q, k and v in one."""
    out: list[tuple[str, tuple[int, ...]]] = [("model.embed_tokens.weight", (ROWS, HIDDEN)), ("model.norm.weight", (HIDDEN,))]
    for layer in range(LAYERS):
        at = f"model.layers.{layer}"
        out += [(f"{at}.input_layernorm.weight", (HIDDEN,)), (f"{at}.post_attention_layernorm.weight", (HIDDEN,))]
        out += [(f"{at}.attention.query_key_value.weight", ((HEADS + 2 * 2) * 2 * WIDTH, HIDDEN))]
        out += [(n, s) for n, s in attention(f"{at}.self_attn", 2, norm=True, width=2 * WIDTH) if not n.endswith(("q_proj.weight", "k_proj.weight", "v_proj.weight"))]
        if layer == 0:
            out += mlp(f"{at}.mlp")
        else:
            out += [*experts(8, 12)(f"{at}.mlp"), (f"{at}.mlp.gate.expert_bias", (8,)), *mlp(f"{at}.mlp.shared_experts", 12)]
    return [*out, ("lm_head.weight", (ROWS, HIDDEN))]


same = str
dream_signs = [*QWEN, "<|beginoftext|>", "<|mask|>"]
llada_tensors, llada_back = renamed(qwen(4, tied=False, width=THIN), as_llada)
ling_tensors, ling_back = renamed(ling(), as_ling)
QWEN_CONFIG = {"num_key_value_heads": 2, "intermediate_size": FFN, "rms_norm_eps": 1e-6, "rope_theta": 1e6, "max_position_embeddings": 32768, "use_sliding_window": False, "rope_scaling": None}
QWEN_SHAPE = {"kv": 2, "eps": 1e-6, "theta": 1e6, "width": THIN}
FAMILIES = [
    Family(
        "open-dcoder", {**COMMON, **QWEN_CONFIG, "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "tie_word_embeddings": True},
        qwen(2, tied=True, bias=True, width=THIN), same, QWEN_SHAPE, "bf16", [*QWEN, "<M>"],
        tokenizer={"tokenizer_class": "Qwen2Tokenizer", "mask_token": "<M>", "eos_token": "<|endoftext|>", "bos_token": None},
        ids={"bos_token_id": "<|endoftext|>", "eos_token_id": "<|endoftext|>"}, stock="Qwen2ForCausalLM", mask="<M>",
    ),
    Family(
        "a2d-qwen2", {**COMMON, **QWEN_CONFIG, "architectures": ["A2DQwen2LMHeadModel"], "model_type": "a2d-qwen2", "tie_word_embeddings": False},
        qwen(2, tied=False, bias=True, width=THIN), same, QWEN_SHAPE, "f32", [*QWEN, "<|mask|>"],
        tokenizer={"tokenizer_class": "Qwen2Tokenizer", "mask_token": {"content": "<|mask|>", "special": True}, "eos_token": "<|im_end|>"},
        ids={"eos_token_id": "<|im_end|>"}, stock="Qwen2ForCausalLM", mask="<|mask|>",
    ),
    Family(
        "dream-on", {**COMMON, **QWEN_CONFIG, "architectures": ["DreamModel"], "model_type": "Dream", "tie_word_embeddings": False, "max_position_embeddings": 131072, "use_cache": False, "use_mrope": False,
                     "auto_map": {"AutoConfig": "configuration_dream.DreamConfig", "AutoModel": "modeling_dream.DreamModel"}},
        qwen(2, tied=False, bias=True, width=THIN), same, QWEN_SHAPE, "bf16", [*dream_signs, "<|expand|>"],
        tokenizer={"tokenizer_class": "DreamTokenizer", "mask_token": "<|mask|>", "bos_token": "<|beginoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"},
        ids={"mask_token_id": "<|mask|>", "bos_token_id": "<|endoftext|>", "eos_token_id": "<|endoftext|>", "pad_token_id": "<|endoftext|>"},
        generation={"mask_token_id": "<|mask|>", "eos_token_id": "<|endoftext|>"}, stock="Qwen2ForCausalLM", split_tokenizer=True, shard_bytes=24_000, mask="<|mask|>",
    ),
    Family(
        "coda", {**COMMON, **QWEN_CONFIG, "architectures": ["CoDALanguageModel"], "model_type": "CoDA", "head_dim": WIDTH, "attention_bias": False},
        qwen(2, tied=False, norm=True), same, {**QWEN_SHAPE, "width": WIDTH}, "f16", [*QWEN, "<|mask|>"],
        tokenizer={"tokenizer_class": "Qwen2Tokenizer"}, ids={"mask_token_id": "<|mask|>", "bos_token_id": "<|im_end|>", "eos_token_id": "<|im_end|>", "pad_token_id": "<|endoftext|>"},
        stock="Qwen3ForCausalLM", mask="<|mask|>",
    ),
    Family(
        "llada", {"architectures": ["LLaDAModelLM"], "model_type": "llada", "activation_type": "silu", "alibi": False, "attention_layer_norm": False, "block_type": "llama", "d_model": HIDDEN,
                  "embedding_size": ROWS, "include_bias": False, "include_qkv_bias": False, "input_emb_norm": False, "layer_norm_type": "rms", "max_sequence_length": 4096, "mlp_hidden_size": FFN,
                  "mlp_ratio": 4, "multi_query_attention": None, "n_heads": HEADS, "n_kv_heads": HEADS, "n_layers": LAYERS, "rms_norm_eps": 1e-5, "rope": True, "rope_full_precision": True,
                  "rope_theta": 500000.0, "scale_logits": False, "use_cache": False, "vocab_size": ROWS - 2, "weight_tying": False},
        llada_tensors, llada_back, {"kv": 4, "eps": 1e-5, "theta": 5e5, "width": THIN}, "bf16", ["<|startoftext|>", "<|endoftext|>", "<|mdm_mask|>", "<|eot_id|>"],
        tokenizer={"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>"},
        ids={"mask_token_id": "<|mdm_mask|>", "eos_token_id": "<|endoftext|>", "pad_token_id": "<|endoftext|>"}, mask="<|mdm_mask|>",
    ),
    Family(
        "illada", {**COMMON, "architectures": ["ILLaDAForCausalLM"], "model_type": "illada", "num_key_value_heads": 2, "intermediate_size": FFN, "rms_norm_eps": 1e-5, "rope_theta": 1e5, "attention_bias": False,
                   "mlp_bias": False, "max_position_embeddings": 8192, "tie_word_embeddings": True, "rope_scaling": None},
        qwen(2, tied=True, width=THIN), same, {"kv": 2, "eps": 1e-5, "theta": 1e5, "width": THIN}, "bf16", [], first=SEED_FIRST, tokenizer={"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": SEED_FIRST[2]},
        ids={"bos_token_id": SEED_FIRST[0], "pad_token_id": SEED_FIRST[1], "eos_token_id": SEED_FIRST[2]}, mask="<[MASK]>",
    ),
    Family(
        "llada-moe", {**COMMON, "architectures": ["LLaDAMoEModelLM"], "model_type": "llada", "num_key_value_heads": HEADS, "dense_intermediate_size": 64, "expert_intermediate_size": 12, "num_experts": 8,
                      "num_experts_per_tok": 3, "moe_layer_freq": [1] * LAYERS, "shared_expert_intermediate_size": None, "qk_layernorm": True, "moe_router_score_function": "softmax",
                      "moe_router_enable_expert_bias": False, "norm_topk_prob": None, "rms_norm_eps": 1e-5, "rope_theta": 50000, "max_position_embeddings": 8192, "attention_bias": False, "tie_word_embeddings": False},
        qwen(4, tied=False, norm=True, width=THIN, body=experts(8, 12)), same, {"kv": 4, "eps": 1e-5, "theta": 5e4, "width": THIN, "experts": 8, "chosen": 3, "gating": "softmax"}, "bf16",
        ["<|startoftext|>", "<|endoftext|>", "<|mask|>"], tokenizer={"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>", "mask_token": "<|mask|>"},
        ids={"eos_token_id": "<|endoftext|>", "pad_token_id": "<|endoftext|>"}, mask="<|mask|>",
    ),
    Family(
        "stable-diffcoder", {**COMMON, "architectures": ["StableDiffcoderForCausalLM"], "model_type": "llama", "num_key_value_heads": 2, "intermediate_size": FFN, "rms_norm_eps": 1e-6, "rope_theta": 500000.0,
                             "attention_bias": False, "mlp_bias": False, "max_position_embeddings": 8192, "tie_word_embeddings": False, "head_dim": THIN},
        qwen(2, tied=False, width=THIN), same, {"kv": 2, "eps": 1e-6, "theta": 5e5, "width": THIN}, "bf16", [], first=SEED_FIRST, tokenizer={"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": SEED_FIRST[2]},
        ids={"bos_token_id": SEED_FIRST[0], "pad_token_id": SEED_FIRST[1], "eos_token_id": SEED_FIRST[2]}, stock="LlamaForCausalLM", block=4, mask="<[MASK]>", rows=14,
    ),
    Family(
        "sdar", {**COMMON, **QWEN_CONFIG, "architectures": ["SDARForCausalLM"], "model_type": "sdar", "head_dim": WIDTH, "attention_bias": False, "block_size": 4, "tie_word_embeddings": False},
        qwen(2, tied=False, norm=True), same, {**QWEN_SHAPE, "width": WIDTH}, "bf16", [*QWEN, "<MASK>"], tokenizer={"tokenizer_class": "Qwen2Tokenizer", "mask_token": "<MASK>", "eos_token": "<|endoftext|>"},
        ids={"mask_token_id": "<MASK>", "bos_token_id": "<|endoftext|>", "eos_token_id": "<|endoftext|>"}, stock="Qwen3ForCausalLM", block=4, mask="<MASK>", rows=14,
    ),
    Family(
        "llada2", {**COMMON, "architectures": ["LLaDA2MoeModelLM"], "model_type": "llada2_moe", "num_key_value_heads": 2, "intermediate_size": FFN, "head_dim": 2 * WIDTH, "first_k_dense_replace": 1,
                   "max_position_embeddings": 16384, "moe_intermediate_size": 12, "norm_topk_prob": True, "num_experts": 8, "num_experts_per_tok": 3, "num_shared_experts": 1, "n_group": 4, "topk_group": 2,
                   "routed_scaling_factor": 2.5, "score_function": "sigmoid", "moe_router_enable_expert_bias": True, "router_dtype": "fp32", "partial_rotary_factor": 0.5, "rotary_dim": WIDTH, "rms_norm_eps": 1e-6,
                   "rope_theta": 600000, "rope_scaling": None, "tie_word_embeddings": False, "use_bias": False, "use_qkv_bias": False, "use_rmsnorm": True, "use_sliding_window": False},
        ling_tensors, ling_back,
        {"kv": 2, "eps": 1e-6, "theta": 6e5, "width": 2 * WIDTH, "rotary": WIDTH, "experts": 8, "chosen": 3, "gating": "groups", "groups": 4, "kept": 2, "scale": 2.5, "dense": 1}, "bf16",
        ["<|startoftext|>", "<|endoftext|>", "<|mask|>"], tokenizer={"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>", "mask_token": "<|mask|>"},
        ids={"pad_token_id": "<|endoftext|>"}, block=32, mask="<|mask|>", rows=38,
    ),
]


def weights(family: Family, seed: int) -> Weights:
    """Large enough that a wrong sign, row or angle moves the logits far beyond the tolerance."""
    generator = torch.Generator().manual_seed(seed)
    out = {}
    for name, shape in family.tensors:
        noise = torch.randn(shape, generator=generator)
        one_dimensional = 1 + 0.2 * noise if "norm" in name or "ln_f" in name else 0.3 * noise
        out[name] = (one_dimensional if len(shape) == 1 else noise * (0.5 if shape[0] == ROWS else 0.25)).to(DTYPES[family.kind])
    return out


def visible(rows: int, block: int) -> Tensor:
    """`[rows, rows]`, who sees whom: everyone, or one's own block and those before it."""
    at = torch.arange(rows) // block if block else torch.zeros(rows)
    return at[None, :] <= at[:, None]


@torch.no_grad()
def forward(w: Weights, s: dict, ids: list[int], sees: Tensor) -> Tensor:
    """Logits `[rows, vocab]` in f64, from weights under Qwen's names."""
    w = {name: value.double() for name, value in w.items()}
    rows, width = len(ids), s["width"]

    def norm(x: Tensor, name: str) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + s["eps"]) * w[name]

    def swiglu(x: Tensor, at: str) -> Tensor:
        return (F.silu(x @ w[f"{at}.gate_proj.weight"].T) * (x @ w[f"{at}.up_proj.weight"].T)) @ w[f"{at}.down_proj.weight"].T

    rotary = s.get("rotary", width)
    angle = torch.arange(rows).double()[:, None] * s["theta"] ** (-torch.arange(0, rotary, 2).double() / rotary)
    cos, sin = torch.cat([angle, angle], -1).cos(), torch.cat([angle, angle], -1).sin()

    def rotate(x: Tensor) -> Tensor:
        turned, rest = x[..., :rotary], x[..., rotary:]
        low, high = turned.chunk(2, -1)
        return torch.cat([turned * cos + torch.cat([-high, low], -1) * sin, rest], -1)

    def heads(x: Tensor) -> Tensor:
        return x.view(rows, -1, width).transpose(0, 1)

    x = w["model.embed_tokens.weight"][ids]
    for layer in range(LAYERS):
        at = f"model.layers.{layer}"
        y = norm(x, f"{at}.input_layernorm.weight")
        if (fused := w.get(f"{at}.attention.query_key_value.weight")) is not None:
            q, k, v = (y @ fused.T).split([HEADS * width, s["kv"] * width, s["kv"] * width], -1)
        else:
            q, k, v = (y @ w[f"{at}.self_attn.{part}_proj.weight"].T + w.get(f"{at}.self_attn.{part}_proj.bias", torch.zeros(1)) for part in "qkv")
        q, k, v = heads(q), heads(k), heads(v)
        if f"{at}.self_attn.q_norm.weight" in w:
            q, k = norm(q, f"{at}.self_attn.q_norm.weight"), norm(k, f"{at}.self_attn.k_norm.weight")
        q, k = rotate(q), rotate(k)
        k, v = (t.repeat_interleave(HEADS // s["kv"], 0) for t in (k, v))
        shares = (q @ k.transpose(1, 2) / width**0.5).masked_fill(~sees, float("-inf")).softmax(-1)
        x = x + (shares @ v).transpose(0, 1).reshape(rows, -1) @ w[f"{at}.self_attn.o_proj.weight"].T
        y = norm(x, f"{at}.post_attention_layernorm.weight")
        if "experts" in s and layer >= s.get("dense", 0):
            x = x + mixture(w, s, y, f"{at}.mlp", swiglu)
        else:
            x = x + swiglu(y, f"{at}.mlp")
    return norm(x, "model.norm.weight") @ w.get("lm_head.weight", w["model.embed_tokens.weight"]).T


def mixture(w: Weights, s: dict, x: Tensor, at: str, swiglu: Callable[[Tensor, str], Tensor]) -> Tensor:
    """Every expert on every row, weighed; those not chosen weigh 0."""
    logits = x @ w[f"{at}.gate.weight"].T
    if s["gating"] == "softmax":
        # Not made to sum to 1.
        scores = choice = logits.softmax(-1)
    else:
        scores = logits.sigmoid()
        # The bias counts for the choice alone; a group is worth its two best.
        choice = scores + w[f"{at}.gate.expert_bias"]
        groups = choice.view(len(x), s["groups"], -1)
        kept = torch.zeros(groups.shape[:2], dtype=torch.bool).scatter(1, groups.topk(2, -1).values.sum(-1).topk(s["kept"], -1).indices, True)
        choice = groups.masked_fill(~kept[..., None], float("-inf")).view_as(choice)
    weight = torch.zeros_like(scores).scatter(1, choice.topk(s["chosen"], -1).indices, 1) * scores
    if s["gating"] != "softmax":
        weight = weight / (weight.sum(-1, keepdim=True) + 1e-20) * s["scale"]
    out = sum(weight[:, e, None] * swiglu(x, f"{at}.experts.{e}") for e in range(s["experts"]))
    return out + swiglu(x, f"{at}.shared_experts") if f"{at}.shared_experts.up_proj.weight" in w else out


@torch.no_grad()
def stock(family: Family, w: Weights, ids: list[int], sees: Tensor) -> Tensor:
    """The same by transformers, in f32."""
    import transformers

    kind = getattr(transformers, family.stock)
    keys = {k: v for k, v in family.config.items() if k not in ("architectures", "auto_map", "model_type")}
    tied = "lm_head.weight" not in w
    model = kind(kind.config_class(**{**keys, "tie_word_embeddings": tied, "attn_implementation": "eager"})).eval()
    wrong = model.load_state_dict({name: value.float() for name, value in w.items()}, strict=False)
    assert not wrong.unexpected_keys and wrong.missing_keys == (["lm_head.weight"] if tied else []), wrong
    mask = torch.zeros(len(ids), len(ids)).masked_fill(~sees, torch.finfo(torch.float32).min)
    return model(torch.tensor([ids]), attention_mask=mask[None, None], use_cache=False).logits[0]


def row(family: Family) -> list[int]:
    """A row of text with holes in its middle and a hole at its end."""
    mask, some = family.numbers()[family.mask], len(family.first)
    ids = [some + (n * 37 + 11) % (len(vocabulary([]))) for n in range(family.rows)]
    for at in (3, 4, 6, family.rows - 1):
        ids[at] = mask
    return ids


def reference(family: Family, stored: Weights, by_transformers: bool = True) -> dict:
    """`reference.json`: raw logits of every row, before any shift."""
    ids = row(family)
    sees = visible(len(ids), family.block)
    w = {family.canonical(name): value for name, value in stored.items()}
    logits = forward(w, family.shape, ids, sees)
    by = "forward of published.py, f64"
    if family.stock and by_transformers:
        theirs = stock(family, w, ids, sees)
        far = (theirs - logits).abs().max().item()
        assert far < AGREEMENT, f"{family.folder}: {far} from transformers"
        logits, by = theirs, f"transformers 4.57.0 {family.stock}, f32"
    columns = list(range(0, ROWS, 1 if family.rows < 20 else 3))
    case = {"ids": ids, "columns": columns, "argmax": logits.argmax(1).tolist(), "logits": rounded(logits[:, columns])}
    texts = tokens(family) if family.split_tokenizer and by_transformers else []
    return {"made_by": f"torch {torch.__version__.split('+')[0]}, {by}", "tolerance": TOLERANCE, "cases": [case], "texts": texts}


def tokens(family: Family) -> list[dict]:
    """Texts as the slow tokenizer of transformers reads the split files."""
    import tempfile

    from transformers import Qwen2Tokenizer

    with tempfile.TemporaryDirectory() as folder:
        write_tokenizer(family, Path(folder))
        slow = Qwen2Tokenizer(f"{folder}/vocab.json", f"{folder}/merges.txt")
        return [{"text": text, "ids": slow.convert_tokens_to_ids(slow.tokenize(text))} for text in TEXTS]


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def write_tokenizer(family: Family, out: Path) -> None:
    vocab, numbers = vocabulary(family.first), family.numbers()
    added = {name: numbers[name] for name in (family.first or family.signs)}
    if family.split_tokenizer:
        (out / "vocab.json").write_text(compact(vocab))
        (out / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]))
        (out / "added_tokens.json").write_text(compact(added))
    else:
        listed = [{"id": i, "content": n, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} for n, i in added.items()]
        split = {"type": "Split", "pattern": {"Regex": QWEN2_SPLIT}, "behavior": "Isolated", "invert": False}
        level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
        (out / "tokenizer.json").write_text(compact({
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": listed, "normalizer": {"type": "NFC"},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, level]}, "post_processor": level, "decoder": level,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False, "vocab": vocab, "merges": MERGES},
        }))
    if family.tokenizer is not None:
        (out / "tokenizer_config.json").write_text(compact(family.tokenizer))


def write(family: Family, seed: int, out: Path, by_transformers: bool = True) -> None:
    """One checkpoint's files."""
    out.mkdir(parents=True, exist_ok=True)
    stored, numbers = weights(family, seed), family.numbers()
    for old in (*out.glob("*.safetensors"), out / INDEX):
        old.unlink(missing_ok=True)
    if family.shard_bytes:
        save_shards(out, stored, family.shard_bytes)
    else:
        save_file(stored, str(out / "model.safetensors"))
    config = {**family.config, **{key: numbers[name] for key, name in family.ids.items()}}
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    if family.generation:
        (out / "generation_config.json").write_text(json.dumps({key: numbers[name] for key, name in family.generation.items()}, indent=1) + "\n")
    write_tokenizer(family, out)
    (out / "reference.json").write_text(compact(reference(family, stored, by_transformers)))


def make(out: Path) -> None:
    """All of them."""
    for seed, family in enumerate(FAMILIES, 100):
        write(family, seed, out / family.folder)
