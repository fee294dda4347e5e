"""Clips in shards: what goes in comes out, whoever writes it."""

import tarfile
from dataclasses import replace

import numpy as np
import pytest

from seehear.data.clips import Clip
from seehear.data.runner import Crew
from seehear.data.shards import (
    MANIFEST,
    clip_files,
    clip_from_files,
    count_clips,
    make_shards,
    read_clips,
    read_manifest_rows,
    write_shard,
    write_shards,
)
from seehear.types import FOA, Audio, InputError
from small_clips import clips, small_clip


def test_a_clip_comes_back():
    """Round trip: words, numbers and masks are equal; sound within half a 16-bit step, depth within half a centimetre up to
    655.34 m, and frames within what a JPEG of a smooth picture may lose."""
    clip = small_clip(3)
    back = clip_from_files(clip.key, clip_files(clip))
    assert (back.key, back.labels, back.caption, back.facts, back.frames_per_s) == (
        clip.key,
        clip.labels,
        clip.caption,
        clip.facts,
        clip.frames_per_s,
    )
    assert back.direction == pytest.approx(clip.direction) or back.direction.vector == pytest.approx(clip.direction.vector)
    assert np.abs(back.sound.samples - clip.sound.samples).max() <= 0.5 / 32768 + 1e-9
    assert back.sound.convention == "acn-sn3d" and back.sound.sample_rate_hz == 16_000
    assert (back.masks[1] == np.eye(4)).all() and list(back.masks) == [1]
    assert back.depths_m[1] == pytest.approx(np.array([[0.5, np.inf], [12.34, 655.34]]), abs=0.005)
    assert np.abs(back.frames.astype(int) - clip.frames).max() <= 3


def test_a_loud_clip_is_refused():
    """Planted fault: beyond full scale a file of 16 bit would clip."""
    clip = small_clip(0)
    loud = Clip("loud", clip.frames, 4.0, Audio(clip.sound.samples * 2, 16_000, FOA, "acn-sn3d"), clip.direction)
    with pytest.raises(InputError, match="peaks at"):
        clip_files(loud)


def test_shards_are_read_in_order_and_by_split(tmp_path):
    """Planted answer: five clips in shards of two, two of them of the test split."""
    made = [small_clip(i, "test" if i in (1, 4) else "train") for i in range(5)]
    assert write_shards(iter(made), tmp_path / "out", per_shard=2) == 5
    assert sorted(path.name for path in (tmp_path / "out").glob("*.tar")) == [f"shard-00000{i}.tar" for i in range(3)]
    assert [clip.key for clip in read_clips(tmp_path / "out")] == [clip.key for clip in made]
    assert [clip.key for clip in read_clips(tmp_path / "out" / MANIFEST, split="test")] == ["clip-1", "clip-4"]
    assert [clip.key for clip in read_clips(tmp_path / "out" / "shard-000001.tar")] == ["clip-2", "clip-3"]
    with pytest.raises(InputError, match="holds clips already"):
        write_shards(iter(made), tmp_path / "out")
    assert [clip.key for clip in read_clips(tmp_path / "out", split="train", every=2)] == ["clip-0", "clip-3"]
    assert [clip.key for clip in read_clips(tmp_path / "out" / "shard-000000.tar", every=2)] == ["clip-0"]
    counts = [count_clips(tmp_path / "out"), count_clips(tmp_path / "out", split="test")]
    assert [*counts, count_clips(tmp_path / "out" / "shard-000002.tar")] == [5, 2, 1]
    with pytest.raises(InputError, match="two clips have the key"):
        write_shards([made[0], made[1], made[0]], tmp_path / "twice", per_shard=2)
    assert not (tmp_path / "twice").exists()


def test_an_archive_is_read_by_the_splits_of_its_clips(tmp_path):
    """Planted answer: of four clips in one archive two are of the test split, one names none; what says no facts is refused."""
    made = [small_clip(i, "test" if i in (0, 3) else "train") for i in range(4)]
    made[2] = replace(made[2], facts={})
    write_shard(made, path := tmp_path / "clips.tar")
    for split, numbers in (("test", [0, 3]), ("train", [1]), ("valid", []), (None, [0, 1, 2, 3])):
        assert [clip.key for clip in read_clips(path, split=split)] == [f"clip-{i}" for i in numbers]
        assert count_clips(path, split=split) == len(numbers)
    assert [clip.key for clip in read_clips(path, split="test", every=2)] == ["clip-0"]
    with tarfile.open(path, "a") as archive:
        archive.addfile(tarfile.TarInfo("foreign.jpg"))
    with pytest.raises(InputError, match=r"clip foreign has no foreign\.json that tells its facts"):
        count_clips(path, split="test")


