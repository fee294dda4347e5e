"""Files are written whole or not at all."""

import errno
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from seehear.io.audio import write_audio
from seehear.io.files import check_input, check_output, file_sha256, whole_file, whole_files, whole_folder
from seehear.io.mux import write_video
from seehear.types import STEREO, Audio, Image, InputError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_whole_file_appears_with_its_content(tmp_path):
    """Oracle: planted bytes; the name has spaces and Unicode."""
    target = tmp_path / "ein Größe 雨.bin"
    with whole_file(target) as temporary:
        assert temporary.suffix == ".bin" and temporary.parent == tmp_path
        temporary.write_bytes(b"abc")
        assert not target.exists()
    assert target.read_bytes() == b"abc" and names(tmp_path) == [target.name]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_and_the_old_file_stays_when_writing_fails(tmp_path, error):
    """Oracle: planted old content and an empty folder otherwise."""
    (tmp_path / "old").write_bytes(b"old")
    with pytest.raises(error), whole_files() as files:
        for name in ("old", "new"):
            files.file(tmp_path / name, force=True).write_bytes(b"half")
        files.folder(tmp_path / "made")
        raise error
    assert (tmp_path / "old").read_bytes() == b"old" and names(tmp_path) == ["old"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_an_interrupt_while_files_appear_takes_them_all_back(tmp_path, monkeypatch, nth, after):
    """Oracle: an empty folder after a planted Ctrl-C right before or after the n-th renaming."""
    rename, calls = Path.replace, []

    def interrupted(self, target):
        calls.append(target)
        if after:
            rename(self, target)
        if len(calls) == nth:
            raise KeyboardInterrupt
        if not after:
            rename(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), whole_files() as files:
        for name in ("a", "b"):
            files.file(tmp_path / name).write_bytes(b"whole")
        with whole_file(files.folder(tmp_path / "made") / "c", within=files) as temporary:
            temporary.write_bytes(b"whole")
        assert not calls
    assert names(tmp_path) == []


def test_outdated_files_go_when_the_new_ones_are_there(tmp_path):
    """Oracle: planted old files: all stay on failure; on success only the one that is written again, folders, and what a
    link leads to."""
    for name in ("a", "b", "elsewhere"):
        (tmp_path / name).write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for error in (ZeroDivisionError, None):
        try:
            with whole_files() as files:
                files.outdate(tmp_path / name for name in ("a", "b", "folder", "link", "missing"))
                files.file(tmp_path / "b", force=True).write_bytes(b"new")
                if error:
                    raise error
        except ZeroDivisionError:
            assert [(tmp_path / name).read_bytes() for name in ("a", "b", "link", "elsewhere")] == [b"old"] * 4
    assert names(tmp_path) == ["b", "elsewhere", "folder"] and (tmp_path / "b").read_bytes() == b"new"


def test_a_full_disk_is_said(tmp_path):
    """Oracle: the planted error of the operating system, as one sentence with the target's name."""
    with pytest.raises(InputError, match=r"x\.wav cannot be written: No space left"), whole_file(tmp_path / "x.wav"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["x.wav", "x.flac", "x.mp4"])
@pytest.mark.parametrize("run", [False, True])
def test_a_file_that_fails_late_is_called_by_its_name(tmp_path, monkeypatch, name, run):
    """Oracle: a planted full disk under the temporary name; alone and as part of a run the sentence has the final one."""
    audio = Audio(np.zeros((2, 800), np.float32), 8000, STEREO)

    def full(file, *_, **__):
        path = str(getattr(file, "name", file))
        assert ".seehear-" in path
        raise OSError(errno.ENOSPC, "No space left on device", path)

    monkeypatch.setattr("seehear.io.audio.write_wav", full)
    monkeypatch.setattr("seehear.io.audio._write_flac", full)
    monkeypatch.setattr("seehear.io.mux._write", full)
    with pytest.raises(InputError) as caught, whole_files() as files:
        within = files if run else None
        if name == "x.mp4":
            write_video(tmp_path / name, Image(np.zeros((16, 16, 3), np.uint8)), audio, duration_s=0.1, within=within)
        else:
            write_audio(tmp_path / name, audio, within=within)
    assert str(caught.value) == f"{tmp_path / name} cannot be written: No space left on device"
    assert names(tmp_path) == []


def test_only_a_folder_made_here_goes_again(tmp_path):
    """Oracle: planted folders."""
    (tmp_path / "there").mkdir()
    for name in ("there", "made"):
        with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / name):
            raise ZeroDivisionError
    with whole_folder(tmp_path / "kept"):
        pass
    assert names(tmp_path) == ["kept", "there"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/x.wav", "does not exist"),
        ("file/x.wav", "is not a folder|Not a directory"),
        ("folder", "is a folder"),
        ("file", "exists already"),
        ("", "is a folder|not a file name"),
        ("a\0b.wav", "cannot be written"),
        ("x" * 300 + ".wav", "cannot be written"),
    ],
)
def test_impossible_outputs_are_refused_before_the_work(tmp_path, name, message):
    """Oracle: planted obstacles."""
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=message):
        check_output(f"{tmp_path}/{name}")
    assert names(tmp_path) == ["file", "folder"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder_is_refused(tmp_path):
    """Oracle: a planted folder without write permission."""
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(InputError, match="not writable"):
        check_output(tmp_path / "locked" / "x.wav")


@pytest.mark.parametrize(
    ("name", "message"), [("none", "does not exist"), ("", "is a folder"), ("empty", r"0 bytes"), ("\0", "cannot be read")]
)
def test_impossible_inputs_are_refused(tmp_path, name, message):
    """Oracle: planted obstacles."""
    (tmp_path / "empty").touch()
    with pytest.raises(InputError, match=message):
        check_input(f"{tmp_path}/{name}")


def test_the_hash_is_sha256(tmp_path):
    """Oracle: FIPS 180-4's example "abc"."""
    (tmp_path / "abc").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_sha256(tmp_path / "abc") == expected == hashlib.sha256(b"abc").hexdigest()
