"""A corpus small enough for a test: this package's own source files, as if they were somebody's package."""

import json
from pathlib import Path

import pytest
import torch

from quicksilver_training.samples import Corpus, Recipe, Sampler
from quicksilver_training.tokenizer import Text, train
from quicksilver_training.train import Config

SOURCES = sorted((Path(__file__).parent.parent / "quicksilver_training").glob("*.py"))
VOCABULARY = 800
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    path.write_text(train((p.read_text() for p in SOURCES), VOCABULARY))
    return Text(path)


@pytest.fixture(scope="session")
def sampler(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "corpus.jsonl"
    rows = [{"package": "training", "source": "test", "split": "train", "path": p.name, "language": "python", "text": p.read_text()} for p in SOURCES]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Sampler(Corpus(path, {"python": 1.0}), text, Recipe(context=96, copies=2, cursors=2, longest_span=24), seed=3)


@pytest.fixture
def config():
    shape = dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4, head_dim=16, intermediate_size=128, vocab_size=VOCABULARY)
    return Config(name="test", shape=shape, recipe={}, steps=200, batch=4, languages={}, warmup=20, autocast=False, average=0.9, threads=1)
