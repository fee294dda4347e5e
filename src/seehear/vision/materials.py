"""Where a picture shows sky, water, plants, snow and fire, from colour, texture and place. Rules, not learned weights.

The rules judge the segments of a graph segmentation by soft thresholds (numbers read off photos with labelled segments):
sky hangs from the upper edge and is smooth; water is never reddish and has flat ripples, so that its vertical gradients
beat its horizontal ones; snow is bright, bluish-white and lies low; plants are green and rough; flames are orange
with a yellow-white core.
Shapes: h w pixels of the small picture, S segments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seehear.types import FloatArray
from seehear.vision.pixels import lab, shrink

MATERIALS = ("sky", "water", "vegetation", "snow", "fire")
_LONG_SIDE_PX = 256
_FRAME_SHARE = 0.04
"""What lies this close to the edge touches it: scans have frames."""


@dataclass(frozen=True)
class _Segments:
    labels: NDArray[np.intp]
    share: FloatArray
    lightness: FloatArray
    a: FloatArray
    b: FloatArray
    roughness: FloatArray
    """Root mean square lightness gradient at 512 pixels long side."""
    ripple: FloatArray
    """Log of the energy of vertical over horizontal gradients: above 0 for flat stripes."""
    middle: FloatArray
    """Mean row, 0 at the top."""
    boxes: FloatArray
    """(S, 4) x0, y0, x1, y1 in 0 to 1."""

    @property
    def chroma(self) -> FloatArray:
        return np.hypot(self.a, self.b)

    @property
    def width(self) -> FloatArray:
        return self.boxes[:, 2] - self.boxes[:, 0]


def above(x: ArrayLike, threshold: float, width: float) -> FloatArray:
    """Soft step from 0 to 1: 0.5 at the threshold, 0.88 one width above it."""
    return 1 / (1 + np.exp(-np.clip(2 * (np.asarray(x) - threshold) / width, -30, 30)))


def below(x: ArrayLike, threshold: float, width: float) -> FloatArray:
    """Soft step from 1 to 0."""
    return above(-np.asarray(x), -threshold, width)


def material_maps(rgb: NDArray[np.uint8]) -> Mapping[str, NDArray[np.float32]]:
    """Soft map (h, w) in 0 to 1, long side at most 256, for each of ``MATERIALS``."""
    small = shrink(rgb, _LONG_SIDE_PX)
    if min(small.shape[:2]) < 2:  # a line of pixels has no texture
        return {name: np.zeros(small.shape[:2], np.float32) for name in MATERIALS}
    colours = lab(small)
    segments = _segments(colours, _gradient_energies(rgb, small.shape[:2]))
    of = segments.labels
    sky = _hanging(_sky(segments)[of])
    if _is_white_through(segments):
        sky = sky * above(0.4 - _rows(of), 0.0, 0.1)  # an overcast sky ran into the snow: part them at mid-height
    maps = {
        "sky": sky,
        "water": _water(segments)[of] * (1 - sky),
        "vegetation": _vegetation(segments, colours),
        "snow": _snow(segments)[of] * (1 - sky),
        "fire": _fire(colours),
    }
    return {name: np.asarray(soft, dtype=np.float32) for name, soft in maps.items()}


def _gradient_energies(rgb: NDArray[np.uint8], shape: tuple[int, ...]) -> FloatArray:
    """Mean squared vertical and horizontal lightness gradients (2, h, w) at twice the map's resolution."""
    lightness = lab(shrink(rgb, 2 * _LONG_SIDE_PX))[..., 0]
    gradients = np.stack([np.gradient(lightness, axis=0), np.gradient(lightness, axis=1)]) ** 2
    for axis, n in enumerate(shape, start=1):
        starts = np.linspace(0, gradients.shape[axis], n + 1).astype(int)
        counts = np.diff(starts).reshape((-1, 1) if axis == 1 else -1)
        gradients = np.add.reduceat(gradients, starts[:-1], axis=axis) / counts
    return gradients


def _segments(colours: NDArray[np.float32], energies: FloatArray) -> _Segments:
    from scipy.ndimage import find_objects
    from skimage.segmentation import felzenszwalb

    labels = felzenszwalb(colours / 100, scale=150, sigma=0.8, min_size=80, channel_axis=-1).astype(np.intp)
    counts = np.bincount(labels.ravel()).astype(float)

    def mean(x: NDArray) -> FloatArray:
        return np.bincount(labels.ravel(), x.ravel()) / counts

    height, width = labels.shape
    spans = [span for span in find_objects(labels + 1) if span is not None]
    vertical, horizontal = mean(energies[0]), mean(energies[1])
    return _Segments(
        labels=labels,
        share=counts / labels.size,
        lightness=mean(colours[..., 0]),
        a=mean(colours[..., 1]),
        b=mean(colours[..., 2]),
        roughness=np.sqrt(vertical + horizontal),
        ripple=np.log((vertical + 0.05) / (horizontal + 0.05)),
        middle=mean(_rows(labels)),
        boxes=np.array([[x.start / width, y.start / height, x.stop / width, y.stop / height] for y, x in spans]),
    )