def test_archives_are_webdatasets(tmp_path):
    """Conformance (webdataset's naming): regular files only, one key up to the first dot, files of a key beside one another."""
    write_shards(clips(range(3)), tmp_path / "out")
    with tarfile.open(tmp_path / "out" / "shard-000000.tar") as archive:
        headers = archive.getmembers()
    keys = [header.name.partition(".")[0] for header in headers]
    assert all(header.isreg() and "/" not in header.name for header in headers)
    assert list(dict.fromkeys(keys)) == ["clip-0", "clip-1", "clip-2"] and keys == sorted(keys)
    names = {header.name.partition(".")[2] for header in headers}
    assert names == {"json", "flac", "f000.jpg", "f001.jpg", "f002.jpg", "f001.mask.png", "f001.depth.png"}


@pytest.mark.slow  # it imports torch
def test_the_webdataset_library_reads_them(tmp_path):
    """Independent library: webdataset finds the same keys, files and pictures."""
    webdataset = pytest.importorskip("webdataset")
    write_shards(clips(range(3)), tmp_path / "out")
    found = list(webdataset.WebDataset(str(tmp_path / "out" / "shard-000000.tar"), shardshuffle=False).decode("rgb8"))
    assert [each["__key__"] for each in found] == ["clip-0", "clip-1", "clip-2"]
    assert found[1]["f002.jpg"].shape == (16, 16, 3) and found[1]["json"]["caption"] == "A dög."


def test_workers_and_resuming_change_no_byte(tmp_path):
    """Round trip: two workers, given up after their first shard, then one that goes on, write what this process writes."""
    alone, resumed = tmp_path / "alone", tmp_path / "resumed"
    alone.mkdir()
    for i in range(3):
        write_shard(clips(range(2 * i, min(2 * i + 2, 5))), alone / f"{i}.tar")

    def made(workers, **how):
        return make_shards(clips, 5, resumed, settings={"a": 1}, per_shard=2, crew=Crew(workers), **how)

    first = made(2)
    next(first)
    first.close()
    with pytest.raises(InputError, match=r"no manifest\.jsonl"):
        next(read_clips(resumed))
    rows = list(made(1, resume=True))
    assert sum(row["clips"] for row in rows) == 5 and any(row.get("known") for row in rows)
    for i in range(3):
        assert (alone / f"{i}.tar").read_bytes() == (resumed / f"00000{i}" / "clips.tar").read_bytes()
    assert [clip.key for clip in read_clips(resumed)] == [f"clip-{i}" for i in range(5)]
    assert {len(row["sha256"]) for row in read_manifest_rows(resumed)} == {64}


def test_what_is_no_shard_is_refused(tmp_path):
    """Planted faults: no folder, a torn manifest, an archive that is none, one that lacks a clip, a clip that lacks its sound."""
    with pytest.raises(InputError, match="does not exist"):
        next(read_clips(tmp_path / "nothing"))
    (tmp_path / "torn.jsonl").write_text('{"shard": "a.tar"\n')
    with pytest.raises(InputError, match="line 1"):
        next(read_clips(tmp_path / "torn.jsonl"))
    (tmp_path / "a.tar").write_bytes(b"x" * 2000)
    with pytest.raises(InputError, match="no archive of clips"):
        next(read_clips(tmp_path / "a.tar"))
    write_shards(clips(range(2)), tmp_path / "out")
    with (tmp_path / "out" / MANIFEST).open("a") as file:
        file.write('{"shard": "shard-000000.tar", "key": "clip-9"}\n')
    with pytest.raises(InputError, match=r"lacks 1 clips .* clip-9"):
        list(read_clips(tmp_path / "out"))
    files = clip_files(small_clip(0))
    with pytest.raises(InputError, match="clip-0 is damaged"):
        clip_from_files("clip-0", {**files, "json": b'{"n_frames": "3"}'})
    with pytest.raises(InputError, match="clip-0 is damaged"):
        clip_from_files("clip-0", {**files, "f001.jpg": files["f001.jpg"][:-100]})
    whole = (tmp_path / "out" / "shard-000000.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(whole[: len(whole) // 3])
    with pytest.raises(InputError, match="no archive of clips, or damaged"):
        list(read_clips(tmp_path / "a.tar"))
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="line 1"):
        next(read_clips(tmp_path / "binary.jsonl"))
    del files["flac"]
    with pytest.raises(InputError, match="lacks 'flac'"):
        clip_from_files("clip-0", files)
