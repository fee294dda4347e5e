"""Who listens: the computed head, or one measured in a SOFA file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seehear.types import InputError, Layout
from seehear.verbs.ledger import entry

if TYPE_CHECKING:
    from seehear.acoustics.hrtf import Head


@dataclass(frozen=True)
class Listener:
    """A head, and whose it is (empty for the computed one)."""

    head: Head
    credit: dict[str, Any]


def listener(hrtf: str, layouts: Iterable[Layout]) -> Listener:
    """The head in the SOFA file ``hrtf``, or the computed one; InputError when no layout is for headphones, or for a bad file."""
    from seehear.acoustics.hrtf import BUILTIN_HEAD, MeasuredHead

    if not hrtf:
        return Listener(BUILTIN_HEAD, {})
    if not any(layout.kind == "binaural" for layout in layouts):
        raise InputError("--hrtf is heard in binaural sound only: add --layout binaural, or leave it out")
    from seehear.io.files import file_sha256
    from seehear.io.sofa import read_sofa

    measured = read_sofa(hrtf)
    head = MeasuredHead(measured)
    head.check()
    return Listener(head, entry("head", measured.name, measured.licence, sha256=file_sha256(hrtf)))
