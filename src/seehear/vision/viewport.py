"""What a camera inside a panorama sees: perspective views of equirectangular pictures.

Shapes: F frames, H W pixels of the panorama, h w pixels of the view.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from seehear.types import Direction, FloatArray, InputError
from seehear.vision.camera import Camera


def view_rays(camera: Camera, direction: Direction) -> FloatArray:
    """Unit vectors (h, w, 3), in the panorama's axes, through the pixel centres of a level pinhole that looks to ``direction``.

    Its horizon is level: it was turned about the vertical by the azimuth, after it was tilted up by the elevation.
    """
    x, y = np.meshgrid(np.arange(camera.width_px) + 0.5, np.arange(camera.height_px) + 0.5)
    sin_a, cos_a = math.sin(direction.azimuth_rad), math.cos(direction.azimuth_rad)
    sin_e, cos_e = math.sin(direction.elevation_rad), math.cos(direction.elevation_rad)
    axes = np.array([[cos_e * cos_a, cos_e * sin_a, sin_e], [-sin_a, cos_a, 0.0], [-sin_e * cos_a, -sin_e * sin_a, cos_e]])
    own = camera.rays(np.stack([x, y], axis=-1))
    return (own @ axes).reshape(camera.height_px, camera.width_px, 3)


def perspective_views(panoramas: NDArray[np.uint8], camera: Camera, direction: Direction) -> NDArray[np.uint8]:
    """Views (F, h, w, 3) of equirectangular ``panoramas`` (F, H, W, 3) by a pinhole ``camera`` that looks to ``direction``.

    Bilinear between pixel centres; the left edge joins the right one, beyond the last row it is repeated. A panorama much finer
    than the view should be reduced first (about 2 pi focal lengths wide), or fine texture flickers.
    InputError: pictures of another shape, an equirectangular camera.
    """
    if panoramas.ndim != 4 or panoramas.shape[-1] != 3 or panoramas.dtype != np.uint8:
        raise InputError(f"panoramas are uint8 (frames, height, width, 3), got {panoramas.dtype} {panoramas.shape}")
    if camera.equirectangular:
        raise InputError("a view of a panorama needs a pinhole camera")
    height, width = panoramas.shape[1:3]
    points = Camera(width, height, equirectangular=True).project(view_rays(camera, direction)) - 0.5
    column, row = points[:, 0], points[:, 1].clip(0, height - 1)
    left, top = np.floor(column).astype(np.intp), np.floor(row).astype(np.intp)
    across, down = (column - left).astype(np.float32)[:, None], (row - top).astype(np.float32)[:, None]
    bottom, right = np.minimum(top + 1, height - 1), (left + 1) % width
    left %= width
    views = np.empty((len(panoramas), camera.height_px, camera.width_px, 3), np.uint8)
    for view, panorama in zip(views, panoramas, strict=True):
        upper = panorama[top, left] * (1 - across) + panorama[top, right] * across
        lower = panorama[bottom, left] * (1 - across) + panorama[bottom, right] * across
        view[:] = np.rint(upper * (1 - down) + lower * down).reshape(view.shape)
    return views
