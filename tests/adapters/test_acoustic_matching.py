import numpy as np
import pytest

from seehear.adapters.acoustic_matching import OPEN, RoomGuessMatcher, guessed_room
from seehear.types import SURROUND_5_1, Audio, Image

RATE_HZ = 16_000
GREY = np.random.default_rng(0).integers(90, 130, (240, 320, 3))
INDOORS = Image(GREY.astype(np.uint8))


def under_a_sky() -> Image:
    """A smooth blue upper half over rough green."""
    rgb = GREY - 110 + np.array([70, 120, 45])
    rgb[:110] = np.array([135, 175, 230]) + np.random.default_rng(1).integers(-1, 2, (110, 320, 3))
    return Image(np.clip(rgb, 0, 255).astype(np.uint8))


def clicks() -> Audio:
    """A click in L and one later in Ls, the other channels silent."""
    samples = np.zeros((6, RATE_HZ), np.float32)
    samples[0, 100] = samples[4, 3000] = 1
    return Audio(samples, RATE_HZ, SURROUND_5_1)


def test_the_guessed_room():
    """Planted answer: sky over green is the open; grey noise is not."""
    assert guessed_room(under_a_sky()) == OPEN
    assert guessed_room(INDOORS).rt60_s == pytest.approx(0.3)


def test_energy_silence_and_the_direct_sound_stay():
    """Closed form: one gain keeps the energy of all channels; silent channels stay silent; nothing sounds before the click, and
    the click itself stays the largest sample, with the two clicks alike."""
    dry = clicks()
    matched = RoomGuessMatcher().match(dry, INDOORS)
    assert np.sum(matched.samples.astype(float) ** 2) == pytest.approx(2, rel=1e-5)
    assert not matched.samples[[1, 2, 3, 5]].any()
    assert np.abs(matched.samples[0, :100]).max() < 1e-6
    assert matched.samples[0].argmax() == 100
    assert matched.samples[0, 100] == pytest.approx(matched.samples[4, 3000], rel=1e-4)
    assert matched.samples[0, 100] < 0.9


def test_the_reverberation_decays_as_the_room_says():
    """Closed form: the energy decay of a click (Schroeder 1965) falls by 60 dB in RT60, here -5 to -25 dB of a third of it,
    averaged over channels of independent noise. 10 % because a tail of 0.3 s has few cycles per octave; the value itself is
    tested where the tail is made."""
    samples = np.zeros((6, RATE_HZ), np.float32)
    samples[:, 0] = 1
    matched = RoomGuessMatcher().match(Audio(samples, RATE_HZ, SURROUND_5_1), INDOORS).samples.astype(float)
    late = matched[:, round(0.06 * RATE_HZ) :]  # past the mixing time, where nothing fades in any more
    decay_db = 10 * np.log10(np.cumsum((late**2).sum(axis=0)[::-1])[::-1])
    decay_db -= decay_db[0]
    falling = np.flatnonzero((decay_db < -5) & (decay_db > -25))
    slope_db_s = np.polyfit(falling / RATE_HZ, decay_db[falling], 1)[0]
    assert -60 / slope_db_s == pytest.approx(0.3, rel=0.1)
    assert abs(np.corrcoef(matched[:2, 1:])[0, 1]) < 0.1  # channels are independent


def test_the_seed_decides():
    """Closed form: same seed, same samples; another, others."""
    one, two, other = (RoomGuessMatcher(seed).match(clicks(), INDOORS).samples for seed in (1, 1, 2))
    assert (one == two).all()
    assert not (one == other).all()
