"""Rendering speed side by side with pyroomacoustics, and agreement of the two: `python bench/engine.py [--runs N]`.

Rows, each the median over interleaved runs (A B A B, so that other load on the machine meets both alike):

1. 20 sources x 10 s x 48 kHz in an order-10 shoebox: pyroomacoustics' ``Room.simulate`` with six omnidirectional
   microphones (flat walls, no air: its fastest case) against ours to six outputs: all images, octave-band walls and air,
   no tail, 5.1 with four of the sources feeding the LFE.
2. The same sources through our taps to the same six microphones (flat walls, no air), and how far the signals agree
   between 100 Hz and 16 kHz: with pyroomacoustics as it comes, and with its settings matched to ours. Matched are its 10 Hz
   high-pass (off; cut off at the start of the response, it leaves a difference at all frequencies), its sinc table (64
   steps; its default step of 0.05 accumulates rounding in float32) and, as its window is not shifted with the fraction,
   the length of its delays (its default 81 taps, or 201).
3. Five moving sources, 10 s, to first-order ambisonics and binaural, default engine: seconds of sound per second; without
   and with Doppler.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import pyroomacoustics as pra

from seehear.acoustics.absorption import SPEED_OF_SOUND_M_S, wall_colouring
from seehear.acoustics.convolve import Blocks, convolve_into, spectra_of
from seehear.acoustics.field import Engine
from seehear.acoustics.paths import omni_responses
from seehear.acoustics.render import render
from seehear.acoustics.room import mirrors
from seehear.types import BINAURAL, FOA, MONO, SURROUND_5_1, Audio, Direction, Room, Scene, Source, Trajectory

RATE_HZ, DURATION_S, ORDER, ABSORPTION = 48000, 10.0, 10, 0.3
ROOM = Room("shoebox", (8.0, 6.0, 3.0), (4.0, 3.0, 1.5), 0.5)
BAND_HZ = (100.0, 16000.0)


def noise(rng: np.random.Generator) -> Audio:
    return Audio(0.1 * rng.standard_normal((1, round(DURATION_S * RATE_HZ)), dtype=np.float32), RATE_HZ, MONO)


def places(n: int, rng: np.random.Generator) -> np.ndarray:
    """Positions (n, 3) in the room, half a metre from its walls."""
    return rng.uniform(0.5, np.array(ROOM.size_m) - 0.5, (n, 3))


def static_scene(positions: np.ndarray, stems: list[Audio]) -> Scene:
    offsets = positions - np.array(ROOM.listener_m)
    sources = (
        Source(stem, Trajectory.fixed(Direction.of(o), float(np.linalg.norm(o))), f"noise {i}", lfe=i % 5 == 0)
        for i, (o, stem) in enumerate(zip(offsets, stems, strict=True))
    )
    return Scene(tuple(sources), ROOM, DURATION_S, RATE_HZ)


def moving_scene(stems: list[Audio]) -> Scene:
    """Sources that circle the listener at up to 34 degrees per second and come and go between 0.9 and 2.1 m."""
    times = np.linspace(0, DURATION_S, 101)
    sources = []
    for i, stem in enumerate(stems):
        azimuth, elevation = 1.3 * i + (0.2 + 0.1 * i) * times, 0.2 * np.sin(times + i)
        level = np.cos(elevation)
        directions = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)], axis=1)
        sources.append(Source(stem, Trajectory(times, directions, 1.5 + 0.6 * np.sin(times + 2 * i)), f"moving {i}"))
    return Scene(tuple(sources), ROOM, DURATION_S, RATE_HZ)


def peer_simulate(positions: np.ndarray, microphones: np.ndarray, stems: list[Audio]) -> np.ndarray:
    """Signals (6, T') of ``Room.simulate``, geometry and impulse responses included."""
    room = pra.ShoeBox(ROOM.size_m, fs=RATE_HZ, materials=pra.Material(ABSORPTION), max_order=ORDER)
    room.set_sound_speed(SPEED_OF_SOUND_M_S)
    for position, stem in zip(positions, stems, strict=True):
        room.add_source(position, signal=stem.samples[0])
    room.add_microphone_array(microphones.T)
    room.simulate()
    return room.mic_array.signals


def our_microphones(positions: np.ndarray, microphones: np.ndarray, stems: list[Audio]) -> np.ndarray:
    """Signals (6, T) at omnidirectional microphones through the taps and the convolution of a render."""
    colouring = wall_colouring(np.full(8, ABSORPTION), ORDER, 200.0, RATE_HZ, air=False)
    responses = omni_responses(ROOM, mirrors(ROOM, ORDER), colouring, positions, microphones, RATE_HZ)
    signals = np.stack([stem.samples[0] for stem in stems])
    out = np.zeros((len(microphones), signals.shape[1]), dtype=np.float32)
    blocks = Blocks(signals.shape[1], RATE_HZ // 2, 0, responses.shape[-1])
    filters = [partial(np.asarray, spectra_of(taps, blocks.n_fft)) for taps in responses]
    convolve_into(out, lambda start, stop: zip(signals[:, start:stop], filters, strict=True), blocks, 0)
    return out


@contextmanager
def peer_settings(**settings: object) -> Iterator[None]:
    before = {name: pra.constants.get(name) for name in settings}
    for name, value in settings.items():
        pra.constants.set(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            pra.constants.set(name, value)


def agreement_db(ours: np.ndarray, peer: np.ndarray) -> float:
    """Error energy over energy in `BAND_HZ`; all channels."""
    n_samples = ours.shape[1]
    frequencies = np.fft.rfftfreq(n_samples, 1 / RATE_HZ)
    band = (frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1])
    window = np.hanning(n_samples)
    a, b = (np.fft.rfft(window * x[:, :n_samples], axis=1)[:, band] for x in (ours, peer))
    return float(10 * np.log10(np.sum(np.abs(a - b) ** 2) / np.sum(np.abs(b) ** 2)))


def interleaved_s(runs: int, **calls: Callable[[], object]) -> dict[str, list[float]]:
    """Seconds of each call, every run going through all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(runs):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    return seconds


SETTINGS: dict[str, dict[str, object]] = {
    "its defaults untouched": {},
    "matched: no high-pass, 64-step sincs": {"rir_hpf_enable": False, "sinc_lut_granularity": 64},
    "matched: the same, delays of 201 taps": {"rir_hpf_enable": False, "sinc_lut_granularity": 64, "frac_delay_length": 201},
}
"""Of pyroomacoustics, for the agreement."""


def agreements(positions: np.ndarray, microphones: np.ndarray, stems: list[Audio]) -> dict[str, float]:
    """Agreement in dB for each of `SETTINGS`."""
    ours, result = our_microphones(positions, microphones, stems), {}
    for name, settings in SETTINGS.items():
        with peer_settings(**settings):
            lead = pra.constants.get("frac_delay_length") // 2
            result[name] = agreement_db(ours, peer_simulate(positions, microphones, stems)[:, lead:])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="interleaved runs (default 3)")
    runs = parser.parse_args().runs
    rng = np.random.default_rng(0)
    positions, microphones = places(20, rng), places(6, rng)
    stems = [noise(rng) for _ in range(20)]
    scene, moving = static_scene(positions, stems), moving_scene(stems[:5])
    every_image = Engine(image_order=ORDER, tail=False)
    render(static_scene(positions[:1], stems[:1]), [SURROUND_5_1, FOA, BINAURAL], level_lufs=None)  # imports and tables
    ours_mb = 0.0

    def measured(call: Callable[[], object]) -> Callable[[], object]:
        def run() -> object:
            nonlocal ours_mb
            result = call()
            ours_mb = ours_mb or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            return result

        return run

    seconds = interleaved_s(
        runs,
        ours=measured(lambda: render(scene, [SURROUND_5_1], level_lufs=None, engine=every_image)),
        peer=lambda: peer_simulate(positions, microphones, stems),
        ours_omni=lambda: our_microphones(positions, microphones, stems),
        default=lambda: render(scene, [SURROUND_5_1], level_lufs=None),
        moving=lambda: render(moving, [FOA, BINAURAL], level_lufs=None),
        doppler=lambda: render(moving, [FOA, BINAURAL], level_lufs=None, engine=Engine(doppler=True)),
    )
    median = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"20 sources x {DURATION_S:g} s x {RATE_HZ} Hz, order-{ORDER} room, six outputs; medians of {runs} interleaved runs")
    print(f"{'pyroomacoustics Room.simulate, six omni':<56}{median['peer']:8.2f} s")
    for name, text in (
        ("ours, 5.1, all images, octave-band walls, air", "ours"),
        ("ours, 5.1, images to the mixing time, then tail", "default"),
        ("ours, the same six omni", "ours_omni"),
    ):
        ratios = [p / x for p, x in zip(seconds["peer"], seconds[text], strict=True)]
        print(f"{name:<56}{median[text]:8.2f} s{statistics.median(ratios):8.1f} x faster (worst run {min(ratios):.1f} x)")
    for name, text in (("5 moving sources to foa + binaural", "moving"), ("the same with Doppler on every path", "doppler")):
        speed, slowest = DURATION_S / median[text], DURATION_S / max(seconds[text])
        print(f"{name:<56}{median[text]:8.2f} s{speed:8.1f} x real time (worst run {slowest:.1f} x)")
    print(f"{'peak memory before the first peer run, with stems':<56}{ours_mb:8.0f} MB")
    print(f"agreement with pyroomacoustics, {BAND_HZ[0]:g} Hz to {BAND_HZ[1] / 1000:g} kHz")
    for name, db in agreements(positions, microphones, stems).items():
        print(f"  {name:<54}{db:8.1f} dB")


if __name__ == "__main__":
    main()
