"""The scene file: everything that is heard, as JSON beside its stems (described in ``docs/scene.md``, ``scene.schema.json``).

Degrees live here and only here. Stems are mono 24-bit WAV (a bed has its ambisonic channels), to which the scene is rounded
before its first render, so that it renders from disk as it did from memory.
"""

from seehear.io.scene.reading import read_extra, read_scene
from seehear.io.scene.stems import Stem
from seehear.io.scene.writing import as_written, check_scene_output, save_scene, write_scene, write_stems

__all__ = [
    "Stem",
    "as_written",
    "check_scene_output",
    "read_extra",
    "read_scene",
    "save_scene",
    "write_scene",
    "write_stems",
]
