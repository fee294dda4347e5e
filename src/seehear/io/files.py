"""Files as a whole: checked before the work, written completely or not at all, hashed."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seehear.types import InputError

PathLike = str | os.PathLike[str]


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


@contextmanager
def whole_file(path: PathLike, force: bool = False) -> Iterator[Path]:
    """A temporary name beside ``path``, with its suffix: it becomes ``path`` on success and vanishes on any exception.

    Several in one ``ExitStack`` appear together or not at all. InputError as :func:`check_output`, and when
    the disk is full or the file system takes no such file.
    """
    path = check_output(path, force)
    temporary = path.with_name(f".seehear-{secrets.token_hex(6)}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        refused = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or str(error.filename) == str(temporary)
        if refused:
            raise InputError(f"{path} cannot be written: {error.strerror}") from None
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: PathLike) -> Iterator[Path]:
    """The folder ``path``, made if missing (its parent must exist); one that was made here goes again on any exception."""
    made = check_folder(path)
    path = Path(path)
    try:
        if made:
            path.mkdir()
    except OSError as error:
        raise InputError(f"the folder {path} cannot be made: {error.strerror}") from None
    try:
        yield path
    except BaseException:
        if made and not any(path.iterdir()):
            path.rmdir()
        raise


def file_sha256(path: PathLike) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
