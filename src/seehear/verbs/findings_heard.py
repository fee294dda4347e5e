"""What is wrong with the samples of a media file: the rules about what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seehear.acoustics.channels import ChannelFacts
from seehear.types import Layout
from seehear.verbs.findings import Problem

SILENT_DBFS = -90.0
"""RMS below which a channel has no sound: the last bit of 16."""
OFFSET, OFFSET_SHARE = 1e-3, 0.02
"""A mean of more than -60 dBFS that is also more than a fiftieth of the RMS is direct current, not a slow wave."""
OFFSET_S = 0.2
"""The mean of a shorter sound, an impulse response say, is that of its lowest wave."""
SAME, OPPOSITE = 0.99999, -0.98
LFE_TOP_HZ, FULL_BAND_SHARE = 200.0, 0.1
"""BS.775: an LFE ends at 120 Hz; a tenth of the energy above 200 Hz is no filter's slope."""
SWAPPED_SHARES = (0.5, 0.1)
"""A swap of C and LFE: more than half of the LFE's energy lies above 200 Hz, and less than a tenth of the centre's."""
MAX_DBTP = -1.0
USUAL_LUFS = (-27.0, -23.0, -18.0, -16.0, -14.0)
"""Film, EBU R128, music in Atmos, podcasts, the web."""
FAR_LU = 4.0


@dataclass(frozen=True)
class Heard:
    """What was measured of the samples."""

    layout: Layout
    labels: tuple[str, ...]
    """Of the channels in the file's order."""
    channels: ChannelFacts
    integrated_lufs: float | None
    true_peak_dbtp: float
    is_field: bool
    """Whether the file calls itself ambisonic."""
    duration_s: float

    @property
    def silent(self) -> np.ndarray:
        """Which channels (C,) have no sound."""
        return self.channels.rms < 10 ** (SILENT_DBFS / 20)


def heard_findings(heard: Heard) -> Iterator[Problem]:
    """Everything that the samples give reason to say."""
    invalid = np.flatnonzero(heard.channels.n_invalid)
    if len(invalid):
        yield Problem(
            "nan",
            f"{int(heard.channels.n_invalid.sum())} samples are no sound (NaN, infinite or beyond a million), in "
            f"{_names(heard, invalid)}: players crash, fall silent or click there.",
            "Find the effect that makes them (a filter that ran away, a division by 0) and export again.",
        )
    if heard.silent.all():
        yield Problem("silent", f"All of it is silent (below {SILENT_DBFS:g} dBFS).", "Check which bus was exported.")
        return
    yield from _peak_findings(heard)
    yield from _silence_findings(heard)
    yield from _offset_findings(heard)
    if not heard.is_field:
        yield from _likeness_findings(heard)
        yield from _lfe_findings(heard)
    yield from _loudness_findings(heard)


def _names(heard: Heard, channels: np.ndarray) -> str:
    labels = [heard.labels[i] for i in channels]
    return ("channel " if len(labels) == 1 else "channels ") + ", ".join(labels)


def _peak_findings(heard: Heard) -> Iterator[Problem]:
    clipped = np.flatnonzero(heard.channels.n_clipped)
    peak = heard.true_peak_dbtp
    if len(clipped):
        yield Problem(
            "clipped",
            f"Cut waves: {int(heard.channels.n_clipped.sum())} samples stand at full scale beside equal ones, in "
            f"{_names(heard, clipped)}.",
            "Export again with a lower gain (or a limiter) on all channels together: what is cut cannot be restored.",
        )
    if peak > 0:
        yield Problem(
            "over-full-scale",
            f"The true peak is {peak:+.1f} dBTP: converters and lossy codecs will clip it.",
            f"Lower all channels by one gain of at least {peak - MAX_DBTP:.1f} dB.",
        )
    elif peak > MAX_DBTP + 0.05:
        yield Problem(
            "true-peak",
            f"The true peak is {peak:.1f} dBTP, above the {MAX_DBTP:g} dBTP that EBU R128 allows.",
            f"Lower all channels by one gain of {peak - MAX_DBTP:.1f} dB.",
        )


