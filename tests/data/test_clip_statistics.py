"""What a data set is made of. Oracles: planted clips whose sound, object, place and motion are known."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import pytest
from PIL import Image as Pillow

from panoramic_films import RATE_HZ, PitchTagger, plane_wave, tone
from seehear.data.clips import Clip
from seehear.data.curation.statistics import portraits, summary
from seehear.figures.curating import data_set_figure
from seehear.types import FOA, FRONT, Audio, ConceptScores, Image


def clip(key: str, label: str, path: Sequence[tuple[int, int]], colour: tuple[int, int, int]) -> Clip:
    """A textured square of 40 pixels whose middle follows ``path`` over grey, and a tone."""
    rng = np.random.default_rng(4)
    patch = np.clip(np.array(colour) + rng.integers(-30, 30, (40, 40, 1)), 0, 255).astype(np.uint8)
    frames = np.full((len(path), 160, 160, 3), 120, np.uint8)
    for frame, (x, y) in zip(frames, path, strict=True):
        frame[y - 20 : y + 20, x - 20 : x + 20] = patch
    sound = Audio(plane_wave(tone(label, 1), FRONT), RATE_HZ, FOA, "acn-sn3d")
    return Clip(key, frames, 4.0, sound, FRONT)


class RedIsTruck:
    """Knows what is mostly red."""

    def recognize(self, images: Sequence[Image]) -> list[ConceptScores]:
        red = [float(((image.rgb[..., 0] > 150) & (image.rgb[..., 2] < 100)).mean()) for image in images]
        return [ConceptScores({"truck": p, "dog": 0.0}, 1 - p) for p in red]


def test_sounds_objects_places_and_paths_are_those_planted() -> None:
    """Planted: a red square that goes 5 pixels to the right in each of 9 frames, a blue one that stands still, an empty picture.
    Centres to a pixel; the path is 8 steps of 5 pixels of 160."""
    moving = [(50 + 5 * k, 60) for k in range(9)]
    found = list(
        portraits(
            [
                clip("a", "dog", moving, (210, 40, 40)),
                clip("b", "rain", [(110, 100)] * 9, (40, 40, 210)),
                Clip("c", np.full((9, 64, 64, 3), 90, np.uint8), 4.0, clip("d", "rain", moving, (0, 0, 0)).sound, FRONT),
            ],
            PitchTagger(),
            RedIsTruck(),
            0.5,
        )
    )
    assert [(each.tag, each.object) for each in found] == [("dog", "truck"), ("rain", "unknown"), ("rain", "unknown")]
    assert found[0].centre == pytest.approx((70 / 160, 60 / 160), abs=1.01 / 160)
    assert found[1].centre == pytest.approx((110 / 160, 100 / 160), abs=1.01 / 160)
    assert found[2].centre is None
    np.testing.assert_allclose(found[0].track - found[0].track[4], (np.array(moving) - moving[4]) / 160, atol=1e-9)
    assert found[0].path_length == pytest.approx(8 * 5 / 160, rel=1e-6) and found[1].path_length == 0
    told = summary(found)
    assert told["tags"] == {"rain": 2, "dog": 1} and told["objects"] == {"truck": 1, "unknown": 1}
    assert (told["clips"], told["without_object"], told["moving_share"]) == (3, 1, 0.5)
    assert [each["key"] for each in told["each"]] == ["a", "b", "c"] and told["each"][2]["track"] == []


def test_the_figure_shows_its_bars_dots_and_lines_where_they_belong() -> None:
    """Oracle: rendering with another tag, place and track. A dot that goes from the bottom right to the top left changes pixels
    at both ends of the third panel, a track that goes to the left those of the fourth, a tag those above."""
    line = np.array([[0.8, 0.3], [0.8, 0.5], [np.nan, np.nan], [0.9, 0.7]])
    base = drawn({"dog": 2}, (0.9, 0.9), line)
    other = drawn({"cat": 2, "dog": 2}, (0.1, 0.1), line - (0.5, 0))
    height, width = base.shape[:2]
    changed = np.abs(base - other).max(axis=-1) > 60
    above, below = changed[: height // 2], changed[height // 2 :]
    assert above[:, : width // 2].sum() > 50
    for half, first, last in ((below[:, : width // 2], 0.1, 0.9), (below[:, width // 2 :], 0.3, 0.9)):
        columns = np.flatnonzero(half.any(axis=0))
        span = (columns[-1] - columns[0]) / (last - first)
        assert 0.4 * width / 2 < span < width / 2, "as far apart as the panel is wide"


def drawn(tags: dict[str, int], centre: tuple[float, float], track: np.ndarray) -> np.ndarray:
    png = data_set_figure(tags, {"truck": 1}, np.array([centre]), [track], title="t", dpi=50)
    return np.asarray(Pillow.open(BytesIO(png)).convert("RGB")).astype(int)
