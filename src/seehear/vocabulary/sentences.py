"""Which words of a sentence name something that sounds: a caption says more than a list of words does.

A word alone ("running", "glasses") is what its speaker hears. In a sentence it may be a verb of something else ("a dog running"),
or a silent thing beside it ("a man wearing glasses"). So nouns come first, and some words count for nothing at all.
"""

from __future__ import annotations

SILENT_PHRASES = frozenset(
    {
        *("hot dog", "hot dogs", "water bottle", "bottle of water", "glass of water", "cup of water", "body of water"),
        *("fire hydrant", "fire extinguisher", "fire escape", "fire place", "wind turbine", "bell pepper", "bell peppers"),
        *("guinea pig", "sea lion", "rocking horse", "wooden horse", "toy car", "toy train", "train station", "train tracks"),
        *("bus stop", "bus station", "car park", "phone booth", "phone case", "pocket watch", "brass lamp", "stone steps"),
        *("front steps", "window shutters", "roller shutters", "bird house", "bird cage", "bird feeder", "dog house"),
        *("cat food", "dog food", "horn rimmed", "horn-rimmed", "night stand", "night table", "plant pot", "potted plant"),
        *("potted plants", "house plant", "christmas tree", "shower curtain", "glass door", "glass window", "glass table"),
        *("looking at camera", "at the camera", "for the camera", "to the camera", "in the camera", "into the camera"),
        *("security camera", "video camera", "the camera", "piano keyboard", "wedding band", "rubber duck", "chicken wire"),
    }
)
"""Phrases that hold the name of something that sounds and mean something that does not (or not so)."""
SILENT_WORDS = frozenset(
    {
        *("watch", "fly", "saw", "falls", "steps", "ram", "rook", "coach", "launch", "clap", "tick", "surf", "wave", "cock"),
        *("glass", "glasses", "horn", "horns", "shutter", "shutters", "hinge", "latch", "engine", "swarm", "rail", "rails"),
        *(
            "quiet",
            "silence",
            "interior",
            "indoor",
            "emergency",
            "brass",
            "wood",
            "watches",
            "flies",
            "saws",
            "claps",
            "launches",
        ),
    }
)
"""Words that in a sentence are more often a verb or a silent thing: people watch, birds fly, cows have horns."""
FAINT_WORDS = frozenset(
    {
        *("person", "walker", "runner", "people", "night", "room", "plant", "bush", "leaf", "mountain", "woods", "tree", "trees"),
        *("door", "doors", "doorway", "phone", "telephone", "smartphone", "cellphone", "computer", "laptop", "camera", "ball"),
        *("water", "windy", "vehicle", "basketball", "football", "volleyball", "wristwatch", "bark", "roar", "howl", "laugh"),
    }
)
"""Words that count where a sentence names nothing else: who does it, where it is, and what is mostly silent."""
SOUNDING_WORDS = frozenset({"lightning", "raining"})
"""Words in -ing that are no verb of something else."""


def is_faint(phrase: str) -> bool:
    """Whether a word of the table counts in a sentence only where no other does: a verb in -ing, or one of ``FAINT_WORDS``."""
    if " " in phrase or phrase in SOUNDING_WORDS:
        return False
    return phrase.endswith("ing") or phrase in FAINT_WORDS or phrase.removesuffix("s") in FAINT_WORDS
