"""What a codec keeps of held-out sound: ``python bench/codec.py --media DIR [--clips 80] [--dac FOLDER]``.

Recordings of ESC-10's fold 5 and takes of every synthesised sound with seeds that no weights have seen, 5 s each, at RMS -20 dB.
Rows beside the builtin codec: the same net with random weights; resampling down and up again to the audio bandwidth up to which
the codec keeps waveforms (the median over clips of `kept_bandwidth_hz`, at least 50 Hz), which is a rate of numbers no code is
spent on; and resampling to the same number of bits, 200 numbers of 8 bits per second (bandwidth 100 Hz).

Then directions: a sound encoded as a plane wave from a random direction, alone, with a diffuse field (noise of its own in
every channel, 10 dB below W in all), and together with a second sound 6 dB below from elsewhere; the angle between the active
intensities before and after coding. Figures are means (angles: medians) with 95 % bootstrap intervals over clips.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from seehear.acoustics.sphere import encode
from seehear.adapters.builtin_codec import BuiltinCodec
from seehear.adapters.dac import DacCodec
from seehear.data.recordings import read_recordings
from seehear.metrics.ambisonics import diffuse_noise
from seehear.metrics.reconstruction import intensity_error_rad, kept_bandwidth_hz, mel_distance, snr_db
from seehear.metrics.score import Score, bootstrap
from seehear.nets.codec import GainShapeCodec
from seehear.protocols import Codec
from seehear.training.codec import DEFAULT, takes

Sounds = list[NDArray[np.float32]]
LEVEL = 0.1
CLIP_S = 5.0
HELD_OUT_SEED = 1000
BITS_PER_NUMBER = 8


def levelled(x: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """At most 5 s, at RMS 0.1."""
    x = x[: round(CLIP_S * rate_hz)]
    return (x * (LEVEL / max(1e-9, float(np.sqrt(np.mean(x**2)))))).astype(np.float32)


def held_out(media: Path, n: int, rate_hz: int) -> dict[str, Sounds]:
    """Clips that no weights were learned from, at most ``n`` of each kind, none silent."""
    fold = [each for each in read_recordings(media / "audio_esc10") if each.fold == DEFAULT.held_out_fold]
    rng = np.random.default_rng(0)
    real = [fold[i].mono(rate_hz) for i in sorted(rng.permutation(len(fold))[:n])]
    recipe = replace(DEFAULT, foley_each=1, foley_s=CLIP_S, codec=replace(DEFAULT.codec, sample_rate_hz=rate_hz))
    made = list(takes(recipe, HELD_OUT_SEED))
    synthetic = [made[i] for i in sorted(rng.permutation(len(made))[:n])]
    return {
        "ESC-10 fold 5": [levelled(x, rate_hz) for x in real if x.any()],
        "synthesised": [levelled(x, rate_hz) for x in synthetic if x.any()],
    }


def through(codec: Codec, field: NDArray[np.float32], n_books: int | None = None) -> NDArray[np.float32]:
    """The channels (C, T) after coding with the first ``n_books`` books."""
    return codec.decode(codec.encode(field)[:, :n_books])[:, : field.shape[1]]


def untrained(field: NDArray[np.float32]) -> NDArray[np.float32]:
    """The channels after the builtin codec's net with random weights."""
    torch.manual_seed(0)
    net = GainShapeCodec(DEFAULT.codec).eval()
    return net.decode(net.encode(torch.from_numpy(field)))[:, : field.shape[1]].numpy()


def narrowed(field: NDArray[np.float32], rate_hz: int, low_hz: float, bits: int | None = None) -> NDArray[np.float32]:
    """The channels resampled to ``low_hz`` and back, their numbers there rounded to ``bits`` over the range that each needs."""
    rows = []
    for x in field:
        low = soxr.resample(x, rate_hz, low_hz)
        if bits is not None:
            step = max(1e-12, float(np.abs(low).max()) / 2 ** (bits - 1))
            low = (np.round(low / step) * step).astype(np.float32)
        back = soxr.resample(low, low_hz, rate_hz)[: len(x)]
        rows.append(np.pad(back, (0, len(x) - len(back))))
    return np.stack(rows)


def mean(values: Sequence[float]) -> Score:
    known = np.array([v for v in values if np.isfinite(v)])
    return bootstrap(lambda i: float(known[i].mean()), len(known), n_failed=len(values) - len(known))


