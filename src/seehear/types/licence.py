"""What a licence lets people do with the sound that came of a model, a head or a recording."""

from __future__ import annotations

import re
from dataclasses import dataclass

NOT_STATED = "not stated"


@dataclass(frozen=True)
class Terms:
    """What matters when a sound is published."""

    commercial: bool | None
    """None where the licence does not say, or says it with conditions of its own (turnover, uses)."""
    attribution: bool = False
    """Whether what is published must name the authors."""


_RESTRICTED = re.compile(r"\bnc\b|non[- ]?commercial|research|academic|personal use|evaluation only", re.IGNORECASE)
_KNOWN = (
    (r"\bcc0\b|public domain|\bunlicense\b|\bpddl\b|\b0bsd\b", Terms(True)),
    (r"\bcc[- ]by[- ](sa[- ])?nd\b|no ?derivatives", Terms(None, True)),
    (r"\bcc[- ]by\b|creative ?commons attribution|\battribution[- ]?(share ?alike)?\b|\bodc[- ]by\b|\bodbl\b", Terms(True, True)),
    (r"\bapache\b|\bmit\b|\bbsd\b|\bisc\b|\bmpl\b|\bzlib\b|\bboost\b|\bbsl-1\.0\b", Terms(True)),
)
"""Creative Commons: its deeds (creativecommons.org/licenses); software licences bind copies of the software, not its output."""


def terms_of(licence: str) -> Terms:
    """The terms of a licence as it is called: SPDX names, Creative Commons in words; what is not known says nothing.

    A word that restricts wins over all others, so that "CC BY-NC 4.0" and "MIT (research only)" are not for sale.
    """
    name = licence.replace("_", "-")
    itself = re.sub(r"\(.*?\)", "", name)  # what stands in brackets may speak of something else, but not allow more
    known = next((terms for pattern, terms in _KNOWN if re.search(pattern, itself, re.IGNORECASE)), Terms(None))
    return Terms(False, known.attribution) if _RESTRICTED.search(name) else known
