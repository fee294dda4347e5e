"""Draw ``coast.webp``, the moving picture of the README: a car drives along the sea. Made by this project, CC0.

python examples/make_coast.py [OUT]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import gaussian_filter

WIDTH, HEIGHT, SCALE = 640, 360, 2
SECONDS, RATE_HZ = 8, 12.5
HORIZON, SHORE, ROAD = 150, 236, 302


def mix(a: tuple[int, ...], b: tuple[int, ...], t: np.ndarray) -> np.ndarray:
    """Colours between ``a`` and ``b`` at ``t`` (...), shape (..., 3)."""
    return np.asarray(a, float) + (np.asarray(b, float) - np.asarray(a, float)) * np.clip(t, 0, 1)[..., None]


def sky(rng: np.random.Generator) -> np.ndarray:
    """The upper part (HORIZON, WIDTH, 3): a clear morning with fair-weather clouds."""
    y, x = np.mgrid[0:HORIZON, 0:WIDTH]
    colours = mix((78, 138, 216), (196, 222, 240), (y / HORIZON) ** 1.2)
    colours += (np.exp(-((x - 470) ** 2 + (y - 150) ** 2) / (2 * 120**2)))[..., None] * (40, 28, 6)
    clouds = gaussian_filter(rng.standard_normal((HORIZON, WIDTH)), (5, 38))
    clouds = np.clip(clouds / clouds.std() - 0.5, 0, 1.6) * np.sin(np.pi * np.clip(y / HORIZON, 0, 1)) ** 2
    return colours + clouds[..., None] * (44, 34, 24)


def sea(time_s: float, swell: np.ndarray) -> np.ndarray:
    """The water (SHORE - HORIZON, WIDTH, 3) at a time: rows compress towards the horizon, glints lie under the sun."""
    rows = SHORE - HORIZON
    y, x = np.mgrid[0:rows, 0:WIDTH].astype(float)
    depth = 1 / (0.04 + y / rows)
    u = (x - WIDTH / 2) * depth * 0.55 + 6 * time_s
    v = 34 * depth - 4 * time_s
    n = swell.shape[0]
    height = swell[(v * 9).astype(int) % n, (u * 0.6).astype(int) % n]
    height = height + 0.6 * swell[(v * 17).astype(int) % n, (u * 1.3).astype(int) % n]
    colours = mix((118, 170, 190), (24, 92, 122), np.sqrt(y / rows))
    path = np.exp(-((x - 470) ** 2) / (2 * (30 + 0.9 * y) ** 2))
    glint = np.clip(height - 0.6, 0, None) * (0.15 + 0.5 * path)
    surf = np.exp(-((y - rows + 4 + 3 * np.sin(x / 37 + 0.8 * time_s)) ** 2) / 8)
    return colours + height[..., None] * (6, 8, 8) + glint[..., None] * (70, 66, 56) + surf[..., None] * 90


def ground(rng: np.random.Generator) -> np.ndarray:
    """Sand, grass and road below the shore (HEIGHT - SHORE, WIDTH, 3)."""
    y = np.arange(SHORE, HEIGHT)[:, None] * np.ones((1, WIDTH))
    grain = gaussian_filter(rng.standard_normal(y.shape), 0.7)
    sand = mix((214, 196, 158), (176, 156, 118), (y - SHORE) / 50)
    road = np.broadcast_to((74.0, 74.0, 80.0), sand.shape)
    colours = np.where((y > ROAD - 12)[..., None], road, sand) + grain[..., None] * 7
    edge = ((y > ROAD - 12) & (y < ROAD - 9))[..., None]
    dashes = ((np.abs(y - (ROAD + 24)) < 1.6) & ((np.arange(WIDTH) // 26) % 2 == 0))[..., None]
    return np.where(edge | dashes, (206.0, 200.0, 186.0), colours)


def draw_car(image: Image.Image, x: float) -> None:
    """A small red car with its lights on, its middle at ``x`` (in small pixels), drawn at SCALE."""
    draw = ImageDraw.Draw(image)
    s, base = SCALE, ROAD + 12

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [((x + px) * s, (base + py) * s) for px, py in points]

    draw.ellipse(at((-50, -3), (50, 6)), fill=(30, 30, 36))
    draw.polygon(
        at((-46, -4), (-48, -16), (-40, -21), (-24, -23), (-12, -36), (18, -36), (32, -22), (46, -18), (49, -4)),
        fill=(186, 40, 36),
    )
    draw.polygon(at((-21, -23), (-10, -33.5), (2, -33.5), (2, -23)), fill=(62, 84, 104))
    draw.polygon(at((5, -23), (5, -33.5), (16, -33.5), (27, -23)), fill=(62, 84, 104))
    draw.line(at((-47, -12), (49, -11)), fill=(140, 24, 24), width=s)
    for wheel in (-28, 29):
        draw.ellipse(at((wheel - 9.5, -10), (wheel + 9.5, 9)), fill=(22, 22, 24))
        draw.ellipse(at((wheel - 4.5, -5), (wheel + 4.5, 4)), fill=(150, 150, 156))
    draw.ellipse(at((44, -16), (50, -11)), fill=(255, 244, 190))
    draw.rectangle(at((-49, -15), (-46, -10)), fill=(255, 90, 70))


def frames() -> list[Image.Image]:
    """Every frame, in order."""
    rng = np.random.default_rng(7)
    still_sky, still_ground = sky(rng), ground(rng)
    swell = gaussian_filter(rng.standard_normal((512, 512)), (2, 3), mode="wrap")
    swell /= swell.std()
    pictures = []
    for index in range(round(SECONDS * RATE_HZ)):
        time_s = index / RATE_HZ
        rgb = np.concatenate([still_sky, sea(time_s, swell), still_ground]).clip(0, 255).astype(np.uint8)
        large = Image.fromarray(rgb).resize((WIDTH * SCALE, HEIGHT * SCALE), Image.Resampling.BICUBIC)
        draw_car(large, -40 + (WIDTH + 80) * (index + 0.5) / (SECONDS * RATE_HZ))
        small = large.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        pictures.append(small.filter(ImageFilter.GaussianBlur(0.3)))
    return pictures


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("coast.webp")
    first, *rest = frames()
    first.save(out, save_all=True, append_images=rest, duration=round(1000 / RATE_HZ), loop=0, quality=40, method=4)
    print(f"{out}: {out.stat().st_size / 1024:.0f} KiB, {SECONDS} s")


if __name__ == "__main__":
    main()
