"""The parts of IAMF files: every channel in one stream, in the order of the specification."""

import re
import shlex

import numpy as np
import pytest

import seehear
from seehear.io.audio import write_audio
from seehear.io.iamf import iamf_command, write_iamf_command
from seehear.types import FOA, LAYOUTS, Audio, InputError

ORDER = {
    "stereo": "L R",
    "5.1": "L R Ls Rs C LFE",
    "7.1": "L R Ls Rs Lb Rb C LFE",
    "5.1.4": "L R Ls Rs Ltf Rtf Ltb Rtb C LFE",
    "7.1.4": "L R Ls Rs Lb Rb Ltf Rtf Ltb Rtb C LFE",
    "foa": "W Y Z X",
}
"""IAMF 1.1, 3.6.2: coupled streams first, front, side, back, top; then centre and LFE. 3.6.3: ambisonics in ACN order."""


@pytest.mark.parametrize("name", ORDER)
def test_streams_are_in_the_order_of_the_specification(name):
    """Oracle: the labels of the channels that the command takes, in the order in which it maps its streams."""
    layout = LAYOUTS[name]
    words = shlex.split(iamf_command("a b.wav", "a b.iamf", layout, loudness_lufs=-23.04, peak_dbfs=-1.5, video="v.mp4"))
    filters = dict(re.findall(r"channelmap=([\d|]+):(?:mono|stereo)(\[s\d+\])", words[words.index("-filter_complex") + 1]))
    by_label = {label: channels for channels, label in filters.items()}
    mapped = [words[i + 1] for i, word in enumerate(words) if word == "-map"]
    taken = [int(channel) for label in mapped[:-1] for channel in by_label[label].split("|")]
    assert " ".join(layout.labels[channel] for channel in taken) == ORDER[name]
    element, mix = (words[i + 1] for i, word in enumerate(words) if word == "-stream_group")
    assert re.findall(r":st=(\d+)", element) == [str(i) for i in range(len(mapped) - 1)]
    assert ("scene" in element and r"ambisonic\ 1:ambisonics_mode=mono" in element) == (name == "foa")
    assert mix.endswith("integrated_loudness=-23.0:digital_peak=-1.5") and words[2] == "a b.wav" and words[-1] == "a b.iamf"
    assert mapped[-1] == "1:v:0" and words.count("-streamid") == len(mapped)


def test_the_command_stands_beside_its_wav(tmp_path):
    """Oracle: the planted peak; through `render`, both files or none."""
    samples = np.zeros((4, 4800), np.float32)
    samples[3, 7] = -0.5
    sound = Audio(samples, 48_000, FOA, "acn-sn3d")
    text = write_iamf_command(tmp_path / "mix.wav", sound, loudness_lufs=-20.0)
    assert text.name == "mix.iamf.txt"
    assert "digital_peak=-6.0" in text.read_text() and text.read_text().count("\n") == 1
    with pytest.raises(InputError, match="exists already"):
        write_iamf_command(tmp_path / "mix.wav", sound, loudness_lufs=-20.0)
    write_audio(tmp_path / "field.wav", sound)
    seehear.render(tmp_path / "field.wav", tmp_path / "dome.wav", layout="7.1.4", iamf=True)
    assert "-i dome.wav" in (tmp_path / "dome.iamf.txt").read_text() and (tmp_path / "dome.wav").is_file()
    with pytest.raises(InputError, match="no place for hoa5"):
        seehear.render(tmp_path / "field.wav", tmp_path / "big.wav", layout="hoa5", iamf=True)
    with pytest.raises(InputError, match="--iamf goes with a WAV"):
        seehear.render(tmp_path / "field.wav", tmp_path / "big.flac", layout="stereo", iamf=True)
    assert not list(tmp_path.glob("big*"))
