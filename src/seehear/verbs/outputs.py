"""Which files a run writes: asked for by name, checked before the work, written all or none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from seehear.io.files import check_folder, check_output
from seehear.systems.spatialize.options import option
from seehear.types import BINAURAL, InputError, Layout

KINDS = {".wav": "audio", ".flac": "audio", ".mp4": "video", ".json": "scene", ".png": "figure"}


@dataclass(frozen=True)
class OutputOptions:
    """Which files to write; the type of ``output`` follows from its extension. Nothing is written for None."""

    output: str | None = option(None, "Main output: .wav, .flac, .mp4, .json (scene) or .png (figure).", "OUT", "-o")
    video: str | None = option(None, "Video with the new sound (H.264, AAC).", "OUT.mp4")
    scene: str | None = option(None, "Scene for `seehear render`; its stems go beside it unless --stems says where.", "OUT.json")
    stems: str | None = option(None, "Folder for one mono WAV per source.", "DIR")
    figure: str | None = option(None, "Picture that explains what is heard where.", "OUT.png")
    folder: str | None = option(None, "All of it in one new folder; ./NAME-seehear without any output flag.", "DIR")
    video_layout: str = option("binaural", "Sound of the video: binaural, stereo or 5.1.", "NAME")
    keep_audio_db: float | None = option(None, "Keep a video's original sound, at this gain; dropped otherwise.", "DB")
    force: bool = option(False, "Replace existing files.")

    def __post_init__(self) -> None:
        if self.video_layout not in ("binaural", "stereo", "5.1"):
            raise InputError(f"--video-layout must be binaural, stereo or 5.1, got {self.video_layout!r}")
        if self.keep_audio_db is not None and not -60 <= self.keep_audio_db <= 20:
            raise InputError(f"--keep-audio must lie in -60 to 20 dB, got {self.keep_audio_db}")

    @property
    def is_empty(self) -> bool:
        return not any((self.output, self.video, self.scene, self.stems, self.figure, self.folder))


@dataclass(frozen=True)
class Targets:
    """Every file of a run by kind, checked: parents exist, nothing is replaced unasked, no name is taken twice."""

    audio: tuple[tuple[Path, Layout], ...] = ()
    video: Path | None = None
    scene: Path | None = None
    stems: Path | None = None
    figure: Path | None = None
    folder: Path | None = None
    """Made by the run when it does not exist yet."""

    @property
    def files(self) -> tuple[Path, ...]:
        return (*(path for path, _ in self.audio), *(p for p in (self.video, self.scene, self.figure) if p is not None))


def targets(options: OutputOptions, name: str, layout: Layout) -> Targets:
    """The files that ``options`` ask for, for an input called ``name``; InputError when one cannot be written."""
    found = Targets() if options.folder is None else _folder_targets(Path(options.folder), name, layout)
    for flag in ("video", "scene", "stems", "figure"):
        path = getattr(options, flag)
        if path is not None:
            kind = KINDS.get(Path(path).suffix.lower())
            if flag != "stems" and kind != flag:
                suffix = next(s for s, k in KINDS.items() if k == flag)
                raise InputError(f"--{flag} writes {suffix} files, got {path!r}")
            found = replace(found, **{flag: Path(path)})
    if options.output is not None:
        found = _with_output(found, Path(options.output), layout)
    if found.scene is not None and found.stems is None:
        found = replace(found, stems=found.scene.parent / f"{found.scene.stem}-stems")
    _check(found, options.force)
    return found


def _folder_targets(folder: Path, name: str, layout: Layout) -> Targets:
    layouts = dict.fromkeys((layout, BINAURAL))
    return Targets(
        audio=tuple((folder / f"{name}.{each.name}.wav", each) for each in layouts),
        video=folder / f"{name}.mp4",
        scene=folder / "scene.json",
        stems=folder / "stems",
        figure=folder / f"{name}.png",
        folder=folder,
    )


def _with_output(found: Targets, output: Path, layout: Layout) -> Targets:
    kind = KINDS.get(output.suffix.lower())
    if kind is None:
        raise InputError(f"cannot tell what {output.name!r} should be: end it with {', '.join(KINDS)}")
    if kind == "audio":
        return replace(found, audio=((output, layout), *found.audio))
    if getattr(found, kind) is not None:
        raise InputError(f"--output and --{kind} both name a {kind} file: give one")
    return replace(found, **{kind: output})


def _check(found: Targets, force: bool) -> None:
    if len({path.resolve() for path in found.files}) < len(found.files):
        raise InputError("two outputs have the same name")
    new = found.folder is not None and check_folder(found.folder)
    for path in found.files:
        if not (new and path.parent == found.folder):
            check_output(path, force)
    if found.stems is not None and not (new and found.stems.parent == found.folder):
        check_folder(found.stems)
    if (
        found.scene is not None
        and found.stems is not None
        and not found.stems.resolve().is_relative_to(found.scene.parent.resolve())
    ):
        raise InputError(f"the stems folder {found.stems} must lie in the folder of {found.scene}, so that both can be moved")
