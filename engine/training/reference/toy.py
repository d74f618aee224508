"""A model without weights: logits from integers, so that another language computes exactly the same ones.

A position has a state made of its token and of all tokens that it sees; its logits are made of its place and of its
neighbours' states. A state may be an old one: that is what a key-value cache does.
"""

import dataclasses
import functools

import torch

VOCABULARY = 24
MASK, EXPAND, DELETE = 0, 1, 2
STATES = 64
WORD = (1 << 64) - 1


def splitmix(state: int) -> int:
    """The output of SplitMix64 (Steele et al., 2014) at a state."""
    bits = state & WORD
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & WORD
    return bits ^ (bits >> 31)


@functools.lru_cache(maxsize=1 << 20)
def hashed(*words: int) -> int:
    state = 0
    for word in words:
        state = splitmix((state ^ word) + 0x9E3779B97F4A7C15)
    return state


class Dice:
    """The engine's random numbers: uniform in [0, 1), 24 bits."""

    def __init__(self, seed: int):
        self.state = seed

    def roll(self) -> float:
        self.state = (self.state + 0x9E3779B97F4A7C15) & WORD
        return (splitmix(self.state) >> 40) / (1 << 24)


@dataclasses.dataclass
class Toy:
    """`coupling`: how much neighbours say; `scale`: logits per unit (the smaller, the surer); `block`: positions see no
    further than the end of their block, or everything where it is 0."""

    seed: int
    coupling: int = 1 << 14
    scale: int = 1 << 12
    block: int = 0
    calls: int = 0

    def states(self, canvas: list[int]) -> list[int]:
        def seen(at: int) -> int:
            return (at // self.block + 1) * self.block if self.block else len(canvas)

        return [hashed(self.seed, 1, token, sum(canvas[: seen(at)])) % STATES for at, token in enumerate(canvas)]

    def rows(self, states: list[int], wanted: list[int]) -> torch.Tensor:
        """Logits of the wanted positions, `[wanted, vocabulary]`; whatever the model's shift, the row of a position is
        the one that predicts its token."""
        self.calls += 1
        out = torch.empty(len(wanted), VOCABULARY, dtype=torch.float64)
        for row, at in enumerate(wanted):
            near = [(side, at + side - 2) for side in (0, 1, 3, 4) if 0 <= at + side - 2 < len(states)]
            if self.block:
                near = [(side, there) for side, there in near if there < (at // self.block + 1) * self.block]
            for token in range(VOCABULARY):
                total = hashed(self.seed, 0, at, token) % 65536
                total += sum(hashed(self.seed, 2, side, states[there], token) % self.coupling for side, there in near)
                out[row, token] = total / self.scale
            out[row, MASK] = -16.0
        return out

    def __call__(self, canvas: list[int], wanted: list[int]) -> torch.Tensor:
        return self.rows(self.states(canvas), wanted)
