"""Pictures made here, of things that no sound should be invented for: walls, logos, pages, drawings, plain skies.

A recogniser that has only seen objects names one in every blank wall. These, and corners of real pictures, teach it
what nothing looks like. Shapes: S pixels a side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from seehear.data.pictures import Pictures
from seehear.nets.warp import warp_to_square

Rgb = NDArray[np.uint8]
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    r, g, b = (int(v) for v in rng.integers(0, 256, 3))
    return r, g, b


def _fractal(side_px: int, exponent: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise (S, S) with amplitude spectrum 1 / f^exponent, scaled to 0 to 1."""
    f = np.hypot(np.fft.fftfreq(side_px)[:, None], np.fft.rfftfreq(side_px)[None])
    f[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal((side_px, side_px))) / f**exponent
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, (side_px, side_px))
    return (noise - noise.min()) / np.ptp(noise)


def _blend(low: NDArray | tuple, high: NDArray | tuple, amount: NDArray) -> NDArray[np.float64]:
    return np.asarray(low, float) + (np.asarray(high, float) - np.asarray(low, float)) * amount[..., None]


def _to_bytes(rgb: NDArray) -> Rgb:
    return np.clip(np.round(rgb), 0, 255).astype(np.uint8)


def wall(side_px: int, rng: np.random.Generator) -> Rgb:
    """One colour under uneven light, with a little grain."""
    yy, xx = np.mgrid[0 : 1 : side_px * 1j, 0 : 1 : side_px * 1j]
    light = 1 + rng.uniform(-0.35, 0.35) * (xx - 0.5) + rng.uniform(-0.35, 0.35) * (yy - 0.5)
    grain = rng.uniform(0, 6) * rng.standard_normal((side_px, side_px))
    return _to_bytes(np.asarray(_colour(rng)) * light[..., None] + grain[..., None])


def sky(side_px: int, rng: np.random.Generator) -> Rgb:
    """A vertical gradient of blue, grey or dusk, with or without soft clouds."""
    top = np.array([(60, 110, 190), (130, 140, 155), (40, 50, 90), (90, 150, 220)][rng.integers(4)]) + rng.normal(0, 12, 3)
    low = np.array([(190, 215, 240), (200, 200, 205), (240, 170, 110), (225, 235, 245)][rng.integers(4)]) + rng.normal(0, 12, 3)
    picture = _blend(top, low, np.repeat(np.linspace(0, 1, side_px)[:, None], side_px, 1))
    cover = np.clip((_fractal(side_px, 1.8, rng) - rng.uniform(0.4, 0.9)) * 4, 0, 1)
    return _to_bytes(picture + (245 - picture) * cover[..., None] * rng.uniform(0.3, 1))


def texture(side_px: int, rng: np.random.Generator) -> Rgb:
    """Coloured noise of any roughness, like stone, cloth, sand or grass from above."""
    return _to_bytes(_blend(_colour(rng), _colour(rng), _fractal(side_px, rng.uniform(0.4, 1.8), rng)))


def field(side_px: int, rng: np.random.Generator) -> Rgb:
    """A sky over a rough plain of green, brown, white or grey."""
    ground = np.array([(70, 120, 50), (130, 105, 70), (225, 228, 235), (110, 110, 110), (200, 180, 130)][rng.integers(5)])
    noise = _fractal(side_px, rng.uniform(0.6, 1.4), rng)
    plain = _blend(ground * 0.6, np.minimum(ground * 1.3, 255), noise)
    horizon = rng.uniform(0.25, 0.75) + rng.uniform(-0.1, 0.1) * np.linspace(-1, 1, side_px)
    below = np.linspace(0, 1, side_px)[:, None] > horizon[None]
    return _to_bytes(np.where(below[..., None], plain, sky(side_px, rng)))


def logo(side_px: int, rng: np.random.Generator) -> Rgb:
    """A few flat shapes and letters on one colour."""
    picture = Pillow.new("RGB", (side_px, side_px), _colour(rng))
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.integers(1, 5)):
        x, y = rng.uniform(0.1, 0.6, 2) * side_px
        w, h = rng.uniform(0.15, 0.6, 2) * side_px
        shape = (draw.ellipse, draw.rectangle, draw.rounded_rectangle)[rng.integers(3)]
        shape((x, y, x + w, y + h), fill=_colour(rng))
    word = "".join(rng.choice(LETTERS, rng.integers(1, 7)))
    font = ImageFont.load_default(int(side_px * rng.uniform(0.12, 0.45)))
    draw.text(tuple(rng.uniform(0.02, 0.5, 2) * side_px), word, fill=_colour(rng), font=font)
    return np.asarray(picture)


