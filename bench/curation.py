"""What curation turns away, and where: panoramic films of the synthetic world, good ones and ones with a planted fault.

    python bench/curation.py [--worlds 6] [--seed 0] [--relevance planted|builtin] [--work DIR]

Every world gives a good film of ten seconds (itself and the next one) and one of five seconds with each fault: a missing channel,
a level of -75 dB, noise in place of the sound, the picture of another world ("unseen"), levels of FuMa, half a panorama, three
seconds, stereo. Tags are those of the builtin audio encoder. ``planted`` relevance knows which films are unseen (1 for the
others, with a spread of 0.1), so it shows the cut alone; ``builtin`` is the stand-in that `seehear curate run` has, which does
not know the drawn things of the world.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
import zlib
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np

from seehear.acoustics.sphere import convert
from seehear.data.clips import Clip
from seehear.data.curation.films import listed_films
from seehear.data.curation.records import Rules
from seehear.data.curation.running import curate, funnel
from seehear.data.runner import Crew
from seehear.data.shards import read_clips
from seehear.data.world import World, WorldOptions, draw_world, panorama_of, sound_of
from seehear.io.audio import write_audio
from seehear.presets.curation import curation_preset
from seehear.types import STEREO, Audio

FAULTS = {
    "missing": "channels",
    "silent": "windows",
    "noise": "labels",
    "unseen": "relevance",
    "fuma": "order",
    "half": "read",
    "short": "read",
    "stereo": "read",
}
"""The stage that is to turn it away."""
OPTIONS = WorldOptions(varieties=(1.0, 0.0, 0.0, 0.0), dry=1.0)


@dataclass(frozen=True)
class PlantedRelevance:
    """1 where the picture is that of the sound, 0 where it is not, and a little spread."""

    def __call__(self, clip: Clip) -> float:
        spread = np.random.default_rng(zlib.crc32(clip.key.encode())).normal(0, 0.1)
        return float("unseen" not in clip.key) + spread


def write_film(folder: Path, name: str, panoramas: np.ndarray, sound: Audio) -> None:
    with av.open(str(folder / f"{name}.mp4"), "w") as output:
        stream = output.add_stream("libx264", rate=round(OPTIONS.frames_per_s), options={"preset": "veryfast", "crf": "18"})
        stream.height, stream.width = panoramas.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for picture in panoramas:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        output.mux(stream.encode(None))
    write_audio(folder / f"{name}.wav", sound, "FLOAT")


def with_fault(fault: str, panoramas: np.ndarray, other: np.ndarray, sound: Audio) -> tuple[np.ndarray, Audio]:
    """The pictures and the sound of a film with one fault."""
    samples, rate = sound.samples.copy(), sound.sample_rate_hz
    if fault == "missing":
        samples[1] = 0
    elif fault == "silent":
        samples *= 10 ** (-75 / 20) / max(np.sqrt(np.square(samples[0]).mean()), 1e-9)
    elif fault == "noise":
        w = np.random.default_rng(1).standard_normal(samples.shape[1]).astype(np.float32)
        samples = 0.1 * w * np.array([1, 0.6, 0.2, 0.7746], np.float32)[:, None]
    elif fault == "fuma":
        samples = convert(samples, "acn-sn3d", "fuma").astype(np.float32)
    elif fault == "stereo":
        return panoramas, Audio(samples[:2], rate, STEREO)
    elif fault == "short":
        return panoramas[:12], replace(sound, samples=samples[:, : 3 * rate])
    elif fault == "half":
        panoramas = panoramas[:, :, : panoramas.shape[2] // 2]
    elif fault == "unseen":
        panoramas = other
    return panoramas, replace(sound, samples=samples)


def with_hiss(sound: Audio, world: World) -> Audio:
    """The sound with noise of -85 dBFS in every channel, as microphones have: a made-up pause is digital silence otherwise, and
    the channel filter of the paper takes that for missing channels."""
    hiss = 10 ** (-85 / 20) * world.rng(9).standard_normal(sound.samples.shape)
    return replace(sound, samples=sound.samples + hiss.astype(np.float32))


def write_films(folder: Path, n_worlds: int, seed: int) -> list[World]:
    """The worlds, of which the folder then has the films."""
    worlds = [draw_world(seed, index, split="test", options=OPTIONS) for index in range(n_worlds)]
    seen = [panorama_of(world, OPTIONS, 256) for world in worlds]
    heard = [with_hiss(sound_of(world, OPTIONS), world) for world in worlds]
    for i in range(n_worlds):
        j = (i + 1) % n_worlds
        both = replace(heard[i], samples=np.concatenate([heard[i].samples, heard[j].samples], axis=1))
        write_film(folder, f"good{i}", np.concatenate([seen[i], seen[j]]), both)
        for fault in FAULTS:
            write_film(folder, f"{fault}{i}", *with_fault(fault, seen[i], seen[j], heard[i]))
    return worlds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--relevance", choices=("planted", "builtin"), default="planted")
    parser.add_argument("--work", type=Path, default=None)
    asked = parser.parse_args()
    preset = curation_preset("builtin").models
    models = preset if asked.relevance == "builtin" else replace(preset, relevance=PlantedRelevance(), relevance_name="planted")
    with tempfile.TemporaryDirectory(dir=asked.work) as work:
        films = Path(work) / "films"
        films.mkdir()
        begun = time.monotonic()
        worlds = write_films(films, asked.worlds, asked.seed)
        made_s, begun = time.monotonic() - begun, time.monotonic()
        rows = list(curate(listed_films(films), Path(work) / "clips", Rules(), models, crew=Crew(1)))
        kept = list(read_clips(Path(work) / "clips"))
        print(f"{len(rows)} films of {asked.worlds} worlds, made in {made_s:.0f} s, curated in {time.monotonic() - begun:.0f} s")
    print(f"{'stage':<12}{'in':>6}{'out':>6}   why not")
    for row in funnel(rows, len(kept)):
        why = "; ".join(f"{n} {reason}" for reason, n in row["rejects"].items()) or "-"
        print(f"{row['stage']:<12}{row['in']:>6}{row['out']:>6}   {why}")
    report_faults(rows, kept, asked.worlds)
    errors = [angle_deg(clip, worlds) for clip in kept if clip.key.startswith("good")]
    print(f"aim of {len(errors)} good clips: median error {np.median(errors):.1f} degrees, largest {max(errors):.1f}")


def report_faults(rows: list[dict], kept: list[Clip], n_worlds: int) -> None:
    """Per fault: in how many films the stage that is to find it turned something away, and how many clips came through."""
    through = Counter(clip.key.rstrip("0123456789_") for clip in kept)
    print(f"good: {through['good']} clips of {n_worlds} films")
    for fault, stage in FAULTS.items():
        own = [row for row in rows if row["item"].rstrip("0123456789") == fault]
        found = sum(any(each[0] == stage for each in row["rejects"]) for row in own)
        if stage == "relevance":
            found = sum(row["candidates"] for row in own) - through[fault]
        elsewhere = Counter(each[0] for row in own for each in row["rejects"] if each[0] != stage)
        more = f", elsewhere {dict(elsewhere)}" if elsewhere else ""
        print(f"{fault:<8} -> {stage:<10} {found} of {len(own)}{more}; {through[fault]} clips came through")


def angle_deg(clip: Clip, worlds: list[World]) -> float:
    """Between where a good film's clip looks and where the thing that sounds is, halfway through the clip."""
    name, start_s = clip.key.split("_")
    first = int(name.removeprefix("good"))
    at_s = float(start_s) + 2.5
    world = worlds[first if at_s < 5 else (first + 1) % len(worlds)]
    thing = next(thing for thing in world.things if thing.sounds)
    directions, _ = thing.trajectory.at(np.array([at_s % 5]))
    return math.degrees(math.acos(np.clip(directions[0] @ clip.direction.vector, -1, 1)))


if __name__ == "__main__":
    main()
