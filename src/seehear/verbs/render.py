"""``render``: a scene file, or an ambisonic sound file, in any layout, without any generator."""

from __future__ import annotations

from collections.abc import Mapping
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
from seehear.types import SURROUND_7_1_4, InputError, Scene, Sound, layout_named
from seehear.verbs.ledger import (
    Entry,
    check_commercial,
    credits_beside,
    credits_of,
    entry,
    ledger_of_scene,
    licence_notes,
    outdated_credits,
)
from seehear.verbs.listening import Listener, listener
from seehear.verbs.progress import Watcher, unwatched

if TYPE_CHECKING:
    from seehear.io.adm.programme import Programme
    from seehear.verbs.rendering import Levelled

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
    iamf: bool = option(False, "Beside the WAV, the FFmpeg command that makes an IAMF file of it.")
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


@dataclass(frozen=True)
class Rendered:
    """What a render came to."""

    sound: Sound
    report: dict[str, Any]
    """Layout, length, measured loudness and true peak, what took part with its licence, notes, and files."""


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
    decoded by `acoustics.allrad` and gets one gain for all channels. ``output`` is WAV (RF64 above 4 GB), FLAC, CAF or Opus; with
    ``adm`` an ADM file of the scene, whose tracks then come back. A short one is an :class:`Audio`, of a long one the samples
    lie in a temporary file (`seehear.types.whole` reads them).
    InputError: a scene, stem, sound file, layout, level or output that cannot be used, or a flag that would have no effect.
    """
    return rendered_file(scene, output, force=force, watch=watch, **options).sound


def rendered_file(
    path: str | Path, output: str | Path | None = None, *, force: bool = False, watch: Watcher = unwatched, **options: Any
) -> Rendered:
    """:func:`render`, and what there is to tell of it."""
    from seehear.io.audio import open_audio
    from seehear.io.files import check_output
    from seehear.io.scene import read_extra, read_scene
    from seehear.verbs.rendering import level_notes, levels

    unknown = sorted(set(options) - {each.name for each in fields(RenderOptions)})
    if unknown:
        raise InputError(f"unknown option {unknown[0]!r}: render takes {', '.join(each.name for each in fields(RenderOptions))}")
    wanted = RenderOptions(**options)
    is_sound = Path(path).suffix.lower() in SOUND_FILES
    _check_use(wanted, output, is_sound)
    if output is not None:
        _check_output(output, path, wanted, force)
    watch("reading", 0.0)
    ears = listener(wanted.hrtf, [layout_named(wanted.layout)])
    scene = None if is_sound else read_scene(path)
    ledger: list[Entry] = [] if scene is None else [*ledger_of_scene(scene, _models(read_extra(path)))]
    ledger += [ears.credit] if ears.credit else []
    if wanted.commercial_only:
        check_commercial(ledger)
    if scene is None:  # whose it is, is theirs to know who hands it in
        ledger.append(entry("input", Path(path).name, "that of the file"))
    credits = credits_of(ledger)
    if output is not None and credits is not None:
        check_output(credits_beside(Path(output)), force)
    report: dict[str, Any] = {"file": None if output is None else str(output), "models": ledger}
    if wanted.adm and scene is not None and output is not None:
        files = _write(output, _objects(scene, wanted, watch), wanted, credits, force)
        sound, heard = open_audio(output), {}
        notes = []
    else:
        made = _decoded(path, wanted, ears, watch) if scene is None else _rendered(scene, wanted, ears, watch)
        sound, heard, notes = made.sound, levels(made), level_notes(made, loudness_named(wanted.loudness))
        watch("writing", 0.9)
        files = [] if output is None else _write(output, made, wanted, credits, force)
    report |= {"layout": "adm" if wanted.adm else wanted.layout, "channels": sound.layout.n_channels}
    report |= {"seconds": sound.duration_s, "loudness": wanted.loudness, **heard}
    return Rendered(sound, report | {"notes": notes + licence_notes(ledger), "files": [str(each) for each in files]})


def _models(extra: Mapping[str, Any]) -> Any:
    made_by = extra.get("made_by")
    return made_by.get("models") if isinstance(made_by, dict) else None


def _check_use(wanted: RenderOptions, output: str | Path | None, is_sound: bool) -> None:
    """InputError for a flag that would have no effect on what is rendered."""
    turns = any(angle is not None for angle in (wanted.yaw_deg, wanted.pitch_deg, wanted.roll_deg))
    if is_sound and wanted.doppler:
        raise InputError("--doppler is heard in scenes, whose sources move: an ambisonic file has none, leave it out")
    if is_sound and wanted.adm:
        raise InputError("--adm writes the objects of a scene: an ambisonic file has none")
    if is_sound and wanted.commercial_only and not wanted.hrtf:
        raise InputError(
            "--commercial-only knows the parts of a scene, and --hrtf: what an ambisonic file was made of it cannot know"
        )
    if not is_sound and (wanted.input_order or turns):
        raise InputError("--input-order, --yaw, --pitch and --roll turn and read ambisonic files: a scene has a listener to turn")
    if wanted.iamf and (output is None or wanted.adm or Path(output).suffix.lower() != ".wav"):
        raise InputError("--iamf goes with a WAV in a layout: name it with -o OUT.wav, without --adm")
    if wanted.adm and output is None:
        raise InputError("--adm is about a file: name it with -o OUT.wav")
    if wanted.adm and (wanted.hrtf or wanted.doppler):
        raise InputError(
            "--hrtf and --doppler have no effect on --adm, whose objects are placed and moved by what plays them: leave them out"
        )


def _check_output(output: str | Path, scene: str | Path, wanted: RenderOptions, force: bool) -> None:
    """InputError when the file cannot be written, before any work."""
    from seehear.io.audio import check_audio_output
    from seehear.io.files import check_input, check_output
    from seehear.io.iamf import IAMF_SUFFIX, check_iamf

    target = check_audio_output(output, SURROUND_7_1_4 if wanted.adm else layout_named(wanted.layout), force=force)
    if wanted.iamf:
        check_iamf(layout_named(wanted.layout))
        check_output(target.with_suffix(IAMF_SUFFIX), force)
    if wanted.adm and target.suffix.lower() != ".wav":
        raise InputError(f"ADM is a WAV file (BW64), {target.name} would be none")
    if target.exists() and target.samefile(check_input(scene)):
        raise InputError(f"{target} is the file that is rendered: write to another name")


def _rendered(scene: Scene, wanted: RenderOptions, ears: Listener, watch: Watcher) -> Levelled:
    from seehear.acoustics.field import Engine
    from seehear.verbs.rendering import rendered

    engine, layout = Engine(head=ears.head, doppler=wanted.doppler), layout_named(wanted.layout)
    loudness = loudness_named(wanted.loudness)
    return rendered(scene, [layout], loudness, engine, lambda part: watch("rendering", 0.1 + 0.8 * part))[layout.name]


def _objects(scene: Scene, wanted: RenderOptions, watch: Watcher) -> Programme:
    from seehear.verbs.objects import programme_of

    watch("rendering", 0.1)
    return programme_of(scene, loudness_named(wanted.loudness))


def _write(
    output: str | Path, made: Levelled | Programme, wanted: RenderOptions, credits: str | None, force: bool
) -> tuple[Path, ...]:
    """The file, and beside it what else was asked for and the credits where there are any: all or none."""
    from seehear.io.adm.programme import Programme
    from seehear.io.adm.write import write_adm
    from seehear.io.audio import write_audio
    from seehear.io.files import whole_files
    from seehear.io.iamf import write_iamf_command

    output, place = Path(output), credits_beside(Path(output))
    more: list[Path] = []
    with whole_files() as run:
        if isinstance(made, Programme):
            write_adm(output, made, force=force, within=run)
        else:
            write_audio(output, made.sound, mask=MASKS.get(wanted.mask), force=force, within=run)
        if wanted.iamf and not isinstance(made, Programme):
            more.append(write_iamf_command(output, made.sound, loudness_lufs=made.loudness_lufs, force=force, within=run))
        if credits is not None:
            more.append(place)
            run.file(place, force).write_text(credits, "utf-8")
        elif force:
            run.outdate(outdated_credits(place))
    return (output, *more)


def _decoded(path: str | Path, wanted: RenderOptions, ears: Listener, watch: Watcher) -> Levelled:
    from seehear.acoustics.allrad import decode_blocks
    from seehear.acoustics.sphere import rotation_by
    from seehear.io.audio import open_ambisonics
    from seehear.io.layouts import ORDERS
    from seehear.verbs.rendering import levelled_blocks

    field = open_ambisonics(path, ORDERS[wanted.input_order])
    turns = [radians(angle or 0.0) for angle in (wanted.yaw_deg, wanted.pitch_deg, wanted.roll_deg)]
    parts = decode_blocks(field, layout_named(wanted.layout), rotation_by(*turns) if any(turns) else None, ears.head)
    loudness = loudness_named(wanted.loudness)

    def told(part: float) -> None:
        watch("decoding", 0.1 + 0.8 * part)

    return levelled_blocks(((part,) for part in parts), field.n_samples, loudness, told)[0]
