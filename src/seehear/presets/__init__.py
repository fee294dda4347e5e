"""Presets: the only place where systems and adapters meet. A preset is a value that wires parts together."""

from seehear.presets.evaluation import EvaluationPreset, evaluation_preset
from seehear.presets.options import ModelOptions
from seehear.presets.parts import Part, SpatializePreset
from seehear.presets.spatialize import spatialize_preset

__all__ = ["EvaluationPreset", "ModelOptions", "Part", "SpatializePreset", "evaluation_preset", "spatialize_preset"]
