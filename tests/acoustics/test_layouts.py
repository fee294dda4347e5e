import math

import numpy as np
import pytest

from seehear.acoustics.layouts import downmix_5_1_to_stereo, speaker_gains
from seehear.acoustics.sphere import directions_of, map_directions
from seehear.types import (
    BINAURAL,
    FOA,
    MONO,
    STEREO,
    SURROUND_5_1,
    SURROUND_5_1_4,
    SURROUND_7_1,
    SURROUND_7_1_4,
    InputError,
    Layout,
)

SURROUNDS = [SURROUND_5_1, SURROUND_7_1, SURROUND_5_1_4, SURROUND_7_1_4]
SPHERE = map_directions(120, 61).reshape(-1, 3)


def horizon(azimuth_deg):
    return directions_of(np.radians(azimuth_deg), np.zeros(np.shape(azimuth_deg)))


@pytest.mark.parametrize("layout", SURROUNDS)
def test_energy_is_one_everywhere(layout):
    """Closed form: unit energy and no negative gain on a grid of the sphere, the poles, and every speaker; the LFE silent."""
    poles = np.array([[0.0, 0, 1], [0, 0, -1]])
    gains = speaker_gains(layout, np.concatenate([SPHERE, poles, layout.vectors]))
    np.testing.assert_allclose((gains**2).sum(axis=1), 1, atol=1e-12)
    assert gains.min() >= 0
    assert np.abs(gains[:, layout.lfe]).max() == 0


@pytest.mark.parametrize("layout", SURROUNDS)
def test_a_sound_at_a_speaker_comes_from_it_alone(layout):
    """Planted answer: each speaker's own direction."""
    speakers = list(layout.speakers)
    gains = speaker_gains(layout, layout.vectors[speakers])
    np.testing.assert_allclose(gains[:, speakers], np.eye(len(speakers)), atol=1e-7)


def test_sweep_puts_the_loudest_channel_where_bs775_says():
    """Published numbers: the nearest of BS.775's +-30, 0, +-110 degrees is loudest; the steps of a 1-degree sweep are small."""
    azimuth = np.arange(-180, 180)
    gains = speaker_gains(SURROUND_5_1, horizon(azimuth))
    angle = {"L": 30, "R": -30, "C": 0, "Ls": 110, "Rs": -110}
    distance = np.abs((azimuth[:, None] - np.array(list(angle.values())) + 180) % 360 - 180)
    clear = np.diff(np.sort(distance, axis=1)[:, :2], axis=1)[:, 0] > 1
    nearest = np.array(list(angle))[distance.argmin(axis=1)]
    loudest = np.array(SURROUND_5_1.labels)[gains.argmax(axis=1)]
    assert (loudest == nearest)[clear].all()
    assert clear.sum() > 350
    assert np.abs(np.diff(np.concatenate([gains, gains[:1]]), axis=0)).max() < 0.06


def test_pair_gains_follow_the_tangent_law():
    """Closed form: VBAP on a pair is the tangent law, tan a / tan 15 = (g1 - g2) / (g1 + g2) around the middle of C and L."""
    azimuth = np.array([3.0, 10, 15, 22, 29])
    gains = speaker_gains(SURROUND_5_1, horizon(azimuth))
    left, centre = gains[:, 0], gains[:, 2]
    expected = np.tan(np.radians(azimuth - 15)) / math.tan(math.radians(15))
    np.testing.assert_allclose((left - centre) / (left + centre), expected, atol=1e-12)


def test_low_elevations_stay_level_and_the_poles_are_everywhere():
    """Planted answers: 20 degrees up sounds like the horizon; straight up and down all five speakers play alike."""
    azimuth = np.radians(np.arange(0, 360, 7))
    np.testing.assert_allclose(
        speaker_gains(SURROUND_5_1, directions_of(azimuth, np.radians(20))),
        speaker_gains(SURROUND_5_1, directions_of(azimuth, np.zeros(1))),
        atol=1e-12,
    )
    poles = speaker_gains(SURROUND_5_1, np.array([[0.0, 0, 1], [0, 0, -1]]))
    np.testing.assert_allclose(poles[:, list(SURROUND_5_1.speakers)], math.sqrt(0.2), atol=1e-12)


@pytest.mark.parametrize("azimuth_deg", [0, 20, 100, 180])
def test_gains_are_continuous_over_elevation(azimuth_deg):
    """Closed form: going over the zenith in 1-degree steps no gain jumps; the steepest slope is 1.5 times a sine's."""
    elevation = np.radians(np.arange(-90, 91))
    gains = speaker_gains(SURROUND_5_1, directions_of(np.radians(azimuth_deg), elevation))
    assert np.abs(np.diff(gains, axis=0)).max() < 0.03


