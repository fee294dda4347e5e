"""The nouns of seehear: frozen values, validated once, shared by every room.

Axes: x front, y left, z up. A direction is a unit vector; azimuth is counter-clockwise from the front
(left = +90 degrees), elevation is up. Radians inside; degrees only at the edges.
"""

from seehear.types.checks import FloatArray, InputError
from seehear.types.direction import FRONT, Direction
from seehear.types.hrtf import Hrtf
from seehear.types.licence import NOT_STATED, Terms, terms_of
from seehear.types.prompt import Prompt
from seehear.types.rendering import Rendering
from seehear.types.scene import NEAREST_M, Recording, Room, Scene, Source, Trajectory, surrounds
from seehear.types.sight import Box, ConceptScores, DepthMap, Image, Region, Video
from seehear.types.sound import (
    BINAURAL,
    FOA,
    HIGHEST_ORDER,
    LAYOUTS,
    MONO,
    STEREO,
    SURROUND_5_1,
    SURROUND_5_1_4,
    SURROUND_7_1,
    SURROUND_7_1_4,
    Audio,
    Convention,
    Derived,
    Layout,
    Sound,
    ambisonics,
    blocks,
    check_span,
    derived,
    discrete,
    layout_named,
    n_samples,
    peak_of,
    reblocked,
    whole,
)

__all__ = [
    "BINAURAL",
    "FOA",
    "FRONT",
    "HIGHEST_ORDER",
    "LAYOUTS",
    "MONO",
    "NEAREST_M",
    "NOT_STATED",
    "STEREO",
    "SURROUND_5_1",
    "SURROUND_5_1_4",
    "SURROUND_7_1",
    "SURROUND_7_1_4",
    "Audio",
    "Box",
    "ConceptScores",
    "Convention",
    "DepthMap",
    "Derived",
    "Direction",
    "FloatArray",
    "Hrtf",
    "Image",
    "InputError",
    "Layout",
    "Prompt",
    "Recording",
    "Region",
    "Rendering",
    "Room",
    "Scene",
    "Sound",
    "Source",
    "Terms",
    "Trajectory",
    "Video",
    "ambisonics",
    "blocks",
    "check_span",
    "derived",
    "discrete",
    "layout_named",
    "n_samples",
    "peak_of",
    "reblocked",
    "surrounds",
    "terms_of",
    "whole",
]
