"""Files as a whole: checked before the work, written completely or not at all, hashed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from seehear.types import InputError

PathLike = str | os.PathLike[str]
TEMPORARY = ".seehear-"
"""How the names of unfinished files begin."""


def check_input(path: PathLike) -> Path:
    """The path of a readable, non-empty file; InputError says what is wrong with it otherwise."""
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder, a file is needed")
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty (0 bytes)")
        with path.open("rb"):
            return path
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except PermissionError:
        raise InputError(f"{path} cannot be read: permission denied") from None
    except (OSError, ValueError) as error:  # too long a name, a null byte in it
        raise InputError(f"{str(path)!r} cannot be read: {error}") from None


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; InputError where it cannot be read or is none."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} must hold a JSON object, got {type(value).__name__}")
    return value


def check_output(path: PathLike, force: bool = False) -> Path:
    """The path of a file that may be written; its folder must exist, and the file must not unless ``force``."""
    path = Path(path)
    if not path.name:
        raise InputError(f"{str(path)!r} is not a file name")
    try:
        _check_folder(path.parent)
        if path.is_dir():
            raise InputError(f"{path} is a folder, a file name is needed")
        path.lstat()
        if not force:
            raise InputError(f"{path} exists already: use --force to replace it")
    except InputError:
        raise
    except FileNotFoundError:
        return path
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} cannot be written: {error}") from None
    return path


def _check_folder(folder: Path) -> None:
    if not folder.exists():
        raise InputError(f"the folder {folder} does not exist")
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"the folder {folder} is not writable")


def check_folder(path: PathLike) -> bool:
    """Whether the folder ``path`` has still to be made; InputError when neither it nor a new one can be written to."""
    path = Path(path)
    try:
        new = not path.exists()
        _check_folder(path.parent if new else path)
    except InputError:
        raise
    except (OSError, ValueError) as error:  # too long a name, a null byte in it
        raise InputError(f"the folder {str(path)!r} cannot be made: {error}") from None
    return new


class WholeFiles:
    """Files of one run: written under temporary names, then renamed together. Made by :func:`whole_files`."""

    def __init__(self, folders: ExitStack) -> None:
        self._folders = folders
        self._temporaries: dict[Path, Path] = {}
        self._published: list[Path] = []
        self._stale: set[Path] = set()

    def file(self, path: PathLike, force: bool = False) -> Path:
        """The temporary name, with the same suffix, of a file that will be ``path``. InputError as :func:`check_output`."""
        path = check_output(path, force)
        return self._temporaries.setdefault(path, path.with_name(f"{TEMPORARY}{secrets.token_hex(6)}{path.suffix}"))

    def folder(self, path: PathLike) -> Path:
        """The folder ``path``, made if missing and gone again when the run fails."""
        return self._folders.enter_context(whole_folder(path))

    def outdate(self, paths: Iterable[Path]) -> None:
        """Nothing; the files ``paths`` go once the run is complete, except those that it writes."""
        self._stale.update(_place(path) for path in paths if path.is_file())

    def publish(self) -> None:
        """Nothing; every file is then at its place, in the order in which they were asked for."""
        for path, temporary in self._temporaries.items():
            if not os.path.lexists(path):
                self._published.append(path)  # before it is there: an interrupt may come right after the renaming
            temporary.replace(path)

    def withdraw(self) -> None:
        """Nothing; files that were not there before this run are gone again."""
        for path in self._published:
            path.unlink(missing_ok=True)

    def clean(self) -> None:
        """Nothing; no temporary file is left."""
        for temporary in self._temporaries.values():
            temporary.unlink(missing_ok=True)

    def remove_outdated(self) -> None:
        """Nothing; what was outdated and not written anew is gone."""
        for path in self._stale - {_place(path) for path in self._temporaries}:
            path.unlink(missing_ok=True)

    def refused(self, error: OSError) -> Path | None:
        """The file that the system refuses to take, e.g. as the disk is full; None when ``error`` is about something else."""
        if not self._temporaries:
            return None
        by_temporary = {str(temporary): path for path, temporary in self._temporaries.items()}
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        return by_temporary.get(str(error.filename), list(self._temporaries)[-1] if full else None)


def _place(path: Path) -> Path:
    """One name per directory entry; a link is itself, not what it leads to."""
    return path.parent.resolve() / path.name


@contextmanager
def whole_files(within: WholeFiles | None = None) -> Iterator[WholeFiles]:
    """Files that appear together at the end of the block; on any exception, Ctrl-C included, none of them does.

    With ``within`` they are files of that run and appear at its end. A file that is replaced keeps its old content,
    unless the failure comes while the files are renamed, after its turn.
    InputError when the disk is full or the file system takes no such file.
    """
    if within is not None:
        yield within
        return
    with ExitStack() as folders:
        files = WholeFiles(folders)
        try:
            yield files
            files.publish()
        except BaseException as error:
            files.withdraw()
            path = files.refused(error) if isinstance(error, OSError) else None
            if path is not None:
                raise InputError(f"{path} cannot be written: {error.strerror}") from None
            raise
        finally:
            files.clean()
        files.remove_outdated()


@contextmanager
def whole_file(path: PathLike, force: bool = False, within: WholeFiles | None = None) -> Iterator[Path]:
    """A temporary name beside ``path``, which the file leaves for ``path`` at the end of the block, or of ``within`` if given.

    Errors and exceptions as :func:`whole_files`.
    """
    with whole_files(within) as files:
        yield files.file(path, force)


@contextmanager
def whole_folder(path: PathLike) -> Iterator[Path]:
    """The folder ``path``, made if missing (its parent must exist); one that was made here goes again on any exception."""
    made = check_folder(path)
    path = Path(path)
    try:
        if made:
            try:
                path.mkdir()
            except OSError as error:
                made = False
                raise InputError(f"the folder {path} cannot be made: {error.strerror}") from None
        yield path
    except BaseException:
        if made:
            with suppress(OSError):  # not empty: others keep files in it; not there: stopped before it was made
                path.rmdir()
        raise


def file_sha256(path: PathLike) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
