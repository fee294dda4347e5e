"""The command of a training that makes shipped weights from recordings: ``python -m seehear.training.NAME``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from seehear.types import InputError

Say = Callable[[str], None]


def tell(text: str) -> None:
    """Prints to stderr at once."""
    print(text, file=sys.stderr, flush=True)


def run_recipe(
    name: str, what: str, recipe: Any, run: Callable[[Path, Path, Any, Say], None], arguments: Sequence[str] | None
) -> int:
    """Exit status 0 when ``run(media, out, recipe, say)`` has written the weights, 2 for what the caller can mend.

    ``recipe`` has a ``schedule``, whose steps a flag can lower.
    """
    parser = argparse.ArgumentParser(prog=f"python -m seehear.training.{name}", description=f"Train the builtin {what}.")
    parser.add_argument("--media", type=Path, required=True, metavar="DIR", help="folder with the folders of recordings")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.safetensors")
    parser.add_argument("--steps", type=int, metavar="N", help="train for fewer steps, to try things out")
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="processor threads; the result depends on it (default 1)"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    if options.steps is not None:
        recipe = replace(recipe, schedule=replace(recipe.schedule, steps=options.steps))
    try:
        run(options.media, options.out, recipe, tell)
    except InputError as error:
        tell(str(error))
        return 2
    return 0
