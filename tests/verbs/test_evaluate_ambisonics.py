"""``evaluate ambisonics`` on planted fields: plane waves turned by known angles, and judges whose answers are known."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from planted_fields import AZIMUTHS_DEG, plane_wave, write_field
from seehear.acoustics.sphere import convert
from seehear.presets import JudgesPreset, Part
from seehear.types import InputError
from seehear.verbs.evaluate_ambisonics import evaluate_ambisonics, table

MODULE = import_module("seehear.verbs.evaluate_ambisonics")  # by its name: `seehear.verbs.evaluate_ambisonics` is the verb
TURN_RAD = np.radians(30)


class Ear:
    """A judge that hears levels: features are dB of whole and half clips, tags say how loud."""

    name, sample_rate_hz, labels = "planted ear", 16_000, ("loud", "quiet")

    def embed(self, clips):
        return [np.array([[self._db(x), self._db(half)] for half in np.array_split(x, 2)], np.float32) for x in clips]

    def tag(self, clips):
        loud = np.array([1 / (1 + np.exp(-(self._db(x) + 20) / 3)) for x in clips])
        return np.stack([loud, 1 - loud], axis=1)

    def _db(self, x):
        return 10 * np.log10(np.mean(np.square(x, dtype=np.float64)) + 1e-9)


@pytest.fixture
def ear(monkeypatch) -> None:
    part = Part("embedder", "planted ear", "Apache-2.0")
    monkeypatch.setattr(MODULE, "judges_preset", lambda *_, **__: JudgesPreset((part,), lambda tell: (Ear(), Ear(), (part,))))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Four references, and the same sounds 30 degrees further to the left; directions beside the references."""
    generated, reference = tmp_path / "generated", tmp_path / "reference"
    for seed, (key, azimuth) in enumerate(AZIMUTHS_DEG.items()):
        write_field(reference / f"{key}.wav", plane_wave(azimuth, seed))
        write_field(generated / f"{key}.wav", plane_wave(azimuth + 30, seed))
        (reference / f"{key}.json").write_text(json.dumps({"direction_deg": [azimuth, 0.0]}))
    return generated, reference


def test_turned_plane_waves_have_the_angle_s_scores(ear, folders, tmp_path):
    """Closed form: CC is the cosine of the angle, mono at the camera has gain 1 + cos of it (2 if unturned), channels differ."""
    report = evaluate_ambisonics(*folders, tmp_path / "report.json")
    rows = report["rows"]
    generated = rows["generated"]
    assert generated["cc_all"]["value"] == pytest.approx(np.cos(TURN_RAD), abs=3e-3)
    assert generated["angle_median"]["value"] == pytest.approx(30, abs=0.05)
    assert generated["angle_median_to_camera"]["value"] == pytest.approx(30, abs=0.05)
    lower_db = 20 * np.log10((1 + np.cos(TURN_RAD)) / 2)
    # All features are lower by as much: the distance is that of the means.
    assert generated["fad_dec"]["value"] == pytest.approx(2 * lower_db**2, rel=0.01)
    assert generated["fad_avg"]["value"] > 0.01
    assert generated["kld_dec"]["value"] > 0
    assert (generated["cc_all"]["n"], generated["cc_1fps"]["n"], generated["cc_5fps"]["n"]) == (4, 4, 20)
    assert rows["truth"]["cc_5fps"]["value"] == pytest.approx(1)
    assert rows["truth"]["kld_dec"]["value"] == 0
    assert rows["shuffled"]["fad_avg"]["value"] == pytest.approx(0, abs=1e-6)
    assert rows["shuffled"]["kld_dec"]["value"] > generated["kld_dec"]["value"]
    assert rows["silence"]["angle_median"]["value"] == 90
    assert rows["silence"]["cc_all"]["value"] == 0 and rows["silence"]["auc_all"]["value"] == 0.5
    assert rows["noise"]["fad_dec"]["value"] > 0
    assert json.loads((tmp_path / "report.json").read_text())["rows"] == json.loads(json.dumps(rows))
    shown = table(report)
    assert "| CC, whole clip | higher | 0.866 [" in shown and "n = 4 clips of 1 s, 0 failed" in shown


