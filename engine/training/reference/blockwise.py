"""Samplers of models that are autoregressive over blocks and bidirectional inside one: SDAR and LLaDA2.1.

`prompt` ends where it ends; its last block may be a part of the first block to decide.
"""

from .full_canvas import masks, shares
from .step import Settings, clear, ranked, read
from .toy import Dice, Toy


def sdar(model: Toy, canvas: list[int], prompt: int, steps: int, strategy: str, dice: Dice, threshold: float = 0.85):
    """`strategy`: sequential, static, dynamic or entropy (the bound is then the threshold, nats). The shares are those of
    a whole block; a block that was in part given just needs fewer steps."""
    canvas, trace, block = list(canvas), [], model.block
    for first in range(prompt // block * block, len(canvas), block):
        end, counts = first + block, shares(block, steps)
        for step in range(steps):
            masked = masks(canvas, first, end)
            if not masked:
                break
            measure = "entropy" if strategy == "entropy" else "probability"
            tokens, confidences = read(model(canvas, masked), measure, Settings(), dice)
            count = min(counts[step], len(masked))
            if strategy == "sequential":
                chosen = list(range(count))
            elif strategy == "static":
                chosen = ranked(confidences)[:count]
            elif strategy == "dynamic":
                sure = [at for at in ranked(confidences) if clear(confidences[at], threshold)]
                chosen = sure if len(sure) >= count else ranked(confidences)[:count]
            else:
                chosen, spent = [], 0.0
                for at in ranked(confidences):
                    spent -= confidences[at]
                    if clear(spent, threshold):
                        break
                    chosen.append(at)
                chosen = chosen or ranked(confidences)[:1]
            for at in chosen:
                canvas[masked[at]] = tokens[at]
            trace.append(list(canvas))
    return trace


def sdar_bounded(model: Toy, canvas: list[int], prompt: int, bound: float, dice: Dice):
    """The entropy-bounded strategy, until each block is full."""
    return sdar(model, canvas, prompt, model.block, "entropy", dice, bound)


def llada21(model: Toy, canvas: list[int], prompt: int, threshold: float, editing: float, after: int, dice: Dice):
    """Token editing: masks above `threshold` are decided (at least one), filled positions are given what is now drawn
    there if it is another token above `editing`; when nothing is masked, at most `after` more passes of edits."""
    canvas, trace, block = list(canvas), [], model.block
    for first in range(prompt // block * block, len(canvas), block):
        end, extra = first + block, 0
        free = [at for at in range(first, end) if at >= prompt]
        while True:
            masked = masks(canvas, first, end)
            if not masked:
                extra += 1
                if extra > after:
                    break
            tokens, confidences = read(model(canvas, free), "probability", Settings(), dice)
            places = {at: index for index, at in enumerate(free)}
            order = sorted(masked, key=lambda at: -confidences[places[at]])
            ranked([confidences[places[at]] for at in masked])
            sure = [at for at in order if clear(confidences[places[at]], threshold)]
            edited = [at for at in free if at not in masked and clear(confidences[places[at]], editing) and tokens[places[at]] != canvas[at]]
            for at in (sure or order[:1]) + edited:
                canvas[at] = tokens[places[at]]
            trace.append(list(canvas))
            if not masked and not edited:
                break
    return trace
