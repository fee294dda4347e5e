"""Clips as a model of video and sound reads them: features, energy maps, codes and directions, made once and kept in files.

A folder holds ``prepared.json`` (which encoder, which codec, which sizes, how many clips) and one safetensors file for every few
clips. Of the sound, the codes of W, Y, Z, X and -Y are kept, each channel coded by itself: the field turned by a quarter to the
left is W, X, Z, -Y, so turning it later is a choice of channels, whatever the codec.

Legend: n clips, F frames that the model sees, D features, P patches, N codebooks, L frames of codes, T samples.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from seehear.data.clips import CLIP_S, Clip
from seehear.io.files import whole_file
from seehear.protocols import Codec, FrameEncoder
from seehear.sampling.tokens import n_made_frames
from seehear.types import Image, InputError
from seehear.vision.patch_energy import Compat, patch_energy_map

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = "prepared.json"
FRAMES_PER_S = 4.0
"""Frames that the model sees in a second (section 6.1)."""
CLIPS_PER_FILE = 128
"""What a killed preparation loses at most."""
STORED = ("W", "Y", "Z", "X", "-Y")
"""Channels of sound whose codes are kept, in this order."""
UPRIGHT, TURNED = (0, 1, 2, 3), (0, 3, 2, 4)
"""Which of the stored channels are W, Y, Z, X of the field as it is, and of the field turned by +90 degrees of azimuth."""


@dataclass(frozen=True)
class PreparedHeader:
    """What all clips of a folder have in common."""

    encoder: str
    """``name`` of the FrameEncoder."""
    codec: str
    """``name`` of the Codec."""
    sample_rate_hz: int
    """Of the codec."""
    hop_samples: int
    n_codebooks: int
    codebook_size: int
    frames_per_s: float
    """Frames that the model sees in a second."""
    code_frames_per_s: float
    """Frames of codes kept for a second: whole ones, as released (86 of DAC's 86.13)."""
    n_frames: int
    feature_size: int
    n_patches: int
    n_code_frames: int
    compat: Compat | None
    """Whose energy map of patches: None is the paper's."""

    def __post_init__(self) -> None:
        """InputError for what no data can have; a header may come from any file."""
        for field in fields(self):
            value = getattr(self, field.name)
            fits = {
                "str": isinstance(value, str),
                "int": type(value) is int and value >= 1,
                "float": isinstance(value, int | float) and 0 < value < math.inf,
                "Compat | None": value in (None, *get_args(Compat)),
            }[str(field.type)]
            if not fits:
                raise InputError(f"{field.name} of prepared clips cannot be {value!r}")


@dataclass(frozen=True)
class PreparedBatch:
    """Some clips, stacked."""

    features: NDArray[np.float32]
    """(n, F, D)."""
    energy_maps: NDArray[np.float32]
    """(n, F, P), each frame's sum 1."""
    codes: NDArray[np.int64]
    """(n, 5, N, L) of the channels ``STORED``."""
    directions: NDArray[np.float32]
    """(n, 3) unit vectors of the camera."""


@dataclass(frozen=True)
class Prepared:
    """A folder of prepared clips; arrays are read when they are asked for."""

    folder: Path
    header: PreparedHeader
    files: tuple[tuple[str, int], ...]
    """Name of each file and the number of its clips."""
    complete: bool = True
    """Whether the preparation came to its end."""

    def __len__(self) -> int:
        return sum(n for _, n in self.files)

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.cumsum([0, *(n for _, n in self.files)])

    @cached_property
    def _open(self) -> list[dict[str, NDArray[Any]]]:
        # Mapped, not read: any number of clips can be drawn from without holding them in memory.
        return [_mapped(self.folder / name) for name, _ in self.files]

    @property
    def keys(self) -> list[str]:
        """Of all clips, in order."""
        return [key for name, _ in self.files for key in _told(self.folder / name)["keys"]]

    @property
    def labels(self) -> list[tuple[str, ...]]:
        """What is heard in each clip, in order."""
        return [tuple(labels) for name, _ in self.files for labels in _told(self.folder / name)["labels"]]

    @property
    def mono(self) -> bool:
        """Whether there are clips with sound in W alone, which say nothing of Y, Z and X: for pretraining."""
        return any(_told(self.folder / name).get("mono", False) for name, _ in self.files)

    def batch(self, indices: Sequence[int] | NDArray[np.int64]) -> PreparedBatch:
        """The clips of these numbers, in their order."""
        which = np.searchsorted(self._starts, indices, side="right") - 1
        places = [(self._open[file], int(i - self._starts[file])) for file, i in zip(which, indices, strict=True)]

        def stacked(name: str, dtype: type) -> NDArray[Any]:
            return np.stack([file[name][at] for file, at in places]).astype(dtype)

        return PreparedBatch(
            stacked("features", np.float32),
            stacked("energy_maps", np.float32),
            stacked("codes", np.int64),
            stacked("directions", np.float32),
        )


def prepare(
    clips: Iterable[Clip],
    encoder: FrameEncoder,
    codec: Codec,
    out: str | Path,
    *,
    frames_per_s: float = FRAMES_PER_S,
    compat: Compat | None = None,
    watch: Callable[[int], None] | None = None,
) -> Prepared:
    """The clips as the model reads them, written to the folder ``out``; ``watch`` hears how many are done.

    A preparation that was stopped goes on: clips whose file is there are passed by, if their keys are the same. Memory holds
    ``CLIPS_PER_FILE`` clips' worth of results at most. InputError: no clip, a clip that is not of the others' length, a
    folder that holds clips of another encoder, codec, rate or key.
    """
    out = Path(out)
    found = read_prepared(out, part=True) if (out / HEADER).is_file() else None
    facts = _facts(encoder, codec, frames_per_s, compat)
    known, files, header = (found.keys, list(found.files), found.header) if found else ([], [], None)
    _refuse_others(header, facts, out)
    done, waiting = 0, []

    def keep() -> None:
        assert header is not None
        files.append((f"clips-{len(files):05d}.safetensors", len(waiting)))
        out.mkdir(parents=True, exist_ok=True)
        _write_clips(out / files[-1][0], waiting)
        _write_header(out, header, files, complete=False)
        waiting.clear()

    for clip in clips:
        if done < len(known):
            if clip.key != known[done]:
                raise InputError(f"{out} has clip {known[done]} where {clip.key} comes now: choose another folder")
        else:
            arrays = prepared_clip(clip, encoder, codec, frames_per_s=frames_per_s, compat=compat)
            _refuse_others(header, _sizes(arrays), out)
            header = PreparedHeader(**facts, **_sizes(arrays))
            waiting.append((clip.key, clip.labels, bool(clip.facts.get("mono")), arrays))
        done += 1
        if len(waiting) == CLIPS_PER_FILE:
            keep()
        if watch is not None:
            watch(done)
    if not done or done < len(known):
        raise InputError(f"there are {done} clips to prepare" + (f", but {out} holds {len(known)} already" if known else ""))
    if waiting:
        keep()
    if header is not None and (found is None or done > len(known) or not found.complete):
        _write_header(out, header, files, complete=True)
    return read_prepared(out)


def header_for(clip: Clip, encoder: FrameEncoder, codec: Codec, *, compat: Compat | None = None) -> PreparedHeader:
    """The header that clips like ``clip`` get, for a plan: nothing is written."""
    return PreparedHeader(**_facts(encoder, codec, FRAMES_PER_S, compat), **_sizes(prepared_clip(clip, encoder, codec)))


def read_prepared(folder: str | Path, *, part: bool = False) -> Prepared:
    """The prepared clips of a folder; InputError if there are none, or unreadable ones, or (unless ``part``) more to come."""
    folder = Path(folder).expanduser()
    try:
        values = json.loads((folder / HEADER).read_text("utf-8"))
        header, files = PreparedHeader(**values["header"]), tuple((str(name), int(n)) for name, n in values["files"])
        complete = bool(values.get("complete", True))
    except FileNotFoundError:
        raise InputError(f"{folder} holds no prepared clips: it has no {HEADER}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / HEADER} cannot be read: {error}") from None
    for name, n in files:
        _check_file(folder / name, n, header)
    prepared = Prepared(folder, header, files, complete)
    if not (part or complete):
        raise InputError(f"the preparation in {folder} was stopped after {len(prepared)} clips: let it go on where it was begun")
    return prepared


def prepared_clip(
    clip: Clip, encoder: FrameEncoder, codec: Codec, *, frames_per_s: float = FRAMES_PER_S, compat: Compat | None = None
) -> dict[str, NDArray[Any]]:
    """``features`` (F, D), ``energy_maps`` (F, P), ``codes`` (5, N, L) and ``directions`` (3,) of one clip."""
    seen = clip.frames[frames_at(len(clip.frames), clip.frames_per_s, frames_per_s, clip.key)]
    described = encoder.encode_frames([Image(np.ascontiguousarray(frame)) for frame in seen])
    energy = patch_energy_map(described.patches, compat=compat)
    w, y, z, x = sound_at(clip, codec.sample_rate_hz)
    codes = codec.encode(np.stack([w, y, z, x, -y]))
    n_code_frames = n_made_frames(CLIP_S, code_frame_rate(codec))
    return {
        "features": described.pooled.astype(np.float16),
        "energy_maps": energy.reshape(len(energy), -1).astype(np.float16),
        "codes": codes[..., :n_code_frames].astype(np.int16),
        "directions": np.asarray(clip.direction.vector, np.float32),
    }


def frames_at(n_there: int, rate_there: float, frames_per_s: float, what: str) -> NDArray[np.int64]:
    """Which frames (F,) of a clip are on the screen at 0, 1 / frames_per_s, ... s; InputError if the clip ends before 5 s."""
    at = np.arange(round(CLIP_S * frames_per_s)) / frames_per_s
    indices = np.floor(at * rate_there + 1e-6).astype(np.int64)
    if indices[-1] >= n_there:
        raise InputError(f"clip {what} shall have {CLIP_S:g} s of frames, got {n_there / rate_there:.2f} s")
    return indices


def code_frame_rate(codec: Codec) -> float:
    """Frames of codes that are made for a second: the whole ones, as released (86 of DAC's 86.13)."""
    return float(codec.sample_rate_hz // codec.hop_samples)


def sound_at(clip: Clip, rate_hz: int) -> NDArray[np.float32]:
    """(4, round(5 s rate)) the sound of a clip at another rate; InputError if it is not 5 s of ACN and SN3D."""
    import soxr

    sound = clip.sound
    if sound.convention not in ("", "acn-sn3d"):
        raise InputError(f"the sound of clip {clip.key} shall be ACN and SN3D, got {sound.convention}")
    if abs(sound.n_samples / sound.sample_rate_hz - CLIP_S) > 1e-3:
        raise InputError(f"clip {clip.key} shall have {CLIP_S:g} s of sound, got {sound.n_samples / sound.sample_rate_hz:.3f} s")
    samples = sound.samples
    if sound.sample_rate_hz != rate_hz:
        samples = soxr.resample(samples.T, sound.sample_rate_hz, rate_hz).T
    wanted = round(CLIP_S * rate_hz)
    return np.pad(samples[:, :wanted], ((0, 0), (0, max(0, wanted - samples.shape[1]))))


def _facts(encoder: FrameEncoder, codec: Codec, frames_per_s: float, compat: Compat | None) -> dict[str, Any]:
    """What a header says before the first clip is seen."""
    return {
        "encoder": encoder.name,
        "codec": codec.name,
        "sample_rate_hz": codec.sample_rate_hz,
        "hop_samples": codec.hop_samples,
        "n_codebooks": codec.n_codebooks,
        "codebook_size": codec.codebook_size,
        "frames_per_s": frames_per_s,
        "code_frames_per_s": code_frame_rate(codec),
        "compat": compat,
    }


def _sizes(arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    (n_frames, feature_size), n_patches = arrays["features"].shape, arrays["energy_maps"].shape[1]
    n_code_frames = arrays["codes"].shape[2]
    return {"n_frames": n_frames, "feature_size": feature_size, "n_patches": n_patches, "n_code_frames": n_code_frames}


def _refuse_others(header: PreparedHeader | None, facts: dict[str, Any], out: Path) -> None:
    for name, value in facts.items() if header is not None else ():
        if getattr(header, name) != value:
            what = name.replace("_", " ")
            raise InputError(
                f"{out} holds clips with {what} {getattr(header, name)!r}, these have {value!r}: choose another folder"
            )


def _write_clips(path: Path, clips: Sequence[tuple[str, tuple[str, ...], bool, dict[str, NDArray[Any]]]]) -> None:
    """One file of clips, each its key, labels, whether it is mono, and arrays."""
    from safetensors.numpy import save

    keys, labels, mono, arrays = zip(*clips, strict=True)
    told = {"keys": keys, "labels": labels} | ({"mono": True} if any(mono) else {})
    with whole_file(path, force=True) as partial:
        # Stacks keep the order of axes that their parts have in memory, and safetensors writes memory as it lies.
        stacked = {name: np.ascontiguousarray(np.stack([each[name] for each in arrays])) for name in arrays[0]}
        # One entry: several would be written in any order, and the bytes would differ from run to run.
        partial.write_bytes(save(stacked, {"clips": json.dumps(told)}))


def _mapped(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file, in the file: safetensors itself takes a millisecond for each clip of a batch."""
    types = {"F16": np.float16, "F32": np.float32, "I16": np.int16}
    whole = np.asarray(np.memmap(path, np.uint8, "r"))
    start = 8 + int(whole[:8].view("<u8")[0])
    told = json.loads(whole[8:start].tobytes())
    return {
        name: whole[start + each["data_offsets"][0] : start + each["data_offsets"][1]]
        .view(types[each["dtype"]])
        .reshape(each["shape"])
        for name, each in told.items()
        if name != "__metadata__"
    }


def _check_file(path: Path, n: int, header: PreparedHeader) -> None:
    """InputError if ``path`` is not a whole file of ``n`` clips of these sizes. Its numbers are not read."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(f"{path.parent} lacks {path.name}, which its {HEADER} names")
    wanted = {
        "features": ("F16", [n, header.n_frames, header.feature_size]),
        "energy_maps": ("F16", [n, header.n_frames, header.n_patches]),
        "codes": ("I16", [n, len(STORED), header.n_codebooks, header.n_code_frames]),
        "directions": ("F32", [n, 3]),
    }
    try:
        with safe_open(path, "np") as file:
            arrays = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (the file is no mapping)
            found = {name: (each.get_dtype(), list(each.get_shape())) for name, each in arrays.items()}
        n_told = len(_told(path)["keys"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    if found != wanted or n_told != n:
        raise InputError(f"{path} does not hold the {n} clips that its {HEADER} names: it is of other clips, or damaged")


def _told(path: Path) -> dict[str, Any]:
    """Keys and labels of a file of clips, and ``mono`` where some are."""
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        return json.loads(file.metadata()["clips"])


def _write_header(out: Path, header: PreparedHeader, files: Sequence[tuple[str, int]], *, complete: bool) -> None:
    values = {"header": asdict(header), "files": files, "complete": complete}
    with whole_file(out / HEADER, force=True) as partial:
        partial.write_text(json.dumps(values, indent=1) + "\n", "utf-8")
