"""What an ADM file is made of: objects and beds, all of one rate and length."""

from __future__ import annotations

from dataclasses import dataclass

from seehear.io.adm.common import pack_of
from seehear.types import InputError, Sound, Source

MAX_OBJECTS = 0xFFFF - 0x1000
"""IDs of own definitions run from 1001 to FFFF (hexadecimal)."""


@dataclass(frozen=True)
class Bed:
    """Sound that is heard as it is, in a loudspeaker layout or in ambisonics (ACN, SN3D), and its name."""

    sound: Sound
    label: str

    def __post_init__(self) -> None:
        pack_of(self.sound.layout)
        if self.sound.layout.kind == "ambisonics" and self.sound.convention != "acn-sn3d":
            raise InputError(f"the bed {self.label!r} must be acn-sn3d, got {self.sound.convention or 'no convention'}")


@dataclass(frozen=True)
class Programme:
    """An ADM programme: ``objects``, dry and seen from the listener's head, and ``beds``.

    InputError when it would be empty, and for sounds of several rates or lengths.
    """

    objects: tuple[Source, ...]
    """Those that are muted are left out of the file: renderers before BS.2076-2 know no muted object."""
    beds: tuple[Bed, ...] = ()
    name: str = "seehear"

    def __post_init__(self) -> None:
        if not self.sounds:
            raise InputError("an ADM file needs at least one object that is not muted, or a bed")
        facts = sorted({(sound.sample_rate_hz, sound.n_samples) for sound in self.sounds})
        if len(facts) > 1:
            told = ", ".join(f"{n} samples at {rate} Hz" for rate, n in facts)
            raise InputError(f"the sounds of an ADM file need one rate and one length, got {told}")
        if len(self.audible) + len(self.beds) > MAX_OBJECTS:
            raise InputError(f"an ADM file holds at most {MAX_OBJECTS} objects and beds, got {len(self.objects)}")

    @property
    def audible(self) -> tuple[Source, ...]:
        """The objects that are written."""
        return tuple(source for source in self.objects if not source.muted)

    @property
    def sounds(self) -> tuple[Sound, ...]:
        """What is in the file, in the order of its tracks: objects, then beds."""
        return (*(source.audio for source in self.audible), *(bed.sound for bed in self.beds))

    @property
    def n_samples(self) -> int:
        return self.sounds[0].n_samples

    @property
    def sample_rate_hz(self) -> int:
        return self.sounds[0].sample_rate_hz
