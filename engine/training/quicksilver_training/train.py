"""Trains a network: one command, CPU or one GPU, resumed bit for bit from its last checkpoint.

    python -m quicksilver_training.train --config configs/cpu.json --work work

writes `<work>/<name>/checkpoint.pt` every two minutes, at the end and when it is asked to stop (SIGTERM), and appends to
`<work>/<name>/log.jsonl`. With `--minutes` the number of steps is what fits into that time on this machine.
"""

import argparse
import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from . import export, gpu
from .layout import collate, packed, visibility
from .muon import Muon
from .network import Network, Shape
from .samples import Corpus, Recipe, Sampler
from .tokenizer import ID, Text

CHECKPOINT_SECONDS = 120
Z_LOSS = 1e-4
NEXT_TOKEN_WEIGHT = 0.5
# Steps that say nothing about speed (compiling, and batches that lay ready), and those measured after them.
UNMEASURED, MEASURED = 10, 30
READY = 2  # batches a worker makes ahead
SLACK = 0.97  # of the time left, for checkpoints and the dearer last steps
FOREVER = 1 << 40  # steps, while their number is not settled
CONTEXT_SHARE = 0.5  # of the context rows, drawn for the next-token loss: halves the cost of its output product
# Of the rows of a step of fixed size, those at most that carry a span's loss, and a next-token loss (found: 10 % and 42 % at most).
MOST_SPAN, MOST_NEXT = 1 / 8, 7 / 16


@dataclass
class Config:
    name: str
    shape: dict
    recipe: dict
    steps: int | None  # None: not settled yet
    batch: int  # windows a step
    languages: dict[str, float]
    context: int = 256
    sequences: int = 0  # where set, the windows of a step are packed into so many sequences of `rows` rows: shapes never change
    rows: int = 0
    seed: int = 1
    lr: float = 2e-3
    embedding_lr: float = 3e-3
    muon_lr: float = 0.0  # 0: AdamW for the matrices too
    warmup: int = 100
    decay_share: float = 0.35
    weight_decay: float = 0.1
    average: float = 0.999
    average_share: float = 0.2  # the last part of the steps goes into the averaged weights
    rounded_share: float = 0.1  # the last part runs on weights rounded to int8
    autocast: bool = True
    threads: int = 2
    workers: int = 0
    log_every: int = 10

    @classmethod
    def read(cls, path: Path) -> "Config":
        return cls(**json.loads(path.read_text()))

    def network(self) -> Network:
        return Network(Shape(**self.shape), self.seed)


def rate(config: Config, step: int) -> float:
    """Share of the learning rate: linear warm-up, flat, linear to zero (not before the number of steps is settled)."""
    warm = min(1.0, (step + 1) / config.warmup)
    return warm if config.steps is None else min(warm, (config.steps - step) / max(1, config.decay_share * config.steps))


def settled(step: int, seconds_a_step: float, seconds_left: float) -> int:
    """How many steps there will be, `step` of them done; never so few that one of the done ones would have been of the last part."""
    return max(2 * step, step + int(SLACK * seconds_left / seconds_a_step))


def optimisers(network: Network, config: Config) -> list[torch.optim.Optimizer]:
    """Matrices, embedding and norms apart: each has its own rate, only matrices decay."""
    matrices = [p for n, p in network.named_parameters() if p.dim() == 2 and "embed" not in n and "lm_head" not in n]
    tables = [p for n, p in network.named_parameters() if p.dim() == 2 and ("embed" in n or "lm_head" in n)]
    vectors = [p for p in network.parameters() if p.dim() == 1]
    groups = [{"params": tables, "lr": config.embedding_lr, "weight_decay": 0.0}, {"params": vectors, "lr": 1e-3, "weight_decay": 0.0}]
    fused = {"fused": True} if tables[0].is_cuda else {}
    if config.muon_lr:
        found = [Muon(matrices, config.muon_lr, weight_decay=config.weight_decay), torch.optim.AdamW(groups, betas=(0.9, 0.95), **fused)]
    else:
        groups.append({"params": matrices, "lr": config.lr, "weight_decay": config.weight_decay})
        found = [torch.optim.AdamW(groups, betas=(0.9, 0.95), **fused)]
    for optimiser in found:
        for group in optimiser.param_groups:
            group["full_lr"] = group["lr"]
    return found


class Int8Rounding:
    """While entered, every matrix holds its int8-rounded value; gradients go to the exact one (straight through)."""

    def __init__(self, network: Network, on: bool):
        self.matrices = [p for p in network.parameters() if p.dim() == 2] if on else []

    def __enter__(self) -> None:
        self.exact = [p.detach().clone() for p in self.matrices]
        for p in self.matrices:
            scale = p.data.abs().amax(1, keepdim=True).clamp_min(1e-12) / 127
            p.data.copy_((p.data / scale).round() * scale)

    def __exit__(self, *_) -> None:
        for p, exact in zip(self.matrices, self.exact):
            p.data.copy_(exact)


