"""The first contact's peers (`engine/gpu/peers.py`): a step beside kept keys and values is the step that computes everything."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
import torch

FILE = Path(__file__).parents[2] / "gpu" / "peers.py"
spec = importlib.util.spec_from_file_location("peers", FILE)
peers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(peers)


@pytest.fixture
def parts():
    torch.manual_seed(1)
    return peers.Plain("toy", "cpu", torch.float32), peers.Canvas(20, 10, 6, "cpu")


def test_the_canvas_has_its_masks_between_prefix_and_suffix(parts):
    _, canvas = parts
    assert canvas.ids.tolist() == [7] * 20 + [1] * 6 + [7] * 10


def test_a_cached_step_is_a_whole_one(parts):
    plain, canvas = parts
    with torch.no_grad():
        for compiled in (False, True):
            steps = peers.plain_steps(plain, canvas, compiled=compiled)
            torch.testing.assert_close(steps["cached"](), steps["full"](), rtol=1e-4, atol=1e-5)


def test_the_stock_network_is_the_one_written_out(parts):
    pytest.importorskip("transformers")
    plain, canvas = parts
    with torch.no_grad():
        model = peers.stock("toy", "cpu", torch.float32)
        for block, layer in zip(plain.blocks, model.model.layers):
            q, k, v = block.qkv.split([64, 32, 32])
            bias = block.bias.split([64, 32, 32])
            for name, weight, own in zip("qkv", (q, k, v), bias):
                getattr(layer.self_attn, f"{name}_proj").weight.copy_(weight)
                getattr(layer.self_attn, f"{name}_proj").bias.copy_(own)
            layer.self_attn.o_proj.weight.copy_(block.out)
            gate, up = block.gate_up.chunk(2)
            layer.mlp.gate_proj.weight.copy_(gate)
            layer.mlp.up_proj.weight.copy_(up)
            layer.mlp.down_proj.weight.copy_(block.down)
        model.model.embed_tokens.weight.copy_(plain.embedding)
        ours = peers.plain_steps(plain, canvas, compiled=False)["full"]()
        torch.testing.assert_close(peers.stock_steps(model, canvas)["full"](), ours, rtol=1e-4, atol=1e-5)


def test_rows_are_json_and_what_is_not_installed_is_said(monkeypatch, capsys):
    size = ["--device", "cpu", "--prefix", "8", "--suffix", "4", "--spans", "2,4", "--seconds", "0"]
    monkeypatch.setattr(sys, "argv", ["peers.py", "--who", "eager", "--shape", "toy", *size])
    peers.main()
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["span"], row["way"]) for row in rows] == [(2, "cached"), (2, "full"), (4, "cached"), (4, "full")]
    assert all(row["ms_low"] <= row["ms"] <= row["ms_high"] for row in rows)
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.setattr(sys, "argv", ["peers.py", "--who", "transformers", "--shape", "toy", *size])
    peers.main()
    assert "transformers is not here" in json.loads(capsys.readouterr().out)["skipped"]
