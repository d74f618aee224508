"""Rows, positions and visibility of one sample: suffix, then prefix, then blocks of span rows.

A window carries several blocks: noised copies of a span, and spans that begin at earlier cursors of the same
line. All end where the suffix begins, so one encoded context serves them all: a block whose cursor stands
`P_block` tokens into the prefix sees the suffix and the first `P_block` prefix rows only.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Block:
    prefix_rows: int  # P of this block: how much of the prefix stands before its cursor
    span: list[int]  # token ids as the network sees them, masks among them
    labels: list[int]  # what each row must predict; -1: nothing
    weights: list[float]


@dataclass
class Window:
    suffix: list[int]
    prefix: list[int]
    suffix_start: int  # H: the position of the first suffix token
    blocks: list[Block]
    after_prefix: int = -1  # the token behind the whole prefix, for its last row's next-token loss; -1: none


def rows_of(window: Window) -> dict[str, list]:
    """Everything per row: ids, both positions, the segment (0 context, 1… blocks), how many context rows it sees, labels."""
    s, p = len(window.suffix), len(window.prefix)
    ids = [*window.suffix, *window.prefix]
    left = [window.suffix_start + k for k in range(s)] + list(range(p))
    right = list(left)
    segment, sees = [0] * (s + p), list(range(1, s + p + 1))
    following = [*window.suffix[1:], -1, *window.prefix[1:], window.after_prefix]
    labels, weights = [-1] * (s + p), [0.0] * (s + p)
    for number, block in enumerate(window.blocks, 1):
        c = len(block.span)
        if window.suffix_start - block.prefix_rows < c:
            raise ValueError("the span does not fit between prefix and suffix")
        ids += block.span
        left += [block.prefix_rows + j for j in range(c)]
        right += [window.suffix_start - c + j for j in range(c)]
        segment += [number] * c
        sees += [s + block.prefix_rows] * c
        following += [-1] * c
        labels += block.labels
        weights += block.weights
    return {"ids": ids, "left": left, "right": right, "segment": segment, "sees": sees, "next": following, "labels": labels, "weights": weights}


def collate(windows: list[Window], pad: int, multiple: int = 64) -> dict[str, Tensor]:
    """`[batch, rows]` tensors, padded to a multiple of `multiple` rows; a pad row sees and is seen by itself only."""
    rows = [rows_of(w) for w in windows]
    longest = max(len(r["ids"]) for r in rows)
    longest += -longest % multiple
    fill = {"ids": pad, "left": 0, "right": 0, "segment": -1, "sees": 0, "next": -1, "labels": -1, "weights": 0.0}
    return {k: torch.tensor([r[k] + [v] * (longest - len(r[k])) for r in rows]) for k, v in fill.items()}


def visibility(batch: dict[str, Tensor]) -> Tensor:
    """`[batch, rows, rows]`, true where the query row sees the key row."""
    segment, sees = batch["segment"], batch["sees"]
    rows = segment.shape[1]
    key = torch.arange(rows, device=segment.device)
    context = (segment == 0)[:, None, :] & (key[None, None, :] < sees[:, :, None])
    own = (segment[:, :, None] == segment[:, None, :]) & (segment > 0)[:, :, None]
    return context | own | torch.eye(rows, dtype=torch.bool, device=segment.device)
