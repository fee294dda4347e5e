"""What a sound generator is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from seehear.types.sight import Image


@dataclass(frozen=True)
class Prompt:
    """One sound to make: generators read what they can (foley the concept, text models the words, others the patch)."""

    concept: str
    """Its name in the vocabulary."""
    text: str = ""
    """The text condition c of SEE-2-SOUND section 2.2; empty where nothing but the concept is known."""
    picture: Image | None = None
    """The patch I_p of what sounds; None for an ambience that nobody sees."""
