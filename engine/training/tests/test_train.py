"""The trainer learns, and resumes as if it had never stopped."""

import json
import time

import pytest
import torch

from quicksilver_training import export
from quicksilver_training.train import MEASURED, UNMEASURED, batches, rate, settled, train


def test_200_toy_steps_lower_both_losses(config, sampler, tmp_path):
    train(config, sampler, tmp_path, "cpu")
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    start = log[0]
    end = {key: sum(line[key] for line in log[-5:]) / 5 for key in ("span_loss", "next_loss")}
    assert end["span_loss"] < 0.85 * start["span_loss"], (start, end)
    assert end["next_loss"] < 0.8 * start["next_loss"], (start, end)


@pytest.mark.parametrize("muon_lr", [0.0, 0.02])
def test_a_resumed_run_is_bit_for_bit_the_unbroken_one(config, sampler, tmp_path, muon_lr):
    config.steps, config.muon_lr = 12, muon_lr
    unbroken = train(config, sampler, tmp_path / "unbroken", "cpu")
    train(config, sampler, tmp_path / "broken", "cpu", stop_after=5)
    resumed = train(config, sampler, tmp_path / "broken", "cpu")
    for (name, a), b in zip(unbroken.named_parameters(), resumed.parameters()):
        assert torch.equal(a, b), name
    kept = [torch.load(tmp_path / run / "checkpoint.pt", weights_only=True)["average"] for run in ("unbroken", "broken")]
    assert all(torch.equal(kept[0][name], kept[1][name]) for name in kept[0])


def test_batches_are_the_same_from_worker_processes(config, sampler):
    config.steps = 4
    alone = list(batches(sampler, config, 0))
    config.workers = 2
    for a, b in zip(alone, batches(sampler, config, 0), strict=True):
        assert all(torch.equal(a[key], b[key]) for key in a)


def test_the_number_of_steps_is_measured_and_resumed(config, sampler, tmp_path):
    config.warmup, config.log_every = 5, 1000
    began = time.monotonic()
    train(config, sampler, tmp_path / "measured", "cpu", stop_after=UNMEASURED + MEASURED + 3, minutes=0.04)
    took = time.monotonic() - began
    saved = torch.load(tmp_path / "measured" / "checkpoint.pt", weights_only=True)
    log = [json.loads(line) for line in (tmp_path / "measured" / "log.jsonl").read_text().splitlines()]
    steps = saved["measured_steps"]
    assert [line["measured_steps"] for line in log if "measured_steps" in line] == [steps]
    assert steps >= 80 and log[0]["seconds_a_step"] < took / MEASURED
    # Resumed without being told anything, it ends where the settled number says, as one that knew it from the start.
    resumed = train(config, sampler, tmp_path / "measured", "cpu")
    config.steps = steps
    known = train(config, sampler, tmp_path / "known", "cpu")
    assert torch.load(tmp_path / "measured" / "checkpoint.pt", weights_only=True)["step"] == steps
    assert all(torch.equal(a, b) for a, b in zip(resumed.parameters(), known.parameters()))


def test_steps_fill_the_time_that_is_left(config):
    assert settled(40, 0.1, 100) == 40 + 970
    assert settled(40, 10.0, 100) == settled(40, 10.0, -5) == 80
    config.steps = None
    assert rate(config, 0) == 1 / config.warmup and rate(config, 10_000) == 1


def test_asked_to_stop_it_saves_and_goes_on_later(config, sampler, tmp_path):
    asked = iter([False] * 4 + [True])
    train(config, sampler, tmp_path, "cpu", stopped=lambda: next(asked))
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 4


@pytest.mark.parametrize("shard_bytes", [0, 20_000])
def test_training_goes_on_from_an_exported_model(config, sampler, tmp_path, shard_bytes):
    config.steps = 30
    before = train(config, sampler, tmp_path / "first", "cpu")
    export.write(tmp_path / "model", before, "int8", export.configuration(before.shape, 96, {}), lambda n: [], shard_bytes=shard_bytes)
    again = config.network()
    export.read_into(again, tmp_path / "model")
    for (name, a), b in zip(before.named_parameters(), again.named_parameters()):
        assert (a - b[1]).abs().max() <= a.abs().max() / 127, name
    config.log_every = 1
    train(config, sampler, tmp_path / "second", "cpu", stop_after=1, start=tmp_path / "model")
    fresh, gone_on = (json.loads((tmp_path / run / "log.jsonl").read_text().splitlines()[0]) for run in ("first", "second"))
    assert gone_on["lr"] == 1 / config.warmup and gone_on["next_loss"] < fresh["next_loss"] - 0.3
    config.shape["num_attention_heads"] = config.shape["num_key_value_heads"] = 8
    with pytest.raises(ValueError, match="num_attention_heads"):
        export.read_into(config.network(), tmp_path / "model")
