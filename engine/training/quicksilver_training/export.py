"""Writes a network as `config.json`, `model.safetensors` and `reference.json` (recorded logits for the engine's tests).

    python -m quicksilver_training.export --config configs/cpu.json --work work --out ../models/embedded

The reference is computed from the weights as the engine will read them (int8 rows times their scale), in f32.
"""

import argparse
import json
import random
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from .layout import Block, Window, collate, visibility
from .network import Network, Shape
from .tokenizer import ID

IDS = {"mask_token_id": ID["<|mask|>"], "expand_token_id": ID["<|expand|>"], "delete_token_id": ID["<|delete|>"],
       "bos_token_id": ID["<|bos|>"], "eos_token_id": ID["<|eos|>"], "pad_token_id": ID["<|pad|>"]}


ONE_FILE, INDEX, SHARDS = "model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors"


def quantise(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """int8 rows and one f32 scale a row: value = int8 × scale."""
    scale = matrix.float().abs().amax(1).clamp_min(1e-12) / 127
    return (matrix.float() / scale[:, None]).round().clamp(-127, 127).to(torch.int8), scale


def tensors(network: Network, kind: str) -> dict[str, Tensor]:
    """Tensors under Qwen3's names. `kind`: `int8` rounds every matrix, `f32`, `f16` and `bf16` cast everything."""
    out = {}
    for name, value in network.state_dict().items():
        value = value.detach().cpu()
        if kind == "int8" and value.dim() == 2:
            out[name], out[f"{name}_scale"] = quantise(value)
        else:
            out[name] = value.to({"int8": torch.float32, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[kind]).contiguous()
    return out


def as_read(network: Network, stored: dict[str, Tensor]) -> Network:
    """The network with the weights an engine reads from `stored`, in f32."""
    read = Network(network.shape)
    read.load_state_dict(widened(stored))
    return read.eval()


def widened(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """The f32 values of stored tensors: int8 times the scale of its row."""
    values = {name: value.float() for name, value in stored.items()}
    return {n: v * values[f"{n}_scale"][:, None] if f"{n}_scale" in values else v for n, v in values.items() if not n.endswith("_scale")}


def read_into(network: Network, folder: Path) -> None:
    """Gives a network the weights of an exported model of the same shape."""
    config, shape = json.loads((folder / "config.json").read_text()), network.shape.keys()
    if different := [key for key, value in shape.items() if config.get(key) != value]:
        raise ValueError(f"{folder}: config.json is of another shape: {', '.join(different)}")
    one, index = folder / ONE_FILE, folder / INDEX
    paths = [one] if one.exists() else sorted({folder / name for name in json.loads(index.read_text())["weight_map"].values()})
    stored = {name: value for path in paths for name, value in load_file(path).items()}
    network.load_state_dict(widened(stored))


def save_shards(folder: Path, stored: dict[str, Tensor], most: int) -> None:
    """Files of at most `most` bytes of tensors each, a scale beside its matrix, and the index that names each tensor's file."""
    shards: list[dict[str, Tensor]] = []
    sizes: list[int] = []
    for name in (n for n in stored if not n.endswith("_scale")):
        group = {n: stored[n] for n in (name, f"{name}_scale") if n in stored}
        size = sum(value.nbytes for value in group.values())
        place = next((i for i, taken in enumerate(sizes) if taken + size <= most), len(shards))
        if place == len(shards):
            shards.append({})
            sizes.append(0)
        shards[place].update(group)
        sizes[place] += size
    names = [f"model-{i:05}-of-{len(shards):05}.safetensors" for i in range(1, len(shards) + 1)]
    for name, shard in zip(names, shards):
        save_file(shard, str(folder / name))
    where = {tensor: name for name, shard in zip(names, shards) for tensor in shard}
    index = {"metadata": {"total_size": sum(sizes)}, "weight_map": dict(sorted(where.items()))}
    (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n")


def configuration(shape: Shape, context_window: int, decode: dict, span_gap: int = 64, ids: dict | None = None, model_type: str = "quicksilver") -> dict:
    """The content of `config.json`."""
    return {"model_type": model_type, **shape.keys(), "span_gap": span_gap, **(IDS if ids is None else ids), "context_window": context_window, "decode": decode}


def rounded(values: Tensor) -> list:
    return [[round(v, 5) for v in row] for row in values.tolist()]


@torch.no_grad()
def context_exact_case(network: Network, suffix: list[int], prefix: list[int], span: list[int], encoded_prefix: int, gap: int, columns: list[int]) -> dict:
    """Logits of every span row; `encoded_prefix` may be smaller than the prefix: the rest was typed after the suffix was encoded."""
    window = Window(suffix, prefix, encoded_prefix + gap, [Block(len(prefix), span, [-1] * len(span), [0.0] * len(span))])
    batch = collate([window], 0, 1)
    hidden = network(batch["ids"], batch["left"], batch["right"], visibility(batch))[0]
    logits = network.logits(hidden[len(suffix) + len(prefix):])
    context = network.logits(hidden[len(suffix) + len(prefix) - 1:len(suffix) + len(prefix)])
    return {"suffix": suffix, "prefix": prefix, "span": span, "encoded_prefix": encoded_prefix, "gap": gap, "columns": columns,
            "argmax": logits.argmax(1).tolist(), "logits": rounded(logits[:, columns]), "last_prefix_row": rounded(context[:, columns])[0]}


@torch.no_grad()
def full_case(network: Network, ids: list[int], columns: list[int]) -> dict:
    """Raw logits of every row of a fully bidirectional network: row i, before any logit shift."""
    position = torch.arange(len(ids))[None]
    mask = torch.ones(1, len(ids), len(ids), dtype=torch.bool)
    logits = network.logits(network(torch.tensor([ids]), position, position, mask)[0])
    return {"ids": ids, "columns": columns, "argmax": logits.argmax(1).tolist(), "logits": rounded(logits[:, columns])}


def write(folder: Path, network: Network, kind: str, config: dict, cases, tolerance: float = 1e-3, shard_bytes: int = 0) -> None:
    """Writes the three files; `cases(network as read)` gives the reference. With `shard_bytes` the weights come in pieces of that size."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = tensors(network, kind)
    for old in (folder / ONE_FILE, folder / INDEX, *folder.glob(SHARDS)):
        old.unlink(missing_ok=True)
    if shard_bytes:
        save_shards(folder, stored, shard_bytes)
    else:
        save_file(stored, str(folder / ONE_FILE))
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (folder / "reference.json").write_text(json.dumps({"tolerance": tolerance, "cases": cases(as_read(network, stored))}, separators=(",", ":")) + "\n")


def random_cases(network: Network, seed: int, vocabulary: int, columns: list[int]) -> list[dict]:
    """Made-up rows: a fresh suffix, a prefix typed on, an empty suffix, a tight gap, committed tokens among masks."""
    rng = random.Random(seed)
    draw = lambda n: [rng.randrange(len(ID), vocabulary) for _ in range(n)]  # noqa: E731
    mask, bos, eos, file = ID["<|mask|>"], ID["<|bos|>"], ID["<|eos|>"], ID["<|file|>"]
    mixed = [mask, *draw(2), mask, mask, *draw(1)]
    return [
        context_exact_case(network, [*draw(7), eos], [bos, file, *draw(11)], [mask] * 8, 13, 64, columns),
        context_exact_case(network, [*draw(5), eos], [bos, file, *draw(12)], mixed, 9, 32, columns),
        context_exact_case(network, [eos], [bos, file, *draw(3)], [mask] * 4, 5, 128, columns),
        context_exact_case(network, [*draw(9), eos], [bos, ID["<|lang:rust|>"], file, *draw(20)], [mask] * 6, 23, 6, columns),
    ]


if __name__ == "__main__":
    from .train import Config, load_average

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("work"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--network", choices=["off", "rescore", "denoise"], default="off", help="decode.network, as measured")
    parser.add_argument("--shard-mib", type=float, default=0, help="weights in files of at most this size, with an index")
    arguments = parser.parse_args()
    settings = Config.read(arguments.config)
    trained, _ = load_average(settings, arguments.work)
    vocabulary = trained.shape.vocab_size
    some = sorted(random.Random(3).sample(range(vocabulary), 96))
    decode = {"threshold": 0.9, "canvas": [16], "max_span": 64, "max_steps": 12, "network": arguments.network, "network_weight": 1.0}
    write(arguments.out, trained, "int8", configuration(trained.shape, settings.context, decode), lambda n: random_cases(n, 5, vocabulary, some),
          shard_bytes=int(arguments.shard_mib * 2**20))
