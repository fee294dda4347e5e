"""A synthetic audio-visual world: seeded, unlimited, with pictures, sound fields and all that is true of both.

It is made of looks (`looks`), places (`places`), things and their paths (`drawing`), rays (`seeing`) and scenes (`hearing`).
"""

from seehear.data.world.clips import clip_of, clips_of, make_clip, panorama_of, write_panoramas
from seehear.data.world.drawing import draw_world
from seehear.data.world.hearing import sound_of
from seehear.data.world.values import SPLITS, VARIETIES, SplitName, Thing, World, WorldOptions

__all__ = [
    "SPLITS",
    "VARIETIES",
    "SplitName",
    "Thing",
    "World",
    "WorldOptions",
    "clip_of",
    "clips_of",
    "draw_world",
    "make_clip",
    "panorama_of",
    "sound_of",
    "write_panoramas",
]
