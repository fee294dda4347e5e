"""``inspect``: what a media file is, what its header and its samples say, and what is wrong with it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seehear.types import InputError, Layout, ambisonics, discrete
from seehear.types.sound import BLOCK_SAMPLES
from seehear.verbs.conventions import FieldReading, channel_labels, declared_conventions, field_reading, possible_order
from seehear.verbs.findings import Case, Problem, header_findings, layout_is_placed
from seehear.verbs.findings_heard import Heard, heard_findings
from seehear.verbs.progress import Watcher, unwatched

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seehear.acoustics.channels import ChannelFacts
    from seehear.acoustics.meter import Meter
    from seehear.io.adm.contents import AdmContents
    from seehear.io.probe import Header
    from seehear.io.streams import SoundFile
    from seehear.types import Convention, Sound


@dataclass(frozen=True)
class ChannelLevel:
    """One channel in dBFS; -inf for silence."""

    label: str
    rms_dbfs: float
    peak_dbfs: float


@dataclass(frozen=True)
class Inspection:
    """What :func:`inspect` found."""

    path: str
    header: Header
    layout: Layout | None
    """What the channels are, as far as the file says; discrete where it does not; None without sound."""
    field: FieldReading
    adm: AdmContents | None
    n_samples: int | None
    """None where the samples cannot be read."""
    levels: tuple[ChannelLevel, ...]
    integrated_lufs: float | None
    """-inf for silence; None where nothing says which loudspeakers the channels are for. Of ambisonics, W's; so it is where
    `layout` is discrete, but as many channels may be ambisonics."""
    true_peak_dbtp: float | None
    problems: tuple[Problem, ...]

    @property
    def duration_s(self) -> float | None:
        return None if self.n_samples is None else self.n_samples / self.header.sample_rate_hz

    def as_json(self) -> dict[str, Any]:
        """The same in values that JSON has: infinite levels are null, of ADM objects the blocks are counted."""
        opus, layout = self.header.opus, self.layout
        header = replace(self.header, opus=replace(opus, matrix=None) if opus is not None else None)
        told = asdict(replace(self, header=header, adm=None, layout=None))
        told["layout"] = None if layout is None else {"name": layout.name, "kind": layout.kind, "labels": layout.labels}
        told["adm"] = None if self.adm is None else _adm_json(self.adm)
        return {**_finite(told), "duration_s": self.duration_s}


def inspect(path: str | Path, figure: str | Path | None = None, *, force: bool = False, watch: Watcher = unwatched) -> Inspection:
    """What is in a media file and what is wrong with it; ``figure`` also draws its levels and its energy over the sphere (PNG).

    Headers are read first, then all samples once, block by block. Problems are results: InputError only for a file that is
    missing, empty, no media file, or too damaged to say what it holds.
    """
    from seehear.io.files import check_input, check_output
    from seehear.io.probe import probe

    path = check_input(path)
    if figure is not None:
        check_output(figure, force)
    if path.suffix.lower() == ".json":
        raise InputError(f"{path} is no media file: `seehear render` and `seehear scene` read scenes")
    watch("reading the header", 0.0)
    header = probe(path)
    adm, problems = _adm(path, header)
    sound, unread = _sound(path, header)
    layout = sound.layout if sound is not None else discrete(header.n_channels) if header.n_channels else None
    placed = layout_is_placed(header, layout)
    channels, meter, stopped = _measured(sound, placed, watch) if sound is not None else (None, None, [])
    field = _adm_field(adm, header) or field_reading(header, path.name, channels, placed=placed)
    labels = channel_labels(layout, sound.convention) if sound is not None and layout is not None else ()
    heard = None
    if channels is not None and meter is not None and layout is not None and meter.n_samples:
        heard = Heard(
            layout, labels, channels, _loudness(meter), meter.true_peak_dbtp, field.said, meter.n_samples / meter.sample_rate_hz
        )
    problems += [*header_findings(Case(path, header, field, placed, adm is not None)), *unread, *stopped]
    problems += heard_findings(heard) if heard is not None else ()
    if figure is not None:
        if sound is None:
            raise InputError(f"{path} has no sound that can be drawn")
        _draw(figure, _drawn(sound, field), path.name, force)
    return Inspection(
        path=str(path),
        header=header,
        layout=layout,
        field=field,
        adm=adm,
        n_samples=sound.n_samples if sound is not None else None,
        levels=_levels(labels, heard.channels) if heard is not None else (),
        integrated_lufs=heard.integrated_lufs if heard is not None else None,
        true_peak_dbtp=heard.true_peak_dbtp if heard is not None else None,
        problems=tuple(sorted(problems, key=lambda each: each.severity == "note")),
    )


def _adm(path: Path, header: Header) -> tuple[AdmContents | None, list[Problem]]:
    """The ADM metadata of a file that has some, and what is wrong with it."""
    from seehear.io.adm.read import read_adm

    if header.wave is None or not {"axml", "chna"} & set(header.wave.chunks):
        return None, []
    fix = "Export it again from the program that made it."
    try:
        adm = read_adm(path)
    except InputError as error:
        return None, [Problem("adm", f"The ADM metadata cannot be read: {str(error).removeprefix(f'{path} ')}.", fix)]
    return adm, [Problem("adm", f"ADM: {text}.", fix) for text in adm.problems] if adm is not None else []


def _adm_field(adm: AdmContents | None, header: Header) -> FieldReading | None:
    """Nothing for a file without ADM; with it, its channels are tracks, and a field only where one HOA object has them all."""
    if adm is None:
        return None
    tracks = [track for each in adm.objects if each.type == "HOA" for track in each.tracks]
    channels = [track.channel for track in tracks if track.channel is not None]
    conventions: dict[str, Convention] = {"SN3D": "acn-sn3d", "N3D": "acn-n3d", "FuMa": "fuma"}
    weights = {channel.normalization or "SN3D" for channel in channels}
    order = possible_order(header.n_channels)
    if order is None or len(channels) != header.n_channels or len(weights) != 1:
        return FieldReading("none")
    return FieldReading("declared", conventions.get(weights.pop(), ""), order, ("declared by its ADM metadata",), said=True)


def _sound(path: Path, header: Header) -> tuple[SoundFile | None, list[Problem]]:
    """The samples; of a truncated WAVE file those that are there (its header already tells); else why there are none."""
    from seehear.io.audio import open_audio, salvaged

    if not header.n_channels:
        return None, []
    try:
        sound = open_audio(path)
        convention, order = next(iter(declared_conventions(header)), ""), possible_order(header.n_channels)
        if sound.layout.kind == "discrete" and convention and order:
            return replace(sound, layout=ambisonics(order), convention=convention), []
        return sound, []
    except InputError as error:
        sound = salvaged(path) if header.wave is not None and header.wave.truncated else None
        told = str(error).removeprefix(f"{path} ")
        fix = "Copy or export it again."
        return sound, [] if sound is not None else [Problem("unreadable", f"The samples cannot be read: it {told}.", fix)]


def _measured(sound: SoundFile, placed: bool, watch: Watcher) -> tuple[ChannelFacts, Meter, list[Problem]]:
    """What all samples give, and what stops at the first that cannot be read. Invalid samples are counted and taken for 0."""
    from seehear.acoustics.channels import ChannelMeter
    from seehear.acoustics.meter import Meter

    n_channels, rate = sound.layout.n_channels, sound.sample_rate_hz
    order = possible_order(n_channels) if sound.layout.kind == "discrete" and not placed else None
    channels = ChannelMeter(n_channels, rate)
    meter = Meter(sound.layout if order is None else ambisonics(order), rate, sound.convention)
    for start in range(0, sound.n_samples, BLOCK_SAMPLES):
        stop = min(start + BLOCK_SAMPLES, sound.n_samples)
        watch("listening", start / sound.n_samples)
        samples, why = _span(sound, start, stop)
        channels.add(samples)
        meter.add(np.nan_to_num(samples, copy=False))
        if samples.shape[1] < stop - start:
            read_s = (start + samples.shape[1]) / rate
            code, text = ("unreadable", f": {why}") if why else ("truncated", "")
            text = f"The sound cannot be read on from {read_s:.2f} of {sound.duration_s:.2f} s{text}."
            return channels.facts, meter, [Problem(code, text, "Copy or record it again.")]
    return channels.facts, meter, []


def _span(sound: SoundFile, start: int, stop: int) -> tuple[NDArray[np.float32], str]:
    """Samples (C, n) as far as they can be read, NaN where they are no sound, and why they cannot be read at all."""
    from seehear.io.streams import MAX_SAMPLE

    try:
        samples = sound.span(start, stop)  # not read(): that refuses what is to be told here
    except (OSError, InputError) as error:
        return np.zeros((sound.layout.n_channels, 0), np.float32), str(error).rstrip(".")
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(samples) <= MAX_SAMPLE, samples, np.float32("nan")), ""


def _loudness(meter: Meter) -> float | None:
    try:
        return meter.integrated_lufs
    except InputError:  # nothing says where the channels are played
        return None


def _levels(labels: tuple[str, ...], channels: ChannelFacts) -> tuple[ChannelLevel, ...]:
    with np.errstate(divide="ignore"):
        rms, peak = 20 * np.log10(channels.rms), 20 * np.log10(channels.peak)
    return tuple(ChannelLevel(*each) for each in zip(labels, rms.tolist(), peak.tolist(), strict=True))


def _drawn(sound: SoundFile, field: FieldReading) -> Sound:
    """The sound for its figure, in AmbiX where the file calls itself ambisonic; silent where samples are invalid."""
    from seehear.verbs.relabel import relabelled

    def span(start: int, stop: int) -> NDArray[np.float32]:
        samples = np.nan_to_num(_span(sound, start, stop)[0])
        return np.pad(samples, ((0, 0), (0, stop - start - samples.shape[1])))

    valid = replace(sound, span=span)
    if not (field.said and field.order and sound.layout.kind in ("discrete", "ambisonics")):
        return valid
    return relabelled(valid, ambisonics(field.order), field.convention or sound.convention or "acn-sn3d")


def _draw(figure: str | Path, sound: Sound, title: str, force: bool) -> None:
    from seehear.figures import inspected
    from seehear.io.files import whole_file

    png = inspected(sound, title)
    with whole_file(figure, force) as temporary:
        temporary.write_bytes(png)


def _adm_json(adm: AdmContents) -> dict[str, Any]:
    objects = [
        {
            "name": each.name,
            "type": each.type,
            "tracks": [track.track for track in each.tracks],
            "blocks": sum(len(track.channel.blocks) for track in each.tracks if track.channel is not None),
            "muted": each.muted,
        }
        for each in adm.objects
    ]
    return {"programmes": adm.programmes, "contents": adm.contents, "objects": objects}


def _finite(value: Any) -> Any:
    """``value`` with null for every number that JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