def choose(batch: dict[str, Tensor], draw: torch.Generator | None = None, fixed: bool = False) -> dict[str, Tensor]:
    """The batch and its rows that carry a loss, as numbers among all its rows, with what they must predict.

    `draw` picks the context rows that carry the next-token loss; without it all do. `fixed` pads both lists (with rows that
    predict nothing) or cuts them, so that their lengths never change.
    """
    span, following = batch["labels"] >= 0, batch["next"] >= 0
    if draw is not None:
        following &= torch.rand(following.shape, generator=draw) < CONTEXT_SHARE
    out = dict(batch)
    for name, mask, target, share in (("span", span, batch["labels"], MOST_SPAN), ("next", following, batch["next"], MOST_NEXT)):
        rows, most = mask.flatten().nonzero()[:, 0], int(mask.numel() * share)
        target = target[mask]
        if fixed:
            target = F.pad(target[:most], (0, max(0, most - len(rows))), value=-1)
            # Rows that differ from each other: their (zero) gradients are then not all added up in one place.
            rows = torch.cat([rows, torch.arange(most)])[:most]
        out[f"{name}_rows"], out[f"{name}_targets"] = rows, target
    out["span_weights"] = batch["weights"].flatten()[out["span_rows"]] * (out["span_targets"] >= 0)
    return out


