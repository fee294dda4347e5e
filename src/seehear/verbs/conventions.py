"""Whether the channels of a file are ambisonics, and in which order and weights: declared, guessed from words, or unknown.

Words and energies are evidence, never knowledge: no measurement of samples tells Y from X, and a tidy name can be wrong.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seehear.acoustics.channels import FIELD_ENERGY_RATIOS, ChannelFacts
from seehear.io.wav import AMBIX_COMMENT
from seehear.types import HIGHEST_ORDER, Convention, Layout

if TYPE_CHECKING:  # its readers bring media libraries along
    from seehear.io.probe import Header

_WORDS: tuple[tuple[Convention, re.Pattern[str]], ...] = (
    ("acn-n3d", re.compile(r"(?<![a-z])n3d(?![a-z])", re.IGNORECASE)),
    ("acn-sn3d", re.compile(r"ambix|(?<![a-z])sn3d(?![a-z])|(?<![a-z])wyzx(?![a-z])", re.IGNORECASE)),
    ("fuma", re.compile(r"fuma|furse|(?<![a-z])wxyz(?![a-z])|\.amb$", re.IGNORECASE)),
)
_FIELD_WORD = re.compile(r"ambisonic|b[-_ ]?format|(?<![a-z])([fst]oa|hoa\d?|acn)(?![a-z])", re.IGNORECASE)
"""Says that it is ambisonics, but not in which order."""
NAMES: dict[Convention, str] = {"acn-sn3d": "AmbiX (ACN, SN3D)", "acn-n3d": "ACN, N3D", "fuma": "FuMa (W X Y Z)"}
"""What people call them."""
_FUMA_LETTERS = "WXYZRSTUVKLMNOPQ"
NEAR_DB = 1.0
"""How near the energies must lie to a convention's: two real first-order recordings of a choir and a band are off by 0.1 and
0.5 dB."""


@dataclass(frozen=True)
class FieldReading:
    """What is known of the channels as ambisonics."""

    status: Literal["declared", "guessed", "unknown", "none"]
    """By the header; by words in it or in the name; ambisonics may be but nothing tells; surely none."""
    convention: Convention = ""
    """Empty where the order and weights are not known."""
    order: int | None = None
    evidence: tuple[str, ...] = ()
    said: bool = False
    """Whether the file calls itself ambisonic, in its header, its texts or its name."""


def declared_conventions(header: Header) -> dict[Convention, str]:
    """Every convention that fields of the header declare, and which field does."""
    found: dict[Convention, str] = {}
    if header.wave is not None and header.wave.b_format:
        found["fuma"] = "the format GUID of .amb files"
    if header.declared:
        found[header.declared] = f"the channel layout of {header.container}"
    if any(text.startswith(AMBIX_COMMENT) for _, text in header.texts):
        found["acn-sn3d"] = "its AmbiX comment"
    if header.iso is not None and header.iso.sa3d is not None and header.iso.sa3d.is_ambix:
        found["acn-sn3d"] = "its SA3D box"
    if header.opus is not None and header.opus.family in (2, 3):
        found["acn-sn3d"] = f"channel mapping family {header.opus.family} (RFC 8486)"
    return found


def worded_conventions(header: Header, name: str) -> dict[Convention, str]:
    """Every convention that is named in the header's texts or in the file's name, and where."""
    found: dict[Convention, str] = {}
    for where, text in (*header.texts, ("file name", name)):
        for convention, pattern in _WORDS:
            match = pattern.search(text)
            if match is not None:
                found.setdefault(convention, f"{match[0]!r} in its {where}")
    return found


def field_reading(header: Header, name: str, channels: ChannelFacts | None, *, placed: bool) -> FieldReading:
    """What the header, words and energies say; ``placed``: the header says which loudspeakers the channels are for."""
    declared, worded = declared_conventions(header), worded_conventions(header, name)
    order = possible_order(header.n_channels)
    if declared:
        convention = next(iter(declared))
        return FieldReading("declared", convention, order, tuple(f"declared by {why}" for why in declared.values()), said=True)
    if order is None:
        return FieldReading("none")
    words = [f"{where}: {text}" for where, text in (*header.texts, ("file name", name)) if _FIELD_WORD.search(text)]
    said = bool(worded or words)
    energies = _energy_evidence(channels, placed=placed)
    if placed and not said and not energies:
        return FieldReading("none")
    evidence = [*worded.values(), *(f"its {each[:80]!r}" for each in words if not worded), *energies]
    convention = next(iter(worded)) if len(worded) == 1 else ""
    return FieldReading("guessed" if said else "unknown", convention, order, tuple(evidence), said)


def possible_order(n_channels: int) -> int | None:
    """The ambisonic order that has so many channels, 1 to 7; None for other numbers."""
    order = math.isqrt(n_channels) - 1 if n_channels else 0
    return order if 1 <= order <= HIGHEST_ORDER and (order + 1) ** 2 == n_channels else None


def channel_labels(layout: Layout, convention: Convention) -> tuple[str, ...]:
    """The names of a file's channels in its own order: FuMa has letters in an order of its own, up to order 3."""
    is_fuma = convention == "fuma" and layout.n_channels <= len(_FUMA_LETTERS)
    return tuple(_FUMA_LETTERS[: layout.n_channels]) if is_fuma else layout.labels


def likely_weights(channels: ChannelFacts | None) -> Convention:
    """The convention whose weights the energies of the first four channels have, empty for none.

    No channel may be louder than W allows: in SN3D none has more energy than W.
    """
    if channels is None or len(channels.rms) < 4 or not channels.field_energy_ratio > 0:
        return ""
    ratio_db = 10 * math.log10(channels.field_energy_ratio)
    energies = channels.rms[:4] ** 2
    for convention, ratio in FIELD_ENERGY_RATIOS.items():
        bounded = energies[1:].max() <= 1.1 * ratio * energies[0]
        if abs(ratio_db - 10 * math.log10(ratio)) <= NEAR_DB and bounded:
            return convention
    return ""


def _energy_evidence(channels: ChannelFacts | None, *, placed: bool) -> list[str]:
    """What the energies say. Those of N3D say nothing of channels for loudspeakers: four equally loud ones have them."""
    weights = likely_weights(channels)
    if channels is None or not weights or (placed and weights == "acn-n3d"):
        return []
    name = {"acn-sn3d": "SN3D (AmbiX)", "fuma": "FuMa", "acn-n3d": "N3D"}[weights]
    return [
        f"channels 2 to 4 together have {channels.field_energy_ratio:.2f} times the energy of channel 1, as a field has beside W "
        f"in {name} weights (SN3D 1, FuMa 2, N3D 3); this says nothing about their order"
    ]
