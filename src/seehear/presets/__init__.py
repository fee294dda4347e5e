"""Presets: the only place where systems and adapters meet. A preset is a value that wires parts together."""

from seehear.presets.ambisonize import AmbisonizePreset, ambisonize_preset
from seehear.presets.evaluation import EvaluationPreset, JudgesPreset, evaluation_preset, judges_preset
from seehear.presets.options import MachineOptions, ModelOptions
from seehear.presets.parts import Part, SpatializePreset
from seehear.presets.spatialize import spatialize_preset

__all__ = [
    "AmbisonizePreset",
    "EvaluationPreset",
    "JudgesPreset",
    "MachineOptions",
    "ModelOptions",
    "Part",
    "SpatializePreset",
    "ambisonize_preset",
    "evaluation_preset",
    "judges_preset",
    "spatialize_preset",
]
