"""The API: plain functions that read, wire a preset, work, write whole files or none, and report."""

from seehear.verbs import scene
from seehear.verbs.batch import batch
from seehear.verbs.concepts import concepts
from seehear.verbs.doctor import doctor
from seehear.verbs.evaluate import evaluate
from seehear.verbs.inspect import inspect
from seehear.verbs.relabel import relabel
from seehear.verbs.render import render
from seehear.verbs.spatialize import spatialize
from seehear.verbs.train import train
from seehear.verbs.world import world

__all__ = ["batch", "concepts", "doctor", "evaluate", "inspect", "relabel", "render", "scene", "spatialize", "train", "world"]
