"""Fits the local prior's ranker and gate on pools of the tuning packages.

    cargo run --release --example pools -- <tuning folder> pools.jsonl table=../models/embedded/counts.bin
    python -m quicksilver_training.fit pools.jsonl [more.jsonl …]

prints the weights of `engine/src/prior/ranker.rs` and `gate.rs`, for whole lines and rests of lines apart. The ranker is a
softmax over each pool that holds the right line; the gate a logistic regression on the winners. What stands between brackets is
ranked as rests of lines are (a ranker of its own won nothing on the test packages) and has a gate of its own.
"""

import json
import math
import sys
from pathlib import Path

import torch

RANKER = ["line", "right", "both", "left_match", "right_match", "places", "nowhere", "symbols", "repeats_next", "repeats_previous",
          "rewritten", "rewritten × line", "rewritten × right", "rewritten × both", "rewritten × symbols"]
GATE = ["share", "both_matches", "right_match", "mean_line", "symbols", "mean_right", "rewritten", "places", "bias"]
RIGHT_SYMBOLS = 12


def ranked(h: dict) -> list[float]:
    """What the ranker sees of a hypothesis."""
    log, both, new = math.log1p, math.log1p(h["left"] + h["rightm"]), float(h["rewritten"])
    return [h["line"], h["right_log"], both, log(h["left"]), log(h["rightm"]), log(h["places"]), float(h["places"] == 0), log(h["symbols"]),
            float(h["next"]), float(h["previous"]), new, new * h["line"], new * h["right_log"], new * both, new * log(h["symbols"])]


def gated(h: dict, share: float) -> list[float]:
    """What the gate sees of a winner."""
    log, share = math.log1p, min(max(share, 1e-4), 1 - 1e-4)
    return [math.log(share / (1 - share)), log(h["left"] + h["rightm"]), log(h["rightm"]), h["line"] / (h["symbols"] + 1), log(h["symbols"]),
            h["right_log"] / RIGHT_SYMBOLS, float(h["rewritten"]), log(h["places"]), 1.0]


def minimise(loss, size: int) -> torch.Tensor:
    """The weights at which a convex loss is least."""
    weights = torch.zeros(size, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=300, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        value = loss(weights)
        value.backward()
        return value

    optimiser.step(closure)
    return weights.detach()


def fit_ranker(pools: list[list[dict]]) -> torch.Tensor:
    """Weights under which the right lines of the pools get the largest share."""
    pools = [pool for pool in pools if any(h["right"] for h in pool)]
    size = max(map(len, pools))
    x = torch.zeros(len(pools), size, len(RANKER))
    there, right = torch.full((2, len(pools), size), -1e9)
    for i, pool in enumerate(pools):
        x[i, :len(pool)] = torch.tensor([ranked(h) for h in pool])
        there[i, :len(pool)] = 0
        right[i, [j for j, h in enumerate(pool) if h["right"]]] = 0

    def loss(weights):
        scores = x @ weights + there
        return (torch.logsumexp(scores, 1) - torch.logsumexp(scores + right, 1)).mean() + 1e-3 * weights.square().sum()

    return minimise(loss, len(RANKER))


def fit_gate(pools: list[list[dict]], ranker: torch.Tensor) -> torch.Tensor:
    """Weights of the probability that the winner is right."""
    x, y = [], []
    for pool in filter(None, pools):
        shares = torch.softmax(torch.tensor([ranked(h) for h in pool]) @ ranker, 0)
        best = int(shares.argmax())
        x.append(gated(pool[best], float(shares[best])))
        y.append(float(pool[best]["right"]))
    x, y = torch.tensor(x), torch.tensor(y)

    def loss(weights):
        return torch.nn.functional.binary_cross_entropy_with_logits(x @ weights, y) + 1e-4 * weights.square().sum()

    return minimise(loss, len(GATE))


if __name__ == "__main__":
    rows = [json.loads(line) for path in sys.argv[1:] for line in Path(path).read_text().splitlines()]
    pools = {kind: [row["pool"] for row in rows if row["kind"] == kind] for kind in ("line", "rest", "brackets")}
    rankers = {kind: fit_ranker(pools[kind]) for kind in ("line", "rest")}
    fitted = [(f"{kind} ranker", RANKER, ranker) for kind, ranker in rankers.items()]
    fitted += [(f"{kind} gate", GATE, fit_gate(pools[kind], rankers.get(kind, rankers["rest"]))) for kind in pools]
    for title, names, weights in fitted:
        print(title, ", ".join(f"{name}: {weight:.3f}" for name, weight in zip(names, weights)))
