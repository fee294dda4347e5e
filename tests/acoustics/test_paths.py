import numpy as np
import pyroomacoustics as pra
import pytest

from seehear.acoustics.absorption import SPEED_OF_SOUND_M_S, wall_colouring
from seehear.acoustics.paths import DELAY_LEAD_SAMPLES, fractional_delays, omni_responses, paths_between, tap_trains
from seehear.acoustics.room import mirrors
from seehear.types import Room

RATE_HZ = 48000
ROOM = Room("shoebox", (8.0, 6.0, 3.0), (4.0, 3.0, 1.5), 0.5)
BAND_HZ = (100.0, 16000.0)


def in_band(x, n_fft):
    frequencies = np.fft.rfftfreq(n_fft, 1 / RATE_HZ)
    return np.fft.rfft(x, n_fft)[..., (frequencies >= BAND_HZ[0]) & (frequencies <= BAND_HZ[1])]


def test_fractional_delay_is_a_linear_phase():
    """Closed form: the spectrum of a delay d is exp(-i w d) up to 18 kHz, to -72 dB, for any d."""
    delays = np.random.default_rng(3).uniform(0, 50, 200)
    whole, kernels = fractional_delays(delays)
    w = 2 * np.pi * np.arange(0, 18001, 500) / RATE_HZ
    taps = whole[:, None] - DELAY_LEAD_SAMPLES + np.arange(kernels.shape[1])
    found = np.einsum("nk,nkf->nf", kernels, np.exp(-1j * taps[..., None] * w))
    np.testing.assert_allclose(found, np.exp(-1j * delays[:, None] * w), atol=10 ** (-72 / 20))


def test_whole_delays_are_single_taps():
    """Closed form: a whole number of samples is one tap, so the direct sound is left exactly as it is."""
    trains = tap_trains(np.array([0.0, 7.0]), np.array([[1.0, 2.0], [0.5, -1.0]]), 64)
    expected = np.zeros((64, 2))
    expected[DELAY_LEAD_SAMPLES] = [1, 2]
    expected[DELAY_LEAD_SAMPLES + 7] = [0.5, -1]
    np.testing.assert_allclose(trains, expected, atol=1e-6)


def test_paths_of_a_wall_and_a_floor():
    """Closed form: source 2 m in front, 1.5 m high: floor path 2 sqrt(1 + 1.5^2) m from below, front wall path 6 m from
    the front, gains 1 / r (no nearer than 0.5 m), delays after the direct sound."""
    paths = paths_between(ROOM, mirrors(ROOM, 1), np.array([2.0, 0, 0]))
    floor = np.hypot(2.0, 3.0)
    by_floor = int(np.argmin(np.abs(paths.lengths_m - floor) + (paths.directions[:, 2] > 0)))
    np.testing.assert_allclose(paths.directions[by_floor], [2 / floor, 0, -3 / floor], atol=1e-12)
    assert paths.gains[by_floor] == pytest.approx(1 / floor)
    assert paths.delays_s[by_floor] == pytest.approx((floor - 2) / SPEED_OF_SOUND_M_S)
    by_front = int(np.argmin(np.linalg.norm(paths.directions[1:] - [1, 0, 0], axis=1))) + 1
    assert paths.lengths_m[by_front] == pytest.approx(6.0)
    assert paths_between(ROOM, mirrors(ROOM, 0), np.array([0.1, 0, 0])).gains[0] == 2.0


def test_six_microphones_agree_with_pyroomacoustics():
    """Independent implementation: order-10 responses of pyroomacoustics, each to -60 dB between 100 Hz and 16 kHz.

    Same geometry, flat walls, no air, same speed of sound. To compare fairly, pyroomacoustics runs without its 10 Hz
    high-pass (its acausal half is cut at the start, which leaves a difference at all frequencies), with a sinc table of 64
    steps per sample (its 0.05 steps accumulate rounding in float32) and with 201 taps, because its Hann window is not
    moved with the fraction (with its 81 taps the same comparison gives -62 dB over all pairs, -59 dB for the worst). Its
    responses start half a kernel late.
    """
    rng = np.random.default_rng(1)
    sources, microphones = (rng.uniform(0.5, np.array(ROOM.size_m) - 0.5, (n, 3)) for n in (3, 6))
    colouring = wall_colouring(np.full(8, 0.3), 10, 200.0, RATE_HZ, air=False)
    ours = omni_responses(ROOM, mirrors(ROOM, 10), colouring, sources, microphones, RATE_HZ)
    settings = {"rir_hpf_enable": False, "sinc_lut_granularity": 64, "frac_delay_length": 201}
    before = {name: pra.constants.get(name) for name in settings}
    try:
        for name, value in settings.items():
            pra.constants.set(name, value)
        box = pra.ShoeBox(ROOM.size_m, fs=RATE_HZ, materials=pra.Material(0.3), max_order=10)
        box.set_sound_speed(SPEED_OF_SOUND_M_S)
        for source in sources:
            box.add_source(source)
        box.add_microphone_array(microphones.T)
        box.compute_rir()
    finally:
        for name, value in before.items():
            pra.constants.set(name, value)
    n_fft = 32768
    for s in range(3):
        for m in range(6):
            theirs = in_band(box.rir[m][s][100:], n_fft)
            error = in_band(ours[s, m], n_fft) - theirs
            assert 10 * np.log10(np.sum(np.abs(error) ** 2) / np.sum(np.abs(theirs) ** 2)) < -60
