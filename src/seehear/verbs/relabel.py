"""``relabel``: the same sound in a file that says what it is."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.io.layouts import ORDERS
from seehear.systems.spatialize.options import LAYOUT_NAMES, check_choice, check_types, option
from seehear.types import Convention, InputError, Layout, Sound, derived, layout_named
from seehear.verbs.progress import Watcher, unwatched

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seehear.io.pcm import Subtype
    from seehear.io.probe import Header

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v")


@dataclass(frozen=True)
class RelabelOptions:
    """What the channels are. Every field is a keyword of :func:`relabel` and a flag of the command."""

    layout: str = option("", f"What they are, if the file says nothing or something wrong: {LAYOUT_NAMES}.", "NAME")
    input_order: str = option("", "Ambisonic channels: acn (AmbiX; unless the file says another), n3d or fuma.", "NAME")
    spherical: bool = option(False, "Mark the picture of an MP4 or MOV as a whole sphere, equirectangular.")

    def __post_init__(self) -> None:
        check_types(self)
        if self.layout:
            layout_named(self.layout)
        if self.input_order:
            check_choice("--input-order", self.input_order, *filter(None, ORDERS))
            if not self.layout or layout_named(self.layout).kind != "ambisonics":
                raise InputError("--input-order is about ambisonics: name it with --layout foa (or hoa2 to hoa7)")


def relabel(
    path: str | Path, output: str | Path, *, force: bool = False, watch: Watcher = unwatched, **options: Any
) -> Layout | None:
    """What the sound in ``output`` says that it is: the sound of ``path``, sample for sample, in a new file with a right header.

    ``options`` are the fields of :class:`RelabelOptions`; what is told there wins over what the file says. Sound files become
    WAV, FLAC, CAF or Opus by the extension, in the narrowest sample format that keeps every sample (float for what was lossy);
    FuMa becomes AmbiX; of a truncated WAV what is there is kept. An MP4 or MOV is copied as it is and gets the boxes for players
    of 360-degree video; None for one of which only the picture is marked.
    InputError: a file that cannot be read, a layout of another size, channels that nobody says anything about, an output that
    cannot be written, a flag that would have no effect.
    """
    from seehear.io.files import check_input, check_output
    from seehear.io.probe import probe

    unknown = sorted(set(options) - {each.name for each in fields(RelabelOptions)})
    if unknown:
        known = ", ".join(each.name for each in fields(RelabelOptions))
        raise InputError(f"unknown option {unknown[0]!r}: relabel takes {known}")
    wanted = RelabelOptions(**options)
    path, output = check_input(path), check_output(output, force)
    if output.exists() and output.samefile(path):
        raise InputError(f"{output} is the file that is read: write to another name")
    watch("reading", 0.0)
    header = probe(path)
    if output.suffix.lower() in VIDEO_SUFFIXES:
        return _marked(path, output, header, wanted, force)
    if wanted.spherical:
        raise InputError(f"--spherical marks a picture, and {output.name} has none: write an .mp4 or .mov")
    return _written(path, output, header, wanted, force, watch)


def _written(path: Path, output: Path, header: Header, wanted: RelabelOptions, force: bool, watch: Watcher) -> Layout:
    from seehear.io.audio import check_audio_output, open_audio, salvaged, write_audio

    truncated = header.wave is not None and header.wave.truncated
    sound: Sound = (salvaged(path) if truncated else None) or open_audio(path)
    layout = layout_named(wanted.layout) if wanted.layout else sound.layout
    if layout.kind == "discrete":
        raise InputError(f"{path} does not say what its {layout.n_channels} channels are: say it with --layout")
    if layout.n_channels != sound.layout.n_channels:
        raise InputError(f"{path} has {sound.layout.n_channels} channels, {layout.name} needs {layout.n_channels}")
    convention: Convention = ""
    if layout.kind == "ambisonics":
        convention = ORDERS[wanted.input_order] or sound.convention or header.declared or "acn-sn3d"
    watch("writing", 0.3)
    subtype = _subtype(header)
    check_audio_output(output, layout, subtype, force=force)
    write_audio(output, relabelled(sound, layout, convention), subtype, force=force)
    return layout


def _subtype(header: Header) -> Subtype:
    """The sample format that keeps every sample as it is."""
    if header.bits is None or header.codec == "float" or header.bits > 24:
        return "FLOAT"
    return "PCM_16" if header.bits <= 16 else "PCM_24"


def relabelled(sound: Sound, layout: Layout, given: Convention) -> Sound:
    """The same samples in another layout; ambisonics in AmbiX, from ``given``."""
    from seehear.acoustics.sphere import convert

    def ambix(start: int, stop: int) -> NDArray[np.float32]:
        return convert(sound.read(start, stop), given, "acn-sn3d")

    as_they_are = derived(sound, sound.read if given in ("", "acn-sn3d") else ambix)
    return replace(as_they_are, layout=layout, convention="acn-sn3d" if given else "")


def _marked(path: Path, output: Path, header: Header, wanted: RelabelOptions, force: bool) -> Layout | None:
    """A copy with the boxes that are asked for and missing: neither picture nor sound is coded again."""
    from seehear.io.files import whole_file
    from seehear.io.spherical import check_sphere, mark

    iso = header.iso
    if iso is None:
        raise InputError(f"{path} is {header.container}: only MP4 and MOV have boxes for 360-degree video")
    if wanted.input_order not in ("", "acn"):
        raise InputError(f"the sound track of a video is copied as it is, and players know only AmbiX, not {wanted.input_order}")
    layout = layout_named(wanted.layout) if wanted.layout else None
    if layout is not None and (layout.kind != "ambisonics" or layout.n_channels != header.n_channels):
        raise InputError(f"{path} has {header.n_channels} channels, which cannot be marked as {layout.name}")
    if wanted.spherical:
        check_sphere(iso.width_px, iso.height_px)
    if layout is not None and iso.sa3d is not None and not (iso.sa3d.is_ambix and iso.sa3d.order == layout.order):
        raise InputError(f"{path} has an SA3D box already, of order {iso.sa3d.order}: write the video anew")
    order = layout.order if layout is not None and iso.sa3d is None else None
    sphere = wanted.spherical and not iso.spherical
    if order is None and not sphere:
        raise InputError(f"{path} says all of that already: nothing is to be done")
    with whole_file(output, force) as temporary:
        shutil.copyfile(path, temporary)
        mark(temporary, sphere=sphere, ambisonic_order=order)
    return layout
