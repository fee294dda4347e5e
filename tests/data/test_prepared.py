import json

import numpy as np
import pytest

from seehear.data import prepared
from seehear.data.clips import Clip
from seehear.data.prepared import STORED, frames_at, prepare, read_prepared
from seehear.protocols import FrameFeatures
from seehear.types import FOA, Audio, Direction, InputError
from seehear.vision.patch_energy import patch_energy_map

RATE = 600


class MeanColours:
    """Features that can be written down: the mean colour of a frame, and of its quarters."""

    name = "mean colours"

    def encode_frames(self, frames):
        rgb = np.stack([frame.rgb for frame in frames]).astype(np.float32) / 255
        f, h, w, _ = rgb.shape
        return FrameFeatures(rgb.mean((1, 2)), rgb.reshape(f, 2, h // 2, 2, w // 2, 3).mean((2, 4)))


class FirstSamples:
    """An exact codec: one code for each hop's first sample, in steps of 0.01, from -1 to 1."""

    name, sample_rate_hz, hop_samples, n_codebooks, codebook_size = "first samples", 300, 10, 1, 201

    def encode(self, samples):
        return np.rint(100 * samples[:, None, :: self.hop_samples]).astype(np.int64) + 100


def clip(number: int, rate: int = 300) -> Clip:
    """A picture of one colour per frame; each channel of the sound is a constant."""
    rng = np.random.default_rng(number)
    frames = np.repeat(rng.integers(0, 256, (40, 1, 1, 3), np.uint8), 4, 1).repeat(4, 2)
    frames[:, :2, :2] //= 2
    sound = np.repeat(np.rint(100 * rng.uniform(-0.9, 0.9, (4, 1))) / 100, 5 * rate, 1).astype(np.float32)
    return Clip(f"clip{number}", frames, 8.0, Audio(sound, rate, FOA, "acn-sn3d"), Direction(0.1 * number, 0.2), ("dog", "rain"))


@pytest.fixture
def few_per_file(monkeypatch):
    monkeypatch.setattr(prepared, "CLIPS_PER_FILE", 4)


def test_what_is_kept_is_what_the_parts_say(tmp_path):
    """Closed form: frames at 4 of 8 per second, means, the map of the patches, codes of W, Y, Z, X and -Y, the unit vector."""
    clips = [clip(number) for number in range(3)]
    data = prepare(clips, MeanColours(), FirstSamples(), tmp_path / "out")
    assert data.keys == ["clip0", "clip1", "clip2"] and data.labels == [("dog", "rain")] * 3
    header = data.header
    assert (header.encoder, header.codec, header.frames_per_s, header.code_frames_per_s) == (
        "mean colours",
        "first samples",
        4,
        30,
    )
    assert (header.n_frames, header.feature_size, header.n_patches, header.n_code_frames) == (20, 3, 4, 150)
    batch = data.batch([2, 0])
    for row, each in zip((0, 1), (clips[2], clips[0]), strict=True):
        rgb = each.frames[::2].astype(np.float64) / 255
        np.testing.assert_allclose(batch.features[row], rgb.mean((1, 2)), atol=5e-4)
        patches = rgb.reshape(20, 2, 2, 2, 2, 3).mean((2, 4))
        np.testing.assert_allclose(batch.energy_maps[row], patch_energy_map(patches).reshape(20, 4), atol=5e-4)
        w, y, z, x = each.sound.samples[:, 0]
        wanted = {"W": w, "Y": y, "Z": z, "X": x, "-Y": -y}
        for channel, name in enumerate(STORED):
            assert (batch.codes[row, channel] == round(100 * float(wanted[name])) + 100).all()
        np.testing.assert_allclose(batch.directions[row], each.direction.vector, atol=1e-6)


class TwoBooks(FirstSamples):
    """Another exact codec: the second code of frame l is l; its codes lie in memory frame by frame, as nets give them."""

    name, n_codebooks = "two books", 2

    def encode(self, samples):
        first = super().encode(samples)[:, 0]
        return np.stack([first, np.broadcast_to(np.arange(first.shape[1]), first.shape)], axis=-1).transpose(0, 2, 1)


def test_codes_are_kept_in_order_however_they_lie_in_memory(tmp_path):
    """Planted answer: the code of every channel and the number of every frame come back from the file."""
    each = clip(1)
    codes = prepare([each], MeanColours(), TwoBooks(), tmp_path / "out").batch([0]).codes
    assert (codes[0, 0, 0] == round(100 * float(each.sound.samples[0, 0])) + 100).all()
    assert (codes[0, :, 1] == np.arange(150)).all()


def test_sound_is_resampled_to_the_codec_s_rate(tmp_path):
    """Closed form: a constant at twice the codec's rate is the same constant; away from the ends the codes are the same."""
    data = prepare([clip(1, rate=RATE)], MeanColours(), FirstSamples(), tmp_path / "out")
    expected = np.rint(100 * clip(1).sound.samples[:, 0]) + 100
    assert data.header.n_code_frames == 150
    assert (data.batch([0]).codes[0, :4, 0, 20:-20] == expected[:, None]).all()


def test_a_stopped_preparation_goes_on(tmp_path, few_per_file):
    """Independent run: stopped in the tenth clip and started again, it makes the same files and looks at no kept clip twice."""
    whole = prepare((clip(number) for number in range(11)), MeanColours(), FirstSamples(), tmp_path / "whole")
    seen = []

    class Counting(MeanColours):
        def encode_frames(self, frames):
            seen.append(len(seen))
            if len(seen) == 10:
                raise KeyboardInterrupt
            return super().encode_frames(frames)

    encoder = Counting()
    with pytest.raises(KeyboardInterrupt):
        prepare((clip(number) for number in range(11)), encoder, FirstSamples(), tmp_path / "out")
    assert len(read_prepared(tmp_path / "out", part=True)) == 8
    with pytest.raises(InputError, match="stopped after 8 clips"):
        read_prepared(tmp_path / "out")
    told = []
    data = prepare((clip(n) for n in range(11)), encoder, FirstSamples(), tmp_path / "out", watch=told.append)
    assert len(seen) == 13 and told[-1] == 11 and data.keys == whole.keys
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "out").iterdir()) and len(names) == 4
    for name in names:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    again = prepare((clip(n) for n in range(11)), encoder, FirstSamples(), tmp_path / "out")
    assert len(seen) == 13 and len(again) == 11


