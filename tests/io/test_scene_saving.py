"""A changed scene saved over the old one, or beside it: stems that stay, stems that are new, and failures at any moment."""

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from seehear.io.files import WholeFiles
from seehear.io.scene import Stem, as_written, read_extra, read_scene, save_scene, write_scene, writing
from seehear.types import MONO, Audio, InputError, Scene
from written_scenes import RATE, example, stem


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def with_new_sound(scene: Scene) -> Scene:
    return replace(scene, sources=(replace(scene.sources[0], audio=stem(9)), *scene.sources[1:]))


def test_values_change_and_stems_stay(written):
    """Oracle: the files of before, byte for byte and by inode; ``extra`` stays."""
    before = contents(written.parent)
    inode = (written.parent / "stems/01-dog.wav").stat().st_ino
    scene = read_scene(written)
    louder = replace(scene, sources=(replace(scene.sources[0], gain_db=1.0), *scene.sources[1:]))
    assert save_scene(written, louder, extra=read_extra(written), force=True) == ()
    after = contents(written.parent)
    assert {name for name in after if after[name] != before[name]} == {"scene.json"} and after.keys() == before.keys()
    assert (written.parent / "stems/01-dog.wav").stat().st_ino == inode
    assert read_scene(written).sources[0].gain_db == 1.0 and read_extra(written) == {"picture": "größe.jpg"}


