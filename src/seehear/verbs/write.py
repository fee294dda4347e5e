"""Everything that a run delivers, written together or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from seehear.io.audio import write_audio
from seehear.io.files import whole_file, whole_folder
from seehear.io.mux import MuxReport, write_video
from seehear.io.scene import write_scene, write_stems
from seehear.types import Audio, Image, Scene, Video
from seehear.verbs.outputs import OutputOptions, Targets


@dataclass(frozen=True)
class Deliverables:
    """What there is to write."""

    media: Image | Video
    scene: Scene
    renders: Mapping[str, Audio]
    """By layout name."""
    video_layout: str
    figure: bytes | None
    extra: Mapping[str, Any]
    """Goes into the scene file: how it was made, nothing that changes from run to run."""


def write_all(files: Targets, what: Deliverables, options: OutputOptions) -> MuxReport | None:
    """How the video was made, if one was; on any failure or Ctrl-C no file of this run is left behind."""
    force, video = options.force, None
    with ExitStack() as stack:
        if files.folder is not None:
            stack.enter_context(whole_folder(files.folder))
        for path, layout in files.audio:
            write_audio(stack.enter_context(whole_file(path, force)), what.renders[layout.name])
        if files.figure is not None and what.figure is not None:
            stack.enter_context(whole_file(files.figure, force)).write_bytes(what.figure)
        if files.video is not None:
            temporary = stack.enter_context(whole_file(files.video, force))
            audio = what.renders[what.video_layout]
            duration_s = what.scene.duration_s
            video = write_video(temporary, what.media, audio, duration_s=duration_s, keep_audio_db=options.keep_audio_db)
        if files.scene is not None:
            write_scene(files.scene, what.scene, files.stems, extra=what.extra, force=force)
        elif files.stems is not None:
            write_stems(files.stems, what.scene, force=force)
    return video
