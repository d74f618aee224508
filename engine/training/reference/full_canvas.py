"""Samplers of models that see the whole canvas, both ways: Dream, Open-dCoder, LLaDA, and Fast-dLLM on top of them.

Each takes a model, a canvas with masks and its own settings, and gives the canvas after each forward pass.
"""

import torch

from .step import Settings, clear, gumbel, ranked, read
from .toy import MASK, Dice, Toy


def masks(canvas: list[int], start: int = 0, end: int | None = None) -> list[int]:
    end = len(canvas) if end is None else end
    return [at for at in range(start, end) if canvas[at] == MASK]


def dream_count(step: int, steps: int, number: int, epsilon: float = 1e-3) -> int:
    """How many masks a step of Dream's decides, in f32 as published."""
    times = torch.linspace(1, epsilon, steps + 1)
    if step == steps - 1:
        return number
    return int(torch.tensor(float(number)) * (1 - times[step + 1] / times[step]))


def dream(model: Toy, canvas: list[int], alg: str, steps: int, settings: Settings, dice: Dice) -> list[list[int]]:
    """`alg`: origin, maskgit_plus, topk_margin or entropy. Runs all its steps, those that decide nothing too."""
    canvas, trace = list(canvas), []
    times = torch.linspace(1, 1e-3, steps + 1)
    measure = {"origin": "probability", "maskgit_plus": "probability", "topk_margin": "margin", "entropy": "entropy"}[alg]
    for step in range(steps):
        masked = masks(canvas)
        if not masked:
            break
        tokens, confidences = read(model(canvas, masked), measure, settings, dice)
        if alg == "origin":
            chance = 1.0 if step == steps - 1 else float(1 - times[step + 1] / times[step])
            chosen = [at for at in range(len(masked)) if chance == 1.0 or not clear(dice.roll(), chance)]
        else:
            if settings.alg_temp > 0:
                confidences = [c / settings.alg_temp + gumbel(dice) for c in confidences]
            chosen = ranked(confidences)[: dream_count(step, steps, len(masked))]
        for at in chosen:
            canvas[masked[at]] = tokens[at]
        trace.append(list(canvas))
    return trace


def p2(model: Toy, canvas: list[int], steps: int, settings: Settings, dice: Dice) -> list[list[int]]:
    """Open-dCoder's path planning: every position that was not given is ranked anew in each step."""
    canvas, trace = list(canvas), []
    free = masks(canvas)
    for step in range(steps):
        masked = masks(canvas)
        if not masked:
            break
        tokens, confidences = read(model(canvas, free), "probability", settings, dice)
        stay_masked = int(torch.floor(torch.tensor(float(len(free))) * (1.0 - (step + 1) / steps)))
        order = ranked(confidences)
        for place, at in enumerate(order):
            if place >= len(free) - stay_masked:
                canvas[free[at]] = MASK
            elif canvas[free[at]] == MASK:
                canvas[free[at]] = tokens[at]
        trace.append(list(canvas))
    return trace


