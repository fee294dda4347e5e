"""Panoramas that do not say so. Oracle of every test: how the pictures were made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from seehear.io.image import read_image
from seehear.types import Image
from seehear.vision.panorama import looks_like_panorama


def sphere(width: int = 512, height: int = 256) -> np.ndarray:
    """A smooth random function on the sphere, sampled equirectangularly: uint8 (H, W, 3)."""
    rng = np.random.default_rng(4)
    longitude = 2 * np.pi * (np.arange(width) + 0.5) / width
    latitude = np.pi * (0.5 - (np.arange(height) + 0.5) / height)
    c = np.cos(latitude)[:, None]
    rays = np.stack([c * np.cos(longitude), c * np.sin(longitude), np.sin(latitude)[:, None] + 0 * c * longitude], axis=-1)
    waves = np.sin(rays @ rng.normal(0, 9, (3, 40)) + rng.uniform(0, 6, 40)) @ rng.normal(0, 1, (40, 3))
    return np.clip(128 + 12 * waves, 0, 255).astype(np.uint8)


def test_only_a_picture_that_closes_is_a_panorama() -> None:
    """A sphere is; its half, a photo-like picture, an empty sky, and another shape are not."""
    whole = sphere()
    assert looks_like_panorama(Image(whole))
    assert not looks_like_panorama(Image(np.ascontiguousarray(whole[64:192, 40:296])))
    noise = gaussian_filter(np.random.default_rng(1).normal(0, 1, (256, 512, 3)), (8, 8, 0))
    assert not looks_like_panorama(Image(np.clip(128 + 900 * noise, 0, 255).astype(np.uint8)))
    sky = np.repeat(np.linspace(120, 220, 256)[:, None, None], 512, axis=1) * np.array([0.7, 0.85, 1.0])
    assert not looks_like_panorama(Image(sky.astype(np.uint8)))
    assert not looks_like_panorama(Image(np.ascontiguousarray(whole[:, :400])))


def test_a_real_panorama_and_no_photo(media: Path) -> None:
    """The 360-degree photo is one; Kodak's pictures, cropped to its shape, are none."""
    (path,) = (media / "photos_360_ccbysa").glob("*.jpg")
    assert looks_like_panorama(read_image(path))
    for path in sorted((media / "photos_kodak").glob("*.png")):
        rgb = read_image(path).rgb
        height = min(rgb.shape[0], rgb.shape[1] // 2)
        assert not looks_like_panorama(Image(np.ascontiguousarray(rgb[:height, : 2 * height])))
