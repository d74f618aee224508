"""A denoise step as PyTorch computes it, at the shapes of `quicksilver bench` with random weights: what ours is compared with.

    peers.py --who transformers|eager|compiled --shape NAME [--device cuda] [--prefix 1024] [--suffix 512] [--spans 8,…] [--seconds 2]

`transformers`: the stock Qwen2 with a mask that hides nothing, eager, the cache cut back after each step. `eager`: the same network
written out. `compiled`: that under torch.compile with static keys and values, as CUDA graphs where there is a GPU. All take logits of the
span's rows only, choose on the device, and bring the chosen ids and confidences to the host: one wait a step. A row is
printed as soon as it is measured; what is not installed is one row that says so.
"""

import argparse
import json
import sys
import time

try:
    import torch
    import torch.nn.functional as F
    from torch.nn import Module, ModuleList, Parameter
except ImportError as error:
    torch, Module = None, object
    missing = str(error)

# layers, width, query heads, key heads, head width, SwiGLU width, vocabulary, tied head: as in engine/src/model/random.rs.
SHAPES = {
    "toy": (2, 64, 4, 2, 16, 128, 512, True),
    "qwen2.5-0.5b": (24, 896, 14, 2, 64, 4864, 151_936, True),
    "qwen2.5-1.5b": (28, 1536, 12, 2, 128, 8960, 151_936, True),
    "dream-7b": (28, 3584, 28, 4, 128, 18_944, 152_064, False),
}
DEVIATION, THETA, EPS = 0.02, 1e6, 1e-6
MASK, SOME_TOKEN = 1, 7
WARM_UP, LEAST = 5, 5