def test_a_new_sound_gets_a_new_file(written):
    """Oracle: the planted samples, rounded; the stem of before keeps its bytes, and the next one another name."""
    before = contents(written.parent)
    for name in ("01-dog-2.wav", "01-dog-3.wav"):
        scene = with_new_sound(read_scene(written))
        assert save_scene(written, scene, force=True) == (written.parent / "stems" / name,)
        back = read_scene(written).sources[0]
        assert np.array_equal(back.audio.read(0, RATE // 2), as_written(scene).sources[0].audio.samples)
        assert isinstance(back.audio, Stem) and back.audio.path.name == name
    assert contents(written.parent).items() >= {k: v for k, v in before.items() if k != "scene.json"}.items()


def test_what_edits_left_goes_with_the_next_run(written):
    """Planted: a new stem and a new bed of an edit, and a stranger; a run that replaces the scene leaves only the stranger."""
    scene = read_scene(written)
    assert scene.bed is not None
    louder = Audio(scene.bed.read(0, RATE // 2) * np.float32(0.5), RATE, scene.bed.layout, "acn-sn3d")
    written_anew = save_scene(written, replace(with_new_sound(scene), bed=louder), force=True)
    assert [path.name for path in written_anew] == ["01-dog-2.wav", "bed-2.wav"]
    soundfile.write(written.parent / "stems/bed-3.wav", np.zeros((8, 4)), RATE)
    write_scene(written, replace(example(), sources=example().sources[:1], bed=None), written.parent / "stems", force=True)
    assert sorted(path.name for path in (written.parent / "stems").iterdir()) == ["01-dog.wav", "bed-3.wav"]


def test_beside_it_shares_and_elsewhere_copies(written, tmp_path):
    """Oracle: bytes of the stems, and the samples read from the copy after the original is gone."""
    save_scene(tmp_path / "quiet.json", replace(read_scene(written), bed_gain_db=-40.0))
    names = [source["stem"] for source in json.loads((tmp_path / "quiet.json").read_text("utf-8"))["sources"]]
    assert names == ["stems/01-dog.wav", "stems/02-雨-größe-rain.wav", "stems/03-dog.wav"]
    (tmp_path / "far").mkdir()
    copied = save_scene(tmp_path / "far/other.json", read_scene(written))
    assert [path.name for path in copied] == ["01-dog.wav", "02-雨-größe-rain.wav", "03-dog.wav", "bed.wav"]
    assert all(path.parent == tmp_path / "far/other-stems" for path in copied)
    assert all(path.read_bytes() == (tmp_path / "stems" / path.name).read_bytes() for path in copied)
    with pytest.raises(InputError, match="exists already"):
        save_scene(tmp_path / "far/other.json", read_scene(written))


def test_stems_of_one_name_stay_two(tmp_path):
    """Planted: two stems from two folders that are both called 01-dog.wav; full scale stays within a step of 24 bits."""
    sources = []
    for seed, name in ((1, "a"), (2, "b")):
        one = replace(example(), sources=(replace(example().sources[0], audio=stem(seed)),), bed=None)
        write_scene(tmp_path / f"{name}.json", one, tmp_path / name)
        sources += read_scene(tmp_path / f"{name}.json").sources
    (tmp_path / "far").mkdir()
    both = replace(example(), sources=tuple(sources), bed=None)
    copied = save_scene(tmp_path / "far/both.json", both)
    assert [path.name for path in copied] == ["01-dog.wav", "01-dog-2.wav"]
    for mine, before in zip(read_scene(tmp_path / "far/both.json").sources, sources, strict=True):
        assert np.array_equal(mine.audio.read(0, RATE // 2), before.audio.read(0, RATE // 2))


@pytest.mark.parametrize("peak", [1.0, 1 - 2**-23, -1.0])
def test_full_scale_is_not_cut(peak):
    """Closed form: 24 bits reach from -1 to 1 - 2^-23: beyond, the stem is turned down by 1 dB and its gain up by as much."""
    samples = np.zeros((1, RATE // 2), np.float32)
    samples[0, 99] = peak
    one = example()
    kept = as_written(replace(one, sources=(replace(one.sources[0], audio=Audio(samples, RATE, MONO)),))).sources[0]
    lowered_db = 1.0 if peak == 1 else 0.0
    assert kept.gain_db == one.sources[0].gain_db + lowered_db
    assert kept.audio.read(99, 100)[0, 0] == pytest.approx(peak * 10 ** (-lowered_db / 20), abs=2**-24)


@pytest.mark.parametrize("moment", ["stem", "document", "renaming", "second renaming"])
def test_a_failure_leaves_the_scene_of_before(written, monkeypatch, moment):
    """Oracle: the files of before, byte for byte, after a planted failure; no temporary file is left. When it comes as the
    scene file is renamed, the new stem is withdrawn too."""
    before = contents(written.parent)
    scene = with_new_sound(read_scene(written))

    def failing(*_: object) -> None:
        raise KeyboardInterrupt

    if moment == "stem":
        monkeypatch.setattr(writing, "write_stem", failing)
    elif moment == "document":
        monkeypatch.setattr(writing, "_pretty", failing)
    elif moment == "renaming":
        monkeypatch.setattr(WholeFiles, "publish", failing)
    else:
        renamed: list[Path] = []
        rename = Path.replace

        def second_fails(self: Path, target: Path) -> Path:
            renamed.append(self)
            return rename(self, target) if len(renamed) == 1 else failing()

        monkeypatch.setattr(Path, "replace", second_fails)
    with pytest.raises(KeyboardInterrupt):
        save_scene(written, scene, force=True)
    assert contents(written.parent) == before


def test_a_long_scene_is_read_and_changed_in_blocks(tmp_path):
    """Closed form: two minutes at 48 kHz are 23 MB in memory; reading, shifting and saving must not hold them."""
    n = 120 * 48_000
    scene = replace(example(), duration_s=120.0, sample_rate_hz=48_000, bed=None, sources=())
    sound = Audio(np.zeros((1, n), np.float32), 48_000, MONO)
    scene = replace(scene, sources=(replace(example().sources[0], audio=sound),))
    write_scene(tmp_path / "scene.json", scene, tmp_path / "stems")
    del sound, scene
    from seehear.systems.scene_editing import retime

    tracemalloc.start()
    try:
        save_scene(tmp_path / "scene.json", retime(read_scene(tmp_path / "scene.json"), 1, shift_s=1.0), force=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8e6, f"{peak / 1e6:.1f} MB"
