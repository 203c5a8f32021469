"""Typed parameters of rules: how each kind is written, what is impossible, and how to say so.

A rule's `Limits` is a frozen dataclass whose fields are made by the functions here; `read` turns a value of a TOML
file or an option into what the field holds. Durations are nanoseconds inside, "50ms" outside; ratios are 0 to 1
inside, "5%" or 0.05 outside.
"""

import re
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields
from decimal import Decimal
from math import inf
from typing import Any, Protocol

from tcptrace_py.model.errors import UsageError, did_you_mean

MOST_NS = (1 << 62) - 1  # what differences of times may be
MOST_COUNT = (1 << 53) - 1  # beyond that JSON's readers round
MOST_DIGITS = 20
MOST_SHOWN = 80  # characters of a value that are told

_UNITS_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|min|h)")
_PLAIN = re.compile(r"\d+(?:\.\d+)?")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


class Kind(Protocol):
    """How a kind of value is read; `says` names it in messages."""

    @property
    def says(self) -> str:
        """What such a value looks like."""

    def read(self, value: Any) -> Any:
        """Return what the field holds. Raises UsageError with what would have been right."""


@dataclass(frozen=True)
class Duration:
    """A time with its unit."""

    says: str = 'a duration with its unit, such as "50ms", "1.5s" or "2min"'

    def read(self, value: Any) -> int:
        """Nanoseconds."""
        match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            hint = f'; a number needs a unit: "{value}ms"' if _number(value) is not None else ""
            raise UsageError(f"{_shown(value)} is not {self.says}{hint}")
        duration_ns = Decimal(match[1]) * _UNITS_NS[match[2]]
        if duration_ns > MOST_NS:
            raise UsageError(f"{_shown(value)} is longer than any capture")
        return int(duration_ns)


@dataclass(frozen=True)
class Count:
    """A whole number."""

    least: int = 0

    @property
    def says(self) -> str:
        """In words."""
        return f"a whole number from {self.least} up"

    def read(self, value: Any) -> int:
        """The number; text with digits comes from options."""
        plain = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= MOST_DIGITS
        number = int(value) if plain else value
        if not isinstance(number, int) or isinstance(number, bool) or number < self.least:
            raise UsageError(f"{_shown(value)} is not {self.says}")
        if number > MOST_COUNT:
            raise UsageError(f"{_shown(value)} is more than {MOST_COUNT}, the most that can be counted")
        return number


@dataclass(frozen=True)
class Ratio:
    """A part of a whole."""

    says: str = 'a share of the whole, such as "5%" or 0.05'

    def read(self, value: Any) -> float:
        """0 to 1."""
        match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is not None:
            number = float(Decimal(match[1]) / 100)
        elif (plain := _number(value)) is not None:
            number = plain
        else:
            raise UsageError(f"{_shown(value)} is not {self.says}")
        if not 0 <= number <= 1:
            hint = f'; did you mean "{value}%"?' if match is None and 1 < number <= 100 else ""
            raise UsageError(f"{_shown(value)} can be no share: shares go from 0 to 1, 0% to 100%{hint}")
        return number


@dataclass(frozen=True)
class Word:
    """One of some words."""

    choices: tuple[str, ...]

    @property
    def says(self) -> str:
        """In words."""
        return "one of " + ", ".join(f'"{choice}"' for choice in self.choices)

    def read(self, value: Any) -> str:
        """The word."""
        if value not in self.choices:
            raise UsageError(f"{_shown(value)} is not {self.says}{did_you_mean(value, self.choices)}")
        return str(value)


@dataclass(frozen=True)
class Words:
    """Some of some words."""

    choices: tuple[str, ...]

    @property
    def says(self) -> str:
        """In words."""
        return "a list of some of " + ", ".join(f'"{choice}"' for choice in self.choices)

    def read(self, value: Any) -> tuple[str, ...]:
        """The words; one alone may go without brackets."""
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list | tuple) or not listed:
            raise UsageError(f"{_shown(value)} is not {self.says}")
        return tuple(Word(self.choices).read(word) for word in listed)


def duration(meaning: str, *, required: bool = False) -> Any:
    """Make a field for a duration (ns); None where it is not given."""
    return _field(Duration(), meaning, MISSING if required else None)


def count(meaning: str, *, default: int | None = None, least: int = 0) -> Any:
    """Make a field for a whole number."""
    return _field(Count(least), meaning, default)


def ratio(meaning: str, *, required: bool = False) -> Any:
    """Make a field for a share (0 to 1)."""
    return _field(Ratio(), meaning, MISSING if required else None)


def word(meaning: str, choices: Sequence[str], *, default: str | None = None) -> Any:
    """Make a field for one word; required where it has no default."""
    return _field(Word(tuple(choices)), meaning, MISSING if default is None else default)


def words(meaning: str, choices: Sequence[str], *, default: Sequence[str] = ()) -> Any:
    """Make a field for some words."""
    return _field(Words(tuple(choices)), meaning, tuple(default))


def _field(kind: Kind, meaning: str, default: Any) -> Any:
    return field(default=default, kw_only=True, metadata={"kind": kind, "meaning": meaning})


@dataclass(frozen=True)
class Param:
    """One parameter of a rule, for whoever documents or reads it."""

    name: str
    kind: Kind
    meaning: str
    required: bool
    default: Any


def params_of(limits: Any) -> dict[str, Param]:
    """The parameters of a rule's `Limits` class, by name."""
    return {
        each.name: Param(
            each.name,
            each.metadata["kind"],
            each.metadata["meaning"],
            each.default is MISSING,
            None if each.default is MISSING else each.default,
        )
        for each in fields(limits)
    }


def _number(value: Any) -> float | None:
    """A plain number of a file, or the text of one from an option; None for anything else."""
    if isinstance(value, str):
        return float(value) if _PLAIN.fullmatch(value.strip()) else None
    if isinstance(value, int) and abs(value) > MOST_COUNT:
        return inf if value > 0 else -inf
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _shown(value: Any) -> str:
    try:
        text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    except ValueError:  # of so many digits
        return "this number"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
