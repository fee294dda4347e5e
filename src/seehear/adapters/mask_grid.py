"""Every thing in a picture, from a model that gives masks for a point: a grid of points, then few and good masks.

The automatic mask generation of Kirillov et al., "Segment Anything", ICCV 2023, appendix B, shared by SAM and SAM 2; no
crops. Shapes: N points, M masks per point, P proposals, g the decoder's grid, H W pixels of the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seehear.adapters.hub import Machine, load_model
from seehear.types import FloatArray, Image, InputError, Region
from seehear.types.checks import is_count
from seehear.vision.proposals import mask_boxes, pick, point_grid, proposal_saliency, stability_score, suppress, tidy
from seehear.vision.regions import region_of

Predict = Callable[[NDArray[np.float32]], tuple[NDArray[np.float32], FloatArray]]
"""Points (N, 2), x and y in pixels of the canvas, to mask logits (N, M, g, g) and predicted IoUs (N, M)."""


@dataclass(frozen=True)
class MaskGrid:
    """How densely to ask and what to believe; the numbers of the paper but for ``points_per_side``."""

    points_per_side: int = 16
    """The paper asks at 32 x 32 points; a quarter of that is four times as fast and misses things under 1/16 of a side."""
    points_per_batch: int = 64
    least_predicted_iou: float = 0.88
    least_stability: float = 0.95
    """IoU of the masks at logits of +-``stability_offset``."""
    stability_offset: float = 1.0
    max_iou: float = 0.7
    """Of the boxes of two masks; the one with the lower predicted IoU goes."""
    max_share: float = 0.95
    """A mask of so much of the picture, or more, is no thing."""
    least_px: int = 100
    """Smaller holes are filled and smaller islands go, in pixels of the picture."""

    def __post_init__(self) -> None:
        if not (is_count(self.points_per_side) and is_count(self.points_per_batch)):
            got = f"{self.points_per_side!r} points per side and {self.points_per_batch!r} per batch"
            raise InputError(f"a grid of prompts needs at least one point per side and per batch, got {got}")


@dataclass(frozen=True)
class Canvas:
    """The square that the model sees: the picture lies in its upper left corner, the rest is padding."""

    side_px: int
    height_px: int
    width_px: int

    def points(self, fractions: FloatArray) -> NDArray[np.float32]:
        """Fractions (N, 2) of the picture in pixels of the square."""
        return (fractions * [self.width_px, self.height_px]).astype(np.float32)

    def cells(self, grid_px: int) -> tuple[int, int]:
        """Rows and columns of a grid over the square that the picture covers."""
        rows, columns = (max(1, round(grid_px * side / self.side_px)) for side in (self.height_px, self.width_px))
        return rows, columns


def find_masks(
    image: Image,
    predict: Predict,
    canvas: Canvas,
    *,
    max_regions: int = 12,
    outline: Literal["box", "hull"] = "box",
    grid: MaskGrid | None = None,
) -> list[Region]:
    """At most ``max_regions`` regions, most salient first, masks at the image's size; none if no mask is good enough.

    Stability, suppression and choice use the decoder's grid; what is chosen is enlarged to the picture as soft masks
    and only then cut at 0 and tidied.
    """
    grid = MaskGrid() if grid is None else grid
    if max_regions < 1:
        raise InputError(f"at least one region must be asked for, got {max_regions}")
    logits, quality = propose(predict, canvas, grid)
    if not len(logits):
        return []
    masks = logits[(slice(None), *map(slice, canvas.cells(logits.shape[-1])))] > 0
    kept = suppress(mask_boxes(masks), quality, grid.max_iou)
    masks, saliency = masks[kept], proposal_saliency(masks[kept], quality[kept])
    regions = []
    for index in pick(masks, saliency, max_regions):
        soft = enlarge(logits[kept[index]].astype(np.float32), canvas, image.height_px, image.width_px)
        mask = tidy(soft > 0, grid.least_px)
        if mask.any():
            regions.append(region_of(mask, image, saliency=float(saliency[index]), outline=outline))
    return regions


def propose(predict: Predict, canvas: Canvas, grid: MaskGrid) -> tuple[NDArray[np.float16], FloatArray]:
    """The soft masks (P, g, g) over the grid of points that pass all filters, and their predicted IoUs (P,).

    They are kept in half precision (at most 128 KiB each at g = 256), which cuts them at 0 in the same place.
    """
    points = canvas.points(point_grid(grid.points_per_side))
    kept: list[NDArray[np.float16]] = []
    qualities: list[FloatArray] = []
    for start in range(0, len(points), grid.points_per_batch):
        logits, quality = predict(points[start : start + grid.points_per_batch])
        if not (np.isfinite(quality).all() and np.isfinite(logits).all()):
            raise InputError("the mask model gave numbers that are not finite: its weights are damaged or need float32")
        logits, quality = logits.reshape(-1, *logits.shape[-2:]), quality.ravel()
        good = np.flatnonzero(quality >= grid.least_predicted_iou)
        rows, columns = canvas.cells(logits.shape[-1])
        seen = logits[good, :rows, :columns]
        share = (seen > 0).mean(axis=(1, 2))
        stable = stability_score(seen, grid.stability_offset) >= grid.least_stability
        good = good[stable & (share > 0) & (share < grid.max_share)]
        kept.append(np.clip(logits[good], -6e4, 6e4).astype(np.float16))  # half precision ends at 65504
        qualities.append(quality[good])
    return np.concatenate(kept), np.concatenate(qualities)


def enlarge(logits: NDArray[np.float32], canvas: Canvas, height_px: int, width_px: int) -> NDArray[np.float32]:
    """Soft mask (g, g) of the square as one of the picture (H, W), bilinear; padding is cut off on the way."""
    import torch
    from torch.nn.functional import interpolate

    with torch.inference_mode():
        soft = torch.from_numpy(logits)[None, None]
        if (canvas.height_px, canvas.width_px) != (canvas.side_px, canvas.side_px):
            soft = interpolate(soft, (canvas.side_px, canvas.side_px), mode="bilinear", align_corners=False)
            soft = soft[..., : canvas.height_px, : canvas.width_px]
        return interpolate(soft, (height_px, width_px), mode="bilinear", align_corners=False)[0, 0].numpy()


def load_prompted(kind: Any, folder: Path, machine: Machine, **more: Any) -> Any:
    """The SAM or SAM 2 of class ``kind`` in ``folder``: in float32 and never in pieces (the largest takes 2.6 GB)."""
    return load_model(kind, folder, replace(machine, dtype="float32", offload=False), **more)


def predictor(model: Any, pixels: NDArray[np.float32], machine: Machine) -> Predict:
    """Ask a transformers SAM or SAM 2 about one picture (3, side, side); the image is encoded once, here.

    In half precision only the image encoder is so computed (by autocast): it is most of the work, and coordinates in
    bfloat16 would be off by pixels.
    """
    import torch

    device, dtype = machine.torch_device, machine.torch_dtype
    half = torch.autocast(torch.device(device).type, dtype, enabled=dtype != torch.float32)
    with torch.inference_mode(), half:
        embeddings = model.get_image_embeddings(torch.from_numpy(pixels)[None].to(device))
    embeddings = [level.float() for level in embeddings] if isinstance(embeddings, list) else embeddings.float()

    def predict(points: NDArray[np.float32]) -> tuple[NDArray[np.float32], FloatArray]:
        with torch.inference_mode():
            prompts = torch.from_numpy(points)[None, :, None, :].to(device)
            answer = model(image_embeddings=embeddings, input_points=prompts, multimask_output=True)
        return answer.pred_masks[0].cpu().numpy(), answer.iou_scores[0].cpu().numpy()

    return predict
