"""``render``: a scene file in any layout, without any generator."""

from __future__ import annotations

from pathlib import Path

from seehear.systems.spatialize.options import LEVEL_LUFS, check_range
from seehear.types import Audio, layout_named
from seehear.verbs.progress import Watcher, unwatched


def render(
    scene: str | Path,
    output: str | Path | None = None,
    *,
    layout: str = "5.1",
    level_lufs: float = -23.0,
    force: bool = False,
    watch: Watcher = unwatched,
) -> Audio:
    """The sound of a scene file in ``layout``, normalised to ``level_lufs``; also written to ``output`` (WAV or FLAC) if named.

    InputError: a scene, stem, layout, level or output that cannot be used.
    """
    from seehear.acoustics.render import render as render_scene
    from seehear.io.audio import check_audio_output, write_audio
    from seehear.io.scene import read_scene

    wanted = layout_named(layout)
    check_range("--level", level_lufs, *LEVEL_LUFS, "LUFS")
    if output is not None:
        check_audio_output(output, wanted, force=force)
    watch("reading", 0.0)
    described = read_scene(scene)
    watch("rendering", 0.3)
    audio = render_scene(described, [wanted], level_lufs=level_lufs)[0]
    if output is not None:
        watch("writing", 0.9)
        write_audio(output, audio, force=force)
    return audio
