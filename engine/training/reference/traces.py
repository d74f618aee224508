"""Writes what each published sampler does on the toy model, for the engine's tests to replay.

    python -m reference.traces --out ../tests/traces

A case is searched from a first seed on: the first whose every decision is clear of rounding.
"""

import argparse
import itertools
import json
from pathlib import Path

from . import blockwise, full_canvas, lengths
from .step import Settings, Tie
from .toy import DELETE, MASK, Dice, Toy

PREFIX, SUFFIX = [5, 9, 14, 3], [7, 11, 4]
LETTERS = "_+-" + "abcdefghijklmnopqrstu"


def spelled(span: list[int]) -> str:
    """`_` a mask, `+` expand, `-` delete, a letter any other token."""
    return "".join(LETTERS[token] for token in span)


def settled(masks: int, run, toy: dict, prefix=PREFIX, suffix=SUFFIX, seed: int = 1, telling=lambda spans: True) -> dict:
    """Runs a sampler on canvases of `masks` masks until a seed makes no tie and a telling case; the case as it is stored."""
    canvas = prefix + [MASK] * masks + suffix
    for seed in itertools.count(seed):
        model = Toy(seed, **toy)
        try:
            trace = run(model, list(canvas), Dice(seed))
        except Tie:
            continue
        spans = [spelled(step[len(prefix) : len(step) - len(suffix)]) for step in trace]
        if not telling(spans):
            continue
        return {"seed": seed, "coupling": model.coupling, "scale": model.scale, "block": model.block, "prefix": prefix, "suffix": suffix, "masks": masks, "calls": model.calls, "steps": spans}


def dream_cases():
    for alg in ("origin", "maskgit_plus", "topk_margin", "entropy"):
        for masks, steps, extra in (
            (8, 8, {}),
            (12, 5, {}),
            (5, 16, {}),
            (10, 6, {"top_p": 0.9, "top_k": 4}),
            (9, 9, {"temperature": 0.7, "top_p": 0.95}),
            (9, 4, {"temperature": 0.4, "alg_temp": 0.3}),
        ):
            case = settled(masks, lambda m, c, d: full_canvas.dream(m, c, alg, steps, Settings(**extra), d), {})
            yield f"dream {alg} {masks}/{steps} {extra or ''}".strip(), {"sampler": f"dream-{alg.replace('_', '-')}", "schedule": steps, **extra, **case}


def p2_cases():
    for masks, steps, extra in ((8, 8, {}), (10, 10, {}), (6, 16, {}), (16, 5, {}), (8, 12, {"temperature": 0.6, "top_p": 0.95})):
        case = settled(masks, lambda m, c, d: full_canvas.p2(m, c, steps, Settings(**extra), d), {"coupling": 1 << 15, "scale": 1 << 13}, seed=501 if extra else 1)
        yield f"p2 {masks}/{steps} {extra or ''}".strip(), {"sampler": "p2", "schedule": steps, **extra, **case}


def llada_cases():
    for remasking, masks, block, steps, extra in (
        ("low_confidence", 12, 12, 5, {}),
        ("low_confidence", 12, 4, 3, {}),
        ("low_confidence", 16, 8, 8, {}),
        ("low_confidence", 12, 6, 4, {"temperature": 0.8}),
        ("random", 12, 4, 2, {}),
        ("random", 8, 8, 3, {"temperature": 0.5}),
    ):
        case = settled(masks, lambda m, c, d: full_canvas.llada(m, c, len(PREFIX), masks, block, steps, remasking, Settings(**extra), d), {})
        yield f"llada {remasking} {masks} in {block}s/{steps} {extra or ''}".strip(), {"sampler": f"llada-{remasking.replace('_', '-')}", "schedule": steps, "length": block, **extra, **case}


def fast_cases():
    for cache, (name, rule) in itertools.product(("none", "prefix", "dual"), (("threshold", {"threshold": 0.9}), ("factor", {"factor": 1.0}))):
        for masks, block in ((12, 12), (16, 8), (15, 5)):
            case = settled(masks, lambda m, c, d: full_canvas.fast_llada(m, c, len(PREFIX), masks, block, cache, d, **rule), {"scale": 1 << 11})
            yield f"fast-dllm {name} {cache} {masks} in {block}s", {"sampler": f"fast-dllm-{name}", "length": block, "cache": cache, **rule, **case}
    for cache, masks, block, steps, rule in itertools.chain(
        (("none", 12, 6, 6, {"threshold": 0.8}), ("prefix", 12, 6, 6, {"threshold": 0.8}), ("dual", 16, 8, 8, {"threshold": 0.8})),
        (("prefix", 12, 6, 4, {}), ("dual", 16, 8, 8, {}), ("dual", 15, 5, 3, {})),
    ):
        case = settled(masks, lambda m, c, d: full_canvas.fast_dream(m, c, len(PREFIX), masks, block, steps, cache, d, **rule), {"scale": 1 << 11})
        yield f"fast-dllm on dream {rule or 'entropy'} {cache} {masks} in {block}s/{steps}", {"sampler": "fast-dream", "schedule": steps, "length": block, "cache": cache, **rule, **case}
    for masks, steps, threshold in ((12, 6, 0.8), (16, 4, 0.9), (8, 8, 0.5)):
        case = settled(masks, lambda m, c, d: full_canvas.paced_dream(m, c, steps, threshold, d), {"scale": 1 << 11})
        yield f"fast-dllm on dream, paced {masks}/{steps} {threshold}", {"sampler": "fast-dream-paced", "schedule": steps, "threshold": threshold, **case}


