"""The render verb over ambisonic files, and an ambisonic ambience from the verb to the file and back."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

import seehear
from seehear.acoustics.allrad import decode
from seehear.acoustics.loudness import integrated_lufs
from seehear.acoustics.sphere import convert, direction_of_arrival, real_sh
from seehear.io.audio import read_audio, write_audio
from seehear.io.scene import read_scene
from seehear.types import FOA, Audio, Direction, InputError, ambisonics, layout_named

RATE_HZ = 16000
FRONT_LEFT = Direction(np.radians(50), np.radians(20)).vector


def wave(order: int, seconds: float = 1.0) -> Audio:
    x = 0.1 * np.random.default_rng(0).standard_normal(round(seconds * RATE_HZ))
    return Audio(np.float32(np.outer(real_sh(order, FRONT_LEFT[None])[0], x)), RATE_HZ, ambisonics(order), "acn-sn3d")


@pytest.mark.parametrize("layout", ["7.1.4", "5.1.4", "7.1", "5.1", "stereo", "binaural", "mono", "foa", "hoa3"])
def test_an_ambisonic_file_in_every_layout(tmp_path: Path, layout: str) -> None:
    """Independent path: the decoder on the samples, with one gain for all channels, to -23 LUFS; what is written reads back."""
    write_audio(tmp_path / "field.wav", wave(3), "FLOAT")
    audio = seehear.verbs.render(tmp_path / "field.wav", tmp_path / "out.wav", layout=layout)
    expected = decode(wave(3), layout_named(layout)).samples
    gain = np.sqrt(np.sum(audio.samples.astype(float) ** 2) / np.sum(expected.astype(float) ** 2))
    np.testing.assert_allclose(audio.samples, gain * expected, atol=1e-6)
    assert integrated_lufs(audio) == pytest.approx(-23, abs=0.02)
    assert read_audio(tmp_path / "out.wav").n_samples == RATE_HZ and soundfile.info(tmp_path / "out.wav").channels == len(
        expected
    )


def test_fuma_and_turns(tmp_path: Path) -> None:
    """Planted answer: a FuMa file read as FuMa, turned 40 degrees left, has its wave there; read as AmbiX it
    has not."""
    samples = convert(wave(2).samples, "acn-sn3d", "fuma")
    soundfile.write(tmp_path / "fuma.wav", samples.T, RATE_HZ, subtype="FLOAT")
    turned = seehear.verbs.render(tmp_path / "fuma.wav", layout="foa", input_order="fuma", yaw_deg=40)
    found = direction_of_arrival(turned.samples)
    assert np.degrees(found.azimuth_rad) == pytest.approx(90, abs=0.1)
    assert np.degrees(found.elevation_rad) == pytest.approx(20, abs=0.1)
    mistaken = direction_of_arrival(seehear.verbs.render(tmp_path / "fuma.wav", layout="foa").samples)
    assert mistaken.vector @ FRONT_LEFT < 0.9
    tilted = seehear.verbs.render(tmp_path / "fuma.wav", layout="foa", input_order="fuma", yaw_deg=-50, pitch_deg=-20)
    assert direction_of_arrival(tilted.samples).vector @ [1, 0, 0] > 0.8


def test_what_render_refuses(tmp_path: Path) -> None:
    """Planted faults, each in one sentence: speakers, turning a scene, an unknown order or option; nothing is written."""
    soundfile.write(tmp_path / "stereo.wav", np.zeros((100, 2)), RATE_HZ)
    (tmp_path / "scene.json").write_text("{}")
    for name, options, message in (
        ("stereo.wav", {"doppler": True}, "--doppler is heard in scenes"),
        ("stereo.wav", {}, "has 2 channels: ambisonics of order 1 to 7 has 4, 9"),
        ("scene.json", {"yaw_deg": 10.0}, "a scene has a listener"),
        ("scene.json", {"input_order": "acn"}, "a scene has a listener"),
        ("stereo.wav", {"input_order": "wxyz"}, "--input-order must be acn, fuma or n3d"),
        ("stereo.wav", {"yaw_deg": 999.0}, "--yaw must lie in -360 to 360 degrees"),
        ("stereo.wav", {"spin": 1}, "unknown option 'spin'"),
        ("stereo.wav", {"layout": "9.1.6"}, "unknown layout"),
    ):
        with pytest.raises(InputError, match=message):
            seehear.verbs.render(tmp_path / name, tmp_path / "out.wav", **options)
    assert not (tmp_path / "out.wav").exists()


def test_a_file_is_not_rendered_onto_itself(tmp_path: Path) -> None:
    """Planted: the input as output, by its own name and by a link; the file keeps its bytes."""
    write_audio(tmp_path / "field.wav", wave(1), "FLOAT")
    before = (tmp_path / "field.wav").read_bytes()
    (tmp_path / "link.wav").symlink_to(tmp_path / "field.wav")
    for name in ("field.wav", "link.wav"):
        with pytest.raises(InputError, match="is the file that is rendered: write to another name"):
            seehear.verbs.render(tmp_path / "field.wav", tmp_path / name, force=True, layout="foa")
    assert (tmp_path / "field.wav").read_bytes() == before


def test_an_ambience_in_fuma(tmp_path: Path) -> None:
    """Planted answer: a FuMa recording that says nothing is heard from its direction with --bed-order fuma, and not without."""
    soundfile.write(tmp_path / "fuma.wav", convert(wave(1).samples, "acn-sn3d", "fuma").T, RATE_HZ, subtype="FLOAT")
    options = {"seconds": 1.0, "rate_hz": RATE_HZ, "layout": "foa", "bed": tmp_path / "fuma.wav"}
    grey = np.full((64, 96, 3), 127, np.uint8)
    made = seehear.spatialize(grey, bed_order="fuma", **options).audio.samples
    assert direction_of_arrival(made).vector @ FRONT_LEFT == pytest.approx(1, abs=1e-4)
    mistaken = seehear.spatialize(grey, **options).audio.samples
    assert direction_of_arrival(mistaken).vector @ FRONT_LEFT < 0.9


def test_ambiences_that_are_none(tmp_path: Path) -> None:
    """Planted: silence, one sample, an order that is none, an order without a file."""
    grey = np.full((64, 96, 3), 127, np.uint8)
    soundfile.write(tmp_path / "silent.wav", np.zeros((RATE_HZ, 4)), RATE_HZ)
    soundfile.write(tmp_path / "short.wav", np.full((1, 4), 0.5), RATE_HZ)
    for options, message in (
        ({"bed": tmp_path / "silent.wav"}, "silent.wav is silent"),
        ({"bed": tmp_path / "short.wav"}, r"short.wav lasts .* s: an ambience needs 0.5 s"),
        ({"bed": tmp_path / "silent.wav", "bed_order": "wxyz"}, "--bed-order must be acn, fuma or n3d"),
        ({"bed_order": "fuma"}, "--bed-order needs an ambience"),
    ):
        with pytest.raises(InputError, match=message):
            seehear.spatialize(grey, seconds=1.0, **options)


def test_an_ambience_from_a_file(tmp_path: Path) -> None:
    """Planted answer: with nothing else to hear, the render is the recording, from its direction, repeated to the length; the
    scene file renders to the same bytes; the chosen ambience is gone, and the report says so."""
    write_audio(tmp_path / "field.wav", wave(2), "FLOAT")
    grey = np.full((64, 96, 3), 127, np.uint8)
    options = {"seconds": 2.0, "rate_hz": RATE_HZ, "layout": "foa", "bed": tmp_path / "field.wav"}
    made = seehear.spatialize(grey, scene=tmp_path / "s.json", **options)
    assert not made.scene.sources and made.audio.layout == FOA
    assert direction_of_arrival(made.audio.samples).vector @ FRONT_LEFT == pytest.approx(1, abs=1e-4)
    assert any("field.wav (hoa2)" in note and "repeated" in note for note in made.report["notes"])
    np.testing.assert_array_equal(seehear.verbs.render(tmp_path / "s.json", layout="foa").samples, made.audio.samples)
    bed = read_scene(tmp_path / "s.json").bed
    assert bed is not None and bed.layout == ambisonics(2) and str(tmp_path / "s-stems/bed.wav") in made.report["files"]
    louder = seehear.spatialize(grey, bed_level_db=6.0, **options)
    assert louder.scene.bed_gain_db - made.scene.bed_gain_db == 6.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bed": "none.wav"}, "does not exist"),
        ({"bed_level_db": 3.0}, "--bed-level needs an ambience"),
        ({"bed_level_db": 99.0, "bed": "x"}, "--bed-level must lie in"),
    ],
)
def test_ambiences_that_cannot_be(tmp_path: Path, options: dict, message: str) -> None:
    """Planted faults, one sentence each, and a stereo file."""
    grey = np.full((64, 96, 3), 127, np.uint8)
    with pytest.raises(InputError, match=message):
        seehear.spatialize(grey, seconds=1.0, **options)
    soundfile.write(tmp_path / "stereo.wav", np.zeros((100, 2)), RATE_HZ)
    with pytest.raises(InputError, match="has 2 channels"):
        seehear.spatialize(grey, seconds=1.0, bed=tmp_path / "stereo.wav")
