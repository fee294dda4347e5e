"""A sentence about a world."""

from __future__ import annotations

import math

import numpy as np

from seehear.acoustics.field import head_rotation
from seehear.data.world.values import Thing, World

PLACES = {"room": "in a room", "street": "in a street", "landscape": "in an open landscape"}
PLURAL = ("applause", "leaves", "crickets", "insects", "footsteps", "drums", "fireworks", "laughter", "brass", "glass", "thunder")
"""Concepts that take no article."""


def caption_of(world: World) -> str:
    """One sentence: what is heard, how it moves, where it is in the picture, and what kind of place it is."""
    parts = []
    if world.weather is not None and world.weather.visible:
        parts.append(f"{world.weather.name} all around")
    parts += [_told(thing, world) for thing in world.things if thing.sounds]
    sentence = f"{_joined(parts)} {PLACES[world.place.kind]}"
    return sentence[0].upper() + sentence[1:] + "."


def _told(thing: Thing, world: World) -> str:
    article = "" if thing.name in PLURAL else "an " if thing.name[0] in "aeiou" else "a "
    here = thing.trajectory.directions @ head_rotation(world.camera).T
    azimuth = np.degrees(np.arctan2(here[:, 1], here[:, 0]))
    if thing.path == "still":
        return f"{article}{thing.name} {_where(float(azimuth[0]))}"
    turned = math.degrees(float(np.unwrap(np.radians(azimuth))[-1] - np.radians(azimuth[0])))
    way = "to the left" if turned > 0 else "to the right"
    verb = "moving" if thing.path == "passing" else "circling"
    return f"{article}{thing.name} {verb} {way}, {_where(float(azimuth[len(azimuth) // 2]))}"


def _where(azimuth_deg: float) -> str:
    if abs(azimuth_deg) > 135:
        return "behind the camera"
    if abs(azimuth_deg) > 45:
        return "out of view on the " + ("left" if azimuth_deg > 0 else "right")
    if abs(azimuth_deg) > 12:
        return "on the " + ("left" if azimuth_deg > 0 else "right")
    return "in the middle"


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else "; ".join(parts[:-1]) + "; and " + parts[-1]
