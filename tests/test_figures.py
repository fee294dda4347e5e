"""The explaining picture. Oracles: closed-form levels, an independent PNG reader, planted colours."""

from __future__ import annotations

import io
import math
import tracemalloc
import warnings
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image as Pillow

from planted import scenery
from seehear.acoustics.sphere import plane_wave_powers
from seehear.figures import Mark, explain, inspected
from seehear.figures.explaining import MAX_TITLE, PALETTE, shown
from seehear.figures.measuring import channel_levels_db, in_phase, spectrogram
from seehear.io.streams import Spool
from seehear.types import FOA, MONO, SURROUND_5_1, Audio, Direction, Image, Trajectory


def tone(channels: int, amplitude: float) -> np.ndarray:
    t = np.arange(16000) / 16000
    x = np.zeros((channels, 16000), np.float32)
    x[0] = amplitude * np.sin(2 * np.pi * 100 * t)
    return x


def test_channel_levels() -> None:
    """Closed form: a sine of amplitude a has RMS a / sqrt 2 and peak a; silence is -inf."""
    rms, peak = channel_levels_db(Audio(tone(6, 0.5), 16000, SURROUND_5_1))
    assert rms[0] == pytest.approx(20 * math.log10(0.5 / math.sqrt(2)), abs=1e-3)
    assert peak[0] == pytest.approx(20 * math.log10(0.5), abs=1e-2)
    assert np.isneginf(rms[1:]).all()


def test_the_figure_shows_every_source() -> None:
    """Planted: each placed source's colour is in the picture, the same call gives the same bytes, and a PNG reader opens it."""
    times = np.array([0.0, 1.0])
    path = np.stack([Direction(0.5).vector, Direction(-0.5).vector])
    marks = [
        Mark("dog", 0.9, Trajectory(times, path, np.array([2.0, 3.0])), 0.0, (10.0, 20.0, 80.0, 90.0), None),
        Mark(
            "sea",
            None,
            Trajectory.fixed(Direction(0.2), 20.0),
            0.9,
            (0.0, 100.0, 200.0, 120.0),
            ((0.0, 100.0), (200.0, 100.0), (90.0, 120.0)),
        ),
        Mark("wind", None, Trajectory.fixed(Direction(0.0), 1.0), 2 * math.pi, None, None),
    ]
    foa = Audio(tone(4, 0.1), 16000, FOA, "acn-sn3d")
    surround = Audio(tone(6, 0.1), 16000, SURROUND_5_1)
    first, second = (explain(Image(scenery(200, 120)), marks, surround, foa, title="t", hfov_rad=1.0, dpi=60) for _ in range(2))
    assert first == second
    with Pillow.open(io.BytesIO(first)) as opened:
        pixels = np.asarray(opened.convert("RGB")).reshape(-1, 3)
    for colour in PALETTE[:2]:
        rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
        assert (np.abs(pixels - rgb).max(axis=1) <= 2).sum() > 20


def drawn(picture: Image, marks: Sequence[Mark], title: str = "t", dpi: int = 60) -> np.ndarray:
    """The figure's pixels (H, W, 3); no warning may leave it."""
    foa = Audio(tone(4, 0.1), 16000, FOA, "acn-sn3d")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        png = explain(picture, marks, Audio(tone(1, 0.1), 16000, MONO), foa, title=title, hfov_rad=1.0, dpi=dpi)
    with Pillow.open(io.BytesIO(png)) as opened:
        return np.asarray(opened.convert("RGB")).astype(int)


def count(pixels: np.ndarray, rgb: Sequence[int]) -> int:
    return int((np.abs(pixels - np.array(rgb)).max(axis=-1) <= 6).sum())


