"""What things look like in the world: a species has one look, from its name; each of its kind is a variation of it.

A look is an outline (a superformula, Gielis 2003, with lobes), three colours of a palette, a pattern and an eye. It is drawn for
the word alone, so the dogs of all worlds look alike and nobody has to draw a dog.
Shapes: S pixels a side.
"""

from __future__ import annotations

import colorsys
import hashlib
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Rgba = NDArray[np.float32]
Pattern = Literal["plain", "stripes", "bands", "slants", "checks", "dots", "rings", "rays", "waves", "grain"]
PATTERNS: tuple[Pattern, ...] = ("stripes", "bands", "slants", "checks", "dots", "rings", "rays", "waves", "grain")
SPRITE_PX = 128
BULGES = ((0.3, 0.35, 0.35), (0.5, 1.0, 1.0), (2.0, 6.0, 6.0), (4.0, 12.0, 12.0), (1.0, 1.0, 1.0), (60.0, 60.0, 60.0))
"""Exponents of outlines that are told apart: spiky, starry, flowery, rounded, pinched, and with straight sides."""


@dataclass(frozen=True)
class Species:
    """The look that all of one name share."""

    folds: int
    """Symmetry of the outline, 0 is an oval."""
    bulge: tuple[float, float, float]
    """Exponents n1, n2, n3 of the superformula."""
    aspect: float
    """Width over height."""
    lobes: tuple[tuple[float, float, float], ...]
    """x, y and radius of discs that belong to the outline, in halves of the sprite's side; each also mirrored."""
    colours: tuple[tuple[float, float, float], ...]
    """Hue, saturation and value of the body, the pattern, and the rim and the eye."""
    pattern: Pattern
    frequency: float
    """Periods of the pattern over the sprite."""
    eye: tuple[float, float, float]
    """x, y and radius of a disc in the third colour."""


