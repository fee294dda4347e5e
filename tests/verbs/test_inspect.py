"""``inspect``. Oracle: files in which the test planted one fault each, and clean ones."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import seehear
from faulty_files import B_FORMAT_GUID_TAIL, CLEAN, FAULTS, RATE, field, speakers, video, wav
from seehear.acoustics.sphere import convert, encode
from seehear.io.wav import AMBIX_COMMENT
from seehear.types import STEREO, InputError
from seehear.verbs import findings

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("what", FAULTS)
def test_a_planted_fault_is_found(what: str, tmp_path: Path) -> None:
    """Its code is among the findings, at the severity that it deserves, with a way out."""
    code, severity, make = FAULTS[what]
    found = [each for each in seehear.inspect(make(tmp_path)).problems if each.code == code]
    assert [each.severity for each in found] == [severity]
    assert found[0].text.endswith(".") and found[0].fix


@pytest.mark.parametrize("what", CLEAN)
def test_a_clean_file_has_no_problem(what: str, tmp_path: Path) -> None:
    """Nothing was planted: neither a problem nor a note is told."""
    assert seehear.inspect(CLEAN[what](tmp_path)).problems == ()


def test_every_code_is_planted_somewhere() -> None:
    """The codes in the rules, read from their source, are those of the planted files, and the one of a silent video."""
    sources = [Path(findings.__file__).with_name(f"{name}.py") for name in ("findings", "findings_heard", "inspect")]
    written = {code for path in sources for code in re.findall(r'Problem\(\s*"([a-z0-9-]+)"', path.read_text("utf-8"))}
    assert written - {code for code, _, _ in FAULTS.values()} == {"no-sound"}


def test_levels_are_those_that_were_planted(tmp_path: Path) -> None:
    """A sine of amplitude 0.1 and one of 0.01: -23.01 and -43.01 dBFS RMS, peaks of -20 and -40."""
    t = np.arange(RATE) / RATE
    x = np.stack([0.1 * np.sin(2 * np.pi * 1000 * t), 0.01 * np.sin(2 * np.pi * 500 * t)])
    found = seehear.inspect(wav(tmp_path / "sines.wav", x))
    assert [each.rms_dbfs for each in found.levels] == pytest.approx([-20 - 3.0103, -40 - 3.0103], abs=1e-3)
    assert [each.peak_dbfs for each in found.levels] == pytest.approx([-20, -40], abs=0.01)
    assert found.true_peak_dbtp == pytest.approx(-20, abs=0.02)
    assert found.duration_s == 1.0


def test_loudness_is_that_of_the_meter(tmp_path: Path) -> None:
    """BS.1770-4: a sine of 997 Hz at full scale in one channel measures -3.01 LUFS, so one of 0.1 measures -23.01."""
    t = np.arange(2 * RATE) / RATE
    x = np.stack([0.1 * np.sin(2 * np.pi * 997 * t), 0 * t])
    assert seehear.inspect(wav(tmp_path / "sine.wav", x)).integrated_lufs == pytest.approx(-23.01, abs=0.02)


@pytest.mark.parametrize(
    ("name", "status", "convention"),
    [
        ("choir.amb.wav", "unknown", ""),
        ("choir ambix.wav", "guessed", "acn-sn3d"),
        ("choir_SN3D.wav", "guessed", "acn-sn3d"),
        ("choir_N3D.wav", "guessed", "acn-n3d"),
        ("choir FuMa.wav", "guessed", "fuma"),
        ("choir_WXYZ.wav", "guessed", "fuma"),
        ("choir.amb", "guessed", "fuma"),
        ("choir foa.wav", "guessed", ""),
        ("B-format.wav", "guessed", ""),
        ("ambient toads.wav", "unknown", ""),
    ],
)
def test_words_are_a_guess_and_their_absence_is_unknown(name: str, status: str, convention: str, tmp_path: Path) -> None:
    """Planted words. The energies of SN3D are told as evidence each time, and never decide."""
    found = seehear.inspect(wav(tmp_path / name, field(), mask=0)).field
    assert (found.status, found.convention, found.order) == (status, convention, 1)
    assert "SN3D (AmbiX)" in found.evidence[-1] and "nothing about their order" in found.evidence[-1]


@pytest.mark.parametrize(("recording", "ratio"), [("BF_rec3.ogg", 2.26), ("BF_rec5.ogg", 2.04)])
def test_real_recordings_in_fuma_have_its_energies(recording: str, ratio: float, media: Path) -> None:
    """Two published first-order recordings in FuMa: 2 by theory, the ratios as numpy sums the decoded squares."""
    found = seehear.inspect(media / "foa_jsambisonics" / recording)
    assert f"{ratio} times" in found.field.evidence[0] and "FuMa weights" in found.field.evidence[0]
    assert found.field.status == "unknown"


def test_channels_of_fuma_have_its_names(tmp_path: Path) -> None:
    """A sound from straight ahead lies in W and X: in FuMa's order the first two channels, -3 dB apart."""
    ahead = convert(encode(np.random.default_rng(0).normal(0, 0.1, RATE // 4), np.array([1.0, 0, 0])), "acn-sn3d", "fuma")
    levels = seehear.inspect(wav(tmp_path / "ahead.amb", ahead, mask=0, guid_tail=B_FORMAT_GUID_TAIL)).levels
    assert [each.label for each in levels] == ["W", "X", "Y", "Z"]
    assert levels[1].rms_dbfs - levels[0].rms_dbfs == pytest.approx(3.0103, abs=1e-3)
    assert math.isinf(levels[2].rms_dbfs) and math.isinf(levels[3].rms_dbfs)


def test_the_figure_of_a_field_is_that_of_its_sound_not_of_its_order(tmp_path: Path) -> None:
    """The same field in FuMa, and in AmbiX with a NaN in silence, gives the same picture."""
    pixels = []
    silence = np.zeros((4, 480), np.float32)
    for name, convention in (("a", "fuma"), ("b", "acn-sn3d")):
        (tmp_path / name).mkdir()
        samples = np.concatenate([field(convention), silence], axis=1)  # type: ignore[arg-type]
        samples[1, -100] = np.nan if name == "b" else 0
        comment = (b"LIST", b"INFOICMT" + struct.pack("<I", len(AMBIX_COMMENT)) + AMBIX_COMMENT.encode())
        how = {"guid_tail": B_FORMAT_GUID_TAIL} if name == "a" else {"chunks": [comment]}
        seehear.inspect(wav(tmp_path / name / "x.wav", samples, mask=0, **how), tmp_path / name / "x.png")
        pixels.append(np.asarray(Pillow.open(tmp_path / name / "x.png").convert("RGB"), dtype=int))
    assert np.abs(pixels[0] - pixels[1]).max() <= 2
    assert np.ptp(pixels[0]) > 200


def test_a_figure_that_cannot_be(tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    (tmp_path / "x.png").write_bytes(b"mine")
    with pytest.raises(InputError, match="exists already"):
        seehear.inspect(CLEAN["stereo WAV"](tmp_path), tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes() == b"mine"


def test_what_is_no_media_file(run: Run, tmp_path: Path) -> None:
    """Status 2 and one sentence, nothing on stdout."""
    (tmp_path / "notes.wav").write_text("a text " * 99)
    (tmp_path / "scene.json").write_text("{}")
    for words in ((tmp_path / "notes.wav",), (tmp_path / "absent.wav",), (tmp_path,), (tmp_path / "scene.json",)):
        status, out, err = run("inspect", *words)
        assert (status, out) == (2, "")
        assert err.count("seehear: ") == 1


def test_problems_are_results_unless_strict(run: Run, tmp_path: Path) -> None:
    """Status 0 for a file that can be read, whatever is wrong with it; with --strict 2 for a problem, 0 for a note."""
    faulty = wav(tmp_path / "faulty.wav", speakers(), mask=0x33)
    status, out, _ = run("inspect", faulty)
    assert status == 0 and "problem: mask-count" in out and "seehear relabel" in out
    assert run("inspect", faulty, "--strict")[0] == 2
    assert run("inspect", wav(tmp_path / "noted.wav", speakers(), mask=0x3F), "--strict")[0] == 0


def test_json_has_everything(run: Run, tmp_path: Path) -> None:
    """One object of JSON's own values: silence is null, the planted fault is in it with its fix."""
    x = speakers(STEREO)
    x[1] = 0
    status, out, _ = run("inspect", wav(tmp_path / "half.wav", x), "--json")
    told = json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert status == 0
    assert told["layout"] == {"name": "stereo", "kind": "speakers", "labels": ["L", "R"]}
    assert told["levels"][1] == {"label": "R", "rms_dbfs": None, "peak_dbfs": None}
    assert math.isfinite(told["integrated_lufs"]) and told["adm"] is None and told["n_samples"] == x.shape[1]
    assert [each["code"] for each in told["problems"]] == ["silent-channel"]


def test_a_silent_video(run: Run, tmp_path: Path) -> None:
    """There is a picture of 640 x 360 and no sound track: a note, and no figure."""
    path = video(tmp_path / "silent.mp4", speakers(STEREO), "stereo", (640, 360), n_sound_tracks=0)
    status, out, _ = run("inspect", path, "--strict")
    assert status == 0
    assert "avc1, 640 x 360" in out and "note: no-sound" in out
    assert run("inspect", path, "--figure", "x.png")[0] == 2
    assert not Path("x.png").exists()


def test_adm_objects_are_listed(run: Run, tmp_path: Path) -> None:
    """Two objects were planted, of one track each."""
    path = CLEAN["ADM"](tmp_path)
    assert "2 objects: bird (Objects, 1 track), bird (Objects, 1 track)" in run("inspect", path)[1]
    objects = json.loads(run("inspect", path, "--json")[1])["adm"]["objects"]
    assert [(each["type"], each["tracks"]) for each in objects] == [("Objects", [1]), ("Objects", [2])]


def test_a_truncated_file_is_measured_as_far_as_it_goes(tmp_path: Path) -> None:
    """The samples that are left are counted: 30 000 bytes less of 24-byte frames."""
    whole = wav(tmp_path / "whole.wav", speakers(), mask=0x60F)
    cut = FAULTS["an end too early"][2](tmp_path)
    assert seehear.inspect(cut).n_samples == seehear.inspect(whole).n_samples - 30_000 // 24


def test_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        seehear.inspect(tmp_path / "absent.wav")
