"""``render``: a scene file, or an ambisonic sound file, in any layout, without any generator."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import radians
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.acoustics.loudness import loudness_named
from seehear.systems.spatialize.options import (
    LAYOUT_NAMES,
    LOUDNESS_HELP,
    check_choice,
    check_loudness,
    check_range,
    check_types,
    option,
)
from seehear.types import NOT_STATED, SURROUND_7_1_4, InputError, Layout, Sound, layout_named
from seehear.verbs.ledger import Entry, check_commercial, credits_beside, credits_of, entry
from seehear.verbs.listening import Listener, listener
from seehear.verbs.progress import Watcher, unwatched

if TYPE_CHECKING:
    from seehear.io.adm.programme import Programme

SOUND_FILES = (".wav", ".flac", ".amb", ".caf", ".w64", ".ogg", ".opus")
"""What `render` takes for an ambisonic file; everything else is a scene."""
MASKS = {"side": 0x60F, "back": 0x3F}
"""The two dwChannelMasks of 5.1."""


@dataclass(frozen=True)
class RenderOptions:
    """How to render. Every field is a keyword of :func:`seehear.verbs.render` and a flag of the command."""

    layout: str = option("5.1", f"Channel layout: {LAYOUT_NAMES}.", "NAME")
    loudness: str = option("ebu", LOUDNESS_HELP, "NAME")
    adm: bool = option(False, "Write a scene as ADM (BW64): an object per source, beds; in place of a layout.")
    mask: str = option("", "Where a 5.1 WAV says its surrounds are: side (0x60F, the standard) or back (0x3F).", "NAME")
    hrtf: str = option("", "Head for binaural sound: any SOFA file (SimpleFreeFieldHRIR).", "FILE")
    doppler: bool = option(False, "Change the pitch of what moves: sound takes its time on every path of a scene.")
    input_order: str = option("", "Channels of an ambisonic file: acn (AmbiX; unless it says another), fuma or n3d.", "NAME")
    commercial_only: bool = option(False, "Refuse when something in it, or the head, may not be known to be sold.")
    yaw_deg: float | None = option(None, "Turn an ambisonic file to the left.", "DEG")
    pitch_deg: float | None = option(None, "Turn its front up, before the yaw.", "DEG")
    roll_deg: float | None = option(None, "Turn its left side up, before the pitch.", "DEG")

    def __post_init__(self) -> None:
        check_loudness(self)
        check_types(self)
        layout_named(self.layout)
        if self.mask:
            check_choice("--mask", self.mask, *MASKS)
            if self.layout != "5.1" or self.adm:
                raise InputError("--mask tells two ways of 5.1 apart: it has no effect on anything else")
        if self.input_order:
            check_choice("--input-order", self.input_order, "acn", "fuma", "n3d")
        for each in ("yaw", "pitch", "roll"):
            check_range(f"--{each}", getattr(self, f"{each}_deg"), -360, 360, "degrees")


def render(
    scene: str | Path,
    output: str | Path | None = None,
    *,
    force: bool = False,
    watch: Watcher = unwatched,
    **options: Any,
) -> Sound:
    """The sound of a scene file or of an ambisonic file in a layout, at a level; also written to ``output``.

    ``options`` are the fields of :class:`RenderOptions`. An ambisonic file has 4, 9, 16, 25, 36, 49 or 64 channels; it is
    decoded by `acoustics.allrad` and gets one gain for all channels. ``output`` is WAV (RF64 above 4 GB), FLAC or CAF; with
    ``adm`` an ADM file of the scene, whose tracks then come back. Half a minute and less is an :class:`Audio`.
    InputError: a scene, stem, sound file, layout, level or output that cannot be used, or a flag that would have no effect.
    """
    from seehear.io.audio import open_audio
    from seehear.io.files import check_output

    unknown = sorted(set(options) - {each.name for each in fields(RenderOptions)})
    if unknown:
        raise InputError(f"unknown option {unknown[0]!r}: render takes {', '.join(each.name for each in fields(RenderOptions))}")
    wanted = RenderOptions(**options)
    layout = layout_named(wanted.layout)
    is_sound = Path(scene).suffix.lower() in SOUND_FILES
    _check_use(wanted, output, is_sound)
    if output is not None:
        _check_output(output, scene, wanted, force)
    watch("reading", 0.0)
    ears = listener(wanted.hrtf, [layout])
    ledger = ledger_of(scene, ears)
    if wanted.commercial_only:
        check_commercial(ledger)
    credits = credits_of(ledger)
    if output is not None and credits is not None:
        check_output(credits_beside(Path(output)), force)
    if wanted.adm and output is not None:
        _write(output, _objects(scene, wanted, watch), wanted, credits, force)
        return open_audio(output)
    heard = _decoded(scene, layout, wanted, ears, watch) if is_sound else _rendered(scene, layout, wanted, ears, watch)
    if output is not None:
        watch("writing", 0.9)
        _write(output, heard, wanted, credits, force)
    return heard


def _check_use(wanted: RenderOptions, output: str | Path | None, is_sound: bool) -> None:
    """InputError for a flag that would have no effect on what is rendered."""
    turns = any(angle is not None for angle in (wanted.yaw_deg, wanted.pitch_deg, wanted.roll_deg))
    if is_sound and wanted.doppler:
        raise InputError("--doppler is heard in scenes, whose sources move: an ambisonic file has none, leave it out")
    if is_sound and wanted.adm:
        raise InputError("--adm writes the objects of a scene: an ambisonic file has none")
    if not is_sound and (wanted.input_order or turns):
        raise InputError("--input-order, --yaw, --pitch and --roll turn and read ambisonic files: a scene has a listener to turn")
    if wanted.adm and output is None:
        raise InputError("--adm is about a file: name it with -o OUT.wav")
    if wanted.adm and (wanted.hrtf or wanted.doppler):
        raise InputError("--hrtf and --doppler are heard in renders: objects are dry, leave them out of --adm")


def _check_output(output: str | Path, scene: str | Path, wanted: RenderOptions, force: bool) -> None:
    """InputError when the file cannot be written, before any work."""
    from seehear.io.audio import check_audio_output
    from seehear.io.files import check_input

    target = check_audio_output(output, SURROUND_7_1_4 if wanted.adm else layout_named(wanted.layout), force=force)
    if wanted.adm and target.suffix.lower() != ".wav":
        raise InputError(f"ADM is a WAV file (BW64), {target.name} would be none")
    if target.exists() and target.samefile(check_input(scene)):
        raise InputError(f"{target} is the file that is rendered: write to another name")


def ledger_of(scene: str | Path, ears: Listener) -> list[Entry]:
    """All that took part in a scene, as its file says, and a measured head; what an ambisonic file was made with nobody knows."""
    from seehear.io.scene import read_extra

    heads = [ears.credit] if ears.credit else []
    if Path(scene).suffix.lower() in SOUND_FILES:
        return [entry("sound", Path(scene).name, NOT_STATED), *heads]
    made_by = read_extra(scene).get("made_by", {})
    told = made_by.get("models", []) if isinstance(made_by, dict) else []
    parts = [part for part in told if isinstance(part, dict) and {"role", "name", "licence"} <= part.keys()]
    return [*(entry(**{name: part[name] for name in ("role", "name", "licence")}) for part in parts), *heads]


def _rendered(path: str | Path, layout: Layout, wanted: RenderOptions, ears: Listener, watch: Watcher) -> Sound:
    from seehear.acoustics.field import Engine
    from seehear.io.scene import read_scene
    from seehear.verbs.rendering import rendered

    engine = Engine(head=ears.head, doppler=wanted.doppler)
    loudness = loudness_named(wanted.loudness)
    scene = read_scene(path)
    heard = rendered(scene, [layout], loudness, engine, lambda part: watch("rendering", 0.1 + 0.8 * part))
    return heard[layout.name].sound


def _objects(path: str | Path, wanted: RenderOptions, watch: Watcher) -> Programme:
    from seehear.io.scene import read_scene
    from seehear.verbs.objects import programme_of

    scene = read_scene(path)
    watch("rendering", 0.1)
    return programme_of(scene, loudness_named(wanted.loudness))


def _write(output: str | Path, made: Sound | Programme, wanted: RenderOptions, credits: str | None, force: bool) -> None:
    """The file, and the credits beside it where there are any: both or none."""
    from seehear.io.adm.programme import Programme
    from seehear.io.adm.write import write_adm
    from seehear.io.audio import write_audio
    from seehear.io.files import whole_files

    with whole_files() as run:
        if isinstance(made, Programme):
            write_adm(output, made, force=force, within=run)
        else:
            write_audio(output, made, mask=MASKS.get(wanted.mask), force=force, within=run)
        if credits is not None:
            run.file(credits_beside(Path(output)), force).write_text(credits, "utf-8")


def _decoded(path: str | Path, layout: Layout, wanted: RenderOptions, ears: Listener, watch: Watcher) -> Sound:
    from seehear.acoustics.allrad import decode_blocks
    from seehear.acoustics.sphere import rotation_by
    from seehear.io.audio import ORDERS, open_ambisonics
    from seehear.verbs.rendering import levelled_blocks

    field = open_ambisonics(path, ORDERS[wanted.input_order])
    turns = [radians(angle or 0.0) for angle in (wanted.yaw_deg, wanted.pitch_deg, wanted.roll_deg)]
    parts = decode_blocks(field, layout, rotation_by(*turns) if any(turns) else None, ears.head)
    loudness = loudness_named(wanted.loudness)

    def told(part: float) -> None:
        watch("decoding", 0.1 + 0.8 * part)

    return levelled_blocks(((part,) for part in parts), field.n_samples, loudness, told)[0].sound
