"""Names the causes: asks each in turn, the specific ones first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from inspect import cleandoc
from typing import TYPE_CHECKING, Protocol, cast

from tcptrace_py.model.finding import Code, Gravity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.model.faults import Faults
    from tcptrace_py.model.finding import Finding

    from .evidence import Evidence

_PART = re.compile(r"^(Shows|Look-alikes|Do):[ \n]", re.MULTILINE)
_GRAVITIES = tuple(map(str, Gravity))


class Cause(Protocol):
    """What a module in `causes` offers."""

    __doc__: str | None

    def find(self, evidence: Evidence) -> Iterator[Finding]:
        """Find it wherever it is."""


@dataclass(frozen=True)
class Doc:
    """A cause's docstring in its parts."""

    title: str
    shows: str
    look_alikes: str
    remedy: str


def cause(code: Code) -> Cause:
    """The module of a code."""
    return cast("Cause", import_module(f"{__package__}.causes.{code.replace('-', '_')}"))


def doc_of(code: Code) -> Doc:
    """Take a cause's docstring apart. Raises ValueError where a part is missing."""
    title, *parts = _PART.split(cleandoc(cause(code).__doc__ or ""))
    found = dict(zip(parts[::2], (" ".join(part.split()) for part in parts[1::2]), strict=True))
    if set(found) != {"Shows", "Look-alikes", "Do"}:
        raise ValueError(f"{code}: its docstring needs Shows, Look-alikes and Do")
    return Doc(title.strip(), found["Shows"], found["Look-alikes"], found["Do"])


def findings(evidence: Evidence, faults: Faults) -> tuple[Finding, ...]:
    """All findings, the worst first: by severity, then those that more connections show."""
    found: list[Finding] = []
    for code in Code:
        try:
            found += list(cause(code).find(evidence))
        except Exception as error:  # noqa: BLE001 - one cause hides no other
            faults.note(f"looking for {code}", error)
    return tuple(
        sorted(
            found,
            key=lambda row: (
                _GRAVITIES.index(row.severity),
                -row.connections,
                row.first_frame or 0,
                row.code,
                str(row.client),
                str(row.server),
                row.server_port or 0,
            ),
        )
    )
