"""What the rules about TIME_WAIT share: whose stays are counted together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import params
from .measure import Tallies, Tally, service

if TYPE_CHECKING:
    from tcptrace_py.model.results import Connection, Stay

    from .facts import Facts

PER = ("host", "service", "capture")


@dataclass(frozen=True)
class WaitLimits:
    """How many, and counted how."""

    max: int = params.count("so many at most", default=0)
    per: str = params.word(
        "count for each host, for each service (address and port of the server), or all together", PER, default="host"
    )


def tallies(facts: Facts, per: str) -> dict[str, Tally]:
    """The stays in scope by whom they are counted for; nobody's, none, to begin with; empty without connections."""
    counted = Tallies()
    for number, connection in enumerate(facts.connections):
        if not number:
            counted.of("")
        for stay in facts.stays(connection):
            counted.add(_subject(connection, stay, per), connection, stay.entered_ns, stay.until_ns)
    return counted.finish()


def _subject(connection: Connection, stay: Stay, per: str) -> str:
    if per == "capture":
        return ""
    if per == "service":
        return service(connection.server.address, connection.server.port)
    return (connection.client if stay.side == "client" else connection.server).address
