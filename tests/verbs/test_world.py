"""The verb ``world``: clips on the disk, and what it refuses."""

import json
import math

import numpy as np
import pytest

from seehear.data.shards import read_clips
from seehear.data.world import WorldOptions, make_clip
from seehear.types import InputError
from seehear.verbs.world import WorldMaking, world

TINY = {"clips": 2, "per_shard": 2, "side_px": 32, "rate_hz": 8000, "seconds": 1.0, "fps": 2.0}


def test_clips_of_the_world_come_to_the_disk(tmp_path):
    """Round trip: what is read back is what `make_clip` gives, sound within a 16-bit step; beside it is the panorama."""
    told = []
    report = world(tmp_path / "out", watch=lambda text, part: told.append(part), panoramas=32, split="test", seed=3, **TINY)
    clips = list(read_clips(tmp_path / "out", split="test"))
    assert report["clips"] == len(clips) == 2 and report["failures"] == [] and told == [1.0]
    options = WorldOptions(side_px=32, sample_rate_hz=8000, seconds=1.0, frames_per_s=2.0)
    for index, clip in enumerate(clips):
        wanted = make_clip(3, index, split="test", options=options)
        assert clip.key == wanted.key and clip.labels == wanted.labels and clip.facts == json.loads(json.dumps(wanted.facts))
        assert clip.direction.vector == pytest.approx(wanted.direction.vector, abs=1e-9)
        assert np.abs(clip.sound.samples - wanted.sound.samples).max() <= 0.5 / 32768 + 1e-7
        assert np.abs(clip.frames.astype(float) - wanted.frames).mean() < 6
        assert all((clip.masks[i] == wanted.masks[i]).all() for i in wanted.masks) and clip.masks
        finite = {i: np.isfinite(depth) & (depth < 655) for i, depth in wanted.depths_m.items()}
        assert all(clip.depths_m[i][near] == pytest.approx(wanted.depths_m[i][near], abs=0.006) for i, near in finite.items())
        assert (tmp_path / "out" / "000000" / f"{clip.key}.mov").is_file()
    again = world(tmp_path / "out", resume=True, panoramas=32, split="test", seed=3, **TINY)
    assert again["clips"] == 2
    with pytest.raises(InputError, match="world_side_px"):
        world(tmp_path / "out", resume=True, panoramas=32, split="test", seed=3, **{**TINY, "side_px": 48})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"clips": 0}, "--clips"),
        ({"split": "tst"}, "--split"),
        ({"side_px": 5}, "16 to 2048 pixels"),
        ({"panoramas": 33}, "even"),
        ({"photos": "nothing.zip"}, "no picture archive"),
        ({"rate_hz": 96_000}, "8000 to 48000"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_made(tmp_path, wrong, said):
    """Planted faults: one sentence, and no folder."""
    with pytest.raises(InputError, match=said):
        world(tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


def test_a_dry_run_makes_nothing(tmp_path):
    """Closed form: 250 clips in shards of 100 are three shards."""
    report = world(tmp_path / "out", clips=250, dry_run=True)
    assert report["shards"] == math.ceil(250 / 100) == 3 and not (tmp_path / "out").exists()
    assert WorldMaking().world == WorldOptions()
