"""The common definitions of BS.2094-1 that a file refers to without repeating them: loudspeakers, their packs, ambisonics.

Numbers are the last four hexadecimal digits of an ID: pack AP_0001nnnn, channel AC_0001nnnn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from seehear.types import InputError, Layout

SPEAKERS: Mapping[int, tuple[str, float, float]] = {
    0x01: ("M+030", 30, 0),
    0x02: ("M-030", -30, 0),
    0x03: ("M+000", 0, 0),
    0x04: ("LFE", 0, -30),
    0x05: ("M+110", 110, 0),
    0x06: ("M-110", -110, 0),
    0x07: ("M+022", 22.5, 0),
    0x08: ("M-022", -22.5, 0),
    0x09: ("M+180", 180, 0),
    0x0A: ("M+090", 90, 0),
    0x0B: ("M-090", -90, 0),
    0x0C: ("T+000", 0, 90),
    0x0D: ("U+030", 30, 30),
    0x0E: ("U+000", 0, 30),
    0x0F: ("U-030", -30, 30),
    0x10: ("U+110", 110, 30),
    0x11: ("U+180", 180, 30),
    0x12: ("U-110", -110, 30),
    0x13: ("U+090", 90, 30),
    0x14: ("U-090", -90, 30),
    0x15: ("B+000", 0, -30),
    0x16: ("B+045", 45, -30),
    0x17: ("B-045", -45, -30),
    0x18: ("M+060", 60, 0),
    0x19: ("M-060", -60, 0),
    0x1A: ("M+135_Diff", 135, 0),
    0x1B: ("M-135_Diff", -135, 0),
    0x1C: ("M+135", 135, 0),
    0x1D: ("M-135", -135, 0),
    0x1E: ("U+135", 135, 30),
    0x1F: ("U-135", -135, 30),
    0x20: ("LFEL", 45, -30),
    0x21: ("LFER", -45, -30),
    0x22: ("U+045", 45, 30),
    0x23: ("U-045", -45, 30),
    0x24: ("M+SC", 25, 0),
    0x25: ("M-SC", -25, 0),
    0x26: ("M+045", 45, 0),
    0x27: ("M-045", -45, 0),
    0x28: ("UH+180", 180, 45),
}
"""Label of BS.2051 (the end of its URN), azimuth and elevation in degrees, by number."""

PACKS: Mapping[int, str] = {
    0x01: "mono (0+1+0)",
    0x02: "stereo (0+2+0)",
    0x03: "5.1 (0+5+0)",
    0x04: "5.1.2, top front (2+5+0)",
    0x05: "5.1.4 (4+5+0)",
    0x07: "10.2 (3+7+0)",
    0x08: "13.1 (4+9+0)",
    0x09: "22.2 (9+10+3)",
    0x0A: "3.0 (0+3+0)",
    0x0B: "4.0 (0+4+0)",
    0x0C: "5.0 (0+5+0)",
    0x0D: "6.1 (0+6+0)",
    0x0E: "7.1, front (0+7+0)",
    0x0F: "7.1 (0+7+0)",
    0x10: "10.1 (4+5+1)",
    0x11: "Auro-3D (9+9+0)",
    0x12: "7.1, screen (0+7+0)",
    0x13: "5.1.2, top side (2+5+0)",
    0x14: "5.1.2 with screen (2+7+0)",
    0x15: "5.1.4 with screen (4+7+0)",
    0x16: "7.1.2 (2+7+0)",
    0x17: "7.1.4 (4+7+0)",
}
"""Loudspeaker packs: what people call them, and the name of BS.2051."""

_FRONT = (0x01, 0x02, 0x03, 0x04)
_PACK_OF_LAYOUT: Mapping[str, tuple[int, tuple[int, ...]]] = {
    "mono": (0x01, (0x03,)),
    "stereo": (0x02, (0x01, 0x02)),
    "5.1": (0x03, (*_FRONT, 0x05, 0x06)),
    "7.1": (0x0F, (*_FRONT, 0x0A, 0x0B, 0x1C, 0x1D)),
    "5.1.4": (0x05, (*_FRONT, 0x05, 0x06, 0x0D, 0x0F, 0x10, 0x12)),
    "7.1.4": (0x17, (*_FRONT, 0x0A, 0x0B, 0x1C, 0x1D, 0x22, 0x23, 0x1E, 0x1F)),
}
"""The pack of each of our loudspeaker layouts, and its channels in the order of BS.2051."""

HIGHEST_HOA_ORDER = 6
"""BS.2094 defines ambisonic packs up to here."""


def pack_of(layout: Layout) -> tuple[str, tuple[str, ...], tuple[int, ...]]:
    """Of a loudspeaker or ambisonic ``layout``: the pack's ID, its channels' IDs, and which channel of the layout each one is.

    Loudspeakers come in the order of BS.2051, which is not that of WAV (sides before backs). InputError for a layout that
    BS.2094 has no pack for.
    """
    if layout.kind == "ambisonics" and layout.order <= HIGHEST_HOA_ORDER:
        channels = tuple(f"AC_0004{acn + 1:04x}" for acn in range(layout.n_channels))
        return f"AP_0004{layout.order:04x}", channels, tuple(range(layout.n_channels))
    if layout.kind != "speakers" or layout.name not in _PACK_OF_LAYOUT:
        known = ", ".join(_PACK_OF_LAYOUT)
        raise InputError(f"ADM has no pack for {layout.name}: choose {known}, or ambisonics to order {HIGHEST_HOA_ORDER}")
    pack, numbers = _PACK_OF_LAYOUT[layout.name]
    return f"AP_0001{pack:04x}", tuple(f"AC_0001{n:04x}" for n in numbers), tuple(_channel(layout, n) for n in numbers)


def _channel(layout: Layout, number: int) -> int:
    """The channel of ``layout`` that stands where loudspeaker ``number`` does."""
    label, azimuth_deg, elevation_deg = SPEAKERS[number]
    if label == "LFE":
        assert layout.lfe is not None
        return layout.lfe
    wanted = (math.radians(azimuth_deg), math.radians(elevation_deg))
    places = list(zip(layout.azimuths_rad, layout.elevations_rad, strict=True))
    (found,) = (i for i in layout.speakers if math.dist(places[i], wanted) < 1e-6)
    return found


def pack_name(pack_id: str) -> str:
    """What a common definition's pack is, "" for any other ID."""
    kind, number = pack_id[3:7], _number(pack_id)
    if kind == "0001":
        return PACKS.get(number, "")
    if kind == "0004" and number < 0x1000:
        norm = {0x0000: "SN3D", 0x0010: "N3D", 0x0020: "FuMa"}.get(number & 0xFFF0)
        return f"ambisonics of order {number & 0xF}, {norm}" if norm and number & 0xF else ""
    return "binaural" if pack_id[3:] == "00050001" else ""


def hoa_channel(channel_id: str) -> tuple[int, int, str] | None:
    """Order, degree and normalisation of a common ambisonic channel by its ID, None for any other."""
    number = _number(channel_id)
    norm = {0x0000: "SN3D", 0x0100: "N3D"}.get(number & 0xFF00)
    if channel_id[3:7] != "0004" or norm is None or not 1 <= number & 0xFF <= (HIGHEST_HOA_ORDER + 1) ** 2:
        return None
    acn = (number & 0xFF) - 1
    order = math.isqrt(acn)
    return order, acn - order * (order + 1), norm


def speaker(channel_id: str) -> tuple[str, float, float] | None:
    """Label, azimuth and elevation in degrees of a common loudspeaker channel by its ID, None for any other."""
    return SPEAKERS.get(_number(channel_id)) if channel_id[3:7] == "0001" else None


def _number(identifier: str) -> int:
    """The number of an ID, -1 when it has none."""
    try:
        return int(identifier[7:11], 16)
    except ValueError:
        return -1
