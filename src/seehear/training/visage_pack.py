"""Ships a ViSAGe that was trained: ``python -m seehear.training.visage_pack --model RUN --out FILE.safetensors ...``.

The pack is written in half precision and listed in the manifest beside it, with what is known of how it came about: recipe, data,
seed and loss from the run's own files; the sources of its clips, the command and the licence as told; figures from
``bench/visage_world.py --out``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seehear.adapters.builtin_codec import BuiltinCodec
from seehear.adapters.builtin_frames import BuiltinFrames
from seehear.adapters.visage_builtin import is_trained_visage, load_builtin_visage, pack_trained_visage
from seehear.io.files import check_output, read_json
from seehear.nets.trained_visage import TrainedVisage
from seehear.types import InputError

RUN_FACTS = ("steps", "validation_loss", "data", "clips", "validation_clips", "start", "seed")
"""What a run says of itself, beside its recipe."""


def entry_of(
    trained: TrainedVisage,
    *,
    trained_on: Sequence[str],
    command: str,
    licence: str = "Apache-2.0",
    research_only: bool = False,
    measured: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The manifest entry, but for file and config, of a model that was trained here.

    InputError if it says nothing of its recipe, or needs another encoder or codec than the shipped ones.
    """
    if "recipe" not in trained.facts:
        raise InputError("the model does not say by which recipe it was trained, as a run of `seehear train visage` does")
    for what, wanted, shipped in (
        ("encoder", trained.encoder_name, BuiltinFrames().name),
        ("codec", trained.codec_name, BuiltinCodec().name),
    ):
        if wanted != shipped:
            raise InputError(f"the model was trained with the {what} {wanted}, the shipped one is {shipped}")
    entry = {
        "licence": licence,
        "research_only": research_only,
        "trained_on": list(trained_on),
        "command": command,
        "recipe": trained.facts["recipe"],
        "run": {name: trained.facts[name] for name in RUN_FACTS if name in trained.facts},
    }
    return entry if measured is None else {**entry, "measured": figures(measured)}


def figures(bench: Mapping[str, Any]) -> dict[str, Any]:
    """Of what ``bench/visage_world.py`` wrote, each row's scores with their intervals; InputError for something else."""
    try:
        rows = {
            row["name"]: {name: {key: score[key] for key in ("value", "ci", "n")} for name, score in row["scores"].items()}
            for row in bench["rows"]
        }
        return {"held_out_clips": len(bench["clips"]), "rows": rows}
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"the figures are not those of bench/visage_world.py: {error!r}") from None


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when the pack is written."""
    parser = argparse.ArgumentParser(prog="python -m seehear.training.visage_pack", description="Ship a trained ViSAGe.")
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="folder of a run of `seehear train visage`")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.safetensors", help="its name is that of the pack")
    parser.add_argument("--trained-on", action="append", required=True, metavar="TEXT", help="a source of clips; may be repeated")
    parser.add_argument("--command", required=True, metavar="TEXT", help="what makes these weights again")
    parser.add_argument("--licence", default="Apache-2.0", metavar="TEXT", help="default Apache-2.0")
    parser.add_argument("--research-only", action="store_true", help="a source forbids other uses")
    parser.add_argument("--measured", type=Path, metavar="FILE.json", help="what bench/visage_world.py wrote with --out")
    parser.add_argument("--force", action="store_true", help="replace a pack of that name")
    given = parser.parse_args(arguments)
    try:
        complete = _run(given)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"wrote {given.out}: {complete['bytes'] / 2**20:.2f} MiB", file=sys.stderr)
    return 0


def _run(given: argparse.Namespace) -> dict[str, Any]:
    out = check_output(given.out, given.force)
    if out.suffix != ".safetensors":
        raise InputError(f"a pack is called NAME.safetensors, got {out.name}")
    if not is_trained_visage(given.model):
        raise InputError(f"{given.model} holds no trained ViSAGe")
    trained = load_builtin_visage(given.model)
    entry = entry_of(
        trained,
        trained_on=given.trained_on,
        command=given.command,
        licence=given.licence,
        research_only=given.research_only,
        measured=None if given.measured is None else read_json(given.measured),
    )
    return pack_trained_visage(out, trained, entry)


if __name__ == "__main__":
    raise SystemExit(main())
