"""Typed access to parsed JSON, with errors that say where the wrong value is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from seehear.types import InputError


@dataclass(frozen=True)
class Fields:
    """A JSON object and where it stands in its file."""

    value: Any
    where: str

    def __post_init__(self) -> None:
        if not isinstance(self.value, dict):
            raise InputError(f"{self.where}: an object is needed, not {_kind(self.value)}")

    def only(self, *known: str) -> None:
        """Nothing, or an InputError for a field that is not among ``known``: a misspelt one would be ignored otherwise."""
        for name in self.value:
            if name not in known:
                raise InputError(f"{self.where}: unknown field {name!r}, known are {', '.join(known)}")

    @contextmanager
    def placing_errors(self) -> Iterator[None]:
        """Puts this place before the InputErrors of the values made in the block."""
        try:
            yield
        except InputError as error:
            raise InputError(f"{self.where}: {error}") from None

    def number(self, name: str, minimum: float = -math.inf, maximum: float = math.inf) -> float:
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise InputError(f"{self.where}: {name} must be a number, not {_kind(value)}")
        return self._within(name, float(value) if abs(value) < 1e300 else math.inf, minimum, maximum)

    def integer(self, name: str, minimum: float = -math.inf, maximum: float = math.inf) -> int:
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise InputError(f"{self.where}: {name} must be a whole number, not {_kind(value)}")
        self._within(name, value if abs(value) < 1e300 else math.inf, minimum, maximum)
        return value

    def flag(self, name: str) -> bool:
        value = self._get(name)
        if not isinstance(value, bool):
            raise InputError(f"{self.where}: {name} must be true or false, not {_kind(value)}")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        value = self.value.get(name, default) if default is not None else self._get(name)
        if not isinstance(value, str):
            raise InputError(f"{self.where}: {name} must be a text, not {_kind(value)}")
        return value

    def triple(self, name: str, minimum: float = -math.inf, maximum: float = math.inf) -> tuple[float, float, float]:
        value = self._get(name)
        if not isinstance(value, list) or len(value) != 3:
            raise InputError(f"{self.where}: {name} must be a list of three numbers")
        x, y, z = (Fields({name: item}, self.where).number(name, minimum, maximum) for item in value)
        return x, y, z

    def child(self, name: str) -> Fields:
        return Fields(self._get(name), f"{self.where}, {name}")

    def entries(self, name: str, maximum: int) -> list[Fields]:
        value = self._get(name)
        if not isinstance(value, list):
            raise InputError(f"{self.where}: {name} must be a list, not {_kind(value)}")
        if len(value) > maximum:
            raise InputError(f"{self.where}: {name} must hold at most {maximum}, got {len(value)}")
        return [Fields(item, f"{self.where}, {name}[{index}]") for index, item in enumerate(value)]

    def _get(self, name: str) -> Any:
        if name not in self.value:
            raise InputError(f"{self.where}: {name} is missing")
        return self.value[name]

    def _within(self, name: str, value: float, minimum: float, maximum: float) -> float:
        if not (math.isfinite(value) and minimum <= value <= maximum):
            limits = f"from {minimum:g} to {maximum:g}" if math.isfinite(maximum) else f"at least {minimum:g}"
            raise InputError(f"{self.where}: {name} must be {'finite' if minimum == -math.inf else limits}, got {value:g}")
        return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
