"""``train``: a model from clips, resumable, with its curves and the best of it kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import seehear
from seehear.data.prepared import HEADER, Prepared, PreparedHeader, header_for, prepare, read_prepared
from seehear.io.files import check_folder
from seehear.presets.learning import learning_parts
from seehear.systems.spatialize.options import check_choice, check_range, check_types, option
from seehear.training.curves import RUN, last_losses, read_run
from seehear.types import InputError
from seehear.verbs.progress import Stages, Watcher, unwatched

if TYPE_CHECKING:
    import torch

    from seehear.data.clips import Clip
    from seehear.protocols import Codec, FrameEncoder
    from seehear.training.processes import Processes
    from seehear.training.recipes import VisageRecipe
    from seehear.training.visage import VisageTask
    from seehear.vision.patch_energy import Compat

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
    models: str = option("builtin", "What sees and codes shards: builtin, hub, paper, or a folder with clip or dac.", "NAME")
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
    crew, recipe = processes_now(), _recipe(asked, earlier)
    found = _look(asked, recipe) if crew.first else None  # the others read what the first prepares
    wait_for_all(crew)  # none writes to the folder before all have looked into it
    stages = Stages(watch if crew.first else unwatched)
    data = _prepared(asked.data, out / PREPARED, found, stages, crew)
    held_out = _prepared(asked.validation, out / PREPARED_VALIDATION, found, stages, crew) if asked.validation else None
    task = _task(asked, recipe, earlier, data, held_out, device)
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
        return read_run(out)
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


# ------------------------------------------------------------------------------------------------ looked at before any work


@dataclass(frozen=True)
class _Found:
    """What there is to learn from. What can be known to be wrong before clips are prepared has been refused."""

    recipe: VisageRecipe
    header: PreparedHeader
    n_clips: int
    parts: tuple[FrameEncoder, Codec] | None
    """What prepares clips; None where all are prepared."""


def _look(asked: TrainOptions, recipe: VisageRecipe) -> _Found:
    """What the folders hold; InputError for all that can be known before clips are prepared, which may take hours."""
    from seehear.training.loop import refuse_uneven
    from seehear.training.processes import processes_now
    from seehear.training.visage import read_start, refuse_misfit

    refuse_uneven(recipe.schedule, processes_now())
    keys = _keys(asked.data)
    if both := set(keys) & set(_keys(asked.validation) if asked.validation else ()):
        raise InputError(f"{len(both)} clips are in {asked.data} and in {asked.validation}, such as {min(both)}: hold others out")
    start = None if not asked.start else read_start(_path(asked.start))
    folders, parts = [asked.data, *([asked.validation] if asked.validation else [])], None
    if not all(map(_is_prepared, folders)):
        parts = learning_parts(asked.models, device=asked.device, offline=asked.offline)
    elif asked.models != TrainOptions.models:
        raise InputError("--models has no effect: the clips are prepared, and say themselves what saw and coded them")
    compat = None if start is None else start.energy_compat
    header, *others = [_header(folder, recipe, parts, compat) for folder in folders]
    if any(other != header for other in others):
        raise InputError(
            f"the clips in {asked.data} and {asked.validation} are not of one encoder, codec, size and kind of energy map"
        )
    refuse_misfit(recipe, header, len(keys), start)
    return _Found(recipe, header, len(keys), parts)


def _is_prepared(folder: str) -> bool:
    return (_path(folder) / HEADER).is_file()


def _path(folder: str) -> Path:
    return Path(folder).expanduser()


def _keys(folder: str) -> list[str]:
    """Of all clips of a folder, prepared or not; InputError if there are none, or some that are not to be learned from."""
    if _is_prepared(folder):
        return read_prepared(folder).keys
    from seehear.data.shards import clip_keys, count_clips

    if n_test := count_clips(folder, split="test"):
        raise InputError(f"{n_test} clips in {folder} are of the test split: they are to be measured on, not learned from")
    if not (keys := list(clip_keys(folder))):
        raise InputError(f"{folder} holds no clips")
    return keys


def _header(folder: str, recipe: VisageRecipe, parts: tuple[FrameEncoder, Codec] | None, compat: Compat | None) -> PreparedHeader:
    """The header that the clips of a folder have, or will have when they are prepared."""
    if parts is None or _is_prepared(folder):
        prepared = read_prepared(folder)
        _refuse_mono(prepared.mono, recipe)
        return prepared.header
    return header_for(next(_clips(folder, recipe)), *parts, compat=compat)


def _clips(folder: str, recipe: VisageRecipe) -> Iterator[Clip]:
    """The clips of shards; InputError at the first that is not for the recipe, of which a manifest says nothing."""
    from seehear.data.shards import read_clips

    for clip in read_clips(folder):
        _refuse_mono(bool(clip.facts.get("mono")), recipe)
        yield clip


def _refuse_mono(is_mono: bool, recipe: VisageRecipe) -> None:
    if is_mono and not recipe.mono:
        raise InputError("some clips have sound in W alone: they are for a pretrain recipe, the others need a field")


def _recipe(asked: TrainOptions, earlier: dict[str, Any] | None) -> VisageRecipe:
    """The recipe, of as many steps as asked for or as the earlier run has; InputError where it is another than that run's."""
    from seehear.training.recipes import RECIPES as RECIPE_NAMED
    from seehear.training.visage import refuse_another_run

    recipe = RECIPE_NAMED[asked.recipe]
    if bool(asked.start) != recipe.pretrained:
        what = "needs --start" if recipe.pretrained else "starts from nothing: leave out --start"
        raise InputError(f"--recipe {asked.recipe} {what}")
    if earlier is None:
        return recipe if asked.steps is None else _of_steps(recipe, asked.steps)
    # Without --steps, also what --minutes came to then.
    recipe = _of_steps(recipe, asked.steps or int(earlier["recipe"]["schedule"]["steps"]))
    start = str(_path(asked.start)) if asked.start else None
    refuse_another_run(Path(asked.out), {"recipe": asdict(recipe), "start": start, "seed": asked.seed})
    return recipe


