"""`make demo`: the main job on a real photo (scikit-image's cat, CC0) and on this project's moving picture.

python examples/demo.py [--out DIR]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import skimage

HERE = Path(__file__).resolve().parent
CAT = Path(skimage.__file__).parent / "data" / "chelsea.png"
JOBS = (
    ("A photo: what is recognised, sounds", [str(CAT)]),
    ("A moving picture: words place sounds on what moves", [str(HERE / "coast.webp"), "--object", "car@0.5,0.8", "--say", "sea"]),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo"))
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for title, words in JOBS:
        folder = out / Path(words[0]).stem
        command = ["spatialize", *words, "--folder", str(folder), "--force"]
        print(f"\n{title}\n$ seehear {' '.join(command)}", flush=True)
        begun = time.perf_counter()
        status = subprocess.run([sys.executable, "-m", "seehear", *command]).returncode
        if status:
            sys.exit(status)
        print(f"(whole process: {time.perf_counter() - begun:.1f} s)", flush=True)
    print(f"\nLook:   {out / 'chelsea' / 'chelsea.png'} and {out / 'coast' / 'coast.png'}")
    print(f"Listen: {out / 'coast' / 'coast.mp4'} with headphones, {out / 'coast' / 'coast.5.1.wav'} on loudspeakers")


if __name__ == "__main__":
    main()
