"""SEE-2-SOUND (Dagli et al. 2024): a picture or video becomes a scene of placed sounds. See ``docs/see2sound.md``.

``sight`` finds what sounds and where (section 2.1), ``compose`` gives each its sound (2.2) and the room; the mix (2.3)
is :func:`seehear.acoustics.render.render` over the scene.
"""

from seehear.systems.spatialize.compose import compose
from seehear.systems.spatialize.look import Eyes
from seehear.systems.spatialize.options import SpatializeOptions, check_words
from seehear.systems.spatialize.place import Geometry
from seehear.systems.spatialize.sight import sight
from seehear.systems.spatialize.sounding import Sighting, SoundingObject
from seehear.systems.spatialize.watch import WATCH_SIDE_PX, Watched, keyframe_times, watch

__all__ = [
    "WATCH_SIDE_PX",
    "Eyes",
    "Geometry",
    "Sighting",
    "SoundingObject",
    "SpatializeOptions",
    "Watched",
    "check_words",
    "compose",
    "keyframe_times",
    "sight",
    "watch",
]
