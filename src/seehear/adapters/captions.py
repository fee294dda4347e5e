"""Models that put a picture into words, as recognisers: what can be heard of a crop, and the concepts that those words name.

Two kinds: BLIP, which captions and takes no question, and chat models (transformers' image-text-to-text), which are asked
for the sounding object, as *Seeing Sound* (section 3.1, figure 2) asks LLaVA and CogVLM. That paper found that a model must
be held to what is visible and present, or it imagines sounds from outside the picture; our question says so in its own words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.adapters.folders import architecture
from seehear.adapters.hub import Machine, load_model, quietly, read_files, resolve
from seehear.types import ConceptScores, Image, InputError
from seehear.vocabulary import concepts_in

if TYPE_CHECKING:
    from torch import Tensor

QUESTION = (
    "Look only at what is visible in this picture. If something in it makes a sound, name it and its sound in one short "
    "phrase, such as: dog barking. If nothing visible in it makes a sound, answer: silent."
)
SAID = 0.9
"""Probability that what a caption says is there; the rest is unknown. Captioners give no probabilities of their own."""
MAX_WORDS = 24
SILENT = {"silent", "silence", "nothing", "none", "soundless", "quiet"}
DEPICTIONS = {
    *("statue", "sculpture", "figurine", "painting", "drawing", "poster", "cartoon", "mural"),
    *("logo", "icon", "emblem", "symbol", "trademark"),
}
"""What shows a thing and does not sound like it (*Seeing Sound*, appendix A.2 and its limitations)."""
RESTING = {
    *("sitting", "standing", "lying", "laying", "hanging", "resting", "sleeping", "looking", "wearing", "holding", "facing"),
    *("painting", "building", "ceiling", "evening", "morning", "wedding", "clothing", "parking", "posing", "smiling", "being"),
    *("setting", "leaning", "growing", "showing", "featuring", "containing", "having", "waiting", "stuffing", "string", "ring"),
    *("king", "wing", "spring", "swing", "railing", "thing", "something", "nothing", "everything", "anything", "missing"),
}
"""Words in -ing that are no sign of a sound."""
OPENING = re.compile(
    r"^(?:(?:this|that|it|here|there) (?:is|are) |an? )?(?:close[- ]?up |blurry )?(?:picture|image|photo(?:graph)?) of "
)


def heard(sentence: str, *, asked: bool) -> str:
    """What can be heard, in words, from what a model said of a picture; "" for silence.

    A model that was ``asked`` for the sound is believed unless it names silence or a depiction. A plain caption counts when
    it names a concept of the vocabulary or tells of something that happens (a word in -ing: "a man playing saxophone").
    """
    line = next((part for part in re.split(r"[\n.!?]", sentence.strip()) if part.strip()), "")
    text = OPENING.sub("", " ".join(line.lower().strip(" \"'*-").split()))
    words = re.findall(r"[a-z'-]+", text)[:MAX_WORDS]
    if not words or DEPICTIONS & set(words) or (asked and SILENT & set(words)):
        return ""
    happens = any(len(word) > 4 and word.endswith("ing") and word not in RESTING for word in words)
    return " ".join(text.split()[:MAX_WORDS]) if asked or happens or concepts_in(text) else ""


def scores_of(text: str) -> ConceptScores:
    """Concept probabilities of what is heard in words: 0.9 is shared by the concepts named, in proportion to 1 / rank of
    mention (a caption names its subject first); 0.9 is left to the words alone where they name none; "" is all unknown.
    """
    if not text:
        return ConceptScores({}, 1.0)
    named = concepts_in(text)
    total = sum(1 / rank for rank in range(1, len(named) + 1))
    return ConceptScores({c.name: SAID / (rank * total) for rank, c in enumerate(named, 1)}, 1 - SAID, text)


@dataclass(frozen=True)
class Captioner:
    """A ``protocols.ConceptRecognizer`` over a captioning or chat model; loads it at the first picture."""

    source: str | Path
    """Hub id or folder."""
    machine: Machine = field(default_factory=Machine)
    question: str = QUESTION
    """What chat models are asked."""
    batch_size: int = 8
    """Pictures that BLIP sees together."""

    @cached_property
    def folder(self) -> Path:
        """The local folder of the model; InputError for a question to one that takes none."""
        folder = resolve(self.source, captioners(), offline=self.machine.is_offline)
        if self.question != QUESTION and architecture(folder) == "blip":
            raise InputError(f"{self.source} is a BLIP captioner, which takes no question: leave it out")
        return folder

    @cached_property
    def _say(self) -> Callable[[Sequence[Image]], list[str]]:
        return self._blip() if architecture(self.folder) == "blip" else self._chat()

    def caption(self, images: Sequence[Image]) -> list[str]:
        """What the model says of each picture, word for word."""
        return self._say(images)

    def recognize(self, images: Sequence[Image], /) -> list[ConceptScores]:
        """Concept scores of each picture, with what is heard in words as their text."""
        asked = architecture(self.folder) != "blip"
        return [scores_of(heard(sentence, asked=asked)) for sentence in self.caption(images)]

    def _blip(self) -> Callable[[Sequence[Image]], list[str]]:
        """Beam search with three beams, as BLIP's authors caption."""
        import torch
        from transformers import AutoImageProcessor, AutoTokenizer, BlipForConditionalGeneration

        model = load_model(BlipForConditionalGeneration, self.folder, self.machine)
        with quietly():
            pixels = read_files(lambda: AutoImageProcessor.from_pretrained(self.folder, **_locally()), self.folder)
            words = read_files(lambda: AutoTokenizer.from_pretrained(self.folder, local_files_only=True), self.folder)

        def say(images: Sequence[Image]) -> list[str]:
            said: list[str] = []
            for start in range(0, len(images), self.batch_size):
                batch = pixels(
                    [i.rgb for i in images[start : start + self.batch_size]],
                    return_tensors="pt",
                    input_data_format="channels_last",
                )
                with torch.inference_mode(), quietly():
                    out = model.generate(
                        pixel_values=self._placed(batch["pixel_values"]),
                        num_beams=3,
                        do_sample=False,
                        max_new_tokens=2 * MAX_WORDS,
                    )
                said += words.batch_decode(out, skip_special_tokens=True)
            return said

        return say

    def _chat(self) -> Callable[[Sequence[Image]], list[str]]:
        """Greedy answers to the question, one picture at a time: processors differ in how they batch."""
        import torch
        from PIL import Image as Pillow
        from transformers import AutoModelForImageTextToText, AutoProcessor

        with quietly():
            try:
                processor = read_files(lambda: AutoProcessor.from_pretrained(self.folder, **_locally()), self.folder)
            except ImportError as error:
                why = " ".join(str(error).split())[:120]
                raise InputError(f"the processor of {self.source} needs a package that is not installed: {why}") from None
        model = load_model(AutoModelForImageTextToText, self.folder, self.machine)

        def say(images: Sequence[Image]) -> list[str]:
            said = []
            for image in images:
                content = [{"type": "image", "image": Pillow.fromarray(image.rgb)}, {"type": "text", "text": self.question}]
                with quietly():
                    inputs = processor.apply_chat_template(
                        [{"role": "user", "content": content}],
                        add_generation_prompt=True,
                        tokenize=True,
                        return_dict=True,
                        return_tensors="pt",
                    )
                inputs = {name: self._placed(value) for name, value in inputs.items()}
                with torch.inference_mode(), quietly():
                    out = model.generate(**inputs, do_sample=False, max_new_tokens=2 * MAX_WORDS)
                answer = out[0, inputs["input_ids"].shape[1] :]
                said.append(processor.decode(answer, skip_special_tokens=True))
            return said

        return say

    def _placed(self, tensor: Tensor) -> Tensor:
        """On the model's device, and in its precision if it holds no integers."""
        dtype = self.machine.torch_dtype if tensor.is_floating_point() else tensor.dtype
        return tensor.to(self.machine.torch_device, dtype)


def captioners() -> frozenset[str]:
    """The architectures that can caption: all of transformers' image-text-to-text, BLIP among them."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

    return frozenset({"blip", *MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES})


def _locally() -> dict[str, Any]:
    """How processors are loaded: pictures by pillow, so that torchvision is not needed; no code from a hub."""
    return {"local_files_only": True, "trust_remote_code": False, "backend": "pil"}
