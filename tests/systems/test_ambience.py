"""An ambisonic file as ambience: its length, level and edges against closed forms."""

import numpy as np
import pytest

from seehear.acoustics.sphere import convert
from seehear.foley.level import momentary_lufs
from seehear.io.streams import Spool
from seehear.systems.spatialize.ambience import add_repeated, ambience_note, with_ambience
from seehear.systems.spatialize.mix_buffer import MixBuffer
from seehear.types import Audio, Room, Scene, ambisonics

RATE_HZ = 16000


def recording(order: int, seconds: float, rate_hz: int = RATE_HZ, convention="acn-sn3d", level: float = 0.01) -> Audio:
    x = level * np.random.default_rng(order).standard_normal(((order + 1) ** 2, round(seconds * rate_hz)))
    return Audio(x.astype(np.float32), rate_hz, ambisonics(order), convention)


def repeated(field: np.ndarray, total: int, overlap: int) -> np.ndarray:
    bed = MixBuffer.of_length(total, RATE_HZ, ambisonics(1), "acn-sn3d")
    add_repeated(bed, Audio(field, RATE_HZ, ambisonics(1), "acn-sn3d"), overlap)
    return bed.sound.read(0, total)


def test_a_long_recording_is_cut_and_a_short_one_repeated():
    """Closed form: the beginning as it is; noise repeated with equal power keeps its power in the joints (0.3 dB), and is
    itself again after one length less the overlap."""
    field = recording(1, 4.0, level=1.0).samples
    np.testing.assert_array_equal(repeated(field, 1000, 100), field[:, :1000])
    np.testing.assert_array_equal(repeated(field, field.shape[1], 100), field)
    n, overlap = field.shape[1], RATE_HZ
    long = repeated(field, 4 * n, overlap)
    period = n - overlap
    np.testing.assert_array_equal(long[:, period + overlap : 2 * period], field[:, overlap:period])
    joints = np.concatenate([long[:, k * period : k * period + overlap] for k in range(1, 5)], axis=1)
    assert 10 * np.log10(np.mean(joints**2) / np.mean(field**2)) == pytest.approx(0, abs=0.3)
    assert repeated(field[:, :3], 10, overlap).shape == (4, 10)


@pytest.mark.parametrize(("rate_hz", "convention"), [(RATE_HZ, "acn-sn3d"), (24000, "acn-sn3d"), (RATE_HZ, "fuma")])
def test_level_length_and_convention(rate_hz, convention):
    """Planted answer: W at the reference of stems (95th percentile of momentary loudness -30 LUFS, 0.5 LU) whatever the file's
    level and rate; all channels with the same gain; the scene's length; AmbiX; the gain of an ambience on top."""
    scene = Scene((), Room(), 5.0, RATE_HZ)
    recorded = recording(2, 6.0, rate_hz, convention, level=0.2)
    made = with_ambience(scene, recorded, 3.0, moves=True)
    assert made.bed is not None and made.bed_gain_db == -9.0
    assert (made.bed.layout, made.bed.convention, made.bed.n_samples) == (ambisonics(2), "acn-sn3d", 5 * RATE_HZ)
    loudness = np.percentile(momentary_lufs(made.bed.samples[0], RATE_HZ), 95)
    assert loudness == pytest.approx(-30.0, abs=0.5)
    if rate_hz == RATE_HZ:
        middle = slice(RATE_HZ, 2 * RATE_HZ)
        ambix = convert(recorded.samples, convention, "acn-sn3d")[:, middle]
        ratio = made.bed.samples[:, middle] / ambix
        np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-4)


def test_edges_fade():
    """Planted answer: a still's ambience starts and ends in silence, a video's within 20 ms of it."""
    scene = Scene((), Room(), 5.0, RATE_HZ)
    still, video = (with_ambience(scene, recording(1, 5.0), 0.0, moves=moves).bed for moves in (False, True))
    assert still is not None and video is not None
    rms = [np.sqrt(np.mean(bed.samples[:, : round(0.02 * RATE_HZ)] ** 2)) for bed in (still, video)]
    assert rms[0] < 0.02 * np.sqrt(np.mean(still.samples**2)) < rms[1]
    assert np.abs(still.samples[:, -5:]).max() < 1e-4


def test_what_became_of_it_is_said():
    """Planted answers: shorter, longer, just right."""
    file = recording(1, 4.0)
    assert ambience_note("wood.wav", file, 10.0).endswith("its 4.0 s are repeated.")
    assert ambience_note("wood.wav", file, 2.0).endswith("of its 4.0 s the first 2.0 s are heard.")
    assert ambience_note("wood.wav", file, 4.0) == "The ambience is wood.wav (foa), in place of one chosen from the picture."


def test_a_bed_of_minutes_is_the_same_in_a_file():
    """Independent path: the spool of a scene of 70 s holds, but for its fades, what one of 59 s has in memory up to its end,
    at another gain; repeats of 7 s pass block borders."""
    short, long = (with_ambience(Scene((), Room(), s, RATE_HZ), recording(1, 7.0), 0.0, moves=True).bed for s in (59.0, 70.0))
    assert isinstance(short, Audio) and isinstance(long, Spool)
    span = RATE_HZ // 2, 58 * RATE_HZ
    ratio = long.read(*span) / short.read(*span)
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-4)
