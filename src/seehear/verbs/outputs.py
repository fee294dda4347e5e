"""Which files a run writes: asked for by name, checked before the work, written all or none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from seehear.io.files import check_folder, check_output
from seehear.systems.spatialize.options import check_choice, check_range, check_types, option
from seehear.types import BINAURAL, STEREO, InputError, Layout, layout_named

SUFFIXES = {"video": ".mp4", "scene": ".json", "figure": ".png"}
KINDS = {".wav": "audio", ".flac": "audio", ".mp4": "video", ".json": "scene", ".png": "figure"}

VIDEO_LAYOUTS = ("binaural", "stereo", "5.1")
"""Sound that players take from an MP4."""


@dataclass(frozen=True)
class OutputOptions:
    """Which files to write; the type of ``output`` follows from its extension. Nothing is written for None."""

    output: str | None = option(None, "Main output: .wav, .flac, .mp4, .json (scene) or .png (figure).", "OUT", "-o")
    video: str | None = option(None, "Video with the new sound (H.264, AAC).", "OUT.mp4")
    scene: str | None = option(None, "Scene for `seehear render`; its stems go beside it unless --stems says where.", "OUT.json")
    stems: str | None = option(None, "Folder for one mono WAV per source.", "DIR")
    figure: str | None = option(None, "Picture that explains what is heard where.", "OUT.png")
    folder: str | None = option(None, "All of it in one new folder; ./NAME-seehear without any output flag.", "DIR")
    video_layout: str | None = option(None, "Sound of the video: binaural (unless said), stereo or 5.1.", "NAME")
    keep_audio_db: float | None = option(None, "Keep a video's original sound, at this gain; dropped otherwise.", "DB")
    force: bool = option(False, "Replace existing files.")

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("output", "video", "scene", "stems", "figure", "folder"):
            if getattr(self, name) == "":
                raise InputError(f"--{name} needs a name")
        if self.video_layout is not None:
            check_choice("--video-layout", self.video_layout, *VIDEO_LAYOUTS)
        check_range("--keep-audio", self.keep_audio_db, -60, 20, "dB")

    @property
    def is_empty(self) -> bool:
        names = (self.output, self.video, self.scene, self.stems, self.figure, self.folder)
        return all(name is None for name in names)


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


def targets(options: OutputOptions, name: str, layout: Layout, headphones: Layout | None = BINAURAL) -> Targets:
    """The files that ``options`` ask for, for an input called ``name``; InputError when one cannot be written.

    Files named one by one take the place of those that ``folder`` would hold: ``layout`` and, where there is one, the
    layout for ``headphones``.
    """
    named: dict[str, Path] = {}
    for flag in ("video", "scene", "stems", "figure"):
        path = getattr(options, flag)
        if path is not None:
            if flag != "stems" and KINDS.get(Path(path).suffix.lower()) != flag:
                raise InputError(f"--{flag} writes {SUFFIXES[flag]} files, got {path!r}")
            named[flag] = Path(path)
    audio: tuple[tuple[Path, Layout], ...] = ()
    if options.output is not None:
        output = Path(options.output)
        kind = KINDS.get(output.suffix.lower())
        if kind is None:
            raise InputError(f"cannot tell what {output.name!r} should be: end it with {', '.join(KINDS)}")
        if kind in named:
            raise InputError(f"--output and --{kind} both name a {kind} file: give one")
        if kind == "audio":
            audio = ((output, layout),)
        else:
            named[kind] = output
    inside = _folder_targets(Path(options.folder), name, layout, headphones) if options.folder is not None else Targets()
    found = replace(inside, audio=(*audio, *inside.audio), **named)
    if found.scene is not None and found.stems is None:
        found = replace(found, stems=found.scene.parent / f"{found.scene.stem}-stems")
    _check_use(options, found, layout)
    _check_paths(found, options.force)
    return found


def _folder_targets(folder: Path, name: str, layout: Layout, headphones: Layout | None) -> Targets:
    layouts = dict.fromkeys((layout, *([headphones] if headphones is not None else [])))
    return Targets(
        audio=tuple((folder / f"{name}.{each.name}.wav", each) for each in layouts),
        video=folder / f"{name}.mp4",
        scene=folder / "scene.json",
        stems=folder / "stems",
        figure=folder / f"{name}.png",
        folder=folder,
    )


def video_layout(options: OutputOptions, layout: Layout, headphones: Layout | None = BINAURAL) -> Layout:
    """The layout of the video's sound: ``video_layout`` if given, else ``layout`` when the main output is a video that can
    hold it and it is for headphones or two speakers, else the one for ``headphones``, else stereo."""
    if options.video_layout is not None:
        return layout_named(options.video_layout)
    main_is_video = options.output is not None and KINDS.get(Path(options.output).suffix.lower()) == "video"
    return layout if main_is_video and layout.name in ("stereo", "binaural") else headphones or STEREO


def _check_use(options: OutputOptions, found: Targets, layout: Layout) -> None:
    """InputError for an option that would have no effect on the files: exit 0 means that all that was asked for is there."""
    if found.video is None and options.video_layout is not None:
        raise InputError("--video-layout needs a video to write: add --video OUT.mp4")
    if found.video is None and options.keep_audio_db is not None:
        raise InputError("--keep-audio needs a video to write: add --video OUT.mp4")
    if options.output is not None and found.video == Path(options.output) and layout.name not in VIDEO_LAYOUTS:
        raise InputError(
            f"a video takes {', '.join(VIDEO_LAYOUTS[:-1])} or {VIDEO_LAYOUTS[-1]} sound, not {layout.name}: name a .wav for it"
        )


def _check_paths(found: Targets, force: bool) -> None:
    from seehear.io.audio import check_audio_output  # a media library: not at start-up

    if len({path.resolve() for path in found.files}) < len(found.files):
        raise InputError("two outputs have the same name")
    new = found.folder is not None and check_folder(found.folder)
    for path, layout in found.audio:
        if not (new and path.parent == found.folder):
            check_audio_output(path, layout, force=force)
    for path in (found.video, found.scene, found.figure):
        if path is not None and not (new and path.parent == found.folder):
            check_output(path, force)
    if found.stems is not None:
        _check_stems(found, new=new and found.stems.parent == found.folder, force=force)


def _check_stems(found: Targets, *, new: bool, force: bool) -> None:
    stems = found.stems
    assert stems is not None
    if any(path.resolve().parent == stems.resolve() for path in found.files):
        raise InputError(f"the stems folder {stems} cannot hold other outputs: give them another folder")
    if found.scene is not None and not stems.resolve().is_relative_to(found.scene.parent.resolve()):
        raise InputError(f"the stems folder {stems} must lie in the folder of {found.scene}, so that both can be moved")
    if not new and not check_folder(stems) and not force and any(stems.iterdir()):
        raise InputError(f"the stems folder {stems} holds files already: use --force to replace them")
