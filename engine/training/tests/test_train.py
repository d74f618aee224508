"""The trainer learns, and resumes as if it had never stopped."""

import json

import pytest
import torch

from quicksilver_training.train import batches, train


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
