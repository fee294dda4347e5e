"""``relabel``. Oracles: the samples that went in, and what ``inspect`` finds in planted files before and after its own advice."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

import seehear
from faulty_files import B_FORMAT_GUID_TAIL, FAULTS, RATE, field, speakers, video, wav
from seehear.acoustics.sphere import convert
from seehear.types import STEREO, InputError

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("what", FAULTS)
def test_the_advice_of_inspect_is_a_command_that_helps(what: str, tmp_path: Path, run: Run) -> None:
    """Where a fix names a command, it succeeds as it is printed, and what it writes has the fault no more."""
    code, _, make = FAULTS[what]
    problem = next(each for each in seehear.inspect(make(tmp_path)).problems if each.code == code)
    command = re.search(r"seehear (relabel .*?)(?= \(|$)", problem.fix)
    if command is None:
        assert "seehear" not in problem.fix
        return
    words = shlex.split(command[1])
    status, _, err = run(*words)
    assert status == 0, err
    left = {each.code for each in seehear.inspect(words[words.index("-o") + 1]).problems}
    assert code not in left


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT"])
def test_samples_stay_as_they_are(subtype: str, tmp_path: Path) -> None:
    """Bit for bit: what libsndfile wrote and reads again, in a sample format that holds it."""
    soundfile.write(tmp_path / "in.wav", speakers().T, RATE, subtype)
    assert seehear.relabel(tmp_path / "in.wav", tmp_path / "out.wav", layout="5.1").name == "5.1"
    assert soundfile.info(tmp_path / "out.wav").subtype == subtype.replace("PCM_32", "FLOAT")
    before, after = (soundfile.read(tmp_path / name, dtype="float32")[0] for name in ("in.wav", "out.wav"))
    assert np.array_equal(before, after)
    with av.open(str(tmp_path / "out.wav")) as written:
        assert written.streams.audio[0].layout.name == "5.1(side)"  # FFmpeg's name of the mask 0x60F


def test_fuma_becomes_ambix(tmp_path: Path) -> None:
    """By what the header says, and against it when it is told so."""
    fuma = field("fuma")
    wav(tmp_path / "in.amb", fuma, mask=0, guid_tail=B_FORMAT_GUID_TAIL)
    seehear.relabel(tmp_path / "in.amb", tmp_path / "a.wav")
    seehear.relabel(tmp_path / "in.amb", tmp_path / "b.wav", layout="foa", input_order="acn")
    assert np.abs(soundfile.read(tmp_path / "a.wav")[0].T - convert(fuma, "fuma", "acn-sn3d")).max() < 1e-7
    assert np.array_equal(soundfile.read(tmp_path / "b.wav", dtype="float32")[0].T, fuma)


def test_n3d_becomes_ambix_as_inspect_advises(tmp_path: Path, run: Run) -> None:
    """The name says N3D: the command that is printed divides the first order by sqrt(3) (closed form)."""
    sn3d = field()
    path = wav(tmp_path / "choir N3D.wav", sn3d * np.sqrt([[1], [3], [3], [3]]), mask=0x33)
    fix = seehear.inspect(path).problems[0].fix
    assert run(*shlex.split(fix[fix.index("relabel") :]))[0] == 0
    assert np.abs(soundfile.read("choir N3D.foa.wav")[0].T - sn3d).max() < 1e-7


def test_a_video_keeps_its_packets(tmp_path: Path) -> None:
    """Marked as sphere and field: every packet of picture and sound is the same bytes at the same time."""
    path = video(tmp_path / "in.mov", field(), "4.0")
    seehear.relabel(path, tmp_path / "out.mov", layout="foa", spherical=True)

    def packets(name: Path) -> list[tuple[int, int | None, bytes]]:
        with av.open(str(name)) as container:
            return [(each.stream.index, each.pts, bytes(each)) for each in container.demux() if each.size]

    assert packets(tmp_path / "out.mov") == packets(path)
    assert seehear.inspect(tmp_path / "out.mov").problems == ()


@pytest.mark.parametrize(
    ("name", "out", "options", "told"),
    [
        ("six.wav", "out.wav", {}, "does not say what its 6 channels are"),
        ("six.wav", "out.wav", {"layout": "7.1"}, "7.1 needs 8"),
        ("six.wav", "out.wav", {"layout": "5.1", "input_order": "acn"}, "about ambisonics"),
        ("six.wav", "out.wav", {"layout": "5.1", "spherical": True}, "marks a picture"),
        ("six.wav", "six.wav", {"layout": "5.1"}, "exists already"),
        ("six.wav", "out.xyz", {"layout": "5.1"}, "no known audio extension"),
        ("six.wav", "out.mp4", {"layout": "5.1"}, "only MP4 and MOV"),
        ("film.mov", "out.mov", {"layout": "5.1"}, "cannot be marked"),
        ("film.mov", "out.mov", {}, "nothing is to be done"),
        ("film.mov", "out.mov", {"spherical": True}, "twice as wide as high"),
        ("six.wav", "out.wav", {"loud": True}, "unknown option 'loud'"),
    ],
)
def test_what_cannot_be(name: str, out: str, options: dict, told: str, tmp_path: Path) -> None:
    """One sentence that says what is wrong; nothing is written."""
    wav(tmp_path / "six.wav", speakers())
    video(tmp_path / "film.mov", speakers(STEREO), "stereo", (64, 48))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=told):
        seehear.relabel(tmp_path / name, tmp_path / out, **options)
    assert sorted(tmp_path.iterdir()) == before