def page(side_px: int, rng: np.random.Generator) -> Rgb:
    """Lines of letters on paper, as a document or a screen."""
    paper, ink = (250, 40) if rng.random() < 0.7 else (30, 220)
    picture = Pillow.new("RGB", (side_px, side_px), (paper,) * 3)
    draw = ImageDraw.Draw(picture)
    size = int(side_px * rng.uniform(0.05, 0.12))
    font, y = ImageFont.load_default(size), side_px * rng.uniform(0, 0.15)
    while y < side_px:
        words = " ".join("".join(rng.choice(LETTERS[:26], rng.integers(2, 9))) for _ in range(rng.integers(1, 7)))
        draw.text((side_px * 0.05, y), words, fill=(ink,) * 3, font=font)
        y += size * rng.uniform(1.2, 2.0)
    return np.asarray(picture)


def scribble(side_px: int, rng: np.random.Generator) -> Rgb:
    """Curved strokes on white, as a drawing of nothing."""
    picture = Pillow.new("RGB", (side_px, side_px), (255, 255, 255))
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.integers(3, 14)):
        walk = np.cumsum(gaussian_filter(rng.standard_normal((60, 2)), (4, 0)), 0)
        points = rng.uniform(0.2, 0.8, 2) + walk * rng.uniform(0.02, 0.1)
        ink = (20, 20, 20) if rng.random() < 0.6 else _colour(rng)
        draw.line([(float(x), float(y)) for x, y in points * side_px], fill=ink, width=int(rng.integers(1, 5)))
    return np.asarray(picture)


def drawn_face(side_px: int, rng: np.random.Generator) -> Rgb:
    """A head with eyes and a mouth in flat colours: a portrait that says nothing."""
    picture = Pillow.new("RGB", (side_px, side_px), _colour(rng))
    draw = ImageDraw.Draw(picture)
    cx, cy = rng.uniform(0.4, 0.6, 2) * side_px
    r = rng.uniform(0.2, 0.4) * side_px
    skin = tuple(int(v) for v in rng.uniform(0.35, 1) * np.array([240, 195, 165]))
    draw.ellipse((cx - 1.1 * r, cy - 1.4 * r, cx + 1.1 * r, cy + r * rng.uniform(0.2, 1.2)), fill=_colour(rng))
    draw.ellipse((cx - 0.85 * r, cy - 1.15 * r, cx + 0.85 * r, cy + 1.15 * r), fill=skin)
    for sign in (-1, 1):
        ex, ey, e = cx + sign * 0.35 * r, cy - 0.2 * r, 0.11 * r
        draw.ellipse((ex - e, ey - e, ex + e, ey + e), fill=(25, 20, 20))
    draw.arc((cx - 0.4 * r, cy + 0.2 * r, cx + 0.4 * r, cy + 0.7 * r), 20, 160, fill=(120, 30, 30), width=max(2, side_px // 40))
    return np.asarray(picture)


PAINTERS: Mapping[str, Callable[[int, np.random.Generator], Rgb]] = {
    painter.__name__.replace("_", " "): painter for painter in (wall, sky, texture, field, logo, page, scribble, drawn_face)
}
"""Class name to the function that renders one picture (S, S, 3) of it."""


def rendered_pictures(per_class: int, side_px: int, seed: int = 0) -> Pictures:
    """``per_class`` pictures of every painter, all silent; half of them softened as by a camera."""
    pixels, labels, names = [], [], []
    for label, (name, paint) in enumerate(PAINTERS.items()):
        for i in range(per_class):
            rng = np.random.default_rng((seed, label, i))
            picture = paint(side_px, rng)
            if rng.random() < 0.5:
                picture = _to_bytes(gaussian_filter(picture.astype(float), (rng.uniform(0.4, 1.5),) * 2 + (0,)))
            pixels.append(picture.transpose(2, 0, 1))
            labels.append(label)
            names.append(f"rendered/{name}/{i:04d}")
    classes = tuple(f"rendered/{name}" for name in PAINTERS)
    return Pictures(np.stack(pixels), np.array(labels), classes, ("nothing (silent)",) * len(classes), tuple(names))


def corner_pictures(pictures: Pictures, count: int, seed: int = 0) -> Pictures:
    """``count`` corners (42 % of a side) of different pictures, enlarged: surroundings without the object, one silent class."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(pictures))[:count]
    side = pictures.pixels.shape[-1]
    cut = round(0.42 * side)
    pixels = np.empty((len(chosen), 3, side, side), np.uint8)
    for row, i in enumerate(chosen):
        y, x = ((side - cut) * rng.integers(0, 2, 2)).tolist()
        pixels[row] = warp_to_square(
            np.ascontiguousarray(pictures.pixels[i, :, y : y + cut, x : x + cut].transpose(1, 2, 0)), side
        )
    names = tuple(f"rendered/corner/{pictures.names[i]}" for i in chosen)
    return Pictures(pixels, np.zeros(len(chosen), np.int64), ("rendered/corner",), ("nothing (silent)",), names)
