"""Measures a trained network on held-out packages: losses, accuracy, and spans filled exactly.

    python -m quicksilver_training.evaluate --config configs/cpu.json --work work --holes 300 --out <file.json>

Decoding here is the plainest sampler that is still honest: the engine's own is measured by the engine.
"""

import argparse
import json
import random
from collections import defaultdict
from pathlib import Path

import torch
from torch import Tensor

from .layout import Block, Window, collate, visibility
from .network import Network
from .samples import Corpus, Recipe, Sampler, hole_of
from .tokenizer import ID, Text
from .train import Config, choose, load_average, losses

CANVAS = 16
THRESHOLD = 0.9
MASK, EXPAND, DELETE = ID["<|mask|>"], ID["<|expand|>"], ID["<|delete|>"]


def on_its_device(network: Network, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    device = network.model.embed_tokens.weight.device
    return {k: v.to(device) for k, v in batch.items()}


@torch.no_grad()
def span_logits(network: Network, window: Window, span: list[int]) -> Tensor:
    """`[span rows, vocab]` for one state of the span."""
    row = Window(window.suffix, window.prefix, window.suffix_start, [Block(len(window.prefix), span, [-1] * len(span), [0.0] * len(span))])
    batch = on_its_device(network, collate([row], ID["<|pad|>"], 1))
    hidden = network(batch["ids"], batch["left"], batch["right"], visibility(batch))[0]
    return network.logits(hidden[-len(span):]).float().cpu()


def fill(network: Network, window: Window, newline: int, one_line: bool) -> tuple[list[int], int]:
    """Denoises one span: each step commits the leftmost mask and all beyond the threshold; returns ids and steps."""
    span, steps, grown = [MASK] * CANVAS, 0, 0
    while MASK in span and steps < 2 * CANVAS:
        steps += 1
        logits = span_logits(network, window, span)
        # Asked for a span, so never nothing; and an expand doubles the canvas at most once.
        logits[:, [MASK, *range(EXPAND + 2, len(ID))]] = -torch.inf
        if grown >= CANVAS:
            logits[:, EXPAND] = -torch.inf
        if one_line:
            logits[:, newline] = -torch.inf
        if span[0] == MASK:
            logits[0, DELETE] = -torch.inf
        best, choice = logits.softmax(-1).max(-1)
        masked = [i for i, token in enumerate(span) if token == MASK]
        commit = [i for i in masked if i == masked[0] or best[i] > THRESHOLD]
        out: list[int] = []
        for i, token in enumerate(span):
            answer = int(choice[i]) if i in commit else token
            if answer == DELETE:
                break
            if answer == EXPAND:
                grown += 1
                out += [MASK, MASK]
            else:
                out.append(answer)
        span = out
    return span, steps


def exact_match(network: Network, sampler: Sampler, holes: int, seed: int) -> dict:
    """Share of held-out one-line holes whose text is filled exactly, after trimming."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    steps, rng = [], random.Random(seed)
    while len(steps) < holes:
        row = sampler.corpus.draw(rng)
        hole = hole_of(row["text"], rng)
        if not hole or hole[2] not in ("rest", "line", "inside"):
            continue
        start, end, kind = hole
        wanted = row["text"][start:end].strip()
        window = sampler.cut(row, start, end, kind, rng, blocks=False)
        if window is None or not 3 <= len(wanted) <= 160:
            continue
        ids, taken = fill(network, window, sampler.text.newline, True)
        steps.append(taken)
        for key in (f"{row['language']} {kind}", f"all {kind}"):
            found[key][0] += sampler.text.text(ids).strip() == wanted
            found[key][1] += 1
    return {"holes": holes, "mean_steps": sum(steps) / len(steps), "exact": {k: {"right": r, "of": n} for k, (r, n) in sorted(found.items())}}


@torch.no_grad()
def held_out_loss(network: Network, sampler: Sampler, count: int, batch: int = 8) -> dict[str, float]:
    """Means over batches of windows that no training step can draw."""
    sums: dict[str, float] = defaultdict(float)
    for step in range(count):
        _, report = losses(network, on_its_device(network, choose(collate(sampler.batch(step, batch), ID["<|pad|>"]))))
        for key in ("span_loss", "token_loss", "next_loss", "accuracy"):
            sums[key] += report[key].item() / count
    return {k: round(v, 4) for k, v in sums.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("work"))
    parser.add_argument("--tokenizer", type=Path, default=Path("../models/embedded/tokenizer.json"))
    parser.add_argument("--holes", type=int, default=300)
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    settings = Config.read(arguments.config)
    torch.set_num_threads(settings.threads)
    trained, step = load_average(settings, arguments.work)
    trained.to(arguments.device)
    recipe = Recipe(context=settings.context, **settings.recipe)
    held = Sampler(Corpus(arguments.work / "heldout.jsonl", {"rust": 1, "python": 1}), Text(arguments.tokenizer), recipe, seed=99)
    result = {"step": step, "held_out": held_out_loss(trained, held, arguments.batches)}
    print(json.dumps(result), flush=True)
    result["infill"] = exact_match(trained, held, arguments.holes, seed=7)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
