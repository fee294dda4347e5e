"""VGGSound. Oracles: planted lists in the official form, planted videos in the ways they are named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from seehear.data.clips import Clip
from seehear.data.prepared import prepare
from seehear.data.reading import Missing
from seehear.data.shards import read_clips as read_shards
from seehear.data.shards import write_shards
from seehear.data.vggsound import Entry, read_clips, read_entries
from seehear.protocols import FrameFeatures
from seehear.types import Image, InputError
from seehear.verbs.train import train

RATE_HZ = 48_000
ROWS = """---g-f_I2yQ,1,people marching,test
--0PQM4-hqg,30,waterfall burbling,train
b2VhNUmUV3k,270,"bird chirping, tweeting",test
VmO0WwhknXY,12,dog barking,test
_n9lMt_JIG0,7,dog barking,test
"""


def ramp_video(path: Path, seconds: int, n_channels: int) -> None:
    """Grey rises by 8 every second; the sound of second k is a tone of 200 (k + 1) Hz, in stereo louder on the left."""
    with av.open(str(path), "w") as output:
        picture = output.add_stream("libx264", rate=4, options={"preset": "ultrafast"})
        picture.width, picture.height, picture.pix_fmt = 448, 256, "yuv420p"
        sound = output.add_stream("aac", rate=RATE_HZ, layout="stereo") if n_channels else None
        for k in range(4 * seconds):
            grey = np.full((256, 448, 3), 60 + 8 * (k // 4), np.uint8)
            output.mux(picture.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        output.mux(picture.encode(None))
        if sound is None:
            return
        hz = 200.0 * (np.arange(seconds * RATE_HZ) // RATE_HZ + 1)
        wave = np.sin(2 * np.pi * hz * np.arange(seconds * RATE_HZ) / RATE_HZ)
        samples = np.stack([0.3 * wave, 0.1 * wave]).astype(np.float32)
        for start in range(0, samples.shape[1] - 1023, 1024):
            block = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(samples[:, start : start + 1024]), format="fltp", layout="stereo"
            )
            block.rate, block.pts = RATE_HZ, start
            output.mux(sound.encode(block))
        output.mux(sound.encode(None))


def listing(folder: Path, text: str = ROWS) -> Path:
    path = folder / "vggsound.csv"
    path.write_text(text)
    return path


def seconds_seen(clip: Clip) -> Sequence[int]:
    return [round((float(frame.mean()) - 60) / 8) for frame in clip.frames]


def test_clips_are_five_seconds_with_their_sound_in_w(tmp_path: Path) -> None:
    """Planted: which second is seen and which tone is heard agree, from the second that the seed draws; W is the mean of both
    channels and Y, Z, X are silent; the three ways of names are found; what is not there is told, as often as it is asked."""
    videos = tmp_path / "videos"
    videos.mkdir()
    ramp_video(videos / "---g-f_I2yQ_000001.mp4", 10, 2)
    ramp_video(videos / "b2VhNUmUV3k_270000_280000.mp4", 10, 2)
    (videos / "_n9lMt_JIG0_7.mp4").write_bytes(b"<html>gone</html>")
    found = list(read_clips(listing(tmp_path), videos, "test", np.random.default_rng(5)))
    assert [type(each) for each in found] == [Clip, Clip, Missing, Missing]
    assert [found[2].reason, found[2].clip_id] == ["no file", "VmO0WwhknXY_000012"]  # type: ignore[union-attr]
    assert "_n9lMt_JIG0_7.mp4 is damaged" in found[3].reason  # type: ignore[union-attr]
    offsets = np.random.default_rng(5).integers(0, 6, 2)
    for clip, offset in zip(found[:2], offsets, strict=True):
        assert isinstance(clip, Clip)
        assert seconds_seen(clip) == [offset + k // 4 for k in range(20)]
        assert clip.frames.shape[1:] == (224, 392, 3) and clip.frames_per_s == 4
        w, *others = clip.sound.samples
        assert not np.any(others) and clip.facts["mono"] is True
        for k in range(5):
            middle = w[int((k + 0.25) * RATE_HZ) : int((k + 0.75) * RATE_HZ)]
            power = np.abs(np.fft.rfft(middle))
            assert power.argmax() * 2 == pytest.approx(200 * (offset + k + 1), abs=4)
            assert np.sqrt(2 * np.square(middle).mean()) == pytest.approx(0.2, rel=0.02)
    assert found[1].labels == ("bird chirping, tweeting",) and found[1].facts["start_s"] == 270 + offsets[1]  # type: ignore[union-attr]


def test_a_short_video_gives_its_last_five_seconds_and_a_mute_one_is_told(tmp_path: Path) -> None:
    """Planted: 6 s, so nothing later than second 1 can begin; 3 s are too few; a video without sound."""
    videos = tmp_path / "videos"
    videos.mkdir()
    ramp_video(videos / "---g-f_I2yQ_000001.mp4", 6, 2)
    ramp_video(videos / "b2VhNUmUV3k_270.mp4", 3, 2)
    ramp_video(videos / "VmO0WwhknXY_12.mp4", 10, 0)
    rng = np.random.default_rng(0)  # draws 5 first
    found = list(read_clips(listing(tmp_path), videos, "test", rng))
    assert isinstance(found[0], Clip) and seconds_seen(found[0])[-1] == 5 and seconds_seen(found[0])[0] in (0, 1)
    assert "of 240000 samples" in found[1].reason  # type: ignore[union-attr]
    assert "no sound" in found[2].reason  # type: ignore[union-attr]


class Greys:
    """The mean grey of a frame and of its quarters, twice."""

    name = "greys"

    def encode_frames(self, frames: Sequence[Image]) -> FrameFeatures:
        grey = np.stack([frame.rgb.mean(axis=-1) for frame in frames]).astype(np.float32) / 255
        f, h, w = grey.shape
        patches = grey.reshape(f, 2, h // 2, 2, w // 2).mean((2, 4))[..., None].repeat(2, axis=-1)
        return FrameFeatures(patches.mean((1, 2)), patches)


class Levels:
    """One code per tenth of a second: its RMS in steps of 1 / 20, so 0 is silence."""

    name, sample_rate_hz, hop_samples, n_codebooks, codebook_size = "levels", 8000, 800, 1, 21

    def encode(self, samples: np.ndarray) -> np.ndarray:
        rms = np.sqrt(np.square(samples.reshape(len(samples), -1, self.hop_samples)).mean(axis=-1))
        return np.rint(20 * rms)[:, None].astype(np.int64)


def test_the_mono_model_learns_from_its_clips(tmp_path: Path) -> None:
    """Planted: W has RMS 0.2 / sqrt 2, code 3 of the codec, and Y, Z, X and -Y are silence, 0. Closed form: a pretrained net with
    equal logits has the loss log 21 whatever directions, energy maps and spatial channels are. Two steps of the recipe give a
    net of one channel; a recipe of ambisonics refuses the clips."""
    import torch

    from seehear.nets.visage_config import VisageConfig
    from seehear.training.recipes import BUILTIN, BUILTIN_PRETRAIN
    from seehear.training.visage import VisageTask, fit_visage, new_net, training_loss

    videos = tmp_path / "videos"
    videos.mkdir()
    ramp_video(videos / "---g-f_I2yQ_000001.mp4", 6, 2)
    ramp_video(videos / "b2VhNUmUV3k_270.mp4", 6, 2)
    found = read_clips(listing(tmp_path), videos, "test", np.random.default_rng(0))
    write_shards((each for each in found if isinstance(each, Clip)), tmp_path / "clips")
    data = prepare(read_shards(tmp_path / "clips"), Greys(), Levels(), tmp_path / "prepared")
    assert data.mono and data.keys == ["---g-f_I2yQ_000001", "b2VhNUmUV3k_000270"]
    codes = data.batch([0, 1]).codes
    assert (codes[:, 0, 0, 1:-1] == round(20 * 0.2 / 2**0.5)).all() and not codes[:, 1:].any()
    tiny = VisageConfig(width=16, n_heads=2, n_encoder_layers=1, n_decoder_layers=1, feed_forward=32, dropout=0.0)
    schedule = replace(BUILTIN.schedule, steps=2, save_every=2)
    recipe = replace(BUILTIN_PRETRAIN, config=tiny, batch_size=2, schedule=schedule)
    task = VisageTask(recipe, data)
    net = new_net(task)
    assert net.config.n_channels == 1 and not net.config.direction and not net.config.energy_map
    with torch.no_grad():
        for parameter in net.heads.parameters():
            parameter.zero_()
        loss = training_loss(net, data, recipe, 0)(0, torch.Generator().manual_seed(0))
    assert float(loss) == pytest.approx(np.log(21), rel=1e-5)
    trained = fit_visage(task, tmp_path / "model")
    assert trained.net.config == net.config and trained.facts["steps"] == 2
    with pytest.raises(InputError, match="sound in W alone"):
        train("visage", data=str(tmp_path / "prepared"), out=str(tmp_path / "no"), recipe="builtin", device="cpu")
    assert not (tmp_path / "no").exists()


def test_the_official_list_is_read_row_by_row(tmp_path: Path) -> None:
    """Planted rows; ids may begin with a dash, labels may hold commas; anything else is refused with its row."""
    assert read_entries(listing(tmp_path), "train") == [Entry("--0PQM4-hqg", 30, "waterfall burbling", "train")]
    assert [entry.label for entry in read_entries(listing(tmp_path), "test")][1] == "bird chirping, tweeting"
    with pytest.raises(InputError, match="row 2: YouTube id, start in seconds, label, train or test are needed"):
        read_entries(listing(tmp_path, "a,1,b,test\nyoutube_id,start,label,split\n"), "test")
    with pytest.raises(InputError, match="no row of the split 'train'"):
        read_entries(listing(tmp_path, "a,1,b,test\n"), "train")
    with pytest.raises(InputError, match="not a folder of videos"):
        next(read_clips(listing(tmp_path), tmp_path / "nowhere", "test", np.random.default_rng(0)))
    with pytest.raises(InputError, match=r"is not vggsound\.csv"):
        read_entries(tmp_path, "test")
