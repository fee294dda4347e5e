from pathlib import Path

import numpy as np
import pytest

from seehear.types import InputError
from seehear.vision.patch_energy import patch_energy_map, spatial_score, temporal_score, visage_scores

ORACLE = np.load(Path(__file__).parents[1] / "oracles" / "visage_spatial" / "patch_energy_map.npz")
FEATURES = ORACLE["patch_features"][:, 1:].reshape(8, 7, 7, 64)


def test_visage_maps_are_those_of_its_program() -> None:
    """Oracle: numbers of the authors' program (oracles/visage_spatial)."""
    spatial, temporal = visage_scores(FEATURES)
    np.testing.assert_allclose(spatial, ORACLE["spatial_score"], atol=1e-6)
    np.testing.assert_allclose(temporal, ORACLE["temporal_score"], atol=1e-6)
    energy = patch_energy_map(FEATURES, compat="visage")
    np.testing.assert_allclose(energy.reshape(8, 49), ORACLE["energy_map"], atol=1e-6)


@pytest.mark.parametrize("window", [0, 1, 2])
def test_scores_by_eq_3_written_out(window: int) -> None:
    """Oracle: eq. 3 term by term, patch by patch, of those inside the picture; a window of 0 is the patch itself: 0."""
    spatial, temporal = spatial_score(FEATURES, window=window), temporal_score(FEATURES, window=window)

    def score(x: np.ndarray, mean: np.ndarray) -> float:
        return 2 - 2 * float(x @ mean) / float(np.linalg.norm(x) * np.linalg.norm(mean))

    x = FEATURES.astype(float)
    for t, i, j in ((0, 0, 0), (3, 2, 5), (7, 6, 6), (5, 0, 3)):
        near = x[t, max(i - window, 0) : i + window + 1, max(j - window, 0) : j + window + 1].reshape(-1, 64)
        then = x[max(t - window, 0) : t + window + 1, i, j]
        assert spatial[t, i, j] == pytest.approx(score(x[t, i, j], near.mean(axis=0)), abs=1e-9)
        assert temporal[t, i, j] == pytest.approx(score(x[t, i, j], then.mean(axis=0)), abs=1e-9)


def test_an_odd_patch_and_a_change_stand_out() -> None:
    """Oracle: closed form: one patch at right angles to eight like it has S = 2 - 2 / sqrt(65), its neighbours
    2 - 16 / sqrt(65); a patch that turns by a right angle in one of three frames has T = 2 - 2 / sqrt(5). Far from both: 0."""
    features = np.zeros((3, 7, 7, 4))
    features[..., 0] = 1.0
    features[:, 2, 4] = (0, 5, 0, 0)
    features[:, 2, 4] /= 5
    features[1, 5, 1] = (0, 0, 1, 0)
    spatial, temporal = spatial_score(features), temporal_score(features)
    assert spatial[0, 2, 4] == pytest.approx(2 - 2 / np.sqrt(65))
    assert spatial[0, 1, 3] == pytest.approx(2 - 16 / np.sqrt(65))
    assert temporal[1, 5, 1] == pytest.approx(2 - 2 / np.sqrt(5))
    assert spatial[0, 6, 6] == pytest.approx(0, abs=1e-12) and temporal[1, 0, 0] == pytest.approx(0, abs=1e-12)
    energy = patch_energy_map(features)
    np.testing.assert_allclose(energy[1, 2, 4] + energy[1, 5, 1], 1, atol=1e-3)
    assert np.unravel_index(energy[0].argmax(), (7, 7)) == (2, 4)


def test_energy_map_is_softmax_mean_and_nucleus() -> None:
    """Oracle: appendix A written out: temperature 0.1, mean, patches in falling order until 0.7 of the energy is held."""
    energy = patch_energy_map(FEATURES)
    for t in range(8):
        chances = []
        for scores in (spatial_score(FEATURES)[t], temporal_score(FEATURES)[t]):
            powers = np.exp(scores.ravel() / 0.1)
            chances.append(powers / powers.sum())
        mean = (chances[0] + chances[1]) / 2
        kept, held = [], 0.0
        for patch in np.argsort(-mean):
            if held >= 0.7:
                break
            kept.append(patch)
            held += mean[patch]
        expected = np.zeros(49)
        expected[kept] = mean[kept] / held
        np.testing.assert_allclose(energy[t].ravel(), expected, atol=1e-12)
    assert (patch_energy_map(FEATURES, top_p=1.0) > 0).all()


def test_limits() -> None:
    """Oracle: closed form: patches all alike share the energy equally, in one frame too; scale does not matter."""
    alike = np.ones((1, 7, 7, 3))
    for compat in (None, "visage"):
        assert patch_energy_map(alike, top_p=1.0, compat=compat).sum() == pytest.approx(1)
    np.testing.assert_allclose(patch_energy_map(alike, top_p=1.0), 1 / 49)
    np.testing.assert_allclose(patch_energy_map(1000 * FEATURES), patch_energy_map(FEATURES), atol=1e-6)


def test_refused() -> None:
    """Oracle: planted faults."""
    broken = FEATURES.copy()
    broken[0, 0, 0, 0] = np.inf
    for features in (FEATURES[0], FEATURES[:0], broken):
        with pytest.raises(InputError):
            patch_energy_map(features)
    for parameters in ({"temperature": 0.0}, {"top_p": 0.0}, {"spatial_window": -1}, {"temporal_window": 2, "compat": "visage"}):
        with pytest.raises(InputError):
            patch_energy_map(FEATURES, **parameters)
