"""Everything that a run delivers, written together or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seehear.io.audio import write_audio
from seehear.io.files import whole_files
from seehear.io.mux import MuxReport, VideoOptions, write_video
from seehear.io.scene import write_scene, write_stems
from seehear.types import LAYOUTS, Audio, Image, Scene, Video
from seehear.verbs.outputs import OutputOptions, Targets


@dataclass(frozen=True)
class Deliverables:
    """What there is to write."""

    media: Image | Video
    scene: Scene
    renders: Mapping[str, Audio]
    """By layout name."""
    video_layout: str
    figure: Callable[[], bytes] | None
    """Asked for last, so that it may be drawn while the video is encoded."""
    extra: Mapping[str, Any]
    """Goes into the scene file: how it was made, nothing that changes from run to run."""


@dataclass(frozen=True)
class Written:
    """What came of it beyond the files that were asked for by name."""

    video: MuxReport | None
    """How the video was made, if one was."""
    stems: tuple[Path, ...]


def write_all(files: Targets, what: Deliverables, options: OutputOptions) -> Written:
    """How the video was made and which stems there are; every file appears, or on any failure or Ctrl-C none of this run.

    With ``force`` what an earlier run left and this one does not write goes: stems, and renders of other layouts in ``folder``.
    """
    force, video, stems = options.force, None, ()
    with whole_files() as run:
        if files.folder is not None:
            run.folder(files.folder)
            if force:
                run.outdate(_all_renders(files))
        for path, layout in files.audio:
            write_audio(path, what.renders[layout.name], force=force, within=run)
        if files.video is not None:
            video = write_video(
                files.video,
                what.media,
                what.renders[what.video_layout],
                VideoOptions(keep_audio_db=options.keep_audio_db),
                duration_s=what.scene.duration_s,
                force=force,
                within=run,
            )
        if files.scene is not None and files.stems is not None:
            stems = write_scene(files.scene, what.scene, files.stems, extra=what.extra, force=force, within=run)
        elif files.stems is not None:
            stems = write_stems(files.stems, what.scene, force=force, within=run)
        if files.figure is not None and what.figure is not None:
            run.file(files.figure, force).write_bytes(what.figure())
    return Written(video, stems)


def _all_renders(files: Targets) -> list[Path]:
    """The renders that a run into the folder may have left, whatever its layout."""
    names = {
        path.name.removesuffix(f".{layout.name}.wav")
        for path, layout in files.audio
        if path.parent == files.folder and path.name.endswith(f".{layout.name}.wav")
    }
    return [files.folder / f"{name}.{layout}.wav" for name in names for layout in LAYOUTS if files.folder is not None]
