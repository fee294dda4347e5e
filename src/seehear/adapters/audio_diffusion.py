"""Sound from text by latent diffusion: AudioLDM, AudioLDM 2 and Stable Audio through diffusers, as a SoundGenerator.

What a generator is asked for is the text condition c of SEE-2-SOUND (section 2.2); the classifier-free guidance of these
pipelines is uncond + scale * (cond - uncond), with the negative prompt as what is moved away from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seehear.adapters.folders import architecture
from seehear.adapters.hub import Machine, load_model, quietly, read_files, resolve
from seehear.foley.level import reference_gain
from seehear.foley.pieces import in_pieces, pieces_of
from seehear.types import MONO, Audio, InputError, Prompt, n_samples

NEGATIVE_PROMPT = "music, speech"
"""What a sound of things is not, unless the prompt says so."""
SHORTEST_S = 5.0
"""A shorter sound is cut out of one of this length: the models were trained on windows of 10 s and more."""
SPARE_S = 0.1
"""Made on top, so that resampling never comes out short."""


@dataclass(frozen=True)
class Family:
    """What the authors of a kind of pipeline use."""

    steps: int
    guidance: float
    window_s: float | None
    """The length it was trained on; None where the model says it."""


FAMILIES: Mapping[str, Family] = {
    "AudioLDMPipeline": Family(200, 2.5, 10.24),
    "AudioLDM2Pipeline": Family(200, 3.5, 10.24),
    "StableAudioPipeline": Family(100, 7.0, None),
}
"""By pipeline class. Liu et al. 2023 (AudioLDM, section 4), Liu et al. 2024 (AudioLDM 2), model card of Stable Audio Open 1.0."""


@dataclass(frozen=True)
class AudioModel:
    """A text-to-audio pipeline that is loaded when it is first needed, once."""

    source: str | Path
    """Hub id or folder."""
    machine: Machine = field(default_factory=Machine)

    @cached_property
    def folder(self) -> Path:
        """The local folder of the pipeline."""
        return resolve(self.source, FAMILIES, offline=self.machine.is_offline)

    @property
    def kind(self) -> str:
        """The class of the pipeline."""
        return architecture(self.folder)

    @cached_property
    def pipeline(self) -> Any:
        """The pipeline on its device."""
        import diffusers

        kind = getattr(diffusers, self.kind, None)
        if kind is None:
            raise InputError(f"this version of diffusers ({diffusers.__version__}) has no {self.kind}: use an AudioLDM 2 model")
        how = {"local_files_only": True, "use_safetensors": True, "torch_dtype": self.machine.torch_dtype}
        with quietly():
            if self.kind == "StableAudioPipeline":
                pipeline = kind(**self._stable_audio_parts(how))
            else:
                parts = {"language_model": self._language_model()} if self.kind == "AudioLDM2Pipeline" else {}
                pipeline = read_files(lambda: kind.from_pretrained(self.folder, **how, **parts), self.folder)
            pipeline.set_progress_bar_config(disable=True)
            return self._placed(pipeline)

    @property
    def rate_hz(self) -> int:
        """The sample rate of what it makes."""
        part = self.pipeline.vae if self.kind == "StableAudioPipeline" else self.pipeline.vocoder
        return int(part.config.sampling_rate)

    @property
    def window_s(self) -> float:
        """The longest sound that it makes well at once."""
        if (window_s := FAMILIES[self.kind].window_s) is not None:
            return window_s
        return self.pipeline.transformer.config.sample_size * self.pipeline.vae.hop_length / self.rate_hz

    def _placed(self, pipeline: Any) -> Any:
        device = self.machine.torch_device
        if not self.machine.offload or device == "cpu":
            return pipeline.to(device)
        if self.kind == "StableAudioPipeline":  # diffusers has no layer-wise offload for it, only part by part
            pipeline.enable_model_cpu_offload(device=device)
        else:
            pipeline.enable_sequential_cpu_offload(device=device)
        return pipeline

    def _language_model(self) -> Any:
        """AudioLDM 2's GPT-2, which was published as a plain GPT2Model: the pipeline needs the class that can generate.

        Both give the same last hidden states, which is all that is used of it.
        """
        from transformers import GPT2LMHeadModel

        return load_model(GPT2LMHeadModel, self.folder / "language_model", self._unplaced)

    def _stable_audio_parts(self, how: Mapping[str, Any]) -> dict[str, Any]:
        """The parts one by one: the index names a schedule that cannot be made without torchsde (:func:`cosine_schedule`)."""
        from diffusers import AutoencoderOobleck, StableAudioDiTModel, StableAudioProjectionModel
        from transformers import AutoTokenizer, T5EncoderModel

        kinds = {"vae": AutoencoderOobleck, "transformer": StableAudioDiTModel, "projection_model": StableAudioProjectionModel}
        parts = {
            name: read_files(lambda n=name, k=kind: k.from_pretrained(self.folder / n, **how), self.folder / name)
            for name, kind in kinds.items()
        }
        words = read_files(lambda: AutoTokenizer.from_pretrained(self.folder / "tokenizer", local_files_only=True), self.folder)
        text_encoder = load_model(T5EncoderModel, self.folder / "text_encoder", self._unplaced)
        return {
            **parts,
            "tokenizer": words,
            "text_encoder": text_encoder,
            "scheduler": cosine_schedule(self.folder / "scheduler"),
        }

    @property
    def _unplaced(self) -> Machine:
        """The precision of the machine, in main memory: the pipeline is placed as a whole."""
        return Machine("cpu", str(self.machine.torch_dtype).removeprefix("torch."))


def cosine_schedule(folder: Path) -> Any:
    """Stable Audio's noise schedule for DPM-Solver++ (2M): v-prediction, exponential sigmas, noise level 2 / pi * atan(sigma).

    The published solver adds noise by a package of its own (torchsde); the ordinary differential equation of the same model
    (Lu et al. 2022, with the preconditioning of Karras et al. 2022) needs none, and one seed gives one sound.
    """
    import torch
    from diffusers import EDMDPMSolverMultistepScheduler

    class CosineSchedule(EDMDPMSolverMultistepScheduler):
        def precondition_noise(self, sigma: Any) -> Any:
            return torch.as_tensor(sigma).atan() * (2 / math.pi)

    return read_files(lambda: CosineSchedule.from_config(CosineSchedule.load_config(folder)), folder)


@dataclass(frozen=True)
class DiffusionGenerator:
    """A ``protocols.SoundGenerator`` that reads: the prompt's text, or "sound of ..." its concept."""

    model: AudioModel
    steps: int | None = None
    """Denoising steps; None takes the family's."""
    guidance: float | None = None
    """Scale of the guidance (1 is plain conditional); None takes the family's."""
    negative_prompt: str = NEGATIVE_PROMPT
    watch: Callable[[float], None] = lambda _: None
    """Told how much of a sound is made (0 to 1)."""

    def generate(self, prompt: Prompt, duration_s: float, sample_rate_hz: int, rng: np.random.Generator, /) -> Audio:
        """Mono sound of exactly ``round(duration_s * sample_rate_hz)`` samples at the stem reference level.

        Longer than the model's window, it is joined from pieces that overlap with equal power, each with noise of its own;
        of a sound below 5 s the loudest part is taken. InputError where half precision overflows.
        """
        text = prompt.text or f"sound of {prompt.concept}"
        longest_s = self.model.window_s - SPARE_S
        pieces, _ = pieces_of(duration_s, longest_s)
        made = 0

        def make(seconds: float, generator: np.random.Generator) -> NDArray[np.floating]:
            nonlocal made
            before, made = made, made + 1
            return self._make(
                text, seconds, sample_rate_hz, generator, lambda part: self.watch(min(1.0, (before + part) / pieces))
            )

        x = make(duration_s, rng) if pieces == 1 else in_pieces(make, duration_s, sample_rate_hz, rng, longest_s=longest_s)
        x = (x * reference_gain(x, sample_rate_hz)).astype(np.float32)
        return Audio(x[None], sample_rate_hz, MONO)

    def _make(
        self, text: str, seconds: float, rate_hz: int, rng: np.random.Generator, watch: Callable[[float], None]
    ) -> NDArray[np.floating]:
        """One piece (n,) of at most the model's window, resampled."""
        import soxr

        window_s = self.model.window_s
        length_s = min(window_s, max(seconds + SPARE_S, SHORTEST_S))
        x = self._run(text, length_s, int(rng.integers(2**63)), watch)
        if not np.isfinite(x).all():
            raise InputError(f"{self.model.source} made no finite sound in {self.model.machine.torch_dtype}: try --dtype float32")
        x = soxr.resample(x - x.mean(), self.model.rate_hz, rate_hz)
        n = n_samples(seconds, rate_hz)
        if len(x) < n:
            raise AssertionError(f"{len(x)} samples of {length_s} s are fewer than {n}")
        start = loudest_start(x, n, round(0.05 * rate_hz))
        return x[start : start + n]

    def _run(self, text: str, length_s: float, seed: int, watch: Callable[[float], None]) -> NDArray[np.float64]:
        """What the pipeline makes of a text, mono, at its own rate."""
        import torch

        family, model = FAMILIES[self.model.kind], self.model
        steps = self.steps or family.steps
        length = {"audio_end_in_s" if model.kind == "StableAudioPipeline" else "audio_length_in_s": length_s}
        with torch.inference_mode(), quietly():
            made = model.pipeline(
                text,
                **length,
                num_inference_steps=steps,
                guidance_scale=family.guidance if self.guidance is None else self.guidance,
                negative_prompt=self.negative_prompt or None,
                generator=torch.Generator("cpu").manual_seed(seed),
                callback=lambda step, *_: watch((step + 1) / steps),
                callback_steps=1,
            ).audios
        x = made.float().cpu().numpy() if isinstance(made, torch.Tensor) else made
        return np.atleast_2d(x[0]).mean(axis=0, dtype=np.float64)


def loudest_start(x: NDArray[np.floating], n: int, step: int) -> int:
    """Where the ``n`` samples of most energy begin, to ``step`` samples; the first of equals."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(x, dtype=np.float64))])
    starts = np.arange(0, len(x) - n + 1, step)
    return int(starts[np.argmax(energy[starts + n] - energy[starts])])