class Plain(Module):
    """Qwen2 without a causal mask, written out. Keys and values of all layers: `[layers, 2, key heads, rows, head width]`."""

    def __init__(self, shape: str, device: str, dtype: "torch.dtype") -> None:
        super().__init__()
        layers, d, heads, kv, width, ff, vocab, tied = SHAPES[shape]
        self.heads, self.kv, self.width = heads, kv, width
        make = lambda *size: Parameter(torch.randn(size, device=device, dtype=dtype) * DEVIATION, requires_grad=False)  # noqa: E731
        ones = lambda: Parameter(torch.ones(d, device=device, dtype=dtype), requires_grad=False)  # noqa: E731
        self.embedding = make(vocab, d)
        self.head = self.embedding if tied else make(vocab, d)
        self.norm = ones()
        wide = (heads + 2 * kv) * width
        self.blocks = ModuleList(Module() for _ in range(layers))
        for block in self.blocks:
            block.norm_in, block.norm_mid = ones(), ones()
            block.qkv, block.bias, block.out = make(wide, d), make(wide), make(d, heads * width)
            block.gate_up, block.down = make(2 * ff, d), make(d, ff)
        self.frequencies = THETA ** (-torch.arange(0, width, 2, device=device).float() / width)

    def rotate(self, x: "torch.Tensor", angles: "torch.Tensor") -> "torch.Tensor":
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        a, b = x.chunk(2, -1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    def forward(self, ids, positions, wanted, kept=None, at=None):  # noqa: ANN001, ANN201
        """Logits of the rows `wanted`, and keys and values. With `kept`: this pass's are written into its rows `at`, and all are seen."""
        x, new = self.embedding[ids], []
        angles = positions[:, None].float() * self.frequencies
        for layer, block in enumerate(self.blocks):
            y = F.linear(F.rms_norm(x, x.shape[-1:], block.norm_in, EPS), block.qkv, block.bias)
            q, k, v = y.view(len(ids), -1, self.width).transpose(0, 1).split([self.heads, self.kv, self.kv])
            q, k = self.rotate(q, angles), self.rotate(k, angles)
            if kept is None:
                new.append(torch.stack([k, v]))
            else:
                kept[layer, 0].index_copy_(1, at, k)
                kept[layer, 1].index_copy_(1, at, v)
                k, v = kept[layer, 0], kept[layer, 1]
            mixed = F.scaled_dot_product_attention(q[None], k[None], v[None], enable_gqa=True)[0]
            x = x + F.linear(mixed.transpose(0, 1).reshape(len(ids), -1), block.out)
            gate, up = F.linear(F.rms_norm(x, x.shape[-1:], block.norm_mid, EPS), block.gate_up).chunk(2, -1)
            x = x + F.linear(F.silu(gate) * up, block.down)
        x = x[wanted]
        logits = F.linear(F.rms_norm(x, x.shape[-1:], self.norm, EPS), self.head).float()
        return logits, torch.stack(new) if kept is None else kept


def chosen(logits: "torch.Tensor") -> "torch.Tensor":
    """Token and confidence of each row: `[rows, 2]`."""
    confidence, token = logits.softmax(-1).max(-1)
    return torch.stack([token.float(), confidence], 1)


class Canvas:
    """Ids and positions of prefix, span and suffix."""

    def __init__(self, prefix: int, suffix: int, span: int, device: str) -> None:
        self.ids = torch.full((prefix + span + suffix,), SOME_TOKEN, device=device)
        self.ids[prefix : prefix + span] = MASK
        self.positions = torch.arange(len(self.ids), device=device)
        self.span = torch.arange(prefix, prefix + span, device=device)


def plain_steps(plain: Plain, canvas: Canvas, *, compiled: bool) -> dict:
    """Ways of a step by name."""
    kept = plain(canvas.ids, canvas.positions, canvas.span)[1]
    ids = canvas.ids[canvas.span]
    step = lambda *given: chosen(plain(*given)[0])  # noqa: E731
    if compiled:
        torch._dynamo.reset()
        # What never moves need not be copied into a graph's own memory.
        for tensor in (kept, ids, canvas.ids, canvas.positions, canvas.span):
            torch._dynamo.mark_static_address(tensor)
        step = torch.compile(step, mode="reduce-overhead" if ids.is_cuda else "default", dynamic=False, fullgraph=True)
    every = torch.arange(len(ids), device=ids.device)
    return {
        "cached": lambda: step(ids, canvas.span, every, kept, canvas.span),
        "full": lambda: step(canvas.ids, canvas.positions, canvas.span),
    }


def stock(shape: str, device: str, dtype: "torch.dtype"):  # noqa: ANN201
    """transformers' Qwen2 at this shape."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    layers, d, heads, kv, _, ff, vocab, tied = SHAPES[shape]
    config = Qwen2Config(
        hidden_size=d, num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=kv, intermediate_size=ff, vocab_size=vocab,
        rms_norm_eps=EPS, rope_theta=THETA, tie_word_embeddings=tied, attn_implementation="sdpa", max_position_embeddings=32_768,
    )  # fmt: skip
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            return Qwen2ForCausalLM(config).eval()
    finally:
        torch.set_default_dtype(before)


def stock_steps(model, canvas: Canvas) -> dict:  # noqa: ANN001
    from transformers import DynamicCache

    dtype, rows, span = next(model.parameters()).dtype, len(canvas.ids), canvas.ids[canvas.span]
    sees_all = lambda queries, keys: torch.zeros(1, 1, queries, keys, device=canvas.ids.device, dtype=dtype)  # noqa: E731
    mask, narrow = sees_all(rows, rows), sees_all(len(span), rows)

    def forward(ids, positions, mask, wanted, cache=None):  # noqa: ANN001, ANN202
        use = {"past_key_values": cache, "use_cache": True} if cache is not None else {"use_cache": False}
        return model(input_ids=ids[None], position_ids=positions[None], attention_mask=mask, logits_to_keep=wanted, **use).logits[0].float()

    # The context alone, the suffix at its place behind the span.
    outside = torch.ones(rows, dtype=torch.bool, device=canvas.ids.device)
    outside[canvas.span] = False
    kept, count = DynamicCache(), rows - len(span)
    forward(canvas.ids[outside], canvas.positions[outside], sees_all(count, count), 1, kept)

    def cached():  # noqa: ANN202
        out = chosen(forward(span, canvas.span, narrow, 0, kept))
        kept.crop(count)
        return out

    return {"full": lambda: chosen(forward(canvas.ids, canvas.positions, mask, canvas.span)), "cached": cached}


def timed(step, seconds: float) -> list[float]:  # noqa: ANN001
    """ms of each step, the quickest first."""
    for _ in range(WARM_UP):
        step().tolist()
    times, begun = [], time.perf_counter()
    while len(times) < LEAST or time.perf_counter() - begun < seconds:
        started = time.perf_counter()
        step().tolist()
        times.append(1e3 * (time.perf_counter() - started))
    return sorted(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--who", choices=["transformers", "eager", "compiled"], required=True)
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--prefix", type=int, default=1024)
    parser.add_argument("--suffix", type=int, default=512)
    parser.add_argument("--spans", type=lambda text: [int(n) for n in text.split(",")], default=[8, 16, 32, 64, 128])
    parser.add_argument("--per-step", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2.0)
    args = parser.parse_args()
    name = "transformers" if args.who == "transformers" else f"torch {args.who}"
    tell = lambda **more: print(json.dumps({"engine": name, "shape": args.shape, **more}), flush=True)  # noqa: E731
    if torch is None:
        return tell(skipped=f"torch is not here: {missing}")
    torch.manual_seed(0)
    dtype, kind = (torch.bfloat16, "bf16") if args.device == "cuda" else (torch.float32, "f32")
    with torch.no_grad():
        try:
            model = stock(args.shape, args.device, dtype) if args.who == "transformers" else Plain(args.shape, args.device, dtype)
        except ImportError as error:
            return tell(skipped=f"transformers is not here: {error}; `torch eager` is the same network written out")
        for span in args.spans:
            canvas = Canvas(args.prefix, args.suffix, span, args.device)
            steps = stock_steps(model, canvas) if args.who == "transformers" else plain_steps(model, canvas, compiled=args.who == "compiled")
            for way, step in steps.items():
                try:
                    ms = timed(step, args.seconds)
                except Exception as error:  # noqa: BLE001  whatever a compiler may raise, the other rows are worth having
                    tell(way=way, span=span, skipped=f"{way}, span {span}: {type(error).__name__}: {str(error).strip().splitlines()[0][:200]}")
                    print(error, file=sys.stderr)
                    continue
                low, middle, high = (ms[round(share * (len(ms) - 1))] for share in (0.1, 0.5, 0.9))
                tell(
                    way=way, device=args.device, float=kind, prefix=args.prefix, suffix=args.suffix, span=span, ms=middle, ms_low=low, ms_high=high,
                    steps=len(ms), per_step=args.per_step, tokens_per_s=1e3 * min(args.per_step, span) / middle,
                )  # fmt: skip
    return None


if __name__ == "__main__":
    main()
