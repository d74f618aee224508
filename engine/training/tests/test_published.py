"""The committed checkpoints of public families are what `published.py` writes, and their logits what it computes."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from quicksilver_training import published

FIXTURES = Path(__file__).parents[2] / "models" / "fixture"
FAMILIES = [(seed, family) for seed, family in enumerate(published.FAMILIES, 100)]


def named(case):
    return case[1].folder if isinstance(case, tuple) else str(case)


@pytest.mark.parametrize("case", FAMILIES, ids=named)
def test_the_committed_files_are_what_the_script_writes(case, tmp_path):
    seed, family = case
    folder = FIXTURES / family.folder
    # Without transformers: the stock families' logits must be those of the code written out, too.
    published.write(family, seed, tmp_path, by_transformers=False)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in folder.iterdir()}
    for path in tmp_path.iterdir():
        kept = folder / path.name
        if path.suffix == ".safetensors":
            fresh, kept = load_file(path), load_file(kept)
            assert fresh.keys() == kept.keys() and all(torch.equal(fresh[name], kept[name]) for name in fresh)
        elif path.name != "reference.json":
            assert path.read_text() == kept.read_text(), path.name
    fresh, kept = (json.loads((at / "reference.json").read_text())["cases"][0] for at in (tmp_path, folder))
    assert fresh["ids"] == kept["ids"] and fresh["argmax"] == kept["argmax"]
    assert (torch.tensor(fresh["logits"]) - torch.tensor(kept["logits"])).abs().max() < published.AGREEMENT
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 150_000


def test_a_block_sees_itself_and_what_stands_before_it():
    seen = published.visible(6, 4)
    assert seen[0].tolist() == [True] * 4 + [False] * 2 and seen[5].all()
    assert published.visible(6, 0).all()