@pytest.mark.parametrize("layout", SURROUNDS)
def test_gains_are_mirror_symmetric(layout):
    """Closed form: left and right exchanged is the picture in the mirror, also on faces of four speakers."""
    other = {"L": "R", "R": "L"}
    swapped = [other.get(label[0], label[0]) + label[1:] if label != "LFE" else label for label in layout.labels]
    order = [layout.labels.index(label) for label in swapped]
    np.testing.assert_allclose(speaker_gains(layout, SPHERE), speaker_gains(layout, SPHERE * [1, -1, 1])[:, order], atol=1e-9)


def test_between_four_speakers_all_of_them_play():
    """Planted answer: the middle of Ls, Rs, Ltb and Rtb of 5.1.4 is played by these four alike, so is that of L, Ls, Ltf, Ltb."""
    for face in (("Ls", "Rs", "Ltb", "Rtb"), ("L", "Ls", "Ltf", "Ltb")):
        corners = [SURROUND_5_1_4.labels.index(label) for label in face]
        middle = SURROUND_5_1_4.vectors[corners].mean(axis=0)
        gains = speaker_gains(SURROUND_5_1_4, middle / np.linalg.norm(middle))[0]
        np.testing.assert_allclose(gains[corners], 0.5, atol=1e-6)


@pytest.mark.parametrize("layout", [SURROUND_5_1_4, SURROUND_7_1_4])
def test_gains_add_up_to_the_direction(layout):
    """Closed form: p = sum g u (Pulkki 1997, eq. 6) between three and between four speakers, wherever no imaginary one plays."""
    band = SPHERE[(SPHERE[:, 2] >= 0) & (SPHERE[:, 2] <= math.sin(math.radians(25)))]
    sums = speaker_gains(layout, band) @ layout.vectors
    sums /= np.linalg.norm(sums, axis=1, keepdims=True)
    np.testing.assert_allclose(sums, band, atol=1e-6)


@pytest.mark.parametrize("layout", [SURROUND_5_1_4, SURROUND_7_1_4])
def test_heights_play_what_is_above(layout):
    """Planted answers: straight up the four heights alike, on their ring no speaker below, on the horizon no height."""
    heights = [i for i, elevation in enumerate(layout.elevations_rad) if elevation > 0]
    zenith = speaker_gains(layout, np.array([[0.0, 0, 1]]))[0]
    np.testing.assert_allclose(zenith[heights], 0.5, atol=1e-6)
    level = speaker_gains(layout, horizon(np.arange(0, 360, 5)))
    assert np.abs(level[:, heights]).max() < 1e-6
    assert [layout.labels[i] for i in heights] == ["Ltf", "Rtf", "Ltb", "Rtb"]


def test_downmix_closed_form():
    """Published numbers: BS.775, L' = L + 0.7071 C + 0.7071 Ls, and no LFE; dtype stays."""
    left, right, centre, lfe, left_s, right_s = x = np.random.default_rng(0).normal(size=(6, 50)).astype(np.float32)
    expected = np.stack([left + 0.70710678 * (centre + left_s), right + 0.70710678 * (centre + right_s)])
    np.testing.assert_allclose(downmix_5_1_to_stereo(x), expected, rtol=1e-5, atol=1e-6)
    assert downmix_5_1_to_stereo(x).dtype == np.float32
    assert lfe.any()


def test_stereo_gains_are_the_downmix_of_the_surround_gains():
    """Independent path: panning to stereo equals panning to 5.1, then the downmix."""
    surround = speaker_gains(SURROUND_5_1, SPHERE)
    np.testing.assert_allclose(speaker_gains(STEREO, SPHERE), downmix_5_1_to_stereo(surround.T).T, atol=1e-14)


def test_mono_downmix_of_a_panned_source_loses_nothing():
    """Closed form: gains of unit energy and one sign add up to at least 1; from 5.1 to mono no direction gets softer."""
    assert speaker_gains(SURROUND_5_1, SPHERE).sum(axis=1).min() >= 1 - 1e-12
    np.testing.assert_allclose(speaker_gains(MONO, SPHERE), 1)


def test_layouts_that_cannot_be_panned_to():
    """Planted faults: ambisonics, binaural, speakers with a gap of half the circle."""
    frontal = Layout("front", "speakers", ("L", "C", "R"), (0.5, 0.0, -0.5), (0.0, 0.0, 0.0))
    for layout in (FOA, BINAURAL, frontal):
        with pytest.raises(InputError):
            speaker_gains(layout, SPHERE)