def rgb_of(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def placed(label: str, azimuth_rad: float, distance_m: float, box: tuple[float, float, float, float] | None = None) -> Mark:
    return Mark(label, 0.9, Trajectory.fixed(Direction(azimuth_rad), distance_m), 0.0, box, None)


@pytest.mark.parametrize("title", ["a $ b", "$x^2$ {", "\\frac", "鳥と犬 🐕", "two\nlines", "x" * 300, "\udcff"])
def test_any_file_name_is_drawn_as_it_is(title: str) -> None:
    """Planted names: nothing is read as a formula, what the font lacks is a box, and neither error nor warning comes of it."""
    marks = [placed(title, 0.3, 2.0, (10.0, 20.0, 80.0, 90.0))]
    assert drawn(Image(scenery(200, 120)), marks, title).std() > 5


def test_what_can_be_printed() -> None:
    """Closed form: letters of the font stay, others become one box each, a long name keeps both ends."""
    assert shown("Bäume $1") == "Bäume $1"
    assert shown("鳥.jpg\n") == "□.jpg□"
    long = shown("begin" + "x" * 300 + "end: what is heard where")
    assert len(long) == MAX_TITLE and long.startswith("begin") and long.endswith("end: what is heard where")


@pytest.mark.parametrize("corner", [(0, 0), (288, 0), (288, 168)])
def test_tags_leave_small_boxes_and_the_page_alone(corner: tuple[int, int]) -> None:
    """Planted: the magenta inside of a small box, at any edge, shows whole but for its outline; its tag shows whole too."""
    rgb = np.full((180, 300, 3), (0, 90, 60), np.uint8)
    dpi = 72
    scale = math.sqrt(count(drawn(Image(rgb), [], dpi=dpi), (0, 90, 60)) / (300 * 180))
    x, y = corner
    rgb[y : y + 12, x : x + 12] = (255, 0, 255)
    pixels = drawn(Image(rgb), [placed("helicopter", 0.3, 2.0, (x, y, x + 12, y + 12))], dpi=dpi)
    outline = 2.25 * dpi / 72 + 1.5
    assert count(pixels, (255, 0, 255)) >= (12 * scale - 2 * outline) ** 2
    middle = drawn(Image(rgb), [placed("helicopter", 0.3, 2.0, (100, 60, 112, 72))], dpi=dpi)
    colour = rgb_of(PALETTE[0])
    assert count(pixels, colour) >= 0.99 * count(middle, colour)


def test_sources_at_one_place_all_show() -> None:
    """Planted: three sources in the same direction and distance, and three equal boxes, yet each colour is seen in each panel."""
    box = (20.0, 20.0, 150.0, 100.0)
    pixels = drawn(Image(scenery(200, 120)), [placed("dog", 0.2, 0.8, box) for _ in range(3)], dpi=100)
    height, width = pixels.shape[:2]
    for colour in PALETTE[:3]:
        for rows in (slice(0, height // 2), slice(height // 2, height)):
            for columns in (slice(0, int(0.6 * width)), slice(int(0.6 * width), width)):
                if rows.start == 0 or columns.start == 0:  # the levels have no sources
                    assert count(pixels[rows, columns], rgb_of(colour)) > 15, (colour, rows, columns)


def test_silence_and_many_sources_are_drawn() -> None:
    """Planted: 32 sources within a metre and a half, a bed, and not a sound: no error, no warning."""
    rng = np.random.default_rng(0)
    marks = [placed(f"dog {i}", rng.uniform(-3, 3), rng.uniform(0.1, 1.5), (i, i, i + 9.0, i + 9.0)) for i in range(32)]
    bed = Mark("wind", None, Trajectory.fixed(Direction(0.0), 1.0), 2 * math.pi, None, None)
    silent = explain(
        Image(scenery(200, 120)),
        [*marks, bed],
        Audio(np.zeros((1, 800), np.float32), 8000, MONO),
        Audio(np.zeros((4, 800), np.float32), 8000, FOA, "acn-sn3d"),
        title="t",
        hfov_rad=None,
        dpi=50,
    )
    with Pillow.open(io.BytesIO(silent)) as opened:
        pixels = np.asarray(opened.convert("RGB")).astype(int)
    assert all(count(pixels, rgb_of(colour)) > 5 for colour in PALETTE)


def spooled(audio: Audio) -> Spool:
    spool = Spool(audio.sample_rate_hz, audio.layout, audio.n_samples, audio.convention)
    spool.write(0, audio.samples)
    return spool


def test_a_figure_is_the_same_of_a_file() -> None:
    """Independent path: the bytes of the figures of a sound in a file are those of the sound in memory."""
    foa = Audio(np.random.default_rng(0).normal(0, 0.1, (4, 40000)).astype(np.float32), 16000, FOA, "acn-sn3d")
    marks, picture = [placed("dog", 0.3, 2.0)], Image(scenery(200, 120))
    one, two = (explain(picture, marks, sound, sound, title="t", hfov_rad=1.0, dpi=40) for sound in (foa, spooled(foa)))
    assert one == two
    assert inspected(foa, "t", dpi=40) == inspected(spooled(foa), "t", dpi=40)


@pytest.mark.parametrize("seconds", [0.03, 1.0, 33.33])
def test_a_spectrogram_of_a_tone(seconds: float) -> None:
    """Closed form: a sine of amplitude a, from the second half on, has power a^2 / 2 in its band and column (0.3 dB: the
    triangle of the bands), at least 60 dB less an octave away, and nothing before."""
    n = round(seconds * 16000)
    x = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(n) / 16000)
    x[: n // 2] = 0
    found = spectrogram(Audio(x.astype(np.float32)[None], 16000, MONO), 1)
    middles = np.sqrt(found.edges_hz[:-1] * found.edges_hz[1:])
    band = int(np.abs(np.log(middles / 1000)).argmin())
    n_columns = found.powers.shape[2]
    if seconds > 0.5:
        steady = found.powers[0][:, round(0.6 * n_columns) : round(0.9 * n_columns)]
        assert 10 * np.log10(steady[band - 1 : band + 2].max(axis=0)) == pytest.approx(10 * np.log10(0.125), abs=0.5)
        assert (10 * np.log10(steady[middles > 2000]) < 10 * np.log10(0.125) - 60).all()
        assert found.powers[0][:, : round(0.4 * n_columns)].max() < 1e-12
    assert np.isfinite(found.powers).all()


def test_directions_over_time() -> None:
    """Planted: noise from the left, then from behind on the right: the in-phase decode of each half is loudest there, at most
    a cell away, and of the opposite direction at least 40 dB softer at first order (closed form: a cardioid has a null)."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, 32000)
    parts = [Direction(math.radians(az)) for az in (90.0, -135.0)]
    gains = np.stack([[1, d.vector[1], d.vector[2], d.vector[0]] for d in parts])
    field = np.concatenate([gains[k][:, None] * noise[16000 * k : 16000 * (k + 1)] for k in range(2)], axis=1)
    found = spectrogram(Audio(field.astype(np.float32), 16000, FOA, "acn-sn3d"), 4)
    for half, azimuth_deg in ((slice(5, 235), 90.0), (slice(245, 475), -135.0)):
        power = plane_wave_powers(in_phase(found.covariances[half].mean(axis=0)), 72, 36)[17:19].mean(axis=0)
        azimuths = 180 - 5 * (np.arange(72) + 0.5)
        assert abs(azimuths[power.argmax()] - azimuth_deg) <= 5
        assert 10 * np.log10(power.max() / power.min()) > 40


def test_memory_of_a_spectrogram_does_not_grow() -> None:
    """Measured by tracemalloc: three minutes of a file take no more than 15 % over one."""

    def peak(seconds: int) -> int:
        sound = Spool(16000, MONO, seconds * 16000)
        sound.write(0, np.ones((1, 16000), np.float32))
        tracemalloc.start()
        try:
            spectrogram(sound, 1)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(180) < 1.15 * peak(60)
