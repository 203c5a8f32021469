"""What the rules about TIME_WAIT share: whose stays are counted together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.facts.block import CLIENT, SERVER
from tcptrace_py.model.addresses import text

from . import params
from .measure import Tallies, Tally, service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .facts import Facts
    from .rows import Rows

NOBODY = b""
PER = ("host", "service", "capture")


@dataclass(frozen=True)
class WaitLimits:
    """How many, and counted how."""

    max: int = params.count("so many at most", default=0)
    per: str = params.word("count for each host, for each service (address and port of the server), or all together", PER, default="host")


def tallies(facts: Facts, per: str) -> Iterator[tuple[str, Tally]]:
    """The stays in scope by whom they are counted for; nobody's, none, to begin with; empty without connections."""
    counted = Tallies[bytes | tuple[str, int]](facts)
    if facts.count:
        counted.of(NOBODY)
    for rows in facts.rows():
        subject_of = _subjects(rows, per)
        counted.add(rows, ((subject_of(row, side), row, begin_ns, end_ns) for row, side, begin_ns, end_ns in rows.stays()))
    for subject, tally in counted.finish():
        yield service(*subject) if isinstance(subject, tuple) else text(subject) if subject else "", tally


def _subjects(rows: Rows, per: str) -> Callable[[int, int], bytes | tuple[str, int]]:
    """For whom the stay of a row's side is counted: a service, a host by its packed address, or nobody."""
    if per == "capture":
        return lambda _row, _side: NOBODY
    if per == "service":
        services = rows.ends(range(rows.count))
        return lambda row, _side: services[row]
    addresses, holders = rows.block.addresses.values, (rows.narrow(CLIENT), rows.narrow(SERVER))
    return lambda row, side: addresses[holders[side][row]]  # type: ignore[return-value]
