"""The API: plain functions that read, wire a preset, work, write whole files or none, and report."""

from seehear.verbs import curate, scene
from seehear.verbs.ambisonize import ambisonize
from seehear.verbs.batch import batch
from seehear.verbs.concepts import concepts
from seehear.verbs.doctor import doctor
from seehear.verbs.evaluate import evaluate
from seehear.verbs.evaluate_ambisonics import evaluate_ambisonics
from seehear.verbs.inspect import inspect
from seehear.verbs.relabel import relabel
from seehear.verbs.render import render
from seehear.verbs.spatialize import spatialize
from seehear.verbs.train import train
from seehear.verbs.world import world

__all__ = [
    "ambisonize",
    "batch",
    "concepts",
    "curate",
    "doctor",
    "evaluate",
    "evaluate_ambisonics",
    "inspect",
    "relabel",
    "render",
    "scene",
    "spatialize",
    "train",
    "world",
]