def _rows(labels: NDArray) -> FloatArray:
    """Height in the picture (h, w): 0 at the top, 1 at the bottom."""
    return np.repeat((np.arange(len(labels))[:, None] + 0.5) / len(labels), labels.shape[1], axis=1)


def _sky(s: _Segments) -> FloatArray:
    blue = below(s.b, -4, 2) * below(s.a, 9, 3) * above(s.lightness, 35, 10) * below(s.roughness, 6, 1.5)
    relative = s.lightness / max(float(s.lightness.max()), 1.0)
    cloudy = above(s.lightness, 76, 4) * above(relative, 0.82, 0.05) * below(s.chroma, 12, 4) * below(s.roughness, 5, 1.5)
    cloudy = cloudy * below(s.b, 6, 2)
    # a warm gradient, as at dusk: only when it is very smooth, spans the picture and ends above its lower edge
    hangs = below(s.boxes[:, 1], _FRAME_SHARE, 0.02) * above(s.width, 0.9, 0.05) * above(s.share, 0.15, 0.05)
    dusk = below(s.roughness, 1.2, 0.3) * hangs * below(s.b, 25, 5) * above(s.lightness, 30, 8) * below(s.boxes[:, 3], 0.95, 0.02)
    high = np.maximum(below(s.middle, 0.62, 0.08), below(s.roughness, 1.1, 0.2) * below(s.b, -8, 2))
    return np.maximum.reduce([blue, cloudy, dusk]) * high * (1 - _sea_like(s))


def _sea_like(s: _Segments) -> FloatArray:
    """What is too rough and too rippled for a sky, unless it is high up, where clouds are."""
    calm = above(s.roughness, 1.7, 0.3) * above(s.ripple, np.log(2.6), 0.2)
    choppy = above(s.roughness, 3.2, 0.6) * above(s.ripple, np.log(1.5), 0.1)
    return np.maximum(calm, choppy) * above(s.middle, 0.42, 0.04)


def _hanging(soft: FloatArray) -> FloatArray:
    """Only what is joined to the upper edge."""
    from scipy.ndimage import label

    parts, _ = label(soft > 0.4)  # type: ignore[misc]
    top = np.unique(parts[: max(1, round(_FRAME_SHARE * len(soft)))])
    return np.where(np.isin(parts, top[top > 0]), soft, 0.0)


def _is_white_through(s: _Segments) -> bool:
    """Whether one bright colourless segment reaches from the upper to the lower edge."""
    through = (s.boxes[:, 1] < _FRAME_SHARE) & (s.boxes[:, 3] > 1 - _FRAME_SHARE) & (s.share > 0.2)
    return bool((through & (s.lightness > 80) & (s.chroma < 5) & (s.roughness > 1)).any())


def _snow(s: _Segments) -> FloatArray:
    relative = s.lightness / max(float(s.lightness.max()), 1.0)
    white = above(s.lightness, 78, 3) * above(relative, 0.84, 0.03) * below(s.chroma, 9, 3) * below(s.b, 0.8, 1)
    # painted or studio white is perfectly flat
    real = above(s.roughness, 0.9, 0.3) * below(s.roughness, 9, 2)
    return white * real * above(s.boxes[:, 3], 0.75, 0.1) * above(s.width, 0.45, 0.1) * above(s.share, 0.05, 0.02)


def _water(s: _Segments) -> FloatArray:
    colour = below(s.a, 0.8, 0.5) * below(s.b, 8, 3)
    ripples = above(s.ripple, np.log(1.65), 0.12) * below(s.ripple, np.log(6.5), 0.15)
    rough = above(s.roughness, 1.4, 0.3) * below(s.roughness, 13, 2)
    place = above(s.middle, 0.33, 0.06) * above(s.width, 0.4, 0.1) * above(s.share, 0.03, 0.01)
    x0, _, x1, y1 = s.boxes.T
    reach = np.minimum.reduce([x0, 1 - x1, 1 - y1])  # water goes on beyond the picture
    return colour * ripples * rough * place * below(reach, _FRAME_SHARE, 0.02)


def _vegetation(s: _Segments, colours: NDArray[np.float32]) -> FloatArray:
    lightness, a, b = np.moveaxis(colours.astype(float), -1, 0)
    pixel = below(a, -5, 2) * above(b, 5, 3) * below(lightness, 88, 6)
    segment = below(s.a, -4.5, 1.5) * above(s.b, 3, 2) * above(s.roughness, 3, 1) * below(s.lightness, 88, 6)
    return np.maximum(0.6 * segment[s.labels] + 0.4 * pixel, pixel * (s.roughness[s.labels] > 3)) * (s.roughness[s.labels] > 2)


def _fire(colours: NDArray[np.float32]) -> FloatArray:
    from scipy.ndimage import gaussian_filter

    lightness, a, b = np.moveaxis(colours.astype(float), -1, 0)
    flame = above(a, 18, 6) * above(b, 35, 8) * above(lightness, 45, 8)
    core = above(lightness, 82, 4) * above(b, 12, 5) * above(a, -12, 4)
    both = np.minimum(1, 6 * gaussian_filter(core, 5)) * np.minimum(1, 6 * gaussian_filter(flame, 5))
    return np.maximum(flame, core) * both
