"""Which files a run writes: asked for by name, checked before the work, written all or none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from seehear.io.files import check_folder, check_output
from seehear.systems.spatialize.options import check_choice, check_range, check_types, option
from seehear.types import BINAURAL, FOA, LAYOUTS, STEREO, InputError, Layout, layout_named
from seehear.verbs.ledger import credits_beside

KINDS = {
    **dict.fromkeys((".wav", ".flac", ".caf", ".opus"), "audio"),
    **dict.fromkeys((".mp4", ".m4v", ".mov"), "video"),
    ".json": "scene",
    ".png": "figure",
}
VIDEO_LAYOUTS = ("binaural", "stereo", "5.1", "foa")
"""Sound that players take from an MP4; a MOV takes all."""
CREDITS = "CREDITS.txt"


NAMED = ("output", "video", "scene", "stems", "figure", "adm", "sidecar", "folder")
"""The options that name files."""


@dataclass(frozen=True)
class OutputOptions:
    """Which files to write; the type of ``output`` follows from its extension. Nothing is written for None."""

    output: str | None = option(
        None, "Main output: .wav .flac .caf .opus, .mp4 .mov, .json (scene) or .png (figure).", "OUT", "-o"
    )
    video: str | None = option(None, "Video with the new sound (.mp4: AAC; .mov: 24-bit PCM).", "OUT.mp4")
    scene: str | None = option(None, "Scene for `seehear render`; its stems go beside it unless --stems says where.", "OUT.json")
    stems: str | None = option(None, "Folder for one mono WAV per source.", "DIR")
    figure: str | None = option(None, "Picture that explains what is heard where.", "OUT.png")
    adm: str | None = option(None, "ADM for object renderers: an object per source, beds (BW64).", "OUT.wav")
    sidecar: str | None = option(None, "How it was made: arguments, models, licences.", "OUT.json")
    folder: str | None = option(None, "All of it in one new folder; ./NAME-seehear without any output flag.", "DIR")
    video_layout: str | None = option(None, "Sound of the video: binaural (unless said), stereo, 5.1 or foa.", "NAME")
    spherical: bool = option(False, "The picture is a whole sphere: the video says so to 360 players, with foa (SA3D) sound.")
    keep_audio_db: float | None = option(None, "Keep a video's original sound, at this gain; dropped otherwise.", "DB")
    force: bool = option(False, "Replace existing files.")

    def __post_init__(self) -> None:
        check_types(self)
        for name in NAMED:
            if getattr(self, name) == "":
                raise InputError(f"--{name} needs a name")
        if self.video_layout is not None:
            check_choice("--video-layout", self.video_layout, *VIDEO_LAYOUTS)
        check_range("--keep-audio", self.keep_audio_db, -60, 20, "dB")

    @property
    def is_empty(self) -> bool:
        return all(getattr(self, name) is None for name in NAMED)


@dataclass(frozen=True)
class Targets:
    """Every file of a run by kind, checked: parents exist, nothing is replaced unasked, no name is taken twice."""

    audio: tuple[tuple[Path, Layout], ...] = ()
    video: Path | None = None
    scene: Path | None = None
    stems: Path | None = None
    figure: Path | None = None
    adm: Path | None = None
    sidecar: Path | None = None
    credits: Path | None = None
    """Where a licence asks for attribution."""
    folder: Path | None = None
    """Made by the run when it does not exist yet."""

    @property
    def files(self) -> tuple[Path, ...]:
        return (*(path for path, _ in self.audio), *self.others)

    @property
    def others(self) -> tuple[Path, ...]:
        """All but the audio."""
        found = (self.video, self.scene, self.figure, self.adm, self.sidecar, self.credits)
        return tuple(path for path in found if path is not None)


def targets(options: OutputOptions, name: str, layout: Layout, headphones: Layout | None = BINAURAL) -> Targets:
    """The files that ``options`` ask for, for an input called ``name``; InputError when one cannot be written.

    Files named one by one take the place of those that ``folder`` would hold: ``layout`` and, where there is one, the
    layout for ``headphones``.
    """
    named: dict[str, Path] = {}
    for flag in ("video", "scene", "stems", "figure", "adm", "sidecar"):
        path = getattr(options, flag)
        if path is not None:
            suffixes = _suffixes(flag)
            if suffixes and Path(path).suffix.lower() not in suffixes:
                raise InputError(f"--{flag} writes {' or '.join(suffixes)} files, got {path!r}")
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


def _suffixes(flag: str) -> tuple[str, ...]:
    """The extensions of what an option names; none for a folder."""
    own = {"stems": (), "adm": (".wav",), "sidecar": (".json",)}
    return own.get(flag, tuple(suffix for suffix, kind in KINDS.items() if kind == flag))


def with_credits(found: Targets, needed: bool, force: bool) -> Targets:
    """The targets with the file that names authors, if there are any files and it is needed; InputError when it is in the way."""
    path = credits_place(found)
    if not needed or path is None:
        return replace(found, credits=None)
    if path.parent.exists():
        check_output(path, force)
    return replace(found, credits=path)


def credits_place(found: Targets) -> Path | None:
    """Where the credits go: into the folder, or beside the first file; None where nothing is written."""
    if found.folder is not None:
        return found.folder / CREDITS
    main = next(iter(replace(found, credits=None).files), found.stems)
    return None if main is None else credits_beside(main)


def _folder_targets(folder: Path, name: str, layout: Layout, headphones: Layout | None) -> Targets:
    layouts = dict.fromkeys((layout, *([headphones] if headphones is not None else [])))
    return Targets(
        audio=tuple((folder / f"{name}.{each.name}.wav", each) for each in layouts),
        video=folder / f"{name}.mp4",
        scene=folder / "scene.json",
        stems=folder / "stems",
        figure=folder / f"{name}.png",
        sidecar=folder / f"{name}.seehear.json",
        folder=folder,
    )


def video_layout(options: OutputOptions, layout: Layout, headphones: Layout | None = BINAURAL) -> Layout:
    """The layout of the video's sound: ``video_layout`` if given, else first-order ambisonics for a sphere, else ``layout``
    when the main output is a video that can hold it (5.1 has to be asked for), else the one for ``headphones``, else stereo."""
    if options.video_layout is not None:
        return layout_named(options.video_layout)
    if options.spherical:
        return FOA
    suffix = "" if options.output is None else Path(options.output).suffix.lower()
    taken = ("stereo", "binaural", "foa") if suffix in (".mp4", ".m4v") else set(LAYOUTS) - {"5.1"} if suffix == ".mov" else ()
    return layout if layout.name in taken else headphones or STEREO


def _check_use(options: OutputOptions, found: Targets, layout: Layout) -> None:
    """InputError for an option that would have no effect on the files: exit 0 means that all that was asked for is there."""
    if found.video is None and options.video_layout is not None:
        raise InputError("--video-layout needs a video to write: add --video OUT.mp4")
    if found.video is None and options.keep_audio_db is not None:
        raise InputError("--keep-audio needs a video to write: add --video OUT.mp4")
    if found.video is None and options.spherical:
        raise InputError("--spherical needs a video to write: add --video OUT.mp4")
    if options.keep_audio_db is not None and video_layout(options, layout).kind == "ambisonics":
        raise InputError("--keep-audio has no place in the ambisonic sound of a sphere: add --video-layout binaural")
    is_mov = found.video is not None and found.video.suffix.lower() == ".mov"
    if options.output is not None and found.video == Path(options.output) and layout.name not in VIDEO_LAYOUTS and not is_mov:
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
    for path in found.others:
        if not (new and path.parent == found.folder):
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
