"""What makes a step of decoding fast on a CPU: attention of one query as plain products, and linear layers with packed weights.

A step has one query and a row for each guided branch, so its time is that of reading the weights. At two to eight rows torch's
own layers read them once per row, or slowly in bfloat16; in the order that oneDNN packs them once are enough for all rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEWEST_ROWS = 4
"""What oneDNN packs for, and what fewer rows are filled up to: measured, two rows take longer than four."""

FEWEST_WEIGHTS = 2**19
"""Smaller layers stay as they are: they lie in the processor's caches, and the call of a packed one takes longer."""


def cached_dtype(like: Tensor) -> torch.dtype:
    """The type of cached keys and values: float32 on a CPU, whose bfloat16 products would first copy a cache partly filled."""
    return torch.float32 if like.device.type == "cpu" else like.dtype


def attend_once(query: Tensor, keys: Tensor, values: Tensor, seen: Tensor | None = None) -> Tensor:
    """Attention (B, heads, 1, d) of one query to keys and values (B, heads, steps, d) of ``cached_dtype``, where ``seen``.

    The fused kernel of a CPU is made for many queries: with one it takes twice as long as two products in float32.
    """
    if query.device.type != "cpu":
        return F.scaled_dot_product_attention(query, keys, values, attn_mask=seen)
    query_by_head, keys_by_head, values_by_head = (part.flatten(0, 1).to(keys.dtype) for part in (query, keys, values))
    scores = torch.bmm(query_by_head / math.sqrt(query.shape[-1]), keys_by_head.transpose(1, 2))
    if seen is not None:
        scores = scores.masked_fill(~seen[0], -math.inf)
    return torch.bmm(scores.softmax(-1), values_by_head).view_as(query).to(query.dtype)


class RowHeads(nn.Linear):
    """One linear layer per row of codes, side by side: hidden states (..., D) to logits (..., rows, V)."""

    def __init__(self, width: int, n_rows: int, codebook_size: int):
        super().__init__(width, n_rows * codebook_size)
        self.codebook_size = codebook_size

    def forward(self, hidden: Tensor, rows: Sequence[int] | None = None) -> Tensor:
        """Logits of ``rows`` (ascending), or of all."""
        size = self.codebook_size
        if rows is None:
            return F.linear(hidden, self.weight, self.bias).unflatten(-1, (-1, size))
        # Neighbouring rows are a view of the weights: nothing is copied.
        runs = [slice(start * size, stop * size) for start, stop in _runs(rows)]
        parts = [F.linear(hidden, self.weight[run], self.bias[run]) for run in runs]
        return torch.cat(parts, -1).unflatten(-1, (-1, size))


class PackedLinear(nn.Module):
    """A linear layer in oneDNN's order of weights, for inference alone: its weight is no parameter and stays on the CPU."""

    def __init__(self, weight: Tensor, bias: Tensor):
        super().__init__()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), FEWEST_ROWS)
        self.bias = bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        if len(rows) < FEWEST_ROWS:
            rows = F.pad(rows, (0, 0, 0, FEWEST_ROWS - len(rows)))
        out = torch.ops.mkldnn._linear_pointwise(rows, self.weight, self.bias, "none", [], "")
        return out[: math.prod(x.shape[:-1])].view(*x.shape[:-1], -1)


class PackedRowHeads(nn.Module):
    """``RowHeads`` in oneDNN's order of weights, each row on its own, so that any choice of rows reads no other."""

    def __init__(self, heads: RowHeads):
        super().__init__()
        size = heads.codebook_size
        parts = zip(heads.weight.split(size), heads.bias.split(size), strict=True)
        self.of_row = nn.ModuleList(PackedLinear(*part) for part in parts)

    def forward(self, hidden: Tensor, rows: Sequence[int] | None = None) -> Tensor:
        """Logits of ``rows`` (ascending), or of all."""
        return torch.stack([self.of_row[row](hidden) for row in (range(len(self.of_row)) if rows is None else rows)], -2)


def can_pack(dtype: torch.dtype) -> bool:
    """Whether this CPU and this build of torch have packed kernels: oneDNN, and for bfloat16 the processor's support of it."""
    if not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")):
        return False
    return dtype == torch.float32 or (dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def pack(module: nn.Module) -> None:
    """Replaces every large linear layer within ``module`` by a packed one; it can then be neither trained nor saved."""
    for name, child in module.named_children():
        if isinstance(child, RowHeads):
            if child.in_features * child.codebook_size >= FEWEST_WEIGHTS:
                setattr(module, name, PackedRowHeads(child))
        elif not isinstance(child, nn.Linear):
            pack(child)
        elif child.weight.numel() >= FEWEST_WEIGHTS:
            setattr(module, name, PackedLinear(child.weight, child.bias))


def _runs(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Start and stop of every run of neighbours."""
    breaks = [0, *(i for i, (a, b) in enumerate(pairwise(rows), 1) if b != a + 1), len(rows)]
    return ((rows[a], rows[b - 1] + 1) for a, b in pairwise(breaks))