def shares(number: int, steps: int) -> list[int]:
    return [number // steps + (step < number % steps) for step in range(steps)]


def llada(model: Toy, canvas: list[int], start: int, length: int, block: int, steps: int, remasking: str, settings: Settings, dice: Dice):
    """Blocks left to right, equal shares of a block's masks in each of `steps` steps; `remasking`: low_confidence or random."""
    canvas, trace = list(canvas), []
    for first in range(start, start + length, block):
        end = first + block
        for count in shares(len(masks(canvas, first, end)), steps):
            masked = masks(canvas, first, end)
            if not masked:
                break
            tokens, confidences = read(model(canvas, masked), "probability", settings, dice, untempered=True)
            if remasking == "random":
                confidences = [1.0 - dice.roll() for _ in masked]
            for at in ranked(confidences)[:count]:
                canvas[masked[at]] = tokens[at]
            trace.append(list(canvas))
    return trace


class Cached:
    """Fast-dLLM's key-value caches: `none`; `prefix`: what lies before the block stays as the last whole pass left it;
    `dual`: everything outside the block does."""

    def __init__(self, model: Toy, cache: str):
        self.model, self.cache, self.kept = model, cache, []

    def whole(self, canvas: list[int], wanted: list[int]) -> torch.Tensor:
        self.kept = self.model.states(canvas)
        return self.model.rows(self.kept, wanted)

    def inside(self, canvas: list[int], first: int, end: int, wanted: list[int]) -> torch.Tensor:
        now = self.model.states(canvas)
        old = {"none": lambda at: False, "prefix": lambda at: at < first, "dual": lambda at: not first <= at < end}[self.cache]
        return self.model.rows([self.kept[at] if old(at) else now[at] for at in range(len(canvas))], wanted)


def trusted(confidences: list[float], threshold: float | None, factor: float | None) -> list[int]:
    """The surest, and all others at the threshold; or the largest n with (n + 1)(1 - c_n) < factor, at least one."""
    order = ranked(confidences)
    if threshold is not None:
        return [at for place, at in enumerate(order) if place == 0 or clear(confidences[at], threshold)]
    number = 0
    while number < len(order) and clear(factor, (number + 2) * (1 - confidences[order[number]])):
        number += 1
    return order[: max(number, 1)]


def fast_llada(model: Toy, canvas: list[int], start: int, length: int, block: int, cache: str, dice: Dice, threshold=None, factor=None):
    """Fast-dLLM on LLaDA: in each block a whole pass first, then passes with the cache until it is full."""
    canvas, trace, cached = list(canvas), [], Cached(model, cache)
    for first in range(start, start + length, block):
        end, begun = first + block, False
        while masked := masks(canvas, first, end):
            logits = cached.inside(canvas, first, end, masked) if begun else cached.whole(canvas, masked)
            tokens, confidences = read(logits, "probability", Settings(), dice, untempered=True)
            for at in trusted(confidences, threshold, factor):
                canvas[masked[at]] = tokens[at]
            begun = True
            trace.append(list(canvas))
    return trace


def fast_dream(model: Toy, canvas: list[int], start: int, length: int, block: int, steps: int, cache: str, dice: Dice, threshold=None):
    """Fast-dLLM on Dream: the whole pass decides the block's first position alone (with a shift, the others' rows begin
    one to its right); then by threshold, or by entropy on Dream's schedule of `steps` a block."""
    canvas, trace, cached = list(canvas), [], Cached(model, cache)
    for first in range(start, start + length, block):
        end = first + block
        tokens, _ = read(cached.whole(canvas, masks(canvas, first, end)), "probability", Settings(), dice)
        canvas[first] = tokens[0]
        trace.append(list(canvas))
        step = 1
        while masked := masks(canvas, first, end):
            measure = "entropy" if threshold is None else "probability"
            tokens, confidences = read(cached.inside(canvas, first, end, masked), measure, Settings(), dice)
            chosen = ranked(confidences)[: dream_count(step, steps, len(masked))] if threshold is None else trusted(confidences, threshold, None)
            for at in chosen:
                canvas[masked[at]] = tokens[at]
            step += 1
            trace.append(list(canvas))
    return trace


def paced_dream(model: Toy, canvas: list[int], steps: int, threshold: float, dice: Dice) -> list[list[int]]:
    """Fast-dLLM's `confidence_threshold` without a cache: a step looks at no more than its share and what was put off."""
    canvas, trace = list(canvas), []
    share = len(masks(canvas)) // steps
    put_off, step = 0, 0
    while masked := masks(canvas):
        tokens, confidences = read(model(canvas, masked), "probability", Settings(), dice)
        allowed = (share if step < steps else 0) + put_off
        order = ranked(confidences)[:allowed]
        chosen = [at for place, at in enumerate(order) if place == 0 or clear(confidences[at], threshold)]
        for at in chosen:
            canvas[masked[at]] = tokens[at]
        put_off = allowed - len(chosen)
        step += 1
        trace.append(list(canvas))
    return trace
