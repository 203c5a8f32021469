"""What the programs of a recording are to do, as data: made from a seed by scenarios, followed by programs.py.

A side's part in a connection is a list of steps, each a list with the step's name first:

    send N              send N bytes (a client's first send carries the time at which both sides meet)
    recv N              receive N bytes
    eof                 receive until the other side has closed
    drip N TIMES EVERY  send N bytes TIMES times, EVERY seconds
    drink N EVERY       receive until EOF, at most N bytes each EVERY seconds
    sleep S             wait
    meet S              wait until S seconds after the time the client announced
    at S                wait until S seconds after the recording's start
    shut                shutdown(SHUT_WR)
    close               close()
    abort               close() with SO_LINGER 0
    hold                keep the socket open until the recording has ended
    keepalive I N       probes after I seconds, every I seconds, N times
    nodelay, rcvbuf N, user_timeout MS
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

Step = list[Any]


@dataclass
class Spec:
    """One connection. Port 0: the kernel chooses. Kind: connect, fast, abandon, twin (simultaneous open), self."""

    id: int
    label: str
    client: list[Step]
    server: list[Step]
    dport: int = 80
    sport: int = 0
    start_s: float = 0.0
    kind: str = "connect"
    family: int = 4
    meet_s: float = 0.2
    before: list[Step] = field(default_factory=list)  # steps on the client's socket before connect()
    after: int | None = None  # starts only when this one has ended
    abandon_s: float = 0.0


@dataclass
class Listener:
    """One listening port of the server. `accepts` False: the queue fills; `close_s`: closed at that time."""

    port: int
    backlog: int = 512
    accepts: bool = True
    fast_open: bool = False
    close_s: float | None = None
    rcvbuf: int = 0
    accept_delay_s: float = 0.0


@dataclass
class Plan:
    """All that the two programs are told. Addresses by family; `start` is the time of start_s 0."""

    specs: list[Spec]
    listeners: list[Listener]
    workers: int = 64
    patience_s: float = 10.0  # a program that waits longer for data closes
    client_addresses: dict[str, str] = field(default_factory=dict)
    server_addresses: dict[str, str] = field(default_factory=dict)
    start: float = 0.0

    def save(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Read what save() wrote."""
        data = json.loads(path.read_text())
        data["specs"] = [Spec(**s) for s in data["specs"]]
        data["listeners"] = [Listener(**x) for x in data["listeners"]]
        return cls(**data)
