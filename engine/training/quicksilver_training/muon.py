"""Muon for matrices: momentum, then an orthogonalised step (Jordan et al. 2024; five Newton-Schulz rounds)."""

import torch
from torch import Tensor


def orthogonal(g: Tensor, rounds: int = 5) -> Tensor:
    """The nearest matrix to `g` (or to each of a stack of them) with singular values near 1."""
    norm = g.norm() if g.dim() == 2 else g.norm(dim=(-2, -1), keepdim=True)
    x = g.bfloat16() / (norm + 1e-7)
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    for _ in range(rounds):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return (x.mT if tall else x).to(g.dtype)


def together(parameters: list[Tensor]) -> list[list[Tensor]]:
    """On a GPU all matrices of one shape go in one stack (a few large products instead of many small), elsewhere each by itself."""
    stacks: dict[object, list[Tensor]] = {}
    for p in parameters:
        stacks.setdefault(p.shape if p.is_cuda else id(p), []).append(p)
    return list(stacks.values())


class Muon(torch.optim.Optimizer):
    def __init__(self, parameters, lr: float = 0.02, momentum: float = 0.95, weight_decay: float = 0.1):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for stack in together([p for p in group["params"] if p.grad is not None]):
                updates = []
                for p in stack:
                    state = self.state[p]
                    if "momentum" not in state:
                        state["momentum"] = torch.zeros_like(p)
                    state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                    updates.append(p.grad.lerp(state["momentum"], group["momentum"]))
                updates = orthogonal(torch.stack(updates)) if len(stack) > 1 else [orthogonal(updates[0])]
                for p, update in zip(stack, updates):
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(update, alpha=-group["lr"] * max(1, p.shape[0] / p.shape[1]) ** 0.5)
