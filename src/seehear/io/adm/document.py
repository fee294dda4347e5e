"""The ``axml`` chunk as a flat list of definitions, read in one pass without a tree: its size bounds the memory, and limits do.

Source: ITU-R BS.2076-2, which earlier editions are subsets of, in any of the wrappings in use (EBUCore, ITU, none).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree

from seehear.io.adm.contents import AdmBlock
from seehear.types import InputError

MAX_ELEMENTS = 500_000
"""Six definitions for each of 65535 tracks fit."""
MAX_BLOCKS = 1_000_000
_KINDS = (
    *("audioProgramme", "audioContent", "audioObject", "audioPackFormat", "audioChannelFormat"),
    *("audioStreamFormat", "audioTrackFormat", "audioTrackUID"),
)
_TIME = re.compile(r"(\d{1,3}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,12})(?:S(\d{1,9}))?)?")
_MOST_TEXT = 1 << 12
"""Characters of a value; what is longer is none."""


@dataclass(frozen=True)
class Element:
    """A definition: its kind, ID, name and attributes, the texts of its children by tag, and its block formats."""

    kind: str
    id: str
    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    gain: float = 1.0
    blocks: tuple[AdmBlock, ...] = ()
    """Of a channel of type Objects."""
    first_block: RawBlock | None = None

    def refs(self, tag: str) -> Sequence[str]:
        """The texts of all children ``tag``."""
        return self.texts.get(tag, ())

    def first(self, tag: str) -> str:
        """The text of the first child ``tag``, "" without one."""
        return next(iter(self.refs(tag)), "")

    def time_s(self, attribute: str) -> float | None:
        """A time attribute in seconds, None where there is none or it cannot be read."""
        return parse_time(self.attributes.get(attribute, ""))

    def number(self, name: str) -> float | None:
        """An attribute or child as a finite number, None otherwise."""
        return parse_number(self.attributes.get(name) or self.first(name))


@dataclass
class RawBlock:
    """An audioBlockFormat as it stands: attributes, values of its children, and unbounded coordinates by name."""

    attributes: dict[str, str]
    texts: dict[str, str] = field(default_factory=dict)
    coordinates: dict[str, float] = field(default_factory=dict)
    gain: float = 1.0

    def number(self, tag: str, default: float = 0.0) -> float:
        """A child as a finite number."""
        value = parse_number(self.texts.get(tag, ""))
        return default if value is None else value

    def whole(self, tag: str) -> int | None:
        """A child as a whole number, None otherwise."""
        value = parse_number(self.texts.get(tag, ""))
        return None if value is None or value != int(value) else int(value)

    def as_object(self) -> AdmBlock:
        """The block of an object; what it does not say has the default of BS.2076."""
        names, defaults = (("X", "Y", "Z"), (0.0, 0.0, 0.0)) if self.is_cartesian else (_POLAR, (0.0, 0.0, 1.0))
        x, y, z = (self.coordinates.get(name, default) for name, default in zip(names, defaults, strict=True))
        return AdmBlock(
            parse_time(self.attributes.get("rtime", "")),
            parse_time(self.attributes.get("duration", "")),
            (x, y, z),
            self.is_cartesian,
            self.gain,
            self.number("width"),
            self.number("height"),
            self.number("depth"),
            self.number("diffuse"),
            self.texts.get("jumpPosition", "0") == "1",
        )

    @property
    def is_cartesian(self) -> bool:
        return self.texts.get("cartesian") == "1" or (not self.coordinates.keys() & {*_POLAR} and "X" in self.coordinates)


_POLAR = ("azimuth", "elevation", "distance")


@dataclass(frozen=True)
class Document:
    """The definitions of an ``axml`` chunk by ID in capitals, in the order of the file."""

    elements: Mapping[str, Element]

    def of(self, kind: str) -> list[Element]:
        """All definitions of that kind."""
        return [element for element in self.elements.values() if element.kind == kind]

    def get(self, identifier: str) -> Element | None:
        """The definition of that ID."""
        return self.elements.get(identifier.upper())


def parse_axml(body: bytes, where: str) -> Document:
    """The definitions in the body of an ``axml`` chunk; ``where`` is the file's name for errors.

    InputError: no well-formed XML, a document type definition, more definitions or blocks than any sound file has.
    """
    reader = _Reader(where)
    parser = ElementTree.XMLParser(target=reader)  # type: ignore[arg-type]  # any object with these methods
    try:
        parser.feed(body.strip(b"\0 \r\n\t"))
        parser.close()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two: an encoding that nobody knows
        raise InputError(f"the ADM metadata (axml) of {where} is no well-formed XML: {error}") from None
    return Document(reader.elements)


class _Reader:
    """Gets the parser's events; keeps definitions and forgets the rest."""

    def __init__(self, where: str) -> None:
        self.elements: dict[str, Element] = {}
        self._where = where
        self._open: _Open | None = None
        self._block: RawBlock | None = None
        self._attributes: dict[str, str] = {}
        self._text: list[str] = []
        self._n_blocks = 0

    def doctype(self, name: str, public_id: str | None, system: str | None) -> None:
        raise InputError(f"the ADM metadata (axml) of {self._where} has a document type definition, which is refused")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition("}")[2]
        self._text, self._attributes = [], attributes
        if tag == "audioBlockFormat" and self._open:
            self._n_blocks += 1
            self._check(self._n_blocks, MAX_BLOCKS, "block formats")
            self._block = RawBlock(attributes)
        elif tag in _KINDS:
            self._check(len(self.elements) + 1, MAX_ELEMENTS, "definitions")
            self._open, self._block = _Open(tag, attributes), None

    def _check(self, n: int, most: int, what: str) -> None:
        if n > most:
            raise InputError(f"the ADM metadata of {self._where} has more than {most} {what}")

    def data(self, text: str) -> None:
        if self._open:
            self._text.append(text)

    def end(self, tag: str) -> None:
        tag = tag.rpartition("}")[2]
        text = "".join(self._text).strip()
        text, self._text = text if len(text) <= _MOST_TEXT else "", []
        if self._open is None:
            return
        if tag == self._open.kind:
            element = self._open.closed()
            self.elements.setdefault(element.id.upper() or f"#{len(self.elements)}", element)
            self._open = None
        elif tag == "audioBlockFormat" and self._block:
            self._open.add_block(self._block)
            self._block = None
        elif self._block:
            _add_to_block(self._block, tag, text, self._attributes)
        else:
            self._open.add(tag, text, self._attributes)

    def close(self) -> None:
        """Nothing; the parser asks for it."""


