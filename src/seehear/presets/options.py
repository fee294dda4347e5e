"""How models from elsewhere are run: one frozen value, from which flags of the command line are made."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields

from seehear.systems.spatialize.options import check_choice, check_range, check_types, flag_of, option
from seehear.types import InputError

LONGEST_PROMPT = 500
STEPS, GUIDANCE = (1, 1000), (0, 30)


DEVICE_HELP = "Where they run: auto, cpu, cuda (cuda:1) or mps."
DTYPE_HELP = "Precision: auto (half on an accelerator), float32, float16 or bfloat16."
OFFLINE_HELP = "Never ask the hub: what is not on this machine is an error."


@dataclass(frozen=True)
class MachineOptions:
    """Where models run that are not builtin, and whether they may be downloaded."""

    device: str = option("auto", DEVICE_HELP, "NAME")
    dtype: str = option("auto", DTYPE_HELP, "NAME")
    offline: bool = option(False, OFFLINE_HELP)

    def __post_init__(self) -> None:
        check_types(self)
        _check_machine(self.device, self.dtype)


@dataclass(frozen=True)
class ModelOptions:
    """How to run models of ``--models hub``, ``paper``, a folder or a preset file."""

    device: str = option("auto", DEVICE_HELP, "NAME")
    dtype: str = option("auto", DTYPE_HELP, "NAME")
    offload: bool = option(False, "Move weights to the accelerator piece by piece: slow, but fits cards of 8 GB.")
    offline: bool = option(False, OFFLINE_HELP)
    steps: int | None = option(None, "Steps of the sound model; as many as its authors take by default.", "N")
    guidance: float | None = option(None, "How much the sound model keeps to the words; 1 is no more than it learned.", "X")
    negative_prompt: str | None = option(None, 'What its sounds should not be; "music, speech" by default.', "TEXT")

    def __post_init__(self) -> None:
        check_types(self)
        _check_machine(self.device, self.dtype)
        check_range("--steps", self.steps, *STEPS)
        check_range("--guidance", self.guidance, *GUIDANCE)
        if len(self.negative_prompt or "") > LONGEST_PROMPT:
            raise InputError(
                f"--negative-prompt takes at most {LONGEST_PROMPT} characters, got {len(self.negative_prompt or '')}"
            )

    def refuse(self, names: Collection[str], why: str) -> None:
        """InputError when one of the options ``names`` was given: it would have no effect."""
        refuse(self, names, why)


def refuse(options: MachineOptions | ModelOptions, names: Collection[str], why: str) -> None:
    """InputError when one of ``options`` of those ``names`` was given: it would have no effect."""
    for each in fields(options):
        if each.name in names and getattr(options, each.name) != each.default:
            raise InputError(f"{flag_of(each)} has no effect: {why}")


def _check_machine(device: str, dtype: str) -> None:
    kind, colon, index = device.partition(":")
    if kind not in ("auto", "cpu", "cuda", "mps") or (colon and not (kind == "cuda" and index.isdigit())):
        raise InputError(f"--device must be auto, cpu, cuda, cuda:N or mps, got {device!r}")
    check_choice("--dtype", dtype, "auto", "float32", "float16", "bfloat16")
