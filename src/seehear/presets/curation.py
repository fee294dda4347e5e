"""What curation listens and looks with, by the name of a set of models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seehear.data.curation.relevance import ConceptRelevance
from seehear.data.curation.running import Models
from seehear.presets.options import MachineOptions, refuse
from seehear.presets.parts import Part, facts_part, pack_part
from seehear.protocols import AudioTagger, ConceptRecognizer
from seehear.types import InputError

AST = "MIT/ast-finetuned-audioset-10-10-0.4593"
"""A tagger of the 527 labels of AudioSet, as the paper's PaSST is."""
STAND_IN = "cosine of concepts seen and heard (stand-in for CAVP of Diff-Foley)"


@dataclass(frozen=True)
class CurationPreset:
    """The parts of curation. Nothing is loaded before the first clip."""

    parts: tuple[Part, ...]
    tagger: AudioTagger
    recognizer: ConceptRecognizer
    least_object_probability: float
    """Of a concept that is seen, from which it may be believed."""

    @property
    def models(self) -> Models:
        """What the stages take."""
        return Models(self.tagger, ConceptRelevance(self.tagger, self.recognizer), STAND_IN)


def curation_preset(models: str, options: MachineOptions | None = None) -> CurationPreset:
    """The parts of that name: ``builtin`` is the shipped audio encoder and recogniser, ``hub`` has AST as the tagger, and so has
    a folder with an AST. Pictures are recognised by the shipped weights.

    InputError: an unknown name, a folder that is none, an option that would have no effect.
    """
    from seehear.adapters.builtin import BuiltinRecognizer

    options = options or MachineOptions()
    recognizer = BuiltinRecognizer()
    seen = pack_part("recognizer", recognizer.pack)
    relevance = Part("relevance", STAND_IN, "Apache-2.0", stands_for="CAVP of Diff-Foley")
    if models == "builtin":
        from seehear.adapters.audio_encoder import BuiltinAudioEncoder

        refuse(options, ("device", "dtype"), "--models builtin runs on any processor as it is")
        ears = BuiltinAudioEncoder()
        parts = (pack_part("tagger", ears.pack), seen, relevance)
        return CurationPreset(parts, ears, recognizer, recognizer.answer_threshold)
    from seehear.adapters.audio_hub import HubAst
    from seehear.adapters.hub import Machine, facts

    source = AST if models == "hub" else models
    if models != "hub" and not Path(models).expanduser().is_dir():
        raise InputError(f"unknown models {models!r}: choose builtin, hub, or a folder with an AST")
    ast = HubAst(source, Machine(options.device, options.dtype, offline=options.offline))
    tagger = facts_part("tagger", facts(source, offline=options.offline), stands_for="PaSST")
    return CurationPreset((tagger, seen, relevance), ast, recognizer, recognizer.answer_threshold)
