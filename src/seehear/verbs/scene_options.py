"""How to edit a scene: every field is a keyword of a function in `verbs.scene` and a flag of its command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from seehear.acoustics.room import RoomKind
from seehear.systems.spatialize.options import check_choice, check_range, check_types, option
from seehear.types import InputError

ROOM_KINDS = get_args(RoomKind)


@dataclass(frozen=True)
class GainOptions:
    """How to change a gain."""

    by_db: float | None = option(None, "Change the gain by this much: 6 doubles, -6 halves.", "DB")
    to_db: float | None = option(None, "Set the gain at 1 m to this.", "DB")

    def __post_init__(self) -> None:
        check_types(self)


@dataclass(frozen=True)
class MoveOptions:
    """Where to move a source; what is not said stays as it is, all three of direction and distance make it stand still."""

    azimuth_deg: float | None = option(None, "Direction, counter-clockwise from the front: left is 90.", "DEG")
    elevation_deg: float | None = option(None, "Height: 0 is level, 90 above.", "DEG")
    distance_m: float | None = option(None, "Distance.", "M")
    turn_deg: float = option(0.0, "Turn its place, or its whole trajectory, to the left.", "DEG")
    scale: float = option(1.0, "Multiply its distances.", "FACTOR")
    csv: str = option("", "Take the trajectories of a table as `scene export` writes it (any number of sources).", "FILE")

    def __post_init__(self) -> None:
        check_types(self)
        check_range("--azimuth", self.azimuth_deg, -360, 360, "degrees")
        check_range("--elevation", self.elevation_deg, -90, 90, "degrees")
        check_range("--distance", self.distance_m, 0.01, 10_000, "m")
        check_range("--turn", self.turn_deg, -360, 360, "degrees")
        check_range("--scale", self.scale, 0.001, 1000)
        for one, other, has_both in (
            ("--azimuth", "--turn", self.azimuth_deg is not None and self.turn_deg),
            ("--distance", "--scale", self.distance_m is not None and self.scale != 1),
            ("--csv", "other places", self.csv and self.places),
        ):
            if has_both:
                raise InputError(f"{one} and {other} both say where it is: give one of them")

    @property
    def places(self) -> bool:
        """Whether there is anything to move by but a table."""
        given = (self.azimuth_deg, self.elevation_deg, self.distance_m)
        return any(each is not None for each in given) or self.turn_deg != 0 or self.scale != 1


@dataclass(frozen=True)
class ReplaceOptions:
    """How to put another sound in the place of one."""

    at_s: float = option(0.0, "When the new sound begins.", "S")
    repeat: bool = option(False, "Repeat it until the end of the scene, with cross-fades; silence follows otherwise.")
    channel: str = option("", "Of a file with several channels: a number from 1, or mix for their mean.", "N|mix")
    keep_level: bool = option(False, "Keep the file's level; otherwise it becomes as loud as the sound before.")
    licence: str = option("", 'Licence of the file, for the credits: "CC BY 4.0".', "NAME")

    def __post_init__(self) -> None:
        check_types(self)
        if self.channel not in ("", "mix") and not self.channel.isdecimal():
            raise InputError(f"--channel must be a number from 1 or mix, got {self.channel!r}")


@dataclass(frozen=True)
class RetimeOptions:
    """When a sound is heard."""

    shift_s: float = option(0.0, "Later by this much; below 0 earlier.", "S")
    from_s: float | None = option(None, "Cut what is before, in the time before the shift.", "S")
    to_s: float | None = option(None, "Cut what is after.", "S")
    with_path: bool = option(False, "Shift its trajectory too; otherwise it is where the picture shows it.")

    def __post_init__(self) -> None:
        check_types(self)
        if self.shift_s == 0 and self.from_s is None and self.to_s is None:
            raise InputError("nothing to retime by: give --shift, --from or --to")


@dataclass(frozen=True)
class RoomOptions:
    """What room the scene is in."""

    kind: str = option("", "A room around all sources: none, small, hall or outdoor.", "KIND")
    size_m: str = option("", "A room of that length, width and height: 8x6x3.", "LxWxH")
    rt60_s: float | None = option(None, "Reverberation time.", "S")
    height_m: float | None = option(None, "Of the ears over floor or ground.", "M")

    def __post_init__(self) -> None:
        check_types(self)
        if self.kind:
            check_choice("--kind", self.kind, *ROOM_KINDS)
        if not (self.kind or self.sides_m) and self.rt60_s is None and self.height_m is None:
            raise InputError("nothing to change of the room: give --kind, --size, --rt60 or --height")

    @property
    def sides_m(self) -> tuple[float, float, float] | None:
        """Length, width and height, None where they are not said."""
        if not self.size_m:
            return None
        try:
            length, width, height = (float(side) for side in self.size_m.lower().split("x"))
        except ValueError:
            raise InputError(f"--size must be length, width and height in metres such as 8x6x3, got {self.size_m!r}") from None
        return length, width, height