def test_what_does_not_belong_is_refused(tmp_path, few_per_file):
    """Planted faults: no clips, other clips, fewer clips, another codec, another length, frames that end early."""
    out = tmp_path / "out"
    with pytest.raises(InputError, match="0 clips to prepare"):
        prepare([], MeanColours(), FirstSamples(), out)
    with pytest.raises(InputError, match="no prepared clips"):
        read_prepared(out)
    prepare([clip(number) for number in range(4)], MeanColours(), FirstSamples(), out)
    with pytest.raises(InputError, match=r"has clip clip0 where clip9 comes"):
        prepare([clip(9)], MeanColours(), FirstSamples(), out)
    with pytest.raises(InputError, match=r"there are 2 clips to prepare, but .* holds 4"):
        prepare([clip(0), clip(1)], MeanColours(), FirstSamples(), out)
    other = FirstSamples()
    other.name = "others"
    with pytest.raises(InputError, match="codec 'first samples', these have 'others'"):
        prepare([clip(0)], MeanColours(), other, out)
    short = clip(0)
    short = Clip(short.key, short.frames, 8.0, Audio(short.sound.samples[:, :900], 300, FOA), short.direction)
    with pytest.raises(InputError, match=r"5 s of sound, got 3.000 s"):
        prepare([short], MeanColours(), FirstSamples(), tmp_path / "short")
    with pytest.raises(InputError, match=r"5 s of frames, got 4.00 s"):
        frames_at(32, 8.0, 4.0, "x")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n_frames": "x"}, "n_frames of prepared clips cannot be 'x'"),
        ({"codebook_size": 0}, "codebook_size of prepared clips cannot be 0"),
        ({"frames_per_s": float("inf")}, "frames_per_s of prepared clips cannot be inf"),
        ({"compat": "mine"}, "compat of prepared clips cannot be 'mine'"),
        ({"n_codebooks": 2}, "does not hold the 4 clips"),
    ],
)
def test_damaged_headers_are_refused(tmp_path, change, words):
    """Planted faults: sizes and names that no data have, and one that those of the folder do not have."""
    path = prepare([clip(number) for number in range(4)], MeanColours(), FirstSamples(), tmp_path).folder / "prepared.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"header": values["header"] | change}))
    with pytest.raises(InputError, match=words):
        read_prepared(tmp_path)


def test_damaged_files_are_refused(tmp_path):
    """Planted faults: a file that is cut off at any of its parts, and a header that names more or fewer clips than it has."""
    path = prepare([clip(number) for number in range(4)], MeanColours(), FirstSamples(), tmp_path).folder / "prepared.json"
    values, file = json.loads(path.read_text()), tmp_path / "clips-00000.safetensors"
    whole = file.read_bytes()
    for n in (0, 5, 100, len(whole) - 1):
        file.write_bytes(whole[:n])
        with pytest.raises(InputError, match="cannot be read"):
            read_prepared(tmp_path)
    file.write_bytes(whole)
    for n in (3, 5, -1):
        path.write_text(json.dumps(values | {"files": [[file.name, n]]}))
        with pytest.raises(InputError, match=f"does not hold the {n} clips"):
            read_prepared(tmp_path)


@pytest.mark.parametrize(("rate", "n"), [(4.0, 20), (25.0, 125), (29.97, 150), (30000 / 1001, 150)])
def test_the_frame_on_the_screen_is_taken(rate, n):
    """Closed form: frame i is on the screen from i / rate to (i + 1) / rate."""
    for moment, index in enumerate(frames_at(n, rate, 4.0, "x")):
        assert index / rate <= moment / 4 + 1e-6 < (index + 1) / rate + 2e-6
