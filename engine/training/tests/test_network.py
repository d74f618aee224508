"""The attention mask, and that what is exported is what was computed."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from quicksilver_training import export, fixture
from quicksilver_training.layout import Block, Window, collate, visibility

FIXTURES = Path(__file__).parents[2] / "models" / "fixture"


def hidden_of(network, window):
    batch = collate([window], 0, 1)
    return network(batch["ids"], batch["left"], batch["right"], visibility(batch))[0]


def made(span, prefix=(4, 6, 80, 81, 82), rows=None):
    block = Block(rows or len(prefix), span, [-1] * len(span), [0.0] * len(span))
    return Window([90, 91, 5], list(prefix), 40, [block])


def test_context_never_sees_the_span_nor_the_suffix_the_prefix():
    network = fixture.lively(fixture.BASE, 1)
    one, other = hidden_of(network, made([1, 1, 1])), hidden_of(network, made([50, 1, 60]))
    assert torch.equal(one[:8], other[:8]) and not torch.allclose(one[8:], other[8:])
    longer = hidden_of(network, made([1, 1, 1], prefix=(4, 6, 80, 81, 99, 100)))
    torch.testing.assert_close(one[:7], longer[:7])  # suffix, and the prefix rows they share


def test_blocks_do_not_see_each_other_nor_prefix_behind_their_cursor():
    network = fixture.lively(fixture.BASE, 2)
    alone = hidden_of(network, made([1, 70, 1], prefix=(4, 6, 80)))
    window = made([1, 70, 1], rows=3)
    window.blocks.append(Block(5, [33, 34], [-1, -1], [0.0, 0.0]))
    torch.testing.assert_close(hidden_of(network, window)[8:11], alone[6:9])


def test_padding_changes_nothing():
    network = fixture.lively(fixture.BASE, 3)
    batch = collate([made([1, 1]), made([1] * 9)], 0, 64)
    both = network(batch["ids"], batch["left"], batch["right"], visibility(batch))[0, :10]
    torch.testing.assert_close(both, hidden_of(network, made([1, 1])))


def test_int8_keeps_each_weight_within_half_a_step():
    network = fixture.lively(fixture.BASE, 4)
    read = export.as_read(network, export.tensors(network, "int8"))
    for (name, p), q in zip(network.named_parameters(), read.parameters()):
        step = p.abs().amax(-1, keepdim=True) / 127 if p.dim() == 2 else torch.zeros(())
        assert ((p - q).abs() <= step / 2 + 1e-6).all(), name


def test_shards_hold_every_tensor_once_and_replace_the_one_file(tmp_path):
    network = fixture.lively(fixture.BASE, 5)
    config = export.configuration(network.shape, 128, fixture.DECODE)
    export.write(tmp_path, network, "int8", config, lambda n: [])
    whole = load_file(tmp_path / "model.safetensors")
    export.write(tmp_path, network, "int8", config, lambda n: [], shard_bytes=12_000)
    files = sorted(p.name for p in tmp_path.glob("*.safetensors"))
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert len(files) > 2 and files[0] == f"model-00001-of-{len(files):05}.safetensors" and set(index["weight_map"].values()) == set(files)
    assert set(index["weight_map"]) == set(whole) and index["metadata"]["total_size"] == sum(t.nbytes for t in whole.values())
    for file in files:
        shard = load_file(tmp_path / file)
        assert sum(t.nbytes for t in shard.values()) <= 12_000
        for name, value in shard.items():
            assert index["weight_map"][name] == file and torch.equal(value, whole[name])
            assert index["weight_map"].get(f"{name}_scale", file) == file
    export.write(tmp_path, network, "int8", config, lambda n: [])
    assert [p.name for p in tmp_path.glob("model*")] == ["model.safetensors"]


def test_the_committed_fixtures_are_what_the_exporter_writes(tmp_path):
    fixture.make(tmp_path)
    for name, *_ in fixture.FIXTURES:
        stored = load_file(FIXTURES / name / "model.safetensors")
        for tensor, value in load_file(tmp_path / name / "model.safetensors").items():
            assert torch.equal(stored[tensor], value), (name, tensor)
        fresh, kept = (json.loads((folder / name / "reference.json").read_text()) for folder in (tmp_path, FIXTURES))
        for a, b in zip(fresh["cases"], kept["cases"], strict=True):
            assert (torch.tensor(a["logits"]) - torch.tensor(b["logits"])).abs().max() < 1e-4
