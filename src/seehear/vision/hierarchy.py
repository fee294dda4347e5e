"""A tree of picture parts: graph segmentation, then greedy merging of the most alike neighbours.

Felzenszwalb & Huttenlocher, "Efficient Graph-Based Image Segmentation", IJCV 2004, gives the leaves; Uijlings et al.,
"Selective Search for Object Recognition", IJCV 2013, the merging by colour, texture, size and fill similarity, summed. The
weakness of the common boundary joins the sum here: it keeps a shaded body together.
Every part of the tree is a set of leaves, so that all its statistics are sums over leaves.
Shapes: h w pixels of the small picture, L leaves, P parts (the leaves first, then each merge).
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.types import FloatArray

_COLOUR_BINS = 20
_ORIENTATIONS = 8
_TEXTURE_BINS = 8


@dataclass(frozen=True)
class Leaves:
    """The finest partition and what is known of each leaf."""

    labels: NDArray[np.intp]
    """(h, w) leaf of each pixel."""
    area_px: FloatArray
    """(L,)"""
    colour: FloatArray
    """(L, 60) counts of L*, a*, b* values."""
    texture: FloatArray
    """(L, 64) counts of gradient orientation x magnitude."""
    boxes: FloatArray
    """(L, 4) x0, y0, x1, y1 in small pixels, ends exclusive."""
    border_px: FloatArray
    """(L,) length along the edge of the picture."""
    contact_px: FloatArray
    """(L, L) length of the common boundary."""
    contact_step: FloatArray
    """(L, L) sum of the Lab step over the common boundary."""

    @property
    def n(self) -> int:
        return len(self.area_px)


def find_leaves(lab: NDArray[np.float32], scale: float = 100.0, min_size_px: int = 40) -> Leaves:
    """The leaves of a small Lab picture (h, w, 3)."""
    from skimage.segmentation import felzenszwalb

    labels = felzenszwalb(lab / 100, scale=scale, sigma=0.6, min_size=min_size_px, channel_axis=-1).astype(np.intp)
    n = int(labels.max()) + 1
    area = np.bincount(labels.ravel(), minlength=n).astype(float)
    contact, step = _contacts(labels, lab, n)
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return Leaves(
        labels=labels,
        area_px=area,
        colour=_histogram(labels, _colour_codes(lab), 3 * _COLOUR_BINS, n),
        texture=_histogram(labels, _texture_codes(lab[..., 0]), _ORIENTATIONS * _TEXTURE_BINS, n),
        boxes=_boxes(labels, n),
        border_px=np.bincount(edge, minlength=n).astype(float),
        contact_px=contact,
        contact_step=step,
    )


def _colour_codes(lab: NDArray[np.float32]) -> list[NDArray[np.intp]]:
    low, high = np.array([0, -60, -60]), np.array([100, 60, 60])
    cells = np.clip((lab - low) / (high - low) * _COLOUR_BINS, 0, _COLOUR_BINS - 1).astype(np.intp)
    return [cells[..., i] + i * _COLOUR_BINS for i in range(3)]


def _texture_codes(lightness: NDArray[np.float32]) -> list[NDArray[np.intp]]:
    gy, gx = np.gradient(lightness)
    orientation = ((np.arctan2(gy, gx) / (2 * np.pi) + 0.5) * _ORIENTATIONS).astype(np.intp) % _ORIENTATIONS
    magnitude = np.clip(np.log2(1 + np.hypot(gx, gy)) / 5 * _TEXTURE_BINS, 0, _TEXTURE_BINS - 1).astype(np.intp)
    return [orientation * _TEXTURE_BINS + magnitude]


def _histogram(labels: NDArray[np.intp], codes: list[NDArray[np.intp]], bins: int, n: int) -> FloatArray:
    counts = sum(np.bincount((labels * bins + code).ravel(), minlength=n * bins) for code in codes)
    return np.asarray(counts, dtype=float).reshape(n, bins)


def _boxes(labels: NDArray[np.intp], n: int) -> FloatArray:
    height, width = labels.shape
    boxes = np.tile(np.array([width, height, 0, 0], dtype=float), (n, 1))
    rows, columns = np.indices(labels.shape)
    np.minimum.at(boxes[:, 0], labels, columns)
    np.minimum.at(boxes[:, 1], labels, rows)
    np.maximum.at(boxes[:, 2], labels, columns + 1)
    np.maximum.at(boxes[:, 3], labels, rows + 1)
    return boxes


def _contacts(labels: NDArray[np.intp], lab: NDArray[np.float32], n: int) -> tuple[FloatArray, FloatArray]:
    """Common boundary length (n, n) and the sum of Lab steps over it, both symmetric with zero diagonal."""
    length, step = np.zeros(n * n), np.zeros(n * n)
    # the step is taken over two pixels on either side: anti-aliased edges are two pixels wide
    for axis in (0, 1):
        a, b = np.delete(labels, -1, axis), np.delete(labels, 0, axis)
        wide = np.take(lab, np.clip(np.arange(a.shape[axis]) - 1, 0, None), axis)
        far = np.take(lab, np.clip(np.arange(a.shape[axis]) + 2, None, labels.shape[axis] - 1), axis)
        differ = a != b
        code = (a * n + b)[differ]
        length += np.bincount(code, minlength=n * n)
        step += np.bincount(code, np.linalg.norm(far - wide, axis=-1)[differ], n * n)
    length, step = length.reshape(n, n), step.reshape(n, n)
    return length + length.T, step + step.T


def merge_tree(leaves: Leaves) -> NDArray[np.bool_]:
    """Which leaves (P, L) each part of the tree has: the L leaves, then every merge up to the whole picture."""
    n = leaves.n
    members = np.zeros((2 * n - 1, n), dtype=bool)
    members[np.arange(n), np.arange(n)] = True
    parts = _Parts(leaves)
    neighbours = {i: set(np.flatnonzero(leaves.contact_px[i]).tolist()) for i in range(n)}
    queue = [(-parts.similarity(i, j), i, j) for i in range(n) for j in neighbours[i] if i < j]
    heapq.heapify(queue)
    new = n
    while queue:
        _, i, j = heapq.heappop(queue)
        if i not in neighbours or j not in neighbours:
            continue
        members[new] = members[i] | members[j]
        parts.merge(i, j, new)
        around = (neighbours.pop(i) | neighbours.pop(j)) - {i, j}
        for k in around:
            neighbours[k] -= {i, j}
            neighbours[k].add(new)
            heapq.heappush(queue, (-parts.similarity(k, new), k, new))
        neighbours[new] = around
        new += 1
    return members[:new]


class _Parts:
    """Running statistics of the parts during the merging (additive, so a merge is a sum)."""

    def __init__(self, leaves: Leaves) -> None:
        pad = np.zeros
        n = leaves.n
        self.total = float(leaves.labels.size)
        self.area = np.concatenate([leaves.area_px, pad(n)])
        self.colour = np.concatenate([leaves.colour, pad(leaves.colour.shape)])
        self.texture = np.concatenate([leaves.texture, pad(leaves.texture.shape)])
        self.boxes = np.concatenate([leaves.boxes, pad(leaves.boxes.shape)])
        self.contact_px = np.pad(leaves.contact_px, (0, n))
        self.contact_step = np.pad(leaves.contact_step, (0, n))

    def merge(self, i: int, j: int, new: int) -> None:
        for statistic in (self.area, self.colour, self.texture):
            statistic[new] = statistic[i] + statistic[j]
        for contact in (self.contact_px, self.contact_step):
            contact[new] = contact[i] + contact[j]
            contact[:, new] = contact[:, i] + contact[:, j]
        self.boxes[new, :2] = np.minimum(self.boxes[i, :2], self.boxes[j, :2])
        self.boxes[new, 2:] = np.maximum(self.boxes[i, 2:], self.boxes[j, 2:])

    def similarity(self, i: int, j: int) -> float:
        """Colour + texture + size + fill similarity (Uijlings et al. 2013, 3.2) + weakness of the boundary, each 0 to 1."""
        a, b = self.area[i], self.area[j]
        colour = np.minimum(self.colour[i] / (3 * a), self.colour[j] / (3 * b)).sum()
        texture = np.minimum(self.texture[i] / a, self.texture[j] / b).sum()
        x0, y0, x1, y1 = (*np.minimum(self.boxes[i, :2], self.boxes[j, :2]), *np.maximum(self.boxes[i, 2:], self.boxes[j, 2:]))
        size = 1 - (a + b) / self.total
        fill = 1 - ((x1 - x0) * (y1 - y0) - a - b) / self.total
        step = np.exp(-self.contact_step[i, j] / (20 * self.contact_px[i, j]))
        return float(colour + texture + size + fill + step)


def part_boxes(leaves: Leaves, members: NDArray[np.bool_]) -> FloatArray:
    """Axis-aligned boxes (P, 4) of parts (P, L), in small pixels."""
    inside = members[:, :, None]
    low = np.where(inside, leaves.boxes[None, :, :2], np.inf).min(axis=1)
    high = np.where(inside, leaves.boxes[None, :, 2:], -np.inf).max(axis=1)
    return np.concatenate([low, high], axis=1)
