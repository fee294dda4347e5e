"""``train``: a model from clips, resumable, with its curves and the best of it kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import seehear
from seehear.data.prepared import HEADER, Prepared, PreparedHeader, header_for, prepare, read_prepared
from seehear.io.files import check_folder
from seehear.presets.learning import learning_parts
from seehear.systems.spatialize.options import check_choice, check_range, check_types, option
from seehear.training.curves import RUN, last_losses
from seehear.types import InputError
from seehear.verbs.progress import Stages, Watcher, unwatched

if TYPE_CHECKING:
    import torch

    from seehear.training.processes import Processes
    from seehear.training.recipes import VisageRecipe
    from seehear.training.visage import VisageTask

SYSTEMS = ("visage",)
RECIPES = ("builtin", "builtin-pretrain", "builtin-finetune", "scratch", "pretrain", "finetune")
"""Names in ``training.recipes``, which is not imported before it is needed: it loads torch."""
PREPARED, PREPARED_VALIDATION = "prepared", "prepared-validation"
SHARE_PREPARING = 0.2
"""Of the progress, for each folder of clips that has to be prepared."""


@dataclass(frozen=True)
class TrainOptions:
    """What to learn from, and how."""

    data: str = option("", "Clips: a folder of shards, or of prepared clips.", "DIR")
    out: str = option("", "Folder for the model, its curves and checkpoints.", "DIR")
    validation: str = option("", "Held-out clips; with them the best model is kept, without them the last.", "DIR")
    recipe: str = option("builtin", f"{', '.join(RECIPES[:-1])} or {RECIPES[-1]}.", "NAME")
    start: str = option("", "Model to start from: a folder of a pretrain run, or a released checkpoint.", "DIR")
    steps: int | None = option(None, "Steps of the optimiser; the recipe's by default.", "N")
    minutes: float | None = option(None, "As many steps as fit into this time here.", "MIN")
    seed: int = option(0, "Same seed, data, threads and machine: same weights.", "N")
    models: str = option("builtin", "What sees and codes the clips: builtin, paper, or a folder with clip and dac.", "NAME")
    device: str = option("auto", "Where to train: auto, cpu, cuda or cuda:N.", "NAME")
    threads: int = option(1, "Processor threads. More help larger models, on cores that nobody else uses.", "N")
    offline: bool = option(False, "Never ask the hub.")
    resume: bool = option(False, "Go on with a run that was stopped.")

    def __post_init__(self) -> None:
        check_types(self)
        for flag, value in (("--data", self.data), ("--out", self.out)):
            if not value:
                raise InputError(f"{flag} needs the name of a folder")
        check_choice("--recipe", self.recipe, *RECIPES)
        check_range("--steps", self.steps, 1, 100_000_000)
        check_range("--minutes", self.minutes, 0.1, 1_000_000)
        check_range("--seed", self.seed, 0, 2**63 - 1)
        check_range("--threads", self.threads, 1, 1024)
        if self.steps is not None and self.minutes is not None:
            raise InputError("--steps and --minutes both say how long to train: give one of them")
        kind, _, index = self.device.partition(":")
        if kind not in ("auto", "cpu", "cuda", "mps") or (index and not index.isdigit()):
            raise InputError(f"--device must be auto, cpu, cuda or cuda:N, got {self.device!r}")


def train(system: str, *, watch: Watcher = unwatched, dry_run: bool = False, **options: Any) -> dict[str, Any]:
    """The report of training ``system`` (visage): steps, losses, seconds, and where the model is.

    ``options`` are the fields of :class:`TrainOptions`. ``out`` then holds the model (`seehear ambisonize --models OUT` takes
    it), ``curves.jsonl``, ``run.json`` with all that decides the weights, and a checkpoint. Clips from shards are prepared first,
    once, in ``out/prepared``. A run that was stopped goes on with ``resume`` and ends with the same weights as one that was not.
    With ``dry_run`` nothing is written: the report has the plan.
    InputError: an unknown system or option, data that do not fit, a folder that holds another run.
    """
    if system not in SYSTEMS:
        raise InputError(f"what can be trained is {', '.join(SYSTEMS)}, got {system!r}")
    asked = TrainOptions(**options)
    earlier = _earlier(asked)
    if dry_run:
        return {"version": seehear.__version__, "system": system, "dry_run": True, **_plan(asked, earlier)}
    from seehear.training.processes import threads

    with threads(asked.threads):
        return _trained(asked, earlier, watch)


def _trained(asked: TrainOptions, earlier: dict[str, Any] | None, watch: Watcher) -> dict[str, Any]:
    """The report, once the model is there."""
    from seehear.training.processes import device_here, processes_now, wait_for_all
    from seehear.training.visage import fit_visage

    begun, out, device = time.monotonic(), Path(asked.out), device_here(asked.device)
    crew = processes_now()
    wait_for_all(crew)  # none writes to the folder before all have looked into it
    stages = Stages(watch if crew.first else unwatched)
    data, held_out = _material(asked, stages, crew)
    task = _task(asked, earlier, data, held_out, device)
    n_steps = task.recipe.schedule.steps
    with stages.stage("training", 1 - stages.done) as tell:
        told = _seldom(n_steps, lambda done, loss: f"step {done}/{n_steps}, loss {loss:.3f}")
        trained = fit_visage(task, out, device=device, watch=lambda done, loss: tell(told(done, loss), done / n_steps))
    return {
        "version": seehear.__version__,
        "system": "visage",
        "recipe": asked.recipe,
        "steps": n_steps,
        "clips": len(data),
        "parameters": sum(tensor.numel() for tensor in trained.net.parameters()),
        "losses": last_losses(out),
        "kept_after_steps": trained.facts["steps"],
        "seconds": round(time.monotonic() - begun, 1),
        "out": str(out),
    }


def _earlier(asked: TrainOptions) -> dict[str, Any] | None:
    """What the run in ``out`` was told, if it is resumed and has begun; InputError where ``resume`` does not fit."""
    out = Path(asked.out)
    check_folder(out)
    if (out / RUN).exists():
        if not asked.resume:
            raise InputError(f"{out} holds a run already: --resume goes on with it, another --out starts anew")
        from seehear.adapters.folders import read_json

        return read_json(out / RUN)
    if asked.resume and not (out / PREPARED).exists():
        raise InputError(f"{out} holds no run to resume")
    return None


def _seldom(n: int, words: Callable[..., str]) -> Callable[..., str]:
    """``words`` of every hundredth of ``n`` parts of the work, told again for those between: a log has a line for each."""
    last = ""

    def told(done: int, *more: Any) -> str:
        nonlocal last
        if not last or done == n or done % max(1, n // 100) == 0:
            last = words(done, *more)
        return last

    return told


def _is_prepared(folder: str) -> bool:
    return (Path(folder).expanduser() / HEADER).is_file()


def _material(asked: TrainOptions, stages: Stages, crew: Processes) -> tuple[Prepared, Prepared | None]:
    """The clips to learn from and those held out, prepared if they are not."""
    data = _prepared(asked, asked.data, PREPARED, stages, crew)
    if not asked.validation:
        return data, None
    held_out = _prepared(asked, asked.validation, PREPARED_VALIDATION, stages, crew)
    if held_out.header != data.header:
        raise InputError(f"the clips in {asked.data} and {asked.validation} are not of one encoder, codec and size")
    if both := set(data.keys) & set(held_out.keys):
        raise InputError(f"{len(both)} clips are in {asked.data} and in {asked.validation}, such as {min(both)}: hold others out")
    return data, held_out


def _prepared(asked: TrainOptions, folder: str, name: str, stages: Stages, crew: Processes) -> Prepared:
    if _is_prepared(folder):
        return read_prepared(folder)
    from seehear.data.shards import count_clips, read_clips
    from seehear.training.processes import wait_for_all

    if not crew.first:
        wait_for_all(crew)
        return read_prepared(Path(asked.out) / name)
    encoder, codec = learning_parts(asked.models, device=asked.device, offline=asked.offline)
    n_clips = count_clips(folder)
    if n_test := count_clips(folder, split="test"):
        raise InputError(f"{n_test} clips in {folder} are of the test split: they are to be measured on, not learned from")
    with stages.stage(f"preparing {n_clips} clips", SHARE_PREPARING) as tell:
        told = _seldom(n_clips, lambda done: f"preparing clip {done}/{n_clips}")
        prepared = prepare(
            read_clips(folder),
            encoder,
            codec,
            Path(asked.out) / name,
            watch=lambda done: tell(told(done), done / n_clips),
        )
    wait_for_all(crew)
    return prepared


def _recipe(asked: TrainOptions, steps: int | None) -> VisageRecipe:
    from seehear.training.recipes import RECIPES as RECIPE_NAMED

    recipe = RECIPE_NAMED[asked.recipe]
    if bool(asked.start) != recipe.pretrained:
        what = "needs --start" if recipe.pretrained else "starts from nothing: leave out --start"
        raise InputError(f"--recipe {asked.recipe} {what}")
    return recipe if steps is None else replace(recipe, schedule=replace(recipe.schedule, steps=steps))


def _task(
    asked: TrainOptions, earlier: dict[str, Any] | None, data: Prepared, held_out: Prepared | None, device: torch.device
) -> VisageTask:
    from seehear.training.visage import VisageTask, seconds_per_step

    steps = asked.steps
    if steps is None and earlier is not None:  # also what --minutes came to then
        steps = int(earlier["recipe"]["schedule"]["steps"])
    start = Path(asked.start).expanduser() if asked.start else None
    if not _recipe(asked, steps).mono and (data.mono or (held_out is not None and held_out.mono)):
        raise InputError(
            f"some clips have sound in W alone: they are for a pretrain recipe, --recipe {asked.recipe} needs a field"
        )
    task = VisageTask(_recipe(asked, steps), data, held_out, start, asked.seed)
    if asked.minutes is None or earlier is not None:
        return task
    steps = max(1, int(60 * asked.minutes / seconds_per_step(task, device)))
    return replace(task, recipe=_recipe(asked, steps))


def _plan(asked: TrainOptions, earlier: dict[str, Any] | None) -> dict[str, Any]:
    """What would be done."""
    import torch

    from seehear.nets.visage import Visage

    header, n_clips = _header_and_count(asked)
    recipe = _recipe(asked, asked.steps if earlier is None else int(earlier["recipe"]["schedule"]["steps"]))
    with torch.device("meta"):
        net = Visage(recipe.config_for(header))
    schedule = recipe.schedule
    return {
        "recipe": asked.recipe,
        "parameters": sum(tensor.numel() for tensor in net.parameters()),
        "steps": f"as fit into {asked.minutes:g} minutes" if asked.minutes and earlier is None else schedule.steps,
        "clips_per_step": recipe.batch_size * schedule.accumulation,
        "learning_rate": schedule.learning_rate,
        "clips": n_clips,
        "to_prepare": not _is_prepared(asked.data),
        "encoder": header.encoder,
        "codec": header.codec,
        "pattern": recipe.pattern,
        "out": asked.out,
    }


def _header_and_count(asked: TrainOptions) -> tuple[PreparedHeader, int]:
    if _is_prepared(asked.data):
        data = read_prepared(asked.data)
        return data.header, len(data)
    from seehear.data.shards import count_clips, read_clips

    n_clips = count_clips(asked.data)
    if not n_clips:
        raise InputError(f"{asked.data} holds no clips")
    parts = learning_parts(asked.models, device=asked.device, offline=asked.offline)
    return header_for(next(read_clips(asked.data)), *parts), n_clips
