"""How long a span is: DreamOn's expand and delete while denoising, CAL's search before it."""

import math

from .step import Settings, clear, ranked, read
from .toy import DELETE, EXPAND, MASK, Dice, Toy


def dreamon(model: Toy, prefix: list[int], suffix: list[int], first: int, most: int, settings: Settings, dice: Dice, broadcast: bool):
    """One position a step, by entropy. The suffix may hold the delete token (it is the end of text): only what was masked
    goes. The budget of expands is `most`. Gives the span after each pass."""
    span, budget, trace = [MASK] * first, most, []
    while MASK in span:
        masked = [at for at, token in enumerate(span) if token == MASK]
        logits = model(prefix + span + suffix, [len(prefix) + at for at in masked])
        if len(span) == most or budget == 0:
            logits[:, EXPAND] -= 1e9
        tokens, confidences = read(logits, "entropy", settings, dice)
        best = ranked(confidences)[0]
        span[masked[best]] = tokens[best]
        if broadcast and DELETE in span:
            there = span.index(DELETE)
            span = [DELETE if at >= there and at in masked else token for at, token in enumerate(span)]
        span = [token for at, token in enumerate(span) if not (token == DELETE and at in masked)]
        for at in reversed(range(len(span))):
            if span[at] == EXPAND:
                span[at : at + 1] = [MASK, MASK]
                budget -= 1
        trace.append(list(span))
    return trace


def bias(length: int) -> float:
    """CAL's five constants: how much surer a model is of a short span, whatever stands there."""
    return 1.00 * math.exp(-1.77 * length) + 0.56 * math.exp(-0.06 * length) + 0.24


def cal(model: Toy, prefix: list[int], suffix: list[int], first: int, most: int, patience: int) -> tuple[list[int], int]:
    """Hill climbing from `first`, up to `most` and then down to 1, each way until `patience` lengths in a row are no
    better. The lengths that were scored, in order, and the best."""
    tried = []

    def score(length: int) -> float:
        tried.append(length)
        canvas = prefix + [MASK] * length + suffix
        p = model(canvas, list(range(len(prefix), len(prefix) + length))).softmax(-1)
        return float(p.max(-1).values.mean()) / bias(length)

    best, highest = first, score(first)
    for direction in (1, -1):
        length, worse = first + direction, 0
        while 1 <= length <= most and worse < patience:
            if clear(now := score(length), highest):
                best, highest, worse = length, now, 0
            else:
                worse += 1
            length += direction
    return tried, best
