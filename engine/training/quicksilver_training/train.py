"""Trains a network: one command, CPU or one GPU, resumed bit for bit from its last checkpoint.

    python -m quicksilver_training.train --config configs/cpu.json --work work

writes `<work>/<name>/checkpoint.pt` every two minutes and at the end, and appends to `<work>/<name>/log.jsonl`.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .layout import collate, visibility
from .muon import Muon
from .network import Network, Shape
from .samples import Corpus, Recipe, Sampler
from .tokenizer import ID, Text

CHECKPOINT_SECONDS = 120
Z_LOSS = 1e-4
NEXT_TOKEN_WEIGHT = 0.5
CONTEXT_SHARE = 0.5  # of the context rows, drawn for the next-token loss: halves the cost of its output product


@dataclass
class Config:
    name: str
    shape: dict
    recipe: dict
    steps: int
    batch: int
    languages: dict[str, float]
    context: int = 256
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
    """Share of the learning rate: linear warm-up, flat, linear to zero."""
    left = (config.steps - step) / max(1, config.decay_share * config.steps)
    return min(1.0, (step + 1) / config.warmup, left)


def optimisers(network: Network, config: Config) -> list[torch.optim.Optimizer]:
    """Matrices, embedding and norms apart: each has its own rate, only matrices decay."""
    matrices = [p for n, p in network.named_parameters() if p.dim() == 2 and "embed" not in n and "lm_head" not in n]
    tables = [p for n, p in network.named_parameters() if p.dim() == 2 and ("embed" in n or "lm_head" in n)]
    vectors = [p for p in network.parameters() if p.dim() == 1]
    groups = [{"params": tables, "lr": config.embedding_lr, "weight_decay": 0.0}, {"params": vectors, "lr": 1e-3, "weight_decay": 0.0}]
    if config.muon_lr:
        found = [Muon(matrices, config.muon_lr, weight_decay=config.weight_decay), torch.optim.AdamW(groups, betas=(0.9, 0.95))]
    else:
        groups.append({"params": matrices, "lr": config.lr, "weight_decay": config.weight_decay})
        found = [torch.optim.AdamW(groups, betas=(0.9, 0.95))]
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


def losses(network: Network, batch: dict[str, Tensor], draw: torch.Generator | None = None) -> tuple[Tensor, dict[str, float]]:
    """The training loss and what is logged: span loss, next-token loss, accuracy on tokens that are no delete.

    `draw` picks the context rows that carry the next-token loss; without it all do.
    """
    hidden = network(batch["ids"], batch["left"], batch["right"], visibility(batch))
    span, following = batch["labels"] >= 0, batch["next"] >= 0
    if draw is not None:
        following &= (torch.rand(following.shape, generator=draw) < CONTEXT_SHARE).to(following.device)
    picked = torch.cat([hidden[span], hidden[following]])
    logits = network.logits(picked).float()
    target, weight = batch["labels"][span], batch["weights"][span]
    count = target.numel()
    span_loss = F.cross_entropy(logits[:count], target, reduction="none")
    span_mean = (span_loss * weight).sum() / weight.sum().clamp_min(1e-9)
    next_mean = F.cross_entropy(logits[count:], batch["next"][following])
    z = logits.logsumexp(-1).pow(2).mean()
    real = (target != ID["<|delete|>"]) & (target != ID["<|expand|>"])
    with torch.no_grad():
        # Without the three special answers: whether the right token leads among tokens.
        tokens = logits[:count].clone()
        tokens[:, : ID["<|bos|>"]] = -torch.inf
        right = (tokens.argmax(-1) == target)[real]
    report = {"span_loss": span_mean.item(), "next_loss": next_mean.item(), "accuracy": right.float().mean().item(),
              "token_loss": span_loss[real].mean().item(), "span_tokens": count, "rows": int((batch["segment"] >= 0).sum())}
    return span_mean + NEXT_TOKEN_WEIGHT * next_mean + Z_LOSS * z, report


class Steps(torch.utils.data.Dataset):
    """Step numbers to collated batches; the same whether made here or by worker processes."""

    def __init__(self, sampler: Sampler, config: Config):
        self.sampler, self.config = sampler, config

    def __len__(self) -> int:
        return self.config.steps

    def __getitem__(self, step: int) -> dict[str, Tensor]:
        return collate(self.sampler.batch(step, self.config.batch), ID["<|pad|>"])


def batches(sampler: Sampler, config: Config, first: int) -> Iterator[dict[str, Tensor]]:
    return iter(torch.utils.data.DataLoader(Steps(sampler, config), batch_size=None, sampler=range(first, config.steps), num_workers=config.workers))


def train(config: Config, sampler: Sampler, folder: Path, device: str, stop_after: int | None = None) -> Network:
    """Runs from the last checkpoint in `folder` (or the start) to the last step, or `stop_after` steps further."""
    folder.mkdir(parents=True, exist_ok=True)
    network = config.network().to(device)
    average = {n: p.detach().clone() for n, p in network.named_parameters()}
    chosen = optimisers(network, config)
    step, spent = 0, 0.0
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        network.load_state_dict(saved["network"])
        for optimiser, state in zip(chosen, saved["optimisers"]):
            optimiser.load_state_dict(state)
        average, step, spent = saved["average"], saved["step"], saved["seconds"]
    began = last_save = time.monotonic()

    def save() -> None:
        state = {"network": network.state_dict(), "optimisers": [o.state_dict() for o in chosen], "average": average,
                 "step": step, "seconds": spent + time.monotonic() - began}
        torch.save(state, folder / "checkpoint.tmp")
        (folder / "checkpoint.tmp").replace(checkpoint)

    last = min(config.steps, step + stop_after) if stop_after else config.steps
    with open(folder / "log.jsonl", "a") as log:
        for batch in batches(sampler, config, step):
            if step >= last:
                break
            batch = {k: v.to(device, non_blocking=True) for k, v in batch.items()}
            for optimiser in chosen:
                for group in optimiser.param_groups:
                    group["lr"] = group["full_lr"] * rate(config, step)
            draw = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
            with Int8Rounding(network, step >= config.steps * (1 - config.rounded_share)):
                with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=config.autocast):
                    loss, report = losses(network, batch, draw)
                loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            for optimiser in chosen:
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
            step += 1
            averaging = step > config.steps * (1 - config.average_share)
            for name, p in network.named_parameters():
                average[name].lerp_(p.detach(), 1 - config.average if averaging else 1.0)
            if step % config.log_every == 0 or step == last:
                seconds = round(spent + time.monotonic() - began, 1)
                line = {"step": step, "seconds": seconds, "norm": norm.item(), "lr": rate(config, step - 1), **report}
                log.write(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in line.items()}) + "\n")
                log.flush()
            if time.monotonic() - last_save > CHECKPOINT_SECONDS:
                save()
                last_save = time.monotonic()
    save()
    return network


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
    arguments = parser.parse_args()
    settings = Config.read(arguments.config)
    torch.set_num_threads(settings.threads)
    corpus = Corpus(arguments.work / "corpus.jsonl", settings.languages)
    made = Sampler(corpus, Text(arguments.tokenizer), Recipe(context=settings.context, **settings.recipe), settings.seed)
    train(settings, made, arguments.work / settings.name, arguments.device)
