"""What the channels of a file may be, by what files say of them: masks, numbers of channels, names of orders."""

from __future__ import annotations

from collections.abc import Mapping

from seehear.types import (
    HIGHEST_ORDER,
    MONO,
    STEREO,
    SURROUND_5_1,
    SURROUND_5_1_4,
    SURROUND_7_1,
    SURROUND_7_1_4,
    Convention,
    Layout,
    ambisonics,
    discrete,
)

MASKS: Mapping[int, Layout] = {
    **{layout.wav_mask: layout for layout in (MONO, STEREO, SURROUND_5_1, SURROUND_7_1, SURROUND_5_1_4, SURROUND_7_1_4)},
    0x3F: SURROUND_5_1,
}
"""Layout per dwChannelMask, whose bits CAF has too; 5.1 comes with side (0x60F) or back (0x3F) surrounds, in the same order."""
FIELDS: Mapping[int, Layout] = {layout.n_channels: layout for layout in map(ambisonics, range(1, HIGHEST_ORDER + 1))}
"""The full set of ambisonic channels that has so many; what a file with so many holds may as well be something else."""
ORDERS: Mapping[str, Convention] = {"": "", "acn": "acn-sn3d", "fuma": "fuma", "n3d": "acn-n3d"}
"""What people call the order and weights of ambisonic channels; empty is what the file says."""


def unnamed(n_channels: int) -> Layout:
    """What channels are that nothing is said about: mono, stereo, or discrete."""
    return (MONO, STEREO)[n_channels - 1] if n_channels <= 2 else discrete(n_channels)
