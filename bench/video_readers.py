"""What PyAV and MediaInfo report of the videos and Opus files that seehear writes, one second of noise each.

    python bench/video_readers.py [--keep DIR]

MediaInfo is asked where pymediainfo can be imported (`pip install pymediainfo`: its wheels bring the library). The table of
docs/delivery.md, "360 video and Opus".
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import av
import numpy as np

from seehear.io.audio import write_audio
from seehear.io.mux import VideoOptions, write_video
from seehear.types import LAYOUTS, Audio, Image, Layout

RATE_HZ = 48_000
MOVIES = ("foa", "hoa3", "hoa7", "5.1", "7.1", "5.1.4", "7.1.4")
VIDEOS = (("foa", ".mp4"), ("binaural", ".mp4"), ("5.1", ".mp4"), *((name, ".mov") for name in MOVIES))
SOUNDS = ("stereo", "5.1", "7.1", "foa", "hoa2", "hoa3")


def noise(layout: Layout) -> Audio:
    samples = np.random.default_rng(0).uniform(-0.3, 0.3, (layout.n_channels, RATE_HZ)).astype(np.float32)
    return Audio(samples, RATE_HZ, layout, "acn-sn3d" if layout.kind == "ambisonics" else "")


def by_pyav(path: Path) -> str:
    with av.open(str(path)) as container:
        context = container.streams.audio[0].codec_context
        told = f"{context.codec.name} {context.layout.name}"
        if container.streams.video:
            frame = next(container.decode(video=0))
            told += "; " + ", ".join(data.type.name.lower() for data in frame.side_data if "SEI" not in data.type.name)
    return told


def by_mediainfo(path: Path) -> str:
    from pymediainfo import MediaInfo

    (sound,) = (track.to_data() for track in MediaInfo.parse(path).tracks if track.track_type == "Audio")
    names = ("format", "bit_depth", "channel_s", "channel_layout", "channellayout_original")
    return ", ".join(str(sound[name]) for name in names if name in sound)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="write the files there and leave them")
    wanted = parser.parse_args()
    picture = Image(np.random.default_rng(0).integers(0, 255, (64, 128, 3), dtype=np.uint8))
    with tempfile.TemporaryDirectory() as passing:
        folder = wanted.keep or Path(passing)
        paths = []
        for name, suffix in VIDEOS:
            paths.append(folder / f"{name}{suffix}")
            write_video(paths[-1], picture, noise(LAYOUTS[name]), VideoOptions(spherical=True), duration_s=1.0, force=True)
        for name in SOUNDS:
            paths.append(folder / f"{name}.opus")
            write_audio(paths[-1], noise(LAYOUTS[name]), force=True)
        for path in paths:
            print(f"{path.name:14} PyAV: {by_pyav(path)}")
            try:
                print(f"{'':14} MediaInfo: {by_mediainfo(path)}")
            except ImportError:
                print(f"{'':14} MediaInfo: not installed")


if __name__ == "__main__":
    main()