def block_cases():
    for prompt, masks, block, steps, strategy, threshold in (
        (4, 12, 4, 4, "static", 0.0),
        (6, 10, 8, 4, "static", 0.0),
        (6, 10, 8, 4, "dynamic", 0.8),
        (4, 12, 4, 4, "dynamic", 0.6),
        (6, 10, 8, 3, "sequential", 0.0),
        (8, 16, 8, 8, "entropy", 0.7),
        (5, 11, 4, 4, "entropy", 0.35),
    ):
        prefix = [3 + at % 20 for at in range(prompt)]
        case = settled(masks, lambda m, c, d: blockwise.sdar(m, c, prompt, steps, strategy, d, threshold), {"block": block, "scale": 1 << 11}, prefix, [])
        yield f"sdar {strategy} {masks} after {prompt} in {block}s/{steps} {threshold}", {"sampler": f"sdar-{strategy}", "schedule": steps, "threshold": threshold, **case}
    for prompt, masks, block, threshold, editing, after, coupling in (
        (4, 12, 8, 0.7, 0.5, 16, 1 << 15),
        (8, 16, 8, 0.5, 0.0, 16, 1 << 10),
        (5, 11, 8, 0.95, 0.9, 16, 1 << 14),
        (8, 8, 8, 0.5, 0.0, 3, 1 << 16),
    ):
        prefix = [3 + at % 20 for at in range(prompt)]
        case = settled(masks, lambda m, c, d: blockwise.llada21(m, c, prompt, threshold, editing, after, d), {"block": block, "coupling": coupling, "scale": 1 << 11}, prefix, [])
        yield f"llada2.1 {masks} after {prompt} in {block}s {threshold} {editing} {after}", {"sampler": "llada21", "threshold": threshold, "editing": editing, "after": after, **case}


def length_cases():
    def both(spans: list[str]) -> bool:
        """Whether the span grows, and in another step shrinks."""
        sizes = [len(span) for span in spans]
        return any(a < b for a, b in zip(sizes, sizes[1:])) and any(a > b for a, b in zip(sizes, sizes[1:]))

    for first, most, broadcast, seed, extra in (
        (4, 12, True, 1, {}),
        (4, 12, True, 40, {"top_p": 0.9}),
        (8, 10, True, 60, {}),
        (8, 16, False, 80, {}),
        (6, 7, True, 100, {"temperature": 0.2, "top_p": 0.9}),
        (3, 6, False, 120, {"temperature": 0.7}),
        (12, 16, True, 140, {}),
    ):
        suffix = [*SUFFIX, DELETE]
        run = lambda m, c, d: [PREFIX + span + suffix for span in lengths.dreamon(m, PREFIX, suffix, first, most, Settings(**extra), d, broadcast)]
        # A nucleus of one token leaves nothing to rank by: logits this close have larger ones.
        scale = 1 << (14 if "top_p" in extra else 12)
        case = settled(first, run, {"scale": scale}, suffix=suffix, seed=seed, telling=both)
        yield f"dreamon {first} of {most} {'broadcast' if broadcast else 'single'} {extra or ''}".strip(), {"sampler": "dreamon", "most": most, "broadcast": broadcast, **extra, **case}


def search_cases():
    for seed, first, most, patience in ((1, 8, 64, 4), (2, 8, 64, 4), (3, 8, 64, 2), (4, 8, 12, 4), (5, 3, 64, 4), (6, 1, 20, 4), (7, 8, 64, 4)):
        model = Toy(seed)
        tried, best = lengths.cal(model, PREFIX, SUFFIX, first, most, patience)
        yield f"cal from {first} to {most}, patience {patience}, seed {seed}", {"seed": seed, "coupling": model.coupling, "scale": model.scale, "prefix": PREFIX, "suffix": SUFFIX, "first": first, "most": most, "patience": patience, "tried": tried, "best": best}


FILES = {"dream.json": [dream_cases, p2_cases], "llada.json": [llada_cases, fast_cases], "blocks.json": [block_cases], "lengths.json": [length_cases], "search.json": [search_cases]}


def written(name: str) -> str:
    """The text of a file: one case a line."""
    cases = [json.dumps({"name": title, **case}) for make in FILES[name] for title, case in make()]
    return "[\n" + ",\n".join(cases) + "\n]\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (out / name).write_text(written(name))