def test_what_cannot_be_compared_is_counted_with_its_reason(ear, folders, tmp_path):
    """Planted: one missing, one too short, one that is no sound, one without a reference."""
    generated, reference = folders
    (generated / "a.wav").unlink()
    (generated / "b.wav").unlink()
    write_field(generated / "b.wav", plane_wave(0, 1, 0.5))
    (generated / "c.wav").write_text("no sound")
    write_field(generated / "more" / "x.wav", plane_wave(0, 1))
    report = evaluate_ambisonics(generated, reference, tmp_path / "report.json", no_controls=True)
    reasons = {each["key"]: each["reason"] for each in report["failures"]}
    assert set(reasons) == {"a", "b", "c"}
    assert "nothing was generated" in reasons["a"] and "0.50 s" in reasons["b"]
    assert report["rows"].keys() == {"generated"} and report["unused"] == ["more/x"]
    score = report["rows"]["generated"]["cc_all"]
    assert (score["n"], score["n_failed"]) == (1, 3)
    assert report["rows"]["generated"]["fad_avg"]["value"] is None  # one clip is no set
    (generated / "d.wav").unlink()
    write_field(generated / "d.wav", plane_wave(0, 1, 0.5))
    with pytest.raises(InputError, match="none of the 4 pairs could be compared; the first"):
        evaluate_ambisonics(generated, reference, tmp_path / "other.json")


def test_without_directions_there_is_no_mono_at_the_camera(ear, folders, tmp_path):
    """The contract: FAD_dec and KLD_dec are left out, and a sentence says so."""
    generated, reference = folders
    for key in AZIMUTHS_DEG:
        (reference / f"{key}.json").unlink()
    report = evaluate_ambisonics(generated, reference, tmp_path / "none.json", no_controls=True)
    assert "fad_dec" not in report["rows"]["generated"] and "fad_avg" in report["rows"]["generated"]
    assert "No camera direction is known" in table(report)


def test_furse_malham_is_told_by_a_flag(ear, folders, tmp_path):
    """Closed form: references in FuMa, told by --reference-order, are 30 degrees from what was generated, as those in AmbiX."""
    fuma = tmp_path / "fuma"
    for seed, (key, azimuth) in enumerate(AZIMUTHS_DEG.items()):
        write_field(fuma / f"{key}.wav", convert(plane_wave(azimuth, seed), "acn-sn3d", "fuma"), fuma=True)
    told = evaluate_ambisonics(folders[0], fuma, tmp_path / "1.json", no_controls=True, reference_order="fuma")
    assert told["rows"]["generated"]["cc_all"]["value"] == pytest.approx(np.cos(TURN_RAD), abs=3e-3)
    assert told["rows"]["generated"]["angle_median"]["value"] == pytest.approx(30, abs=0.05)


def test_without_a_name_for_the_report_nothing_is_written(ear, folders, tmp_path, monkeypatch, capsys):
    """The contract: the command as the docs print it shows the table, with --json the report; no file appears."""
    from seehear.cli import main

    before, generated, reference = sorted(tmp_path.rglob("*")), *map(str, folders)
    monkeypatch.chdir(tmp_path)
    for more in ((), ("--json",), ("--dry-run",)):
        call = ["seehear", "evaluate", "ambisonics", "--generated", generated, "--reference", reference, "--no-controls", *more]
        monkeypatch.setattr("sys.argv", call)
        main()
        out = capsys.readouterr().out
        assert "| CC, whole clip | higher | 0.866 [" in out if not more else json.loads(out)["files"] == []
    assert sorted(tmp_path.rglob("*")) == before


def test_what_the_caller_can_fix_is_told(ear, folders, tmp_path, monkeypatch, capsys):
    """The contract: one sentence and status 2; nothing is written."""
    from seehear.cli import main

    generated, reference = folders
    (tmp_path / "empty").mkdir()
    for message, arguments, options in (
        ("there is no folder", (generated, tmp_path / "none"), {}),
        ("holds no sounds", (tmp_path / "empty", reference), {}),
        ("unknown option 'embeder'", folders, {"embeder": "x"}),
        ("--compat", folders, {"compat": "paper"}),
        ("--reference-order", folders, {"reference_order": "wxyz"}),
        ("--device", folders, {"device": "tpu"}),
    ):
        with pytest.raises(InputError, match=message):
            evaluate_ambisonics(*arguments, tmp_path / "report.json", **options)
    (tmp_path / "bad.csv").write_text("file,az\na,1\n")
    with pytest.raises(InputError, match="needs the columns name, azimuth_deg and elevation_deg"):
        evaluate_ambisonics(*folders, tmp_path / "report.json", directions=tmp_path / "bad.csv")
    plan = evaluate_ambisonics(*folders, tmp_path / "report.json", dry_run=True)
    assert (plan["pairs"], plan["with_a_direction"]) == (4, 4)
    call = ["seehear", "evaluate", "ambisonics", "--generated", str(tmp_path / "empty"), "--reference", str(reference)]
    monkeypatch.setattr("sys.argv", [*call, "-o", str(tmp_path / "report.json")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2 and "holds no sounds" in capsys.readouterr().err
    assert not (tmp_path / "report.json").exists()
