"""What a check cannot measure, because the capture does not tell it: in words, and what accepts that."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from tcptrace_py.model.finding import Withheld
    from tcptrace_py.model.report import Measure

ACCEPT = "; --allow-unmeasurable accepts that"


def missing(withheld: Iterable[Withheld], needs: Collection[str], in_spite_of: Collection[str] = ()) -> list[Withheld]:
    """The conclusions, of those that a check `needs`, that are withheld for other reasons than those it can live with."""
    return [row for row in withheld if row.what in needs and row.because not in in_spite_of]


def untold(measures: Iterable[Measure]) -> list[str]:
    """Why times of these cannot be held against their limits: the clock's steps are longer."""
    return [
        f"{measure.what}: the clock goes in steps of {measure.step_ns / 1e6:g} ms, and the limit is {measure.limit / 1e6:g} ms"
        if measure.step_ns
        else f"{measure.what}: the clock stands, all packets have the same time"
        for measure in measures
        if not measure.is_told
    ]


def not_measurable(reasons: Iterable[str]) -> str:
    """Say that something is not measurable, and why."""
    return f"not measurable: {'; '.join(dict.fromkeys(reasons))}{ACCEPT}"


def allowed(message: str) -> str:
    """The same where that is accepted."""
    return message.replace("not measurable", "not measurable, which is allowed", 1).removesuffix(ACCEPT)