def head_losses(network: Network, hidden: Tensor, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """The training loss of the chosen rows and what is logged: span loss, next-token loss, accuracy on tokens that are no delete."""
    target, following, weight = batch["span_targets"], batch["next_targets"], batch["span_weights"]
    picked = hidden.flatten(0, 1).index_select(0, torch.cat([batch["span_rows"], batch["next_rows"]]))
    logits = network.logits(picked).float()
    count = len(target)
    span_loss = F.cross_entropy(logits[:count], target, reduction="none", ignore_index=-1)
    span_mean = (span_loss * weight).sum() / weight.sum().clamp_min(1e-9)
    next_mean = F.cross_entropy(logits[count:], following, ignore_index=-1)
    predicts = torch.cat([target, following]) >= 0
    z = (logits.logsumexp(-1).pow(2) * predicts).sum() / predicts.sum()
    with torch.no_grad():
        # Without the three special answers: whether the right token leads among tokens.
        special = ID["<|bos|>"]
        real = (target >= 0) & (target != ID["<|delete|>"]) & (target != ID["<|expand|>"])
        right = (logits[:count, special:].argmax(-1) + special == target) & real
        mean = lambda values: (values * real).sum() / real.sum()  # noqa: E731
        report = {"span_loss": span_mean.detach(), "next_loss": next_mean.detach(), "accuracy": mean(right), "token_loss": mean(span_loss)}
    return span_mean + NEXT_TOKEN_WEIGHT * next_mean + Z_LOSS * z, report


def losses(network: Network, batch: dict[str, Tensor], mask: Callable = visibility, head: Callable = head_losses) -> tuple[Tensor, dict[str, Tensor]]:
    """`head_losses` of a batch that went through `choose`. Nothing here waits for the device."""
    return head(network, network(batch["ids"], batch["left"], batch["right"], mask(batch)), batch)


class Steps(torch.utils.data.Dataset):
    """Step numbers to batches; the same whether made here or by worker processes."""

    def __init__(self, sampler: Sampler, config: Config):
        self.sampler, self.config = sampler, config

    def __getitem__(self, step: int) -> dict[str, np.ndarray]:
        config = self.config
        windows, pad = self.sampler.batch(step, config.batch), ID["<|pad|>"]
        batch = packed(windows, pad, config.sequences, config.rows) if config.rows else collate(windows, pad)
        chosen = choose(batch, torch.Generator().manual_seed(config.seed * 1_000_003 + step), fixed=bool(config.rows))
        # Arrays come back through a pipe; tensors would need shared memory, of which a machine may have little.
        return {k: v.numpy() for k, v in chosen.items()}


def batches(sampler: Sampler, config: Config, first: int) -> Iterator[dict[str, Tensor]]:
    ahead = {"prefetch_factor": READY} if config.workers else {}
    order = range(first, FOREVER if config.steps is None else config.steps)
    loader = torch.utils.data.DataLoader(
        Steps(sampler, config), batch_size=None, sampler=order, num_workers=config.workers, collate_fn=lambda made: made, **ahead
    )
    for made in loader:
        yield {k: torch.from_numpy(v) for k, v in made.items()}


def train(
    config: Config, sampler: Sampler, folder: Path, device: str, stop_after: int | None = None,
    minutes: float = 0.0, start: Path | None = None, stopped: Callable[[], bool] = lambda: False,
) -> Network:
    """Runs from the last checkpoint in `folder` (or the start) to the last step, or `stop_after` steps further.

    `minutes`: the number of steps is measured, not the configured one. `start`: an exported model whose weights are the first ones.
    """
    began = last_save = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    network = config.network().to(device)
    if start:
        export.read_into(network, start)
    average = {n: p.detach().clone() for n, p in network.named_parameters()}
    chosen = optimisers(network, config)
    step, spent, measured = 0, 0.0, None
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        network.load_state_dict(saved["network"])
        for optimiser, state in zip(chosen, saved["optimisers"]):
            optimiser.load_state_dict(state)
        average, step, spent, measured = saved["average"], saved["step"], saved["seconds"], saved.get("measured_steps")
    if minutes or measured:
        config = replace(config, steps=measured)
    first, skipped = step, UNMEASURED + READY * config.workers
    on_gpu = torch.device(device).type == "cuda"
    autocast = partial(torch.autocast, torch.device(device).type, torch.bfloat16, enabled=config.autocast)
    way: dict | None = None if on_gpu else {}

    def clock() -> float:
        return spent + time.monotonic() - began

    def save() -> None:
        state = {"network": network.state_dict(), "optimisers": [o.state_dict() for o in chosen], "average": average,
                 "step": step, "seconds": clock(), "measured_steps": measured}
        torch.save(state, folder / "checkpoint.tmp")
        (folder / "checkpoint.tmp").replace(checkpoint)

    def last() -> int:
        steps = FOREVER if config.steps is None else config.steps
        return min(steps, first + stop_after) if stop_after else steps

    with open(folder / "log.jsonl", "a") as log:

        def write(line: dict) -> None:
            log.write(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in line.items()}) + "\n")
            log.flush()

        for made, batch in gpu.moved(batches(sampler, config, step), device):
            if step >= last() or stopped():
                break
            if way is None:
                name, way = gpu.quickest(network, batch, autocast, losses, head_losses)
                write({"step": step, "way": name, "seconds": clock()})
            if config.steps is None and step == first + skipped:
                mark = waited(on_gpu)
            if config.steps is None and step == first + skipped + MEASURED:
                pace = (waited(on_gpu) - mark) / MEASURED
                measured = settled(step, pace, 60 * minutes - clock())
                config = replace(config, steps=measured)
                write({"step": step, "seconds": clock(), "seconds_a_step": pace, "measured_steps": measured})
                save()
            for optimiser in chosen:
                for group in optimiser.param_groups:
                    group["lr"] = group["full_lr"] * rate(config, step)
            with Int8Rounding(network, config.steps is not None and step >= config.steps * (1 - config.rounded_share)):
                with autocast():
                    loss, report = losses(network, batch, **way)
                loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            for optimiser in chosen:
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
            step += 1
            averaging = config.steps is not None and step > config.steps * (1 - config.average_share)
            with torch.no_grad():
                torch._foreach_lerp_([average[n] for n, _ in network.named_parameters()], list(network.parameters()), 1 - config.average if averaging else 1.0)
            if step % config.log_every == 0 or step == last():
                counts = {"span_tokens": int((made["span_targets"] >= 0).sum()), "rows": int((made["segment"] >= 0).sum())}
                values = {k: v.item() for k, v in report.items()}
                write({"step": step, "seconds": round(clock(), 1), "norm": norm.item(), "lr": rate(config, step - 1), **values, **counts})
            if time.monotonic() - last_save > CHECKPOINT_SECONDS:
                save()
                last_save = time.monotonic()
    save()
    return network


def waited(on_gpu: bool) -> float:
    """The time when all that was asked of the device is done."""
    if on_gpu:
        torch.cuda.synchronize()
    return time.monotonic()


def load_average(config: Config, work: Path) -> tuple[Network, int]:
    """The averaged weights of the last checkpoint, and its step."""
    saved = torch.load(work / config.name / "checkpoint.pt", map_location="cpu", weights_only=True)
    network = config.network()
    network.load_state_dict(saved["average"])
    return network.eval(), saved["step"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("work"))
    parser.add_argument("--tokenizer", type=Path, default=Path("../models/embedded/tokenizer.json"))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--minutes", type=float, default=0.0, help="as many steps as fit into this time, instead of the configured number")
    parser.add_argument("--start", type=Path, help="folder of an exported model to begin from")
    arguments = parser.parse_args()
    settings = Config.read(arguments.config)
    torch.set_num_threads(settings.threads)
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    corpus = Corpus(arguments.work / "corpus.jsonl", settings.languages)
    made = Sampler(corpus, Text(arguments.tokenizer), Recipe(context=settings.context, **settings.recipe), settings.seed)
    train(settings, made, arguments.work / settings.name, arguments.device, None, arguments.minutes, arguments.start, lambda: bool(asked))
