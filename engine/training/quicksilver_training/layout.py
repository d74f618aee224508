"""Rows, positions and visibility of one sample: suffix, then prefix, then blocks of span rows.

A window carries several blocks: noised copies of a span, and spans that begin at earlier cursors of the same
line. All end where the suffix begins, so one encoded context serves them all: a block whose cursor stands
`P_block` tokens into the prefix sees the suffix and the first `P_block` prefix rows only.
"""

from dataclasses import dataclass

import numpy as np
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

    @property
    def rows(self) -> int:
        return len(self.suffix) + len(self.prefix) + sum(len(block.span) for block in self.blocks)


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


def stacked(sequences: list[list[Window]], pad: int, rows: int) -> dict[str, Tensor]:
    """`[sequences, rows]` tensors: the windows of a sequence one behind the other, then pad rows, which see and are seen by themselves only."""
    fill = {"ids": pad, "left": 0, "right": 0, "segment": -1, "first": 0, "sees": 0, "next": -1, "labels": -1, "weights": 0.0}
    out = {k: np.full((len(sequences), rows), v, np.float32 if k == "weights" else np.int64) for k, v in fill.items()}
    for number, windows in enumerate(sequences):
        at = blocks = 0
        for window in windows:
            place = number, slice(at, at + window.rows)
            for key, values in rows_of(window).items():
                out[key][place] = values
            # Rows and blocks are counted from the window's first; here from the sequence's.
            out["first"][place] = at
            out["sees"][place] += at
            out["segment"][place] += np.where(out["segment"][place] > 0, blocks, 0)
            at, blocks = at + window.rows, blocks + len(window.blocks)
    return {k: torch.from_numpy(v) for k, v in out.items()}


def collate(windows: list[Window], pad: int, multiple: int = 64) -> dict[str, Tensor]:
    """One sequence a window, padded to a multiple of `multiple` rows."""
    longest = max(w.rows for w in windows)
    return stacked([[w] for w in windows], pad, longest + -longest % multiple)


def packed(windows: list[Window], pad: int, sequences: int, rows: int) -> dict[str, Tensor]:
    """Always `sequences` × `rows`: each window goes where there is room first, and one for which there is none is left out."""
    bins: list[list[Window]] = [[] for _ in range(sequences)]
    room = [rows] * sequences
    for window in windows:
        for number, left in enumerate(room):
            if window.rows <= left:
                bins[number].append(window)
                room[number] -= window.rows
                break
    return stacked(bins, pad, rows)


def visibility(batch: dict[str, Tensor]) -> Tensor:
    """`[sequences, rows, rows]`, true where the query row sees the key row."""
    segment, sees, first = batch["segment"], batch["sees"], batch["first"]
    rows = segment.shape[1]
    key = torch.arange(rows, device=segment.device)[None, None, :]
    context = (segment == 0)[:, None, :] & (key >= first[:, :, None]) & (key < sees[:, :, None])
    own = (segment[:, :, None] == segment[:, None, :]) & (segment > 0)[:, :, None]
    return context | own | torch.eye(rows, dtype=torch.bool, device=segment.device)
