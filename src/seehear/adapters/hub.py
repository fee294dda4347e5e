"""The only door to model files from elsewhere: a hub id or a local folder becomes a checked folder, and that a model.

Only safetensors are loaded, never pickles, and never code from a hub. What a model weighs and under which terms it comes
is known before anything is downloaded (:func:`facts`); files come from the hub's own cache when they are there.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seehear.adapters.folders import (
    PICKLES,
    TERMS,
    WEIGHTS,
    architecture,
    bytes_of,
    contents,
    existing,
    lacks,
    licence_of,
    licence_of_card,
)
from seehear.types import NOT_STATED, InputError

if TYPE_CHECKING:
    import torch

Tell = Callable[[str, float], None]
"""Told what is being fetched, and how much of it is there (0 to 1)."""

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")

KNOWN: Mapping[str, tuple[str, float]] = {
    "facebook/sam-vit-base": ("Apache-2.0", 0.38),
    "facebook/sam-vit-large": ("Apache-2.0", 1.25),
    "facebook/sam-vit-huge": ("Apache-2.0", 2.56),
    "facebook/sam2.1-hiera-tiny": ("Apache-2.0", 0.16),
    "facebook/sam2.1-hiera-small": ("Apache-2.0", 0.18),
    "facebook/sam2.1-hiera-base-plus": ("Apache-2.0", 0.32),
    "facebook/sam2.1-hiera-large": ("Apache-2.0", 0.9),
    "facebook/sam2-hiera-tiny": ("Apache-2.0", 0.16),
    "facebook/sam2-hiera-small": ("Apache-2.0", 0.18),
    "facebook/sam2-hiera-base-plus": ("Apache-2.0", 0.32),
    "facebook/sam2-hiera-large": ("Apache-2.0", 0.9),
    "depth-anything/Depth-Anything-V2-Small-hf": ("Apache-2.0", 0.1),
    "depth-anything/Depth-Anything-V2-Base-hf": ("CC-BY-NC-4.0", 0.39),
    "depth-anything/Depth-Anything-V2-Large-hf": ("CC-BY-NC-4.0", 1.34),
    "depth-anything/Depth-Anything-V2-Metric-Indoor-Small-hf": (NOT_STATED, 0.1),
    "depth-anything/Depth-Anything-V2-Metric-Indoor-Base-hf": (NOT_STATED, 0.39),
    "depth-anything/Depth-Anything-V2-Metric-Indoor-Large-hf": (NOT_STATED, 1.34),
    "depth-anything/Depth-Anything-V2-Metric-Outdoor-Small-hf": (NOT_STATED, 0.1),
    "depth-anything/Depth-Anything-V2-Metric-Outdoor-Base-hf": (NOT_STATED, 0.39),
    "LiheYoung/depth-anything-small-hf": ("Apache-2.0", 0.1),
    "LiheYoung/depth-anything-base-hf": ("Apache-2.0", 0.39),
    "LiheYoung/depth-anything-large-hf": ("Apache-2.0", 1.34),
    "Salesforce/blip-image-captioning-large": ("BSD-3-Clause", 1.88),
    "HuggingFaceTB/SmolVLM-500M-Instruct": ("Apache-2.0", 1.0),
    "MIT/ast-finetuned-audioset-10-10-0.4593": ("BSD-3-Clause", 0.35),
    "cvssp/audioldm-s-full-v2": ("CC-BY-NC-SA-4.0", 1.7),
    "cvssp/audioldm2": ("CC-BY-NC-SA-4.0", 4.5),
    "cvssp/audioldm2-large": ("CC-BY-NC-SA-4.0", 6.0),
    "jaeyeonkim99/visage": (NOT_STATED, 1.43),
    "openai/clip-vit-base-patch32": ("MIT", 0.61),
    "descript/dac_44khz": ("MIT", 0.31),
    "stabilityai/stable-audio-open-1.0": ("Stability AI Community License (log in and accept it on the hub first)", 5.3),
}
"""Licence (as the model cards state it; of SAM 2 and CLIP as their authors' repositories say of all checkpoints) and rounded size
in GB (of the safetensors on the hub; of SAM 2 and ViSAGe of their parameters in float32), for when the hub cannot be asked."""


@dataclass(frozen=True)
class Machine:
    """Where models run and in which precision."""

    device: str = "auto"
    """auto, cpu, cuda (cuda:1, ...) or mps."""
    dtype: str = "auto"
    """auto (half precision on an accelerator), float32, float16 or bfloat16."""
    offload: bool = False
    """Keep weights in main memory and bring them to the accelerator layer by layer: slow, but fits 8 GB cards."""
    offline: bool = False
    """Never ask the hub."""

    @property
    def is_offline(self) -> bool:
        return self.offline or os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON")

    @property
    def torch_device(self) -> str:
        """The device by its name in torch; InputError when this machine does not have it."""
        import torch

        has_mps = torch.backends.mps.is_available()
        if self.device == "auto":
            return "cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu"
        kind, _, index = self.device.partition(":")
        if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
            raise InputError(
                f"--device {self.device}: torch sees {torch.cuda.device_count()} such devices here, try --device cpu"
            )
        if kind == "mps" and not has_mps:
            raise InputError("--device mps: torch sees no Apple GPU here, try --device cpu")
        return self.device

    @property
    def torch_dtype(self) -> torch.dtype:
        """float32 on a CPU, half precision on an accelerator, unless said otherwise."""
        import torch

        if self.dtype == "auto":
            return torch.float32 if self.torch_device == "cpu" else torch.float16
        return getattr(torch, self.dtype)


@dataclass(frozen=True)
class Repository:
    """What a hub says about one model."""

    files: Mapping[str, int]
    """Bytes by path."""
    licence: str | None
    revision: str
    """The commit."""


@dataclass(frozen=True)
class Hub:
    """How to ask and fetch: three functions, so that tests can plant a hub."""

    look_up: Callable[[str], Repository]
    """OSError when the hub does not answer, InputError when it has no such model or does not let us in."""
    fetch: Callable[[str, str, Callable[[int], None]], None]
    """(id, path, told of more bytes): brings one file into the cache; OSError when that fails."""
    cached: Callable[[str], Path | None]
    """The folder of an id in the cache, complete or not, or None."""


@dataclass(frozen=True)
class Facts:
    """What is known of a model before it is loaded."""

    source: str
    licence: str
    size_bytes: int | None
    """Of what is or would be on disk; None where nobody knows."""
    is_here: bool
    """Nothing has to be downloaded."""
    revision: str | None = None

    @property
    def get(self) -> str | None:
        """The command that downloads it; None when it is here."""
        return None if self.is_here else f"hf download {self.source}"


class PicklesOnly(InputError):
    """A model whose weights are to be had as pickles alone."""


# ------------------------------------------------------------------------------------------------ the real hub


def _look_up(source: str) -> Repository:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, HTTPError, RepositoryNotFoundError

    try:
        found = HfApi().model_info(source, files_metadata=True, timeout=10)
    except GatedRepoError:
        page = f"https://huggingface.co/{source}"
        raise InputError(f"{source} asks for its terms to be accepted: do so at {page}, then `hf auth login`") from None
    except RepositoryNotFoundError:
        raise InputError(f"the hub has no model {source!r} (or it is private: `hf auth login`)") from None
    except HTTPError as error:
        raise OSError(str(error)) from error
    card = found.card_data.to_dict() if found.card_data else {}
    files = {each.rfilename: each.size or 0 for each in found.siblings or []}
    return Repository(files, licence_of_card(card), found.sha or "main")


def _fetch(source: str, path: str, more: Callable[[int], None]) -> None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HTTPError
    from tqdm import tqdm

    class Silent(tqdm):  # the hub's own bar, told to us instead of drawn
        def __init__(self, *words: Any, **more_words: Any) -> None:
            more_words.pop("name", None)
            super().__init__(*words, **{**more_words, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            more(int(n or 0))
            return super().update(n)

    try:
        hf_hub_download(source, path, tqdm_class=Silent)
    except HTTPError as error:
        raise OSError(str(error)) from error


def _cached(source: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import IncompleteSnapshotError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(source, local_files_only=True))
    except IncompleteSnapshotError as error:
        return Path(error.snapshot_path)
    except LocalEntryNotFoundError:
        return None


HUGGING_FACE = Hub(_look_up, _fetch, _cached)


# ------------------------------------------------------------------------------------------------ what is known


def is_folder(source: str | Path) -> bool:
    """Whether a source names a folder on this machine: one that exists, or a path that cannot be a hub id."""
    return Path(source).expanduser().is_dir() or REPOSITORY.fullmatch(str(source)) is None


def facts(source: str | Path, *, offline: bool = False, hub: Hub = HUGGING_FACE) -> Facts:
    """Size, licence and revision of a model, without fetching it; InputError for a folder that holds none.

    What is on disk speaks for itself; the hub is asked about the rest, and the table :data:`KNOWN` when it may not be
    asked or does not answer.
    """
    if is_folder(source):
        folder = existing(source)
        return Facts(str(source), licence_of(folder) or NOT_STATED, bytes_of(folder), True)
    source = str(source)
    licence, gigabytes = KNOWN.get(source, (NOT_STATED, None))
    folder = hub.cached(source)
    if folder is not None and not lacks(folder):
        return Facts(source, licence_of(folder) or licence, bytes_of(folder), True, folder.name)
    if not offline:
        try:
            listed = hub.look_up(source)
        except OSError:
            pass  # no network: the table below is all there is
        else:
            size = sum(listed.files[path] for path in needed_files(source, listed.files))
            return Facts(source, listed.licence or licence, size, False, listed.revision)
    return Facts(source, licence, None if gigabytes is None else round(gigabytes * 1e9), False)


def needed_files(source: str, files: Collection[str]) -> list[str]:
    """Which files of a hub model are needed to load it; InputError when its weights are pickles only.

    A pipeline (model_index.json) needs its sub-folders, a single model the top level: plain safetensors where there are
    several precisions, and the configuration, words and terms beside them.
    """
    depth = 2 if "model_index.json" in files else 1
    here = [path for path in files if path.count("/") < depth]
    kept = [path for path in here if path.endswith((".json", ".txt", ".jinja", ".model")) or Path(path).name in TERMS]
    weights = [path for path in here if WEIGHTS.fullmatch(Path(path).name) and path.count("/") == depth - 1]
    if not weights:
        only = "seehear loads .safetensors and nothing else"
        if pickled := sorted(path for path in files if path.endswith(PICKLES)):
            found = f"weights as pickles only ({pickled[0]}), which may run code when they are opened"
            raise PicklesOnly(f"{source} has {found}: {only}")
        raise InputError(f"{source} has no weights: {only}")
    return sorted({*weights, *kept})


# ------------------------------------------------------------------------------------------------ fetching and loading


def nothing_told(what: str, part: float) -> None:
    """Tell nobody."""


def resolve(
    source: str | Path, wanted: Collection[str], *, offline: bool = False, tell: Tell = nothing_told, hub: Hub = HUGGING_FACE
) -> Path:
    """The complete local folder of a model of one of the ``wanted`` architectures, fetched from the hub if need be.

    InputError: no such folder or model, files that are missing (with the command that gets them), another architecture.
    """
    if is_folder(source):
        folder = existing(source)
        if missing := lacks(folder):
            raise InputError(f"{contents(folder)} lacks {', '.join(missing)}; needed is a folder as `hf download ID` makes it")
    else:
        folder = _resolve_id(str(source), offline, tell, hub)
    if (found := architecture(folder)) not in wanted:
        raise InputError(f"{source} holds a {found} model where {' or '.join(wanted)} is needed")
    return folder


def _resolve_id(source: str, offline: bool, tell: Tell, hub: Hub) -> Path:
    folder = hub.cached(source)
    if folder is not None and not lacks(folder):
        return folder
    command = f"hf download {source}"
    if offline and folder is not None and any(path.name.endswith(PICKLES) for path in folder.iterdir()):
        raise PicklesOnly(f"the model {source} on this machine lacks {', '.join(lacks(folder))}, and the run is offline")
    if offline:
        raise InputError(f"the model {source} is not on this machine and the run is offline: get it with `{command}`")
    try:
        listed = hub.look_up(source)
        paths = needed_files(source, listed.files)
        _fetch_all(source, listed, paths, tell, hub)
    except OSError as error:
        why = " ".join(str(error).split())[:160]
        raise InputError(f"the model {source} could not be downloaded ({why}): get it with `{command}`, then --offline") from None
    folder = hub.cached(source)
    missing = ["everything"] if folder is None else lacks(folder)
    if folder is None or missing:
        raise InputError(f"the download of {source} is incomplete, it lacks {', '.join(missing)}: run `{command}`")
    return folder


def _fetch_all(source: str, listed: Repository, paths: Sequence[str], tell: Tell, hub: Hub) -> None:
    total = max(1, sum(listed.files[path] for path in paths))
    done = 0
    for path in paths:
        inside = 0

        def more(n: int, before: int = done) -> None:
            nonlocal inside
            inside += n
            tell(f"downloading {source} ({total / 1e9:.1f} GB)", min(1.0, (before + inside) / total))

        more(0)
        hub.fetch(source, path, more)
        done += listed.files[path]


def load_model(kind: Any, folder: Path, machine: Machine, **more: Any) -> Any:
    """The transformers model of class ``kind`` in ``folder``, whole and on its device, in evaluation mode.

    InputError when files are damaged or tensors are missing or of another shape: nothing is ever made up at random.
    """
    how = {"local_files_only": True, "use_safetensors": True, "trust_remote_code": False, "dtype": machine.torch_dtype}
    with quietly():
        model, info = read_files(partial(kind.from_pretrained, folder, output_loading_info=True, **how, **more), folder)
    wrong = [*info["missing_keys"], *(str(key[0]) for key in info["mismatched_keys"])]
    if wrong:
        shown = ", ".join(sorted(wrong)[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
        raise InputError(f"the weights in {folder} do not fit {kind.__name__}: {shown} missing or of another shape")
    model.eval()
    device = machine.torch_device
    if machine.offload and device != "cpu":
        from accelerate import cpu_offload

        return cpu_offload(model, execution_device=device)
    return model.to(device)


@contextmanager
def quietly() -> Iterator[None]:
    """Inside, the model libraries draw no bars, and warn of nothing: what is going on is told by us."""
    import warnings

    from transformers.utils import logging

    diffusers = sys.modules.get("diffusers")
    loud = [logging, *([diffusers.utils.logging] if diffusers is not None else [])]
    levels, bars = [each.get_verbosity() for each in loud], logging.is_progress_bar_enabled()
    for each in loud:
        each.set_verbosity_error()
        each.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        for each, level in zip(loud, levels, strict=True):
            each.set_verbosity(level)
            if bars:
                each.enable_progress_bar()


def read_files(read: Callable[[], Any], folder: Path) -> Any:
    """What ``read`` gives; InputError where the files of ``folder`` are damaged."""
    from safetensors import SafetensorError

    try:
        return read()
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        why = " ".join(str(error).split())[:200]
        raise InputError(f"the model in {folder} cannot be read: {why}") from error