def _silence_findings(heard: Heard) -> Iterator[Problem]:
    """The main channels must sound: left and right, a sound field's W. Others may be silent on purpose, an LFE without a word."""
    silent = np.flatnonzero(heard.silent)
    main = {"L", "R", "M", "W", "ACN0", "left ear", "right ear"}
    for severity in ("problem", "note"):
        chosen = [i for i in silent if heard.labels[i] != "LFE" and (heard.labels[i] in main) == (severity == "problem")]
        if chosen:
            of_field = ": a field has all of its sound in W" if severity == "problem" else ": the field is flat there"
            yield Problem(
                "silent-channel",
                f"Silence in {_names(heard, np.array(chosen))}{of_field if heard.is_field else ''}.",
                "Check the routing of the export, unless it is meant so.",
                severity,  # type: ignore[arg-type]
            )


def _offset_findings(heard: Heard) -> Iterator[Problem]:
    facts = heard.channels
    shifted = np.flatnonzero((np.abs(facts.offset) > OFFSET) & (np.abs(facts.offset) > OFFSET_SHARE * facts.rms))
    if len(shifted) and heard.duration_s >= OFFSET_S:
        worst = 20 * math.log10(np.abs(facts.offset[shifted]).max())
        yield Problem(
            "dc-offset",
            f"Direct current of up to {worst:.0f} dBFS in {_names(heard, shifted)}: it takes headroom and clicks at every cut.",
            "Put a high-pass of 5 to 20 Hz on every channel and export again.",
        )


def _likeness_findings(heard: Heard) -> Iterator[Problem]:
    """Equal and opposite pairs. A pair of mirrored places may be equal: that is a sound from the middle."""
    facts, labels = heard.channels, heard.labels
    heard_ones = np.flatnonzero(~heard.silent)
    pairs = [(i, j) for a, i in enumerate(heard_ones) for j in heard_ones[a + 1 :]]
    for i, j in pairs:
        likeness = facts.similarity[i, j]
        if likeness > SAME and math.isclose(facts.rms[i], facts.rms[j], rel_tol=1e-3):
            mirrored = _is_mirrored(heard.layout, i, j)
            yield Problem(
                "duplicate-channels",
                f"{labels[i]} and {labels[j]} are the same" + (": mono in two channels." if len(labels) == 2 else "."),
                "Check the routing of the export, unless it is meant so.",
                "note" if mirrored else "problem",
            )
        elif likeness < OPPOSITE:
            yield Problem(
                "inverted-polarity",
                f"{labels[i]} and {labels[j]} are opposite (correlation {likeness:.2f}): summed to mono they cancel, and between "
                "two loudspeakers there is no image.",
                f"Invert the polarity of one of them: look for a swapped cable or a phase switch on {labels[j]}.",
            )


def _is_mirrored(layout: Layout, i: int, j: int) -> bool:
    if layout.kind != "speakers" or not layout.azimuths_rad:
        return layout.kind == "binaural"
    left, right = (layout.azimuths_rad[k] for k in (i, j))
    return math.isclose(left, -right, abs_tol=1e-6) and abs(left) > 1e-6


def _lfe_findings(heard: Heard) -> Iterator[Problem]:
    lfe = heard.layout.lfe
    if lfe is None or heard.silent[lfe]:
        return
    shares = heard.channels.share_above(LFE_TOP_HZ)
    centre = heard.labels.index("C") if "C" in heard.labels else lfe
    swapped = shares[lfe] > SWAPPED_SHARES[0] and shares[centre] < SWAPPED_SHARES[1] and not heard.silent[centre]
    told = f"The LFE has {100 * shares[lfe]:.0f} % of its energy above {LFE_TOP_HZ:g} Hz"
    if swapped:
        yield Problem(
            "lfe-swapped",
            f"{told}, the centre {100 * shares[centre]:.0f} %: the two look swapped.",
            "Export with the order L R C LFE Ls Rs.",
        )
    elif shares[lfe] > FULL_BAND_SHARE:
        yield Problem(
            "lfe-full-band",
            f"{told}: it is no low-frequency channel, and players add 10 dB to it or leave it out.",
            "Low-pass it at 120 Hz, or check the order of the channels: L R C LFE Ls Rs.",
        )


def _loudness_findings(heard: Heard) -> Iterator[Problem]:
    loudness = heard.integrated_lufs
    if loudness is None or not math.isfinite(loudness):
        return
    nearest = min(USUAL_LUFS, key=lambda each: abs(each - loudness))
    if abs(nearest - loudness) > FAR_LU:
        yield Problem(
            "loudness",
            f"The integrated loudness is {loudness:.1f} LUFS, {abs(nearest - loudness):.0f} LU from the nearest usual level "
            f"({nearest:g} LUFS; broadcast has -23, the web -14).",
            f"Change all channels by one gain of {nearest - loudness:+.1f} dB, if it is a programme of its own.",
            "note",
        )
