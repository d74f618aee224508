"""Logits to tokens and confidences, and the choice among positions. What is too close to call is refused (`Tie`)."""

import dataclasses
import math

import torch

from .toy import Dice

CLEAR = 1e-5


class Tie(Exception):
    """Two things differ by less than another machine's rounding: another seed makes a better case."""


@dataclasses.dataclass
class Settings:
    temperature: float = 0.0
    top_p: float | None = None
    top_k: int | None = None
    alg_temp: float = 0.0


def filtered(logits: torch.Tensor, settings: Settings) -> torch.Tensor:
    """Dream's order: temperature, top-p (the token that crosses it stays), top-k; probabilities of what is left."""
    if settings.temperature > 0:
        logits = logits / settings.temperature
    if settings.top_p is not None and settings.top_p < 1:
        ordered, ids = logits.sort(descending=True)
        mass = ordered.softmax(-1).cumsum(-1)
        if (mass - settings.top_p).abs().min() < CLEAR:
            raise Tie
        beyond = torch.zeros_like(mass, dtype=torch.bool)
        beyond[1:] = mass[:-1] > settings.top_p
        logits = logits.masked_fill(beyond[ids.argsort()], -torch.inf)
    if settings.top_k is not None:
        logits = logits.masked_fill(logits < logits.topk(settings.top_k).values[-1], -torch.inf)
    return logits.softmax(-1)


def drawn(p: torch.Tensor, dice: Dice) -> int:
    """A token by its probability: the first at which the running sum passes a roll."""
    roll, mass = dice.roll(), p.cumsum(0)
    if (mass - roll).abs().min() < CLEAR:
        raise Tie
    return int((mass > roll).nonzero()[0])


def likeliest(p: torch.Tensor) -> int:
    top = p.topk(2)
    if top.values[0] - top.values[1] < CLEAR:
        raise Tie
    return int(top.indices[0])


def read(logits: torch.Tensor, measure: str, settings: Settings, dice: Dice, untempered: bool = False):
    """A token and a confidence for each row. `untempered`: LLaDA's way, the confidence of the logits as they came."""
    tokens, confidences = [], []
    for row in logits:
        p = filtered(row, settings)
        token = drawn(p, dice) if settings.temperature > 0 else likeliest(p)
        if untempered:
            p = row.softmax(-1)
        if measure == "probability":
            confidence = p[token]
        elif measure == "margin":
            confidence = p.topk(2).values[0] - p.topk(2).values[1]
        else:
            confidence = (p * torch.log(p + 1e-10)).sum()
        tokens.append(token)
        confidences.append(float(confidence))
    return tokens, confidences


def ranked(confidences: list[float]) -> list[int]:
    """Indices, surest first."""
    order = sorted(range(len(confidences)), key=lambda at: -confidences[at])
    if any(confidences[a] - confidences[b] < CLEAR for a, b in zip(order, order[1:])):
        raise Tie
    return order


def clear(value: float, bound: float) -> bool:
    """Whether a value is above a bound."""
    if abs(value - bound) < CLEAR:
        raise Tie
    return value > bound


def gumbel(dice: Dice) -> float:
    return -math.log(-math.log(max(dice.roll(), 2.0**-126)))
