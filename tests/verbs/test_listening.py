"""`--hrtf`: a measured head in every verb that renders. Oracle: the computed head written as a SOFA file."""

import numpy as np
import pytest
import sofar

from seehear.acoustics.binaural import hrir
from seehear.acoustics.sphere import map_directions
from seehear.io.audio import write_audio
from seehear.types import FOA, Audio, InputError
from seehear.verbs import render, spatialize

RATE_HZ = 16000


@pytest.fixture(scope="module")
def own_head(tmp_path_factory):
    directions = map_directions(24, 12).reshape(-1, 3)
    file = sofar.Sofa("SimpleFreeFieldHRIR")
    file.Data_IR = hrir(directions, RATE_HZ).astype(float)
    file.Data_SamplingRate = RATE_HZ
    file.SourcePosition, file.SourcePosition_Type, file.SourcePosition_Units = directions, "cartesian", "metre"
    file.GLOBAL_License = "CC0"
    path = tmp_path_factory.mktemp("heads") / "own.sofa"
    sofar.write_sofa(str(path), file)
    return path


def test_a_photo_through_a_measured_head(own_head, photo):
    """Planted: the levels of both ears through the samples of the computed head are those of the computed head."""
    options = {"layout": "binaural", "seconds": 0.5, "rate_hz": RATE_HZ, "say": "dog"}
    ours = spatialize(photo, **options)
    theirs = spatialize(photo, **options, hrtf=str(own_head))
    levels_db = [10 * np.log10((x.audio.samples**2).sum(axis=1)) for x in (ours, theirs)]
    np.testing.assert_allclose(levels_db[0], levels_db[1], atol=0.5)
    head = theirs.report["models"][-1]
    assert (head["role"], head["name"], head["licence"], head["commercial"]) == ("head", "own.sofa", "CC0", True)
    assert not np.array_equal(ours.audio.samples, theirs.audio.samples)


def test_an_ambisonic_file_through_a_measured_head(own_head, tmp_path):
    """Planted: a plane wave from the left is louder at the left ear, within 1 dB of what the computed head says
    (a first order hears the far ear by the fit of its weakest octave, where both differ most)."""
    wave = 0.1 * np.random.default_rng(0).standard_normal(RATE_HZ).astype(np.float32)
    field = np.stack([wave, wave, 0 * wave, 0 * wave])
    write_audio(tmp_path / "left.wav", Audio(field, RATE_HZ, FOA, "acn-sn3d"))
    heard = [render(tmp_path / "left.wav", layout="binaural", hrtf=each) for each in ("", str(own_head))]
    differences_db = [10 * np.log10(np.divide(*(x.samples**2).sum(axis=1))) for x in heard]
    assert differences_db[0] > 3
    assert differences_db[1] == pytest.approx(differences_db[0], abs=1.0)


def test_a_head_without_headphones_is_refused(own_head, photo):
    """Planted: 5.1 has no ears, so the flag would have no effect; a picture is no SOFA file."""
    with pytest.raises(InputError, match="binaural sound only"):
        spatialize(photo, layout="5.1", seconds=0.5, hrtf=str(own_head))
    with pytest.raises(InputError, match=r"must end in \.sofa"):
        spatialize(photo, layout="binaural", seconds=0.5, hrtf=__file__)
