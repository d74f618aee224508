"""One file carries all that training needs, and one command uses it."""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import torch

from quicksilver_training import bundle, export
from quicksilver_training.network import Shape
from quicksilver_training.samples import Corpus
from quicksilver_training.train import Config

HERE = Path(__file__).parent.parent
SOURCES = sorted((HERE / "quicksilver_training").glob("*.py"))
SHARES = {"python": 2.0, "rust": 1.0}


@pytest.fixture
def work(tmp_path):
    """Python and Rust files of several packages, three times as many bytes of Rust as of Python."""
    folder = tmp_path / "work"
    folder.mkdir()
    texts = [p.read_text() for p in SOURCES]

    def rows(language, copies):
        for copy in range(copies):
            for number, text in enumerate(texts):
                salt = "".join(f"{language}_{hashlib.md5(f'{copy}/{number}/{i}'.encode()).hexdigest()} = {i}\n" for i in range(800))
                yield {"package": f"{language}{copy}", "source": "x", "split": "train", "path": f"{number}.x", "language": language, "text": salt + text}

    with open(folder / "corpus.jsonl", "w") as corpus, open(folder / "heldout.jsonl", "w") as held:
        corpus.writelines(json.dumps(row) + "\n" for row in [*rows("python", 4), *rows("rust", 12), *rows("go", 1)])
        held.writelines(json.dumps(row) + "\n" for row in [*rows("python", 1), *rows("rust", 1)])
    return folder


@pytest.fixture
def tokenizer(text, tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(text.inner.to_str())
    return path


def test_a_bundle_keeps_to_its_size_and_shares_and_comes_back(work, tokenizer, tmp_path):
    out = tmp_path / "bundle.tar"
    manifest = bundle.pack(work, out, 1.0, SHARES, tokenizer, preset=0)
    assert 0.6 * 2**20 < out.stat().st_size <= 2**20
    taken = manifest["corpus.jsonl"]["languages"]
    assert set(taken) == {"python", "rust"} and taken["python"] == pytest.approx(2 * taken["rust"], rel=0.35)
    assert 0 < manifest["heldout.jsonl"]["compressed"] <= 2**20 // 8
    assert bundle.unpack(out, tmp_path / "there") == manifest
    given = set((work / "corpus.jsonl").read_text().splitlines())
    rows = (tmp_path / "there" / "corpus.jsonl").read_text().splitlines()
    assert len(rows) == len(set(rows)) == manifest["corpus.jsonl"]["files"] and set(rows) < given
    assert set(Corpus(tmp_path / "there" / "corpus.jsonl", SHARES).by_language) == {"python", "rust"}
    assert (tmp_path / "there" / "tokenizer.json").read_bytes() == tokenizer.read_bytes()
    assert (tmp_path / "there" / "trainer" / "quicksilver_training" / "train.py").read_bytes() == (HERE / "quicksilver_training" / "train.py").read_bytes()


def test_the_same_input_gives_the_same_bytes(work, tokenizer, tmp_path):
    for name in ("one", "other"):
        bundle.pack(work, tmp_path / name, 0.75, SHARES, tokenizer, preset=0)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_small_corpus_fits_whole(work, tokenizer, tmp_path):
    bundle.pack(work, tmp_path / "bundle.tar", 16, {**SHARES, "go": 0.5}, tokenizer, preset=0)
    bundle.unpack(tmp_path / "bundle.tar", tmp_path / "there")
    for name in ("corpus.jsonl", "heldout.jsonl"):
        assert sorted((tmp_path / "there" / name).read_text().splitlines()) == sorted((work / name).read_text().splitlines())


def test_a_damaged_bundle_is_refused(work, tokenizer, tmp_path):
    out = tmp_path / "bundle.tar"
    bundle.pack(work, out, 0.5, SHARES, tokenizer, preset=0)
    data = bytearray(out.read_bytes())
    data[data.index(b'"model"') + 1] ^= 1  # inside tokenizer.json
    out.write_bytes(data)
    with pytest.raises(ValueError, match="tokenizer.json"):
        bundle.unpack(out, tmp_path / "there")


def test_one_command_trains_keeps_and_finishes(work, tokenizer, config, tmp_path):
    config.shape.update(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2)
    first = tmp_path / "first"
    export.write(first, config.network(), "int8", export.configuration(Shape(**config.shape), 96, {}), lambda n: [])
    bundle.pack(work, work / "bundle.tar", 1.0, SHARES, tokenizer, start=first, preset=0)
    for name in ("corpus.jsonl", "heldout.jsonl"):
        (work / name).unlink()
    with tarfile.open(work / "bundle.tar") as tar:
        tar.extractall(tmp_path, [m for m in tar.getmembers() if m.name.startswith("trainer/")], filter="data")
    config.name, config.batch, config.context, config.languages, config.log_every = "tiny", 2, 96, SHARES, 5
    config.recipe = {"copies": 1, "cursors": 1, "longest_span": 16}
    (tmp_path / "trainer" / "configs" / "tiny.json").write_text(json.dumps(vars(config)))

    def command(*words):
        environment = {**os.environ, "PYTHON": sys.executable, "OUT": str(tmp_path / "kept"), "EVALUATE": "--holes 2 --batches 2", "CUDA_VISIBLE_DEVICES": ""}
        line = ["bash", tmp_path / "trainer" / "gpu.sh", "--work", work, "--config", "tiny", "--minutes", "5", *words]
        done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    kept = tmp_path / "kept"
    assert "the trainer goes on" in command("--wait", "0.02")
    for _ in range(60):  # until there is something to keep
        if (work / "tiny" / "checkpoint.pt").exists():
            break
        assert "the trainer goes on" in command("--wait", "0.02")
    assert {p.name for p in kept.iterdir()} == {"log.jsonl", "rest.tar", "model-00001-of-00001.safetensors"}
    assert "the trainer has ended" in command("--wait", "0", "finish")
    evaluation = json.loads((kept / "evaluation.json").read_text())
    step = torch.load(work / "tiny" / "checkpoint.pt", weights_only=True)["step"]
    assert evaluation["step"] == step > 40 and evaluation["infill"]["holes"] == 2
    # What came back is a model that a later run can begin from.
    with tarfile.open(kept / "rest.tar") as tar:
        tar.extractall(kept, filter="data")
    export.read_into(Config.read(tmp_path / "trainer" / "configs" / "tiny.json").network(), kept)
