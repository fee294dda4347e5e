"""ViSAGe's ablations (Table 3 of its paper) with the small model: components, and patterns without pretraining and rotation.

    python bench/visage_ablations.py --data PREPARED --held-out SHARDS --out DIR [--minutes 10 | --steps N] [--clips 100]
                                     [--jobs N] [--rows NAME ...] [--pretrain-data PREPARED] [--guidance joint]
                                     [--device cpu] [--seed 0]

Every row is trained for the same number of steps on the same clips, from the same seed: as many as fit into --minutes for
DIR + PE in the paper's pattern, measured once on this machine. PT is a model of mono sound, trained once for as many steps (on
--pretrain-data, else on the same clips), which the rows with PT start from; so they have seen twice as much. Guidance is joint
as in the paper's ablations, with omega 2.5.

Each row has a folder in DIR, is resumed where it was stopped, and is not made twice; DIR/ablations.json has all figures.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from visage_world import GUIDANCES, HeldOut, Judges, Row, as_json, evaluate, read_held_out, table

from seehear.adapters.audio_encoder import BuiltinAudioEncoder
from seehear.adapters.builtin_codec import BuiltinCodec
from seehear.adapters.builtin_frames import BuiltinFrames
from seehear.data.prepared import read_prepared
from seehear.data.shards import read_clips
from seehear.io.files import whole_file
from seehear.metrics.score import Score
from seehear.training.recipes import BUILTIN, BUILTIN_PRETRAIN, VisageRecipe
from seehear.training.visage import VisageTask, fit_visage, seconds_per_step
from seehear.types import InputError

PRETRAINING, MEASURED, ALL, STEPS = "pretraining", "row.json", "ablations.json", "steps.json"
PLAIN: VisageRecipe = replace(BUILTIN, rotation=0.0)
"""DIR + PE: the setting in which the paper compares patterns."""
CLIP_ONLY = replace(PLAIN, config=replace(PLAIN.config, direction=False, energy_map=False), pretrained=True)

ROWS: dict[str, VisageRecipe] = {
    "PT": CLIP_ONLY,
    "PT + DIR": replace(CLIP_ONLY, config=replace(CLIP_ONLY.config, direction=True)),
    "DIR + PE": PLAIN,
    "PT + DIR + PE": replace(PLAIN, pretrained=True),
    "PT + DIR + PE + RA": replace(PLAIN, pretrained=True, rotation=0.5),
    "DIR + PE + RA": replace(PLAIN, rotation=0.5),
    "pattern delay": replace(PLAIN, pattern="delay"),
    "pattern residual": replace(PLAIN, pattern="residual"),
    "pattern spatial": replace(PLAIN, pattern="spatial"),
}
"""Recipes by name. The paper's pattern is DIR + PE; DIR + PE + RA is not in the paper's table."""


def folder_of(out: Path, name: str) -> Path:
    return out / name.replace(" + ", "-").replace(" ", "-")


def task_of(given: argparse.Namespace, name: str, steps: int) -> VisageTask:
    """What is learned for the row called ``name``, or for the pretraining that others start from."""
    pretraining = name == PRETRAINING
    recipe = BUILTIN_PRETRAIN if pretraining else ROWS[name]
    recipe = replace(recipe, schedule=replace(recipe.schedule, steps=steps))
    data = given.pretrain_data if pretraining and given.pretrain_data else given.data
    start = folder_of(given.out, PRETRAINING) if recipe.pretrained else None
    return VisageTask(recipe, read_prepared(data), None, start, given.seed)


def n_steps(given: argparse.Namespace) -> int:
    """Steps of every row; what --minutes came to is kept, so that a run can go on."""
    if given.steps is not None:
        return given.steps
    path = given.out / STEPS
    if not path.exists():
        seconds = seconds_per_step(task_of(given, "DIR + PE", 1), given.device, n_steps=4)
        with whole_file(path) as partial:
            partial.write_text(json.dumps({"steps": int(60 * given.minutes / seconds), "seconds_per_step": seconds}), "utf-8")
    return json.loads(path.read_text("utf-8"))["steps"]


@lru_cache(maxsize=1)
def held_out_clips(folder: Path, n: int) -> tuple[BuiltinCodec, HeldOut]:
    codec, ears = BuiltinCodec(), BuiltinAudioEncoder()
    clips = islice(read_clips(folder, split="test"), n)
    return codec, read_held_out(clips, BuiltinFrames(), codec, Judges(ears, ears))


def train_and_measure(given: argparse.Namespace, name: str, steps: int) -> str:
    """Makes the row called ``name`` if it is not there; a process works on one."""
    torch.set_num_threads(given.threads)
    folder = folder_of(given.out, name)
    asked = {"guidance": given.guidance, "clips_asked": given.clips, "seed": given.seed}
    if (folder / MEASURED).exists():
        there = json.loads((folder / MEASURED).read_text("utf-8"))
        if any(there.get(what, value) != value for what, value in asked.items()):
            raise InputError(f"{folder / MEASURED} was measured with other settings than {asked}: remove it to measure anew")

    def say(done: int, loss: float) -> None:
        if done % 50 == 0 or done == steps:
            print(f"{name}: step {done}/{steps}, loss {loss:.3f}", file=sys.stderr, flush=True)

    trained = fit_visage(task_of(given, name, steps), folder, device=given.device, watch=say)
    if name != PRETRAINING and not (folder / MEASURED).exists():
        codec, held_out = held_out_clips(given.held_out, given.clips)
        [row] = evaluate(trained, codec, held_out, {name: GUIDANCES[given.guidance]}, seed=given.seed)
        with whole_file(folder / MEASURED) as partial:
            partial.write_text(as_json([row], held_out, {"model": dict(trained.facts), **asked}), "utf-8")
    return name


def measured_row(values: dict[str, Any]) -> Row:
    scores = {name: Score(**{**score, "ci": tuple(_number(v) for v in score["ci"])}) for name, score in values["scores"].items()}
    scores = {name: replace(score, value=_number(score.value)) for name, score in scores.items()}
    return Row(values["name"], scores, tuple(map(_number, values["angles_deg"])), values["seconds"])


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="prepared clips to learn from")
    parser.add_argument("--held-out", type=Path, required=True, help="shards of clips of the test split")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pretrain-data", type=Path, help="prepared clips to pretrain on (those of --data)")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training for each row")
    parser.add_argument("--steps", type=int, help="of training for each row, instead of --minutes")
    parser.add_argument("--clips", type=int, default=100, help="held-out clips to measure")
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS), metavar="NAME")
    parser.add_argument("--guidance", choices=list(GUIDANCES), default="joint")
    parser.add_argument("--jobs", type=int, default=1, help="rows that are made at the same time")
    parser.add_argument("--threads", type=int, default=1, help="of each")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(given.threads)
    steps = n_steps(given)
    if any(ROWS[name].pretrained for name in given.rows):
        train_and_measure(given, PRETRAINING, steps)
    with ProcessPoolExecutor(given.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in as_completed([pool.submit(train_and_measure, given, name, steps) for name in given.rows]):
            print(f"{done.result()}: done", file=sys.stderr, flush=True)
    wholes = [json.loads((folder_of(given.out, name) / MEASURED).read_text("utf-8")) for name in given.rows]
    rows = [row for whole in wholes for row in whole["rows"]]
    with whole_file(given.out / ALL, force=True) as partial:
        about = {"steps": steps, "guidance": given.guidance, "seed": given.seed, "clips": wholes[0]["clips"]}
        partial.write_text(json.dumps({**about, "rows": rows}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{steps} steps for each row, {len(about['clips'])} clips, guidance {given.guidance}, seed {given.seed}\n")
    print(table(map(measured_row, rows)))


if __name__ == "__main__":
    main()