def species_of(name: str) -> Species:
    """The look of ``name``: the same in every world, on every machine."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))
    hue = rng.random()
    second = (hue + rng.uniform(0.2, 0.8)) % 1
    light = rng.random() < 0.5
    body = (hue, rng.uniform(0.5, 1.0), rng.uniform(0.6, 1.0) if light else rng.uniform(0.2, 0.5))
    accent = (second, rng.uniform(0.4, 1.0), rng.uniform(0.15, 0.4) if light else rng.uniform(0.7, 1.0))
    trim = (rng.random(), rng.uniform(0.0, 0.9), 0.95 if rng.random() < 0.5 else 0.08)
    n_lobes = int(rng.integers(0, 5))
    angles, radii = rng.uniform(-math.pi / 2, math.pi / 2, n_lobes), rng.uniform(0.12, 0.32, n_lobes)
    return Species(
        folds=int(rng.choice((0, 2, 3, 4, 5, 6, 8))),
        bulge=BULGES[rng.integers(len(BULGES))],
        aspect=math.exp(rng.uniform(-0.6, 0.6)),
        lobes=tuple((0.75 * math.cos(a), 0.75 * math.sin(a), float(r)) for a, r in zip(angles, radii, strict=True)),
        colours=(body, accent, trim),
        pattern=PATTERNS[rng.integers(len(PATTERNS))],
        frequency=rng.uniform(2.0, 7.0),
        eye=(rng.uniform(-0.3, 0.3), rng.uniform(-0.1, 0.4), rng.uniform(0.08, 0.2)),
    )


def draw_one(species: Species, rng: np.random.Generator, side_px: int = SPRITE_PX) -> Rgba:
    """One of the species (S, S, 4): linear colours and opacity, its own hue, light, turn, width, and shift of the pattern."""
    axis = (np.arange(side_px) + 0.5) / side_px * 2 - 1
    x, y = np.meshgrid(axis, -axis)
    turn, side = rng.uniform(-0.25, 0.25), rng.choice((-1.0, 1.0))
    u, v = side * (x * math.cos(turn) + y * math.sin(turn)), y * math.cos(turn) - x * math.sin(turn)
    aspect = species.aspect * math.exp(rng.uniform(-0.18, 0.18))
    u, v = u / min(1.0, aspect), v * max(1.0, aspect)
    radius, around = np.hypot(u, v), np.arctan2(v, u)
    inside = _outline(species, around) - radius
    for lobe_x, lobe_y, lobe_r in species.lobes:
        inside = np.maximum(inside, lobe_r - np.hypot(np.abs(u) - abs(lobe_x), v - lobe_y))
    sharp = side_px / 2
    body, accent, trim = (_varied(colour, rng) for colour in species.colours)
    amount = _pattern(species, u, v, rng.uniform(0, 1, 6))[..., None]
    rgb = body + amount * (accent - body)
    shade = 1 + 0.35 * (u * rng.uniform(-0.5, 0.5) + v * rng.uniform(0.2, 0.8))
    rgb = rgb * shade[..., None]
    rim = np.clip((0.06 - inside) * sharp + 0.5, 0, 1)[..., None]
    eye_x, eye_y, eye_r = species.eye
    pupil = np.clip((eye_r - np.hypot(u - eye_x, v - eye_y)) * sharp + 0.5, 0, 1)[..., None]
    rgb = rgb + np.maximum(rim, pupil) * (trim - rgb)
    alpha = np.clip(inside * sharp + 0.5, 0, 1)
    return np.concatenate([np.clip(rgb, 0, 1), alpha[..., None]], axis=-1).astype(np.float32)


def _outline(species: Species, around: NDArray) -> NDArray:
    """Radius of the superformula: (|cos(m phi / 4)|^n2 + |sin(m phi / 4)|^n3)^(-1 / n1), between 0.42 and 0.92 of half a side."""
    if species.folds == 0:
        return np.full_like(around, 0.85)
    n1, n2, n3 = species.bulge

    def radius(phi: NDArray) -> NDArray:
        part = species.folds * phi / 4
        return (np.abs(np.cos(part)) ** n2 + np.abs(np.sin(part)) ** n3) ** (-1 / n1)

    most = radius(np.linspace(-np.pi, np.pi, 721)).max()
    return np.maximum(0.92 * radius(around) / most, 0.42)


def _pattern(species: Species, u: NDArray, v: NDArray, phases: NDArray) -> NDArray:
    """0 to 1 over the sprite's own axes."""
    f, p = math.pi * species.frequency, 2 * math.pi * phases
    radius, around = np.hypot(u, v), np.arctan2(v, u)
    if species.pattern == "dots":
        wave = np.minimum(np.sin(f * u + p[0]), np.sin(f * v + p[1]))
    elif species.pattern == "checks":
        wave = np.sin(f * u / 1.5 + p[0]) * np.sin(f * v / 1.5 + p[1]) * 2
    elif species.pattern == "grain":
        turns = 2.4 * np.arange(6)
        wave = sum(np.sin(f * 1.2 * (u * math.cos(t) + v * math.sin(t)) + q) for t, q in zip(turns, p, strict=True)) / 2
    else:
        wave = {
            "stripes": lambda: np.sin(f * u + p[0]),
            "bands": lambda: np.sin(f * v + p[0]),
            "slants": lambda: np.sin(f * (u + v) / math.sqrt(2) + p[0]),
            "rings": lambda: np.sin(f * 1.3 * radius + p[0]),
            "rays": lambda: np.sin(round(species.frequency * 2) * around + p[0]),
            "waves": lambda: np.sin(f * v + 1.5 * np.sin(f * u / 2 + p[1]) + p[0]),
            "plain": lambda: -np.ones_like(u),
        }[species.pattern]()
    return np.clip(0.5 + 3 * np.asarray(wave), 0, 1)


def _varied(colour: tuple[float, float, float], rng: np.random.Generator) -> NDArray[np.float64]:
    """A linear colour near hue, saturation and value ``colour``."""
    hue, saturation, value = colour
    hue = (hue + rng.normal(0, 0.015)) % 1
    saturation, value = np.clip((saturation * rng.uniform(0.85, 1.15), value * rng.uniform(0.85, 1.15)), 0, 1)
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value)) ** 2.2


def pyramid(sprite: Rgba) -> tuple[Rgba, ...]:
    """The sprite, colours weighted by opacity (premultiplied), and its halvings down to 4 pixels: small things do not shimmer."""
    level = sprite * np.concatenate([np.repeat(sprite[..., 3:], 3, axis=-1), np.ones_like(sprite[..., 3:])], axis=-1)
    levels = [level]
    while level.shape[0] > 4:
        half = level.shape[0] // 2
        level = level.reshape(half, 2, half, 2, 4).mean(axis=(1, 3))
        levels.append(level)
    return tuple(levels)
