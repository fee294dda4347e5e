"""`seehear ambisonize` end to end on tiny checkpoints in the genuine formats.

Oracles: the parts called one by one, exact lengths, loudness by pyloudnorm, planted frames, promised statuses.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pyloudnorm
import pytest
import soundfile
import soxr
from PIL import Image as Pillow

import seehear

Run = Callable[..., tuple[int, str, str]]
pytestmark = pytest.mark.usefixtures("one_thread")

SECONDS = 0.9
"""Of the video: less than the 2 s that the tiny model knows."""


@pytest.fixture(scope="module")
def models(tiny: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released ViSAGe with its CLIP and DAC, all tiny, in one folder."""
    root = tmp_path_factory.mktemp("ambisonize")
    for name in ("visage", "clip", "dac"):
        (root / name).symlink_to(tiny(name), target_is_directory=True)
    return root


@pytest.fixture(scope="module")
def gif(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine frames of 0.1 s of noise, wider than high."""
    path = tmp_path_factory.mktemp("gif") / "döor.gif"
    rng = np.random.default_rng(0)
    frames = [Pillow.fromarray(rng.integers(0, 256, (48, 80, 3), dtype=np.uint8)) for _ in range(9)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, loop=0)
    return path


@pytest.fixture(autouse=True)
def words(run: Run, gif: Path, models: Path) -> Callable[..., tuple[int, str, str]]:
    """The command on the GIF with the tiny models."""
    return lambda *more: run("ambisonize", gif, "--models", models, "--offline", *more)


def by_hand(gif: Path, models: Path, azimuth_deg: float) -> np.ndarray:
    """The greedy sound of the parts, called one by one: frames at 4 a second, the last held; the released program's energy
    maps; joint guidance 2.5; DAC. Samples (4, T) at 44.1 kHz."""
    import torch

    from seehear.adapters.clip import ClipFrames
    from seehear.adapters.dac import DacCodec
    from seehear.adapters.hub import Machine
    from seehear.adapters.visage_checkpoint import load_visage
    from seehear.io.image import to_rgb
    from seehear.nets.visage import Conditioning
    from seehear.sampling.autoregressive import FREE, GREEDY, generate
    from seehear.sampling.tokens import pattern_named
    from seehear.types import Image
    from seehear.vision.patch_energy import patch_energy_map

    picture = Pillow.open(gif)
    shown = []
    for index in (0, 3, 5, 8):  # first at or after 0, 0.25, 0.5 and 0.75 s
        picture.seek(index)
        shown.append(Image(to_rgb(picture)))
    machine = Machine("cpu", offline=True)
    seen = ClipFrames(models / "clip", machine).encode_frames([*shown, *[shown[-1]] * 4])
    energy = patch_energy_map(seen.patches, compat="visage").reshape(1, 8, 49)
    vector = [np.cos(np.radians(azimuth_deg)), np.sin(np.radians(azimuth_deg)), 0.0]
    given = Conditioning(torch.from_numpy(seen.pooled)[None], torch.tensor([vector]).float(), torch.from_numpy(energy).float())
    net, pattern = load_visage(models / "visage"), pattern_named("visage", 3)
    with torch.no_grad():
        memory = torch.cat([net.encode(given), net.encode(net.without(given, visual=True, direction=True))])
        steps = net.step_logits(memory, pattern.n_steps(78))

        def joint(sequence: torch.Tensor, step: int) -> torch.Tensor:
            both, neither = steps(sequence.repeat(2, 1, 1), step)
            return (neither + 3.5 * (both - neither))[None]

        free = torch.full((1, 12, 78), FREE)  # 0.9 s of 86.13 frames a second
        codes = generate(joint, free, pattern=pattern, padding=64, sampling=GREEDY)
    return DacCodec(models / "dac", machine).decode(codes[0].reshape(4, 3, 78).numpy())


def test_the_sound_is_that_of_its_parts_and_every_file_is_there(words, gif, models):
    """Independent path: the greedy sound at 48 kHz is that of the parts put together by hand, up to one gain, in every channel;
    it lasts as long as the GIF, W has -23 LUFS (pyloudnorm) or its peak -1 dB, and the report says so. The sidecar names the
    models, the video says that its four channels are ambisonics, and there is a figure."""
    how = ("--azimuth", 50, "--temperature", 0, "--video-layout", "foa")
    names = ("a.wav", "a.mp4", "a.png", "a.json")
    status, out, err = words("-o", "a.wav", "--video", "a.mp4", "--figure", "a.png", "--sidecar", "a.json", "--json", *how)
    assert status == 0, err
    report = json.loads(out)
    assert report["files"] == list(names) and sorted(map(str, Path().iterdir())) == sorted(names)
    samples, rate = soundfile.read("a.wav", always_2d=True)
    assert (samples.shape, rate) == ((round(SECONDS * 48000), 4), 48000)
    there = soxr.resample(by_hand(gif, models, 50).T.astype(np.float64), 44100, 48000)[: len(samples)]
    cosine = (samples * there).sum(0) / np.linalg.norm(samples, axis=0) / np.linalg.norm(there, axis=0)
    gains = np.linalg.norm(samples, axis=0) / np.linalg.norm(there, axis=0)
    assert cosine.min() > 0.999 and np.ptp(gains) < 0.005 * gains.mean()
    loudness = pyloudnorm.Meter(rate).integrated_loudness(samples[:, 0])
    assert loudness == pytest.approx(report["loudness_lufs"], abs=0.1)
    assert loudness == pytest.approx(-23, abs=0.1) or report["true_peak_dbtp"] == pytest.approx(-1, abs=0.2)
    w, y, _, x = samples.T
    assert report["heard_azimuth_deg"] == pytest.approx(np.degrees(np.arctan2(w @ y, w @ x)), abs=0.2)
    sidecar = json.loads(Path("a.json").read_text("utf-8"))
    assert [each["role"] for each in sidecar["models"]] == ["generator", "frame encoder", "codec"]
    assert all(len(each["sha256"]) == 64 for each in sidecar["models"]) and sidecar["options"]["azimuth_deg"] == 50
    with av.open("a.mp4") as container:
        assert container.streams.audio[0].channels == 4
        assert float(container.duration / av.time_base) == pytest.approx(SECONDS, abs=0.03)
    assert b"SA3D" in Path("a.mp4").read_bytes()
    assert Pillow.open("a.png").size[0] > 1000


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "name a file, as in -o OUT.wav"),
        (("-o", "a.wav", "--omega-visual", 2), "--omega-visual has no effect with --guidance joint"),
        (("-o", "a.wav", "--guidance", "visual", "--omega", 2), "--omega has no effect with --guidance visual"),
        (("-o", "a.wav", "--guidance", "triple"), "--guidance must be"),
        (("-o", "a.wav", "--elevation", 91), "--elevation must lie in -90 to 90"),
        (("-o", "a.wav", "--seconds", 5), "longer than the video"),
        (("-o", "a.wav", "--layout", "hoa2"), "--layout must be"),
        (("-o", "a.json"), "no scene behind"),
        (("-o", "a.wav", "--commercial-only"), "not all that would take part"),
        (("-o", "a.wav", "--models", "nowhere"), "unknown models 'nowhere'"),
        (("-o", "a.wav", "--models", "."), "a folder of models holds"),
    ],
)
def test_what_cannot_be_made_is_refused_before_any_work(words, more, said):
    """Promised status: 2, one sentence, and nothing is written."""
    status, out, err = words(*more)
    assert (status, out) == (2, "")
    assert said in err and list(Path().iterdir()) == []


def test_missing_weights_say_the_command(run, gif, models, tmp_path):
    """Promised sentence: offline, what is not there comes with the command that gets it; a dry run lists it with its licence."""
    status, _, err = run("ambisonize", gif, "-o", "a.wav", "--models", "hub", "--offline")
    assert status == 2 and "hf download jaeyeonkim99/visage" in err
    status, out, _ = run("ambisonize", gif, "-o", "a.wav", "--models", "paper", "--offline", "--dry-run")
    parts = {each["role"]: each for each in json.loads(out)["models"]}
    assert status == 0 and parts["frame encoder"]["licence"] == "MIT"
    assert parts["codec"]["get"] == "hf download descript/dac_44khz"
    some = tmp_path / "some"
    some.mkdir()
    (some / "visage").symlink_to(models / "visage", target_is_directory=True)
    status, _, err = run("ambisonize", gif, "-o", "a.wav", "--models", some, "--offline")
    assert status == 2 and "openai/clip-vit-base-patch32 is not on this machine" in err
    assert list(Path().iterdir()) == []


def test_a_model_of_one_s_own_needs_the_parts_it_was_trained_with(run, gif, models, tmp_path):
    """Planted answer: a trained model in a folder names its encoder and codec; with them it makes a sound, with a CLIP of other
    weights it is refused."""
    import tiny_models
    from seehear.adapters.clip import ClipFrames
    from seehear.adapters.dac import DacCodec
    from seehear.adapters.hub import Machine
    from seehear.adapters.visage_builtin import save_trained_visage
    from seehear.adapters.visage_checkpoint import load_visage
    from seehear.nets.trained_visage import TrainedVisage

    own = tmp_path / "own"
    machine = Machine("cpu", offline=True)
    encoder, codec = ClipFrames(models / "clip", machine).name, DacCodec(models / "dac", machine).name
    save_trained_visage(own, TrainedVisage(load_visage(models / "visage"), "visage", encoder, codec, 4.0, 86.0))
    for name in ("clip", "dac"):
        (own / name).symlink_to(models / name, target_is_directory=True)
    status, _, err = run("ambisonize", gif, "-o", "a.wav", "--models", own, "--offline", "--seconds", 0.2)
    assert status == 0, err
    assert soundfile.info("a.wav").frames == 9600
    (own / "clip").unlink()
    tiny_models.tiny_clip(own / "clip", seed=1)
    status, _, err = run("ambisonize", gif, "-o", "b.wav", "--models", own, "--offline", "--seconds", 0.2)
    assert status == 2 and f"trained with the encoder of frames {encoder}" in err


def test_the_same_seed_gives_the_same_sound(gif, models):
    """Planted answer: runs that share a preset load it once; drawn codes repeat with the seed, and with another are others."""
    from seehear.presets import MachineOptions, ambisonize_preset

    preset = ambisonize_preset(str(models), MachineOptions(offline=True))
    loaded = preset.load(lambda *_: None)
    how = {"preset": preset, "seconds": 0.2, "guidance": "directional", "omega": 1}
    one, same, other = (seehear.ambisonize(gif, seed=seed, **how).audio for seed in (3, 3, 4))
    assert preset.load(lambda *_: None) is loaded
    assert one.n_samples == 9600 and one.convention == "acn-sn3d"
    sound = one.read(0, 9600)
    assert np.array_equal(sound, same.read(0, 9600)) and not np.array_equal(sound, other.read(0, 9600))
    with pytest.raises(seehear.InputError, match="unknown option 'azimut'"):
        seehear.ambisonize(gif, azimut=3)


def test_a_still_is_heard_with_two_ears(run, models, tmp_path):
    """Closed form: a photo for 0.2 s as binaural sound, to the sample; what is said names the camera and the file."""
    photo = tmp_path / "photo.png"
    Pillow.fromarray(np.random.default_rng(1).integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(photo)
    how = ("--models", models, "--offline", "--seconds", 0.2, "--layout", "binaural", "--guidance", "dual", "--omega", 1)
    status, out, err = run("ambisonize", photo, *how, "--azimuth", -30, "-o", "a.wav")
    assert status == 0, err
    assert (soundfile.info("a.wav").frames, soundfile.info("a.wav").channels) == (9600, 2)
    assert "camera  30° right" in out and out.endswith("wrote a.wav\n")


def test_without_shipped_weights_the_way_is_told(monkeypatch):
    """Planted: a version that ships no ViSAGe names the command that trains one."""
    from seehear.presets.ambisonize import ambisonize_preset
    from seehear.types import InputError

    monkeypatch.setattr("seehear.adapters.visage_builtin.PACK", "another")
    with pytest.raises(InputError, match=r"seehear train visage.*--models hub"):
        ambisonize_preset("builtin")


def test_the_shipped_model_needs_nothing_else(run, gif):
    """Planted answer: 0.5 s at 48 kHz, heard, with a note that it is a sketch; the direction is measured by a slow test."""
    status, out, _ = run("ambisonize", gif, "-o", "a.wav", "--azimuth", 90, "--seconds", 0.5)
    assert status == 0 and "sketch" in out
    sound = soundfile.read("a.wav")[0]
    assert sound.shape == (24_000, 4) and np.abs(sound).max() > 0.05
