"""Makes the random-weight fixture models that pin the engine's arithmetic to this package's, and to PyTorch's.

    python3 -m venv oracle && oracle/bin/pip install -r published.txt
    oracle/bin/python -m quicksilver_training.fixture --out ../models/fixture

One folder per shape of our own: context-exact in int8 and f32, and two with full attention. Public families are `published.py`'s.
"""

import argparse
import dataclasses
from pathlib import Path

import torch

from . import export, published, tokenizer
from .network import Network, Shape

VOCABULARY = 300
DECODE = {"threshold": 0.9, "canvas": [8], "max_span": 16, "network": "denoise", "network_weight": 1.0}
BASE = Shape(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8, intermediate_size=64, vocab_size=VOCABULARY)
FULL = dataclasses.replace(BASE, attention_topology="full")
# (folder, model_type, shape, stored as)
FIXTURES = [
    ("context-exact-int8", "quicksilver", BASE, "int8"),
    ("context-exact-f32", "quicksilver", BASE, "f32"),
    ("full-dream-bf16", "Dream", dataclasses.replace(FULL, logit_shift=True, attention_bias=True, qk_norm=False, tie_word_embeddings=False, rope_theta=1e6), "bf16"),
    ("full-qwen3-f16", "qwen3", dataclasses.replace(FULL, rope_theta=1e6), "f16"),
]


def lively(shape: Shape, seed: int) -> Network:
    """Weights large enough that a wrong sign, row or angle moves the logits far beyond the tolerance."""
    network = Network(shape)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in network.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            p.copy_(1 + 0.2 * noise if name.endswith("norm.weight") else noise * (0.5 if "embed" in name else 0.25))
    return network


def make(out: Path) -> None:
    columns = list(range(VOCABULARY))
    words = ["fn main() {\n    let value = 1;\n}\n" * 9]
    for seed, (name, model_type, shape, kind) in enumerate(FIXTURES):
        network = lively(shape, seed)
        config = export.configuration(shape, 128, DECODE, 64, model_type=model_type)
        if shape.attention_topology == "full":
            ids = [4, 40, 99, 1, 1, 250, 61, 1, 299, 5]
            export.write(out / name, network, kind, config, lambda n: [export.full_case(n, ids, columns), export.full_case(n, ids[:3], columns)])
        else:
            export.write(out / name, network, kind, config, lambda n: export.random_cases(n, 7, VOCABULARY, columns))
        (out / name / "tokenizer.json").write_text(tokenizer.train(words, VOCABULARY))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    folder = parser.parse_args().out
    make(folder)
    published.make(folder)
