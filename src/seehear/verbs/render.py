"""``render``: a scene file, or an ambisonic sound file, in any layout, without any generator."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import radians
from pathlib import Path
from typing import Any

from seehear.systems.spatialize.options import LAYOUT_NAMES, LEVEL_LUFS, check_choice, check_range, check_types, option
from seehear.types import Audio, InputError, Layout, layout_named
from seehear.verbs.listening import Listener, listener
from seehear.verbs.progress import Watcher, unwatched

SOUND_FILES = (".wav", ".flac", ".amb", ".caf", ".w64", ".ogg", ".opus")
"""What `render` takes for an ambisonic file; everything else is a scene."""


@dataclass(frozen=True)
class RenderOptions:
    """How to render. Every field is a keyword of :func:`seehear.verbs.render` and a flag of the command."""

    layout: str = option("5.1", f"Channel layout: {LAYOUT_NAMES}.", "NAME")
    level_lufs: float = option(-23.0, "Loudness of the result.", "LUFS")
    hrtf: str = option("", "Head for binaural sound: any SOFA file (SimpleFreeFieldHRIR).", "FILE")
    doppler: bool = option(False, "Change the pitch of what moves: sound takes its time on every path of a scene.")
    input_order: str = option("", "Channels of an ambisonic file: acn (AmbiX; unless the file says another) or fuma.", "NAME")
    yaw_deg: float | None = option(None, "Turn an ambisonic file to the left.", "DEG")
    pitch_deg: float | None = option(None, "Turn its front up, before the yaw.", "DEG")
    roll_deg: float | None = option(None, "Turn its left side up, before the pitch.", "DEG")

    def __post_init__(self) -> None:
        check_types(self)
        layout_named(self.layout)
        check_range("--level", self.level_lufs, *LEVEL_LUFS, "LUFS")
        if self.input_order:
            check_choice("--input-order", self.input_order, "acn", "fuma")
        for each in ("yaw", "pitch", "roll"):
            check_range(f"--{each}", getattr(self, f"{each}_deg"), -360, 360, "degrees")


def render(
    scene: str | Path,
    output: str | Path | None = None,
    *,
    force: bool = False,
    watch: Watcher = unwatched,
    **options: Any,
) -> Audio:
    """The sound of a scene file or of an ambisonic file in a layout, at a level; also written to ``output`` (WAV or FLAC).

    ``options`` are the fields of :class:`RenderOptions`. An ambisonic file has 4, 9, 16, 25, 36, 49 or 64 channels; it is
    decoded by `acoustics.allrad` and gets one gain for all channels.
    InputError: a scene, stem, sound file, layout, level or output that cannot be used, or a flag that would have no effect.
    """
    from seehear.io.audio import check_audio_output, write_audio
    from seehear.io.files import check_input

    unknown = sorted(set(options) - {each.name for each in fields(RenderOptions)})
    if unknown:
        raise InputError(f"unknown option {unknown[0]!r}: render takes {', '.join(each.name for each in fields(RenderOptions))}")
    wanted = RenderOptions(**options)
    layout = layout_named(wanted.layout)
    if output is not None:
        target = check_audio_output(output, layout, force=force)
        if target.exists() and target.samefile(check_input(scene)):
            raise InputError(f"{target} is the file that is rendered: write to another name")
    watch("reading", 0.0)
    ears = listener(wanted.hrtf, [layout])
    is_sound = Path(scene).suffix.lower() in SOUND_FILES
    audio = _decoded(scene, layout, wanted, ears, watch) if is_sound else _rendered(scene, layout, wanted, ears, watch)
    if output is not None:
        watch("writing", 0.9)
        write_audio(output, audio, force=force)
    return audio


def _rendered(path: str | Path, layout: Layout, wanted: RenderOptions, ears: Listener, watch: Watcher) -> Audio:
    from seehear.acoustics.field import Engine
    from seehear.acoustics.render import render as render_scene
    from seehear.io.scene import read_scene

    if wanted.input_order or any(angle is not None for angle in (wanted.yaw_deg, wanted.pitch_deg, wanted.roll_deg)):
        raise InputError("--input-order, --yaw, --pitch and --roll turn and read ambisonic files: a scene has a listener to turn")
    described = read_scene(path)
    watch("rendering", 0.3)
    engine = Engine(head=ears.head, doppler=wanted.doppler)
    return render_scene(described, [layout], level_lufs=wanted.level_lufs, engine=engine)[0]


def _decoded(path: str | Path, layout: Layout, wanted: RenderOptions, ears: Listener, watch: Watcher) -> Audio:
    from seehear.acoustics.allrad import decode
    from seehear.acoustics.loudness import normalise
    from seehear.acoustics.sphere import rotation_by
    from seehear.io.audio import ORDERS, read_ambisonics

    if wanted.doppler:
        raise InputError("--doppler is heard in scenes, whose sources move: an ambisonic file has none, leave it out")
    field = read_ambisonics(path, ORDERS[wanted.input_order])
    watch("decoding", 0.3)
    turns = [radians(angle or 0.0) for angle in (wanted.yaw_deg, wanted.pitch_deg, wanted.roll_deg)]
    decoded = decode(field, layout, rotation_by(*turns) if any(turns) else None, ears.head)
    return normalise(decoded, wanted.level_lufs)[0]
