"""Where a pixel looks: rays of pinhole and equirectangular cameras, directions and angular widths of regions.

Pixel coordinates are continuous: the picture covers [0, width] x [0, height], the centre of the top-left pixel is
(0.5, 0.5), and boxes with exclusive ends are its sub-rectangles. The camera looks along +x (front) and is level:
right in the picture is negative azimuth (y is left), up is positive elevation.
Shapes: N points, H W pixels of a mask.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seehear.types import Direction, FloatArray, Image, InputError, Region

DEFAULT_HFOV_RAD = math.radians(60.0)
"""Horizontal field of view of a picture that does not tell its own."""

_FILM_DIAGONAL_MM = math.hypot(36.0, 24.0)
_MAX_PIXELS = 20_000
"""Pixels of a mask that are looked at; more would not move a centroid by a hundredth of a degree."""


@dataclass(frozen=True)
class Camera:
    """A level camera: pinhole with a horizontal field of view, or equirectangular (the whole sphere)."""

    width_px: int
    height_px: int
    hfov_rad: float = DEFAULT_HFOV_RAD
    """Horizontal field of view of the pinhole; an equirectangular picture always covers 2 pi."""
    equirectangular: bool = False
    """Centre column = front, left half = positive azimuth, top row = elevation +90 degrees."""

    def __post_init__(self) -> None:
        if self.width_px <= 0 or self.height_px <= 0:
            raise InputError(f"a camera needs a positive picture size, got {self.width_px} x {self.height_px}")
        if not self.equirectangular and not 0 < self.hfov_rad < math.pi:
            raise InputError(f"field of view must lie between 0 and 180 degrees, got {math.degrees(self.hfov_rad):g}")

    @property
    def focal_px(self) -> float:
        """Focal length of the pinhole in pixels."""
        return 0.5 * self.width_px / math.tan(0.5 * self.hfov_rad)

    def rays(self, points_px: FloatArray) -> FloatArray:
        """Unit vectors (N, 3) through picture points ``points_px`` (N, 2) given as x, y."""
        x, y = np.asarray(points_px, dtype=float).reshape(-1, 2).T
        if self.equirectangular:
            azimuth = 2 * np.pi * (0.5 - x / self.width_px)
            elevation = np.pi * (0.5 - y / self.height_px)
            c = np.cos(elevation)
            return np.stack([c * np.cos(azimuth), c * np.sin(azimuth), np.sin(elevation)], axis=-1)
        rays = np.stack([np.full_like(x, self.focal_px), 0.5 * self.width_px - x, 0.5 * self.height_px - y], axis=-1)
        return rays / np.linalg.norm(rays, axis=-1, keepdims=True)

    def project(self, vectors: FloatArray) -> FloatArray:
        """Picture points (N, 2) where ``vectors`` (N, 3) of any length appear; NaN for those behind a pinhole.

        Points outside the picture are given too, so that a caller can draw or clip as it likes.
        """
        x, y, z = np.asarray(vectors, dtype=float).reshape(-1, 3).T
        if self.equirectangular:
            u = self.width_px * (0.5 - np.arctan2(y, x) / (2 * np.pi))
            v = self.height_px * (0.5 - np.arctan2(z, np.hypot(x, y)) / np.pi)
            return np.stack([u, v], axis=-1)
        depth = np.where(x > 0, x, np.nan)
        u = 0.5 * self.width_px - self.focal_px * y / depth
        v = 0.5 * self.height_px - self.focal_px * z / depth
        return np.stack([u, v], axis=-1)

    def solid_angles(self, points_px: FloatArray) -> FloatArray:
        """Solid angle (N,) in steradian per square pixel at ``points_px`` (N, 2).

        Pinhole: f / r^3 with r the distance from the pinhole to the picture point; equirectangular: cos(elevation).
        """
        x, y = np.asarray(points_px, dtype=float).reshape(-1, 2).T
        if self.equirectangular:
            per_pixel = 2 * np.pi**2 / (self.width_px * self.height_px)
            return per_pixel * np.cos(np.pi * (0.5 - y / self.height_px))
        squared = self.focal_px**2 + (x - 0.5 * self.width_px) ** 2 + (y - 0.5 * self.height_px) ** 2
        return self.focal_px / squared**1.5


def camera_for(image: Image, fov_rad: float | None = None, equirectangular: bool = False) -> Camera:
    """The camera of ``image``: ``fov_rad`` if given, else from its 35 mm-equivalent focal length, else 60 degrees.

    The equivalent focal length keeps the *diagonal* angle of view of the 36 x 24 mm frame (CIPA DCG-001; Exif 3.0
    FocalLengthIn35mmFilm), so that it holds for 4:3 sensors and upright pictures too: f_px = f_35 * diagonal_px / 43.27 mm.
    A cropped picture keeps a stale focal length; ``fov_rad`` overrides it.
    """
    width, height = image.width_px, image.height_px
    if fov_rad is None and image.focal_35mm is not None and image.focal_35mm > 0 and not equirectangular:
        focal_px = image.focal_35mm * math.hypot(width, height) / _FILM_DIAGONAL_MM
        fov_rad = 2 * math.atan(0.5 * width / focal_px)
    return Camera(width, height, DEFAULT_HFOV_RAD if fov_rad is None else fov_rad, equirectangular)


def _samples(camera: Camera, mask: NDArray[np.bool_]) -> tuple[FloatArray, float]:
    """Centres (N, 2) of evenly picked mask pixels, in camera pixels, and the picture area each stands for."""
    index = np.flatnonzero(mask)
    if not index.size:
        raise InputError("a region without pixels has no direction")
    picked = index[:: -(-index.size // _MAX_PIXELS)]
    rows, columns = np.divmod(picked, mask.shape[1])
    sx, sy = camera.width_px / mask.shape[1], camera.height_px / mask.shape[0]
    points = np.stack([(columns + 0.5) * sx, (rows + 0.5) * sy], axis=-1)
    return points, sx * sy * index.size / picked.size


def region_direction(camera: Camera, region: Region) -> Direction:
    """Direction of the normalised centroid of the region's rays, each weighted by the solid angle of its pixel.

    A centroid of vectors has no seam: a region across the edge of an equirectangular picture is handled like any other.
    One that surrounds the listener (centroid zero) takes the direction of the middle of its box.
    """
    points, _ = _samples(camera, region.mask)
    centroid = camera.solid_angles(points) @ camera.rays(points)
    if np.linalg.norm(centroid) < 1e-6 * camera.solid_angles(points).sum():
        x0, y0, x1, y1 = region.box
        centroid = camera.rays(np.array([[(x0 + x1) / 2, (y0 + y1) / 2]]))[0]
    return Direction.of(centroid)


def region_extent(camera: Camera, region: Region) -> float:
    """Angular width in radians of the spherical cap with the region's solid angle: 0 for a point, 2 pi for everywhere.

    A cap of half angle a covers 2 pi (1 - cos a); the width is 2 a.
    """
    points, area_px = _samples(camera, region.mask)
    solid_angle = float(camera.solid_angles(points).sum()) * area_px
    return 2 * math.acos(max(-1.0, 1 - solid_angle / (2 * math.pi)))
