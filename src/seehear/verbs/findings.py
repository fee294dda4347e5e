"""What is wrong with a media file, in plain words with the way out: the rules about its header.

A problem is what will be heard or refused somewhere; a note is what may be meant so. The rules about the samples are in
`findings_heard`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seehear.io.layouts import ORDERS
from seehear.io.spherical import is_sphere_size
from seehear.types import Layout
from seehear.verbs.conventions import NAMES, FieldReading, declared_conventions, possible_order, worded_conventions

if TYPE_CHECKING:  # their readers bring media libraries along
    from seehear.io.probe import Header, IsoHeader, WaveHeader

AMBIX_RATE_HZ = 48_000
"""What AmbiX files for players, YouTube and Opus have."""
_MAX_RIFF_BYTES = (1 << 32) + 7
FLAGS = {convention: name for name, convention in ORDERS.items() if name}
"""What `relabel --input-order` calls them."""
_USUAL_LAYOUTS = {3: "3 channels", 6: "5.1", 8: "7.1", 10: "5.1.4", 12: "7.1.4"}
_BACK_SURROUNDS = 0x3F


@dataclass(frozen=True)
class Problem:
    """One finding."""

    code: str
    text: str
    fix: str
    severity: Literal["problem", "note"] = "problem"


@dataclass(frozen=True)
class Case:
    """What the rules about the header look at."""

    path: Path
    header: Header
    field: FieldReading
    placed: bool = False
    """Whether the header says which loudspeakers the channels are for."""
    is_adm: bool = False
    """Whether ADM metadata say what the channels are."""

    @property
    def is_field(self) -> bool:
        """Whether the file calls itself ambisonic."""
        return self.field.said

    def relabelled(self, layout: str, *flags: str) -> str:
        """The command that writes the same samples anew as that layout."""
        out = self.path.with_name(f"{self.path.stem}.{layout}.wav").name
        return shlex.join(["seehear", "relabel", str(self.path), "-o", out, "--layout", layout, *flags])

    @property
    def as_ambisonics(self) -> str:
        """The command that writes the same field anew as AmbiX; an order that is not known is left to the reader."""
        name = field_name(self.header.n_channels)
        if self.field.status == "declared":
            return self.relabelled(name)
        if self.field.convention:
            return self.relabelled(name, "--input-order", FLAGS[self.field.convention])
        return f"{self.relabelled(name, '--input-order', 'acn')} (or --input-order fuma: what made the file knows)"


def field_name(n_channels: int) -> str:
    """Name of the ambisonic layout of so many channels."""
    order = possible_order(n_channels)
    return "foa" if order == 1 else f"hoa{order}"


def header_findings(case: Case) -> Iterator[Problem]:
    """Everything that the header gives reason to say."""
    if not case.header.n_channels:
        yield Problem("no-sound", "There is no sound in this file.", "Nothing to do for a silent video.", "note")
        return
    if case.header.wave is not None:
        yield from _wave_findings(case, case.header.wave)
    if case.header.iso is not None:
        yield from _iso_findings(case, case.header.iso)
    if case.header.opus is not None:
        yield from _opus_findings(case)
    yield from _field_findings(case)


# ------------------------------------------------------------------------------------------------ WAVE


def _wave_findings(case: Case, wave: WaveHeader) -> Iterator[Problem]:
    yield from _length_findings(case, wave)
    n = case.header.n_channels
    mask = wave.mask or 0
    bits = mask.bit_count()
    if mask and bits != n:
        yield Problem(
            "mask-count",
            f"The channel mask {mask:#x} names {bits} loudspeakers, the file has {n} channels: players guess, drop or swap some.",
            f"Say what the channels are: {_relabel(case)}",
        )
    elif mask and case.is_field and possible_order(n) is not None:
        arrangement = "the mask of quad" if mask in (0x33, 0x603) else f"the mask {mask:#x} of loudspeakers"
        yield Problem(
            "ambisonic-mask",
            f"{n} channels with {arrangement}, in a file that calls itself ambisonic ({_why(case)}): players will send them to "
            "loudspeakers as they are.",
            f"Write the same samples without a mask: {case.as_ambisonics}",
        )
    elif mask and possible_order(n) is not None and case.field.evidence:
        yield Problem(
            "ambisonic-mask",
            f"{n} channels with the mask {mask:#x} of loudspeakers, but {case.field.evidence[-1]}. If this is ambisonics, "
            "players will treat it as loudspeakers.",
            f"If it is ambisonics, write the same samples without a mask: {case.as_ambisonics}",
            "note",
        )
    elif not mask and not case.is_field and not case.is_adm and n in _USUAL_LAYOUTS:
        yield Problem(
            "no-mask",
            f"{n} channels without a channel mask: nothing says which loudspeaker each of them is for.",
            f"Say what they are: {_relabel(case)}",
        )
    if n == 6 and mask == _BACK_SURROUNDS:
        yield Problem(
            "back-surrounds",
            "The mask 0x3f calls the surrounds of this 5.1 back instead of side (0x60f): programs that tell 5.1 from 5.1(side) "
            "may ask or convert. The order of the channels is the same.",
            f"Where side is wanted: {case.relabelled('5.1')}",
            "note",
        )


def _length_findings(case: Case, wave: WaveHeader) -> Iterator[Problem]:
    n_bytes = case.header.n_bytes
    again = f"Copy or record it again; what is there can be kept with {_relabel(case)}"
    if wave.truncated:
        yield Problem("truncated", "The file ends before the sound that its header promises.", again)
    elif case.header.container.startswith("RIFF") and n_bytes > _MAX_RIFF_BYTES:
        yield Problem(
            "over-4gb",
            f"A plain WAV of {n_bytes / 1e9:.1f} GB: its 32-bit lengths end at 4.3 GB, so that programs stop there or refuse it.",
            f"Write it as RF64: {_relabel(case)}",
        )
    elif wave.form_bytes is None or abs(wave.form_bytes - n_bytes) > 1:
        told = "no length" if wave.form_bytes is None else f"{wave.form_bytes} bytes"
        yield Problem(
            "riff-size",
            f"The header gives the file {told}, it has {n_bytes}: a recording that was not closed, or was cut or joined.",
            f"Write the header anew: {_relabel(case)}",
        )


def _relabel(case: Case) -> str:
    """The command that writes the samples with a right header, as the likeliest layout; the reader may name another."""
    n = case.header.n_channels
    if possible_order(n) is not None and (case.is_field or n not in _USUAL_LAYOUTS):
        return case.as_ambisonics
    return case.relabelled({1: "mono", 2: "stereo", **_USUAL_LAYOUTS}.get(n, "NAME"))


def _why(case: Case) -> str:
    return case.field.evidence[0] if case.field.evidence else "by its name"


# ------------------------------------------------------------------------------------------------ MP4 and MOV


def _iso_findings(case: Case, iso: IsoHeader) -> Iterator[Problem]:
    n, sa3d = case.header.n_channels, iso.sa3d
    if iso.missing_bytes:
        text = f"The file ends {iso.missing_bytes} bytes before its last box does."
        yield Problem("truncated", text, "Copy or record it again.")
    if iso.n_sound_tracks > 1:
        yield Problem(
            "sound-tracks",
            f"There are {iso.n_sound_tracks} sound tracks: players take one, and sites for 360-degree video refuse the file.",
            "Write a file with one sound track.",
        )
    if sa3d is not None:
        yield from _sa3d_findings(case, sa3d.order, sa3d.n_channels, sa3d.is_ambix)
    elif possible_order(n) is not None:
        surely = bool(iso.spherical) or case.is_field
        yield Problem(
            "sa3d-missing",
            f"{n} channels without an SA3D box: players take them for loudspeakers"
            + (", although the picture is a sphere." if iso.spherical else "."),
            f"If it is ambisonics, write it anew with the box: {_again_as_360(case, iso)}",
            "problem" if surely else "note",
        )
    elif iso.spherical:
        yield Problem(
            "sphere-without-field",
            f"The picture is {iso.spherical}, the sound has {n} channels that do not turn with the view.",
            "Nothing to do if that is meant so; else render the scene as foa for the video.",
            "note",
        )
    if sa3d is not None and iso.picture_codec and not iso.spherical:
        flat = f"Render its scene as stereo, binaural or 5.1: a picture of {iso.width_px} x {iso.height_px} is no whole sphere."
        yield Problem(
            "not-spherical",
            "The sound is marked as a sound field, the picture is not marked as a sphere: players will not turn either.",
            f"Write it anew with both marks: {_again_as_360(case, iso)}" if is_sphere_size(iso.width_px, iso.height_px) else flat,
        )
    elif not iso.spherical and iso.width_px == 2 * iso.height_px and iso.height_px >= 360:
        yield Problem(
            "not-spherical",
            f"The picture is {iso.width_px} x {iso.height_px}, two to one as a panorama all around has, and not marked as one.",
            f"If it is a panorama: {_again_as_360(case, iso)}",
            "note",
        )


def _again_as_360(case: Case, iso: IsoHeader) -> str:
    """The command that copies the video and adds the marks for its picture and its sound, each where it can be all around."""
    path, n_channels = case.path, case.header.n_channels
    out = path.with_name(f"{path.stem}.360{path.suffix or '.mp4'}").name
    field = [] if possible_order(n_channels) is None else ["--layout", field_name(n_channels)]
    sphere = ["--spherical"] if is_sphere_size(iso.width_px, iso.height_px) else []
    return shlex.join(["seehear", "relabel", str(path), "-o", out, *field, *sphere])


def _sa3d_findings(case: Case, order: int, n_mapped: int, is_ambix: bool) -> Iterator[Problem]:
    n = case.header.n_channels
    expected = (order + 1) ** 2
    if n_mapped != n or n not in (expected, expected + 2):
        yield Problem(
            "sa3d-channels",
            f"The SA3D box speaks of order {order} ({expected} channels) and maps {n_mapped}, the sound track has {n}: players "
            "fall back to loudspeakers or refuse it.",
            "Write the file anew with a sound track of the number of channels that the field has.",
        )
    if not is_ambix:
        yield Problem(
            "sa3d-order",
            "The SA3D box names an order or weights that its specification does not have (ACN and SN3D, both 0).",
            "Write the file anew from the sound field in AmbiX.",
        )


# ------------------------------------------------------------------------------------------------ Opus, fields


def _opus_findings(case: Case) -> Iterator[Problem]:
    head, n = case.header.opus, case.header.n_channels
    if head is None:
        return
    out = case.path.with_name(f"{case.path.stem}.{field_name(n)}.opus").name
    again = shlex.join(["seehear", "relabel", str(case.path), "-o", out, "--layout", field_name(n)])
    if head.family == 1 and n == 4:
        yield Problem(
            "opus-family-1",
            "Four channels in mapping family 1 are quadraphonic loudspeakers; ambisonics needs family 2 (RFC 8486).",
            f"If it is ambisonics, encode it again from the original; or from here, losing a little: {again}",
            "problem" if case.is_field else "note",
        )
    if head.family == 255:
        yield Problem(
            "opus-family-255",
            f"Mapping family 255 says nothing about its {n} channels: players play the first two or nothing.",
            f"If it is ambisonics: {again}" if possible_order(n) is not None else "Encode it again in family 1 (loudspeakers).",
        )


def _field_findings(case: Case) -> Iterator[Problem]:
    header, name = case.header, case.path.name
    told = {**worded_conventions(header, name), **declared_conventions(header)}
    if len(told) > 1:
        claims = ", ".join(f"{NAMES[convention]} by {why}" for convention, why in told.items())
        again = case.relabelled(field_name(header.n_channels), "--input-order", "fuma")
        yield Problem(
            "convention-conflict",
            f"The file contradicts itself about the order and weights of its channels: {claims}. Read in the wrong one, left "
            "becomes front and up becomes left.",
            f"Find out which is right, then write it as AmbiX: {again} (or acn)",
        )
    if case.field.status == "unknown" and not case.placed:
        yield Problem(
            "undeclared-field",
            f"{header.n_channels} channels may be ambisonics, and nothing says so, nor in which order and weights.",
            f"If it is: {case.as_ambisonics}",
            "note",
        )
    is_fixed = header.container == "FLAC" or (header.container == "Ogg" and header.codec == "Vorbis")
    if is_fixed and header.n_channels == 4 and case.field.status != "none":
        yield Problem(
            "ambisonic-mask",
            f"Four channels of {header.codec} are quadraphonic loudspeakers by its specification, and this looks like ambisonics "
            f"({_why(case)}): players will send them to loudspeakers as they are.",
            f"If it is ambisonics, write a WAV: {case.as_ambisonics}",
            "problem" if case.is_field else "note",
        )
    if case.is_field and header.n_channels > 2 and header.sample_rate_hz != AMBIX_RATE_HZ:
        yield Problem(
            "ambix-rate",
            f"Ambisonics at {header.sample_rate_hz} Hz: players and sites for 360-degree video expect {AMBIX_RATE_HZ} Hz.",
            "Resample it where such a player is the target.",
            "note",
        )


def layout_is_placed(header: Header, layout: Layout | None) -> bool:
    """Whether the header says which loudspeakers the channels are for."""
    told_by_codec = bool(header.layout) and not header.layout.startswith("ambisonic")
    masked = header.wave is not None and bool(header.wave.mask)
    return masked or told_by_codec or (layout is not None and layout.kind == "speakers")
