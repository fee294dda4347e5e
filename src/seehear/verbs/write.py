"""Everything that a run delivers, written together or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seehear.acoustics.loudness import Loudness
from seehear.io.adm.write import write_adm
from seehear.io.audio import write_audio
from seehear.io.files import whole_files
from seehear.io.mux import MuxReport, VideoOptions, write_video
from seehear.io.scene import write_scene, write_stems
from seehear.types import LAYOUTS, Image, Scene, Video
from seehear.verbs.ledger import credits_of, outdated_credits
from seehear.verbs.objects import programme_of
from seehear.verbs.outputs import OutputOptions, Targets, credits_place
from seehear.verbs.rendering import Levelled, true_peak_of

CODER_DB = 3.0
"""AAC at these rates has not been seen to raise peaks by more."""


@dataclass(frozen=True)
class Deliverables:
    """What there is to write."""

    media: Image | Video
    scene: Scene
    renders: Mapping[str, Levelled]
    """By layout name."""
    video_layout: str
    figure: Callable[[], bytes] | None
    """Asked for last, so that it may be drawn while the video is encoded."""
    extra: Mapping[str, Any]
    """Goes into the scene file: how it was made, nothing that changes from run to run."""
    loudness: Loudness
    """The target of the renders, which the video's decoded sound and the objects keep too."""
    sidecar: Mapping[str, Any]
    """How it was made, with what changes from run to run; its models are the ledger of the credits."""


@dataclass(frozen=True)
class Written:
    """What came of it beyond the files that were asked for by name."""

    video: MuxReport | None
    """How the video was made, if one was."""
    stems: tuple[Path, ...]


def write_all(files: Targets, what: Deliverables, options: OutputOptions) -> Written:
    """How the video was made and which stems there are; every file appears, or on any failure or Ctrl-C none of this run.

    With ``force`` what an earlier run left and this one does not write goes: stems, credits, renders in ``folder``.
    """
    force, video, stems = options.force, None, ()
    with whole_files() as run:
        if files.folder is not None:
            run.folder(files.folder)
            if force:
                run.outdate(_all_renders(files))
        if force and (place := credits_place(files)) is not None:
            run.outdate(outdated_credits(place))
        for path, layout in files.audio:
            write_audio(path, what.renders[layout.name].sound, force=force, within=run)
        if files.video is not None:
            sound, duration_s = what.renders[what.video_layout].sound, what.scene.duration_s
            how = _video_options(what, options)
            video = write_video(files.video, what.media, sound, how, duration_s=duration_s, force=force, within=run)
        if files.adm is not None:
            write_adm(files.adm, programme_of(what.scene, what.loudness), force=force, within=run)
        if files.scene is not None and files.stems is not None:
            stems = write_scene(files.scene, what.scene, files.stems, extra=what.extra, force=force, within=run)
        elif files.stems is not None:
            stems = write_stems(files.stems, what.scene, force=force, within=run)
        if files.figure is not None and what.figure is not None:
            run.file(files.figure, force).write_bytes(what.figure())
        if files.sidecar is not None:
            text = json.dumps(what.sidecar, ensure_ascii=False, indent=2, default=list)
            # Names of files may be no text: then JSON escapes them.
            run.file(files.sidecar, force).write_bytes((text + "\n").encode("utf-8", "backslashreplace"))
        if files.credits is not None:
            run.file(files.credits, force).write_text(credits_of(what.sidecar["models"]) or "", "utf-8")
    return Written(video, stems)


def _video_options(what: Deliverables, options: OutputOptions) -> VideoOptions:
    """Its peaks are measured once more as they come out of the coder, when they are near enough to the ceiling to pass it."""
    heard = what.renders[what.video_layout]
    is_near = options.keep_audio_db is not None or heard.true_peak_dbtp > what.loudness.peak_dbtp - CODER_DB
    return VideoOptions(
        keep_audio_db=options.keep_audio_db,
        spherical=options.spherical,
        peak_of=true_peak_of if is_near else None,
        ceiling_dbtp=what.loudness.peak_dbtp,
    )


def _all_renders(files: Targets) -> list[Path]:
    """The renders that a run into the folder may have left, whatever its layout."""
    names = {
        path.name.removesuffix(f".{layout.name}.wav")
        for path, layout in files.audio
        if path.parent == files.folder and path.name.endswith(f".{layout.name}.wav")
    }
    return [files.folder / f"{name}.{layout}.wav" for name in names for layout in LAYOUTS if files.folder is not None]