@dataclass
class _Open:
    """A definition that is being read."""

    kind: str
    attributes: dict[str, str]
    texts: dict[str, list[str]] = field(default_factory=dict)
    gain: float = 1.0
    blocks: list[AdmBlock] = field(default_factory=list)
    first_block: RawBlock | None = None

    def add(self, tag: str, text: str, attributes: Mapping[str, str]) -> None:
        if tag == "gain":
            self.gain = _gain(text, attributes)
        else:
            self.texts.setdefault(tag, []).append(text)

    def add_block(self, block: RawBlock) -> None:
        self.first_block = self.first_block or block
        if self.attributes.get("typeDefinition") == "Objects" or self.attributes.get("typeLabel") == "0003":
            self.blocks.append(block.as_object())

    def closed(self) -> Element:
        identifier = self.attributes.get("UID" if self.kind == "audioTrackUID" else f"{self.kind}ID", "")
        name = self.attributes.get(f"{self.kind}Name", "")
        return Element(self.kind, identifier, name, self.attributes, self.texts, self.gain, tuple(self.blocks), self.first_block)


def _add_to_block(block: RawBlock, tag: str, text: str, attributes: Mapping[str, str]) -> None:
    if tag == "position":
        value = parse_number(text)
        if value is not None and "bound" not in attributes:
            block.coordinates.setdefault(attributes.get("coordinate", ""), value)
    elif tag == "gain":
        block.gain = _gain(text, attributes)
    else:
        block.texts.setdefault(tag, text)


def _gain(text: str, attributes: Mapping[str, str]) -> float:
    """A linear gain, 1 where it cannot be read."""
    value = parse_number(text)
    if value is None:
        return 1.0
    return 10 ** (min(value, 1000.0) / 20) if attributes.get("gainUnit") == "dB" else value


def parse_number(text: str) -> float | None:
    """A finite number, None for any other text."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def parse_time(text: str) -> float | None:
    """Seconds of hh:mm:ss.zzzzz, or of hh:mm:ss.nnnSfff: n of f samples a second (BS.2076-2); None for any other text."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds, part, rate = match.groups()
    whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
    if rate is not None:
        return whole + int(part) / int(rate) if int(rate) else None
    return whole + float(f"0.{part or 0}")
