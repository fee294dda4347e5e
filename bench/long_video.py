"""A long video in constant memory: `seehear spatialize` on synthetic videos of a minute and of an hour, each a process.

    python bench/long_video.py [--minutes 1 60] [--keep DIR]

Prints wall time, peak memory (resident set, mapped libraries included), the size of what was written, and whether every
output has the exact number of samples. The video is small (160 x 120, 10 fps): a scene that changes every 20 s, crossed by
a disc.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np
import soundfile

WIDTH, HEIGHT, RATE_HZ, SHOT_S = 160, 120, 10, 20.0
SOUND_RATE_HZ = 48_000
SAY = "car, footsteps, bird, wind"


def film(path: Path, seconds: float) -> None:
    """Shots of smoothed noise in changing colours, a disc crossing each."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=RATE_HZ, options={"preset": "ultrafast", "crf": "30", "g": "50"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        ground = None
        for index in range(round(seconds * RATE_HZ)):
            within = index % round(SHOT_S * RATE_HZ)
            if within == 0:
                coarse = rng.integers(40, 200, (HEIGHT // 20 + 1, WIDTH // 20 + 1, 3))
                ground = np.kron(coarse, np.ones((20, 20, 1)))[:HEIGHT, :WIDTH].astype(np.uint8)
            picture = ground.copy()
            x = 20 + 120 * within / (SHOT_S * RATE_HZ)
            picture[(rows - 70) ** 2 + (columns - x) ** 2 < 15**2] = (220, 60, 30)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)


def spatialized(video: Path, folder: Path, minutes: float) -> dict[str, object]:
    """What the run took, and whether its files are as long as they should be."""
    command = [sys.executable, "-m", "seehear", "spatialize", str(video), "--say", SAY]
    command += ["--folder", str(folder), "--json"]
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, __file__, "--child", *command], capture_output=True, text=True, check=False)
    wall_s = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(f"{minutes} min: status {done.returncode}\n{done.stderr}")
    *_, usage = done.stderr.strip().splitlines()
    wanted = round(60 * minutes * SOUND_RATE_HZ)
    sounds = [*folder.glob("*.wav"), *(folder / "stems").glob("*.wav")]
    return {
        "minutes": minutes,
        "wall_s": round(wall_s, 1),
        "peak_mib": int(usage) // 1024,
        "written_gb": round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9, 2),
        "files": len(sounds),
        "exact": all(soundfile.info(path).frames == wanted for path in sounds),
        "stages_s": json.loads(done.stdout)["seconds"],
    }


def child(command: list[str]) -> int:
    """Runs a command; its peak resident set in KiB is the last line on stderr."""
    status = subprocess.run(command, check=False).returncode
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
    return status


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        sys.exit(child(sys.argv[2:]))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 60.0])
    parser.add_argument("--keep", type=Path)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for minutes in wanted.minutes:
            folder = wanted.keep or Path(scratch)
            video = folder / f"film-{minutes:g}min.mp4"
            if not video.exists():
                film(video, 60 * minutes)
            print(json.dumps(spatialized(video, folder / f"out-{minutes:g}min", minutes)), flush=True)


if __name__ == "__main__":
    main()