def median(values: Sequence[float]) -> Score:
    known = np.array([v for v in values if np.isfinite(v)])
    return bootstrap(lambda i: float(np.median(known[i])), len(known), n_failed=len(values) - len(known))


def fields(sounds: Sounds, kind: str, rng: np.random.Generator) -> Sounds:
    """One field (4, T) for each sound: a plane wave, and what ``kind`` adds."""
    made = []
    for number, x in enumerate(sounds):
        directions = rng.normal(size=(2, 3))
        first, second = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        field = encode(x, first)
        if kind == "in a diffuse field":
            field = field + 10 ** (-10 / 20) * diffuse_noise(field, rng)
        if kind == "with a second sound":
            other = sounds[(number + 7) % len(sounds)]
            n = min(len(x), len(other))
            field = field[:, :n] + 0.5 * encode(other[:n], second)
        made.append(field.astype(np.float32))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", type=Path, required=True, metavar="DIR")
    parser.add_argument("--clips", type=int, default=80, metavar="N", help="of each kind at most (default 80)")
    parser.add_argument("--dac", metavar="FOLDER", help="also a DAC checkpoint, at its own rate")
    options = parser.parse_args()
    torch.set_num_threads(1)
    codecs: list[Codec] = [BuiltinCodec(), *([DacCodec(options.dac)] if options.dac else [])]
    for codec in codecs:
        report(codec, held_out(options.media, options.clips, codec.sample_rate_hz))


def report(codec: Codec, sounds: dict[str, Sounds]) -> None:
    rate, books = codec.sample_rate_hz, codec.n_codebooks
    numbers_per_s = rate / codec.hop_samples * books
    print(f"{codec.name}: {rate} Hz, {rate / codec.hop_samples:.1f} frames of {books} codes of {codec.codebook_size} per second,")
    print(f"{numbers_per_s * np.log2(codec.codebook_size) / 1000:.2f} kbit/s per channel\n")
    speed(codec)
    for kind, clips in sounds.items():
        coded = [through(codec, x[None])[0] for x in clips]
        kept_hz = [kept_bandwidth_hz(y, x, rate) for x, y in zip(clips, coded, strict=True)]
        matched_hz = max(50.0, float(np.median(kept_hz)))
        print(f"\n{kind}: kept bandwidth in Hz: {mean(kept_hz)}, median {np.median(kept_hz):.0f}")
        rows: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
            f"all {books} books": partial(through, codec),
            **{f"{n} books" if n > 1 else "1 book": partial(through, codec, n_books=n) for n in range(books - 1, 1, -1)},
            f"resampled to {2 * matched_hz:.0f} Hz (bandwidth kept)": partial(narrowed, rate_hz=rate, low_hz=2 * matched_hz),
            f"resampled to {numbers_per_s:.0f} Hz of {BITS_PER_NUMBER} bits (same bits)": partial(
                narrowed, rate_hz=rate, low_hz=numbers_per_s, bits=BITS_PER_NUMBER
            ),
        }
        if isinstance(codec, BuiltinCodec):
            rows["random weights"] = untrained
        print(f"{'':44} {'SNR in dB':34} mel distance")
        for name, way in rows.items():
            pairs = [(way(x[None])[0], x) for x in clips]
            snr = mean([snr_db(y, x) for y, x in pairs])
            print(f"{name:44} {snr!s:34} {mean([mel_distance(y, x, rate) for y, x in pairs])}", flush=True)
        for case in ("a plane wave", "in a diffuse field", "with a second sound"):
            made = fields(clips, case, np.random.default_rng(1))
            angles = [np.rad2deg(intensity_error_rad(through(codec, field), field)) for field in made]
            worst = float(np.nanquantile(angles, 0.9))
            print(f"direction, {case}: median error in degrees {median(angles)}, 90 % below {worst:.1f}", flush=True)


def speed(codec: Codec) -> None:
    """Seconds of one channel per second of one core's time."""
    x = (LEVEL * np.random.default_rng(0).normal(size=(4, 10 * codec.sample_rate_hz))).astype(np.float32)
    codes = codec.encode(x)
    started = time.process_time()
    codec.encode(x)
    encoded = time.process_time()
    codec.decode(codes)
    decoded = time.process_time()
    print(
        f"encoding {40 / (encoded - started):.0f} x, decoding {40 / (decoded - encoded):.0f} x real time per channel (CPU time)"
    )


if __name__ == "__main__":
    main()
