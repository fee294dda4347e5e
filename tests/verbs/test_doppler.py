"""`--doppler` in both verbs that render a scene. Oracle: the closed form of a source that recedes."""

from pathlib import Path

import numpy as np
import pytest

from seehear.acoustics.hrtf import BUILTIN_HEAD
from seehear.io.scene import write_scene
from seehear.systems.spatialize.options import SpatializeOptions
from seehear.types import MONO, Audio, InputError, Room, Scene, Source, Trajectory
from seehear.verbs import render, spatialize
from seehear.verbs.listening import Listener
from seehear.verbs.rendering import untold
from seehear.verbs.spatialize import _render

RATE_HZ, TONE_HZ, SPEED_M_S = 16000, 1000.0, 20.0


def receding() -> Scene:
    times = np.linspace(0, 1, 201)
    trajectory = Trajectory(times, np.tile([1.0, 0, 0], (201, 1)), 20 + SPEED_M_S * times)
    tone = 0.1 * np.sin(2 * np.pi * TONE_HZ * np.arange(RATE_HZ) / RATE_HZ, dtype=np.float32)
    return Scene((Source(Audio(tone[None].astype(np.float32), RATE_HZ, MONO), trajectory, "car"),), Room(), 1.0, RATE_HZ)


def pitch_hz(audio: Audio) -> float:
    """By the zero crossings upwards, each to a fraction of a sample."""
    x = audio.samples[0, 2000:].astype(float)
    before = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
    crossings = before + x[before] / (x[before] - x[before + 1])
    return float(RATE_HZ * (len(crossings) - 1) / (crossings[-1] - crossings[0]))


@pytest.mark.parametrize(("doppler", "wanted_hz"), [(True, TONE_HZ * 343 / (343 + SPEED_M_S)), (False, TONE_HZ)])
def test_the_pitch_of_what_recedes(tmp_path: Path, doppler: bool, wanted_hz: float) -> None:
    """Closed form: f c / (c + v) with the flag, f without, within 0.1 %."""
    write_scene(tmp_path / "scene.json", receding(), tmp_path / "stems")
    assert pitch_hz(render(tmp_path / "scene.json", layout="mono", doppler=doppler)) == pytest.approx(wanted_hz, rel=1e-3)
    wanted = SpatializeOptions(layout="mono", doppler=doppler)
    heard = _render(receding(), [MONO], Listener(BUILTIN_HEAD, {}), wanted, untold)["mono"].sound
    assert pitch_hz(heard) == pytest.approx(wanted_hz, rel=1e-3)


def test_the_papers_simulator_has_none() -> None:
    """Planted fault: a flag that would have no effect is refused."""
    with pytest.raises(InputError, match="--doppler has no effect with --geometry paper"):
        SpatializeOptions(geometry="paper", doppler=True)


def test_objects_have_none(tmp_path: Path) -> None:
    """Planted fault: a flag that an ADM file would lack is refused by both verbs, and nothing is written."""
    write_scene(tmp_path / "scene.json", receding(), tmp_path / "stems")
    adm = tmp_path / "adm.wav"
    with pytest.raises(InputError, match="--doppler have no effect on --adm"):
        render(tmp_path / "scene.json", adm, adm=True, doppler=True)
    with pytest.raises(InputError, match="--doppler has no effect on --adm"):
        spatialize(np.zeros((64, 64, 3), np.uint8), adm=str(adm), doppler=True)
    assert not adm.exists()
