"""What a GPU wants and a CPU does without: block-sparse attention, compiled layers, copies that do not wait.

Whether a compiler accepts a network shows only where it runs, so `quickest` tries the ways in turn and keeps the
first that gets through a whole step. All of them compute the same (`tests/test_gpu.py`).
"""

import sys
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask

from .layout import visibility
from .network import Network, run

BLOCK = 128  # rows a side of one block of the mask; sequences are a multiple of it


def block_mask(batch: dict[str, Tensor]) -> BlockMask:
    """`visibility` for the block-sparse kernel: which blocks are seen in part and which wholly; the rest is never computed."""
    segment, sees, first = (batch[key].int() for key in ("segment", "sees", "first"))

    def seen(sequence: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        context = (segment[sequence, key] == 0) & (key >= first[sequence, query]) & (key < sees[sequence, query])
        own = (segment[sequence, query] == segment[sequence, key]) & (segment[sequence, query] > 0)
        return context | own | (query == key)

    sequences, rows = segment.shape
    blocks = visibility(batch).view(sequences, 1, rows // BLOCK, BLOCK, rows // BLOCK, BLOCK)
    count = blocks.sum((3, 5), dtype=torch.int32)
    whole = count == BLOCK * BLOCK
    lists = []
    for chosen in ((count > 0) & ~whole, whole):
        lists += [chosen.sum(-1, dtype=torch.int32), chosen.int().argsort(dim=-1, descending=True, stable=True).int()]
    return BlockMask.from_kv_blocks(*lists, BLOCK_SIZE=BLOCK, mask_mod=seen)


def moved(batches: Iterator[dict[str, Tensor]], device: str) -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """Each batch as it was made, and on the device; to a GPU from pinned memory, so that the copy runs beside the step before."""
    for batch in batches:
        if torch.device(device).type == "cuda":
            yield batch, {k: v.pin_memory().to(device, non_blocking=True) for k, v in batch.items()}
        else:
            yield batch, batch


def ways(losses: Callable, head: Callable) -> Iterator[tuple[str, Callable, dict]]:
    """Name, what runs a layer, and what `losses` is to use: the quickest first."""
    compiled = {"head": torch.compile(head, dynamic=False)}
    yield "block-sparse attention, compiled", torch.compile(run, dynamic=False), {**compiled, "mask": block_mask}
    yield "masked attention, compiled", torch.compile(run, dynamic=False), compiled
    yield "masked attention, not compiled", run, {}


def quickest(network: Network, batch: dict[str, Tensor], autocast: Callable, losses: Callable, head: Callable) -> tuple[str, dict]:
    """The first way in which a whole step on `batch` succeeds; the network is left with it and without gradients."""
    for name, network.run, chosen in ways(losses, head):
        try:
            with autocast():
                loss, _ = losses(network, batch, **chosen)
            loss.backward()
            if batch["ids"].is_cuda:
                torch.cuda.synchronize()  # or an error would show in a later step
            return name, chosen
        except Exception as error:  # noqa: BLE001  whatever a compiler may raise, the next way may do without it
            print(f"{name}: {type(error).__name__}: {str(error)[:2000]}", file=sys.stderr, flush=True)
            torch._dynamo.reset()
        finally:
            network.zero_grad(set_to_none=True)
    raise RuntimeError("no way of computing a step succeeded")
