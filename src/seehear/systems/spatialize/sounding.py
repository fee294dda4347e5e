"""What sight hands over to sound."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from seehear.acoustics.room import RoomKind
from seehear.systems.spatialize.motion import SeenMotion
from seehear.systems.spatialize.place import Place
from seehear.types import Image
from seehear.vocabulary import Concept

Origin = Literal["seen", "said", "placed", "ambience"]

LONG_S = 60.0
"""A longer scene has its stems in temporary files (a minute of 36 of them is 415 MB in memory), made of pieces; and objects of
one concept take turns in one (a film of hundreds of shots would have a stem per shot and object)."""


@dataclass(frozen=True)
class SoundingObject:
    """Something in the picture that will be heard."""

    concept: Concept
    score: float
    """Probability that it is there; 1 for what the user said."""
    origin: Origin
    place: Place
    level_db: float = 0.0
    """On top of the concept's own level."""
    text: str = ""
    """In words, for generators that read (the text condition c of section 2.2)."""
    motion: SeenMotion | None = None
    """What its motion says about when and how loud it sounds; None for a still, or where it says nothing."""
    fit: float = 1.0
    """How well a said word fits its place, to choose among shots."""
    picture: Image | None = None
    """The reference frame of its shot, whose pixels its box counts; None for what is all around, and in a long video
    where it is of another shot than the one that the sighting shows."""
    fades_s: tuple[float | None, float | None] = (None, None)
    """Fades where a cut begins or ends it; None where something else does."""


@dataclass(frozen=True)
class Sighting:
    """What a picture shows to the ear."""

    objects: tuple[SoundingObject, ...]
    room_kind: RoomKind
    picture: Image
    """The reference frame, whose pixels the boxes count; of several shots, that of the one that the room is of."""
    notes: tuple[str, ...] = ()
    """Sentences for the user."""
    uncertain: bool = False
    """Little was recognised with confidence."""
    guesses: tuple[tuple[str, float], ...] = ()
    """The recogniser's best concepts and their scores, heard or not; empty where it was not asked."""
    room_shot_s: tuple[float, float] | None = None
    """The shot that the room is of, where other shots are in another kind of room."""
    shots_s: tuple[tuple[float, float], ...] = ()
    """Start and end of each shot of a video with cuts; empty otherwise."""

    def without_pictures(self) -> Sighting:
        """The same without reference frames (a pixel stands for its own), which would add up over the shots of a film."""
        objects = tuple(replace(item, picture=None) for item in self.objects)
        return replace(self, objects=objects, picture=Image(self.picture.rgb[:1, :1].copy()))