def _of_steps(recipe: VisageRecipe, steps: int) -> VisageRecipe:
    return replace(recipe, schedule=replace(recipe.schedule, steps=steps))


def _plan(asked: TrainOptions, earlier: dict[str, Any] | None) -> dict[str, Any]:
    """What would be done."""
    import torch

    from seehear.nets.visage import Visage
    from seehear.training.processes import device_here

    device_here(asked.device)
    recipe = _recipe(asked, earlier)
    found = _look(asked, recipe)
    with torch.device("meta"):
        net = Visage(recipe.config_for(found.header))
    schedule = recipe.schedule
    return {
        "recipe": asked.recipe,
        "parameters": sum(tensor.numel() for tensor in net.parameters()),
        "steps": f"as fit into {asked.minutes:g} minutes" if asked.minutes and earlier is None else schedule.steps,
        "clips_per_step": recipe.batch_size * schedule.accumulation,
        "learning_rate": schedule.learning_rate,
        "clips": found.n_clips,
        "to_prepare": not _is_prepared(asked.data),
        "encoder": found.header.encoder,
        "codec": found.header.codec,
        "pattern": recipe.pattern,
        "out": asked.out,
    }


# ------------------------------------------------------------------------------------------------ the work


def _prepared(folder: str, own: Path, found: _Found | None, stages: Stages, crew: Processes) -> Prepared:
    """The clips of a folder, those of shards prepared in the folder ``own``, by the first process for all."""
    from seehear.training.processes import wait_for_all

    if _is_prepared(folder):
        return read_prepared(folder)
    if found is None:
        wait_for_all(crew)
        return read_prepared(own)
    from seehear.data.shards import count_clips

    assert found.parts is not None
    n_clips = count_clips(folder)
    with stages.stage(f"preparing {n_clips} clips", SHARE_PREPARING) as tell:
        told = _seldom(n_clips, lambda done: f"preparing clip {done}/{n_clips}")
        prepared = prepare(
            _clips(folder, found.recipe),
            *found.parts,
            own,
            compat=found.header.compat,
            watch=lambda done: tell(told(done), done / n_clips),
        )
    wait_for_all(crew)
    return prepared


def _task(
    asked: TrainOptions,
    recipe: VisageRecipe,
    earlier: dict[str, Any] | None,
    data: Prepared,
    held_out: Prepared | None,
    device: torch.device,
) -> VisageTask:
    from seehear.training.visage import VisageTask, seconds_per_step

    task = VisageTask(recipe, data, held_out, _path(asked.start) if asked.start else None, asked.seed)
    if asked.minutes is None or earlier is not None:
        return task
    return replace(task, recipe=_of_steps(recipe, max(1, int(60 * asked.minutes / seconds_per_step(task, device)))))
