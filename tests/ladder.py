"""Ladders in text, played through flow table, replay and findings without any capture: a test states only what differs.

One line is one segment: seconds, who sends, flags, then what is unlike the template.

    0.000 C S                        # client's SYN; numbers count from each side's initial one, as Wireshark shows them
    0.010 S SA ack=7                 # an acknowledgement other than of all that the peer has sent so far
    0.020 C A len=100 ts=5,6         # payload bytes; timestamps option (value, echo)
    0.030 C S isn=50000              # begins to count anew: another incarnation

`C2` and `S2` are the ends of a second connection (the client's next port), and so on. Flags: S A F R P U, "-" for none.
Other names: seq, win, id (IP identification; a new one for each segment unless said), ttl, if (interface), ws (window
scale), sack=left,right and dsack=left,right (relative), notes.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from tcptrace_py.findings.evidence import Evidence
from tcptrace_py.findings.hosts import hosts
from tcptrace_py.findings.naming import findings
from tcptrace_py.findings.ports import budgets
from tcptrace_py.findings.twins import seen_twice
from tcptrace_py.findings.withholding import withheld
from tcptrace_py.flows.table import FlowTable
from tcptrace_py.model.addresses import text
from tcptrace_py.model.faults import Faults
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.results import CaptureInfo
from tcptrace_py.model.segments import OPT_DSACK, OPT_SACK, OPT_TIMESTAMPS, OPT_WSCALE, SegmentBlock, key_parts
from tcptrace_py.model.selection import Selection
from tcptrace_py.pipeline import DEFAULT_IDLE_S, Collector, Replayer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tcptrace_py.flows.table import Observer
    from tcptrace_py.model.finding import Finding
    from tcptrace_py.model.live import Connection as Live
    from tcptrace_py.model.results import Connection, Host, PortBudgets, Side, Summary
    from tcptrace_py.model.verdict import Verdict

SECOND_NS = 1_000_000_000
START_NS = 1_772_359_200 * SECOND_NS  # 2026-03-01T10:00:00Z
CLIENT, SERVER, PORT, SERVICE = "10.0.0.1", "10.0.0.2", 40000, 80
CLIENT_ISN, SERVER_ISN = 1000, 9000
LETTERS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "-": 0}

HANDSHAKE = """
    0.000 C S
    0.010 S SA
    0.020 C A
"""
CLOSE = """
    1.000 C FA
    1.010 S A
    1.020 S FA
    1.030 C A
"""
SERVER_CLOSE = """
    1.000 S FA
    1.010 C A
    1.020 C FA
    1.030 S A
"""
STAMPED = """
    0.000 C S ts=1000,0
    0.010 S SA ts=50,1000
    0.020 C A ts=1020,50
    1.000 S FA ts=1050,1020
    1.010 C A ts=2010,1050
    1.020 C FA ts=2020,1050
    1.030 S A ts=1080,2020
"""  # timestamps, and the server closes


@dataclass(repr=False, unsafe_hash=True)
class Seg:
    """One row of a segment block. Nothing changes one; frozen, each would take several times as long to make."""

    key: bytes
    time_ns: int
    flags: int
    seq: int
    ack: int = 0
    payload: int = 0
    window: int = 512
    ip_id: int = -1
    ttl: int = 60
    interface: int = 0
    options: int = 0
    tsval: int = 0
    tsecr: int = 0
    sack_left: int = 0
    sack_right: int = 0
    window_scale: int = -1
    notes: int = 0
    vlan: int = -1
    teid: int = -1
    frame: int = 0  # 0: its place in the block

    def __repr__(self) -> str:
        """Say what a failing test must tell: almost a line of a ladder, with the numbers as they are."""
        source, _, sport, dport, _ = key_parts(self.key)
        flags = "".join(letter for letter, bit in LETTERS.items() if self.flags & bit)
        extra = "".join(
            f" {name}={value}"
            for name, value in vars(self).items()
            if name not in {"key", "time_ns", "flags", "seq", "ack"} and value != Seg.__dataclass_fields__[name].default
        )
        return (
            f"\n<{(self.time_ns - START_NS) / 1e9:.6f} {text(source)}:{sport}>{dport} {flags or '-'} seq={self.seq} ack={self.ack}{extra}>"
        )

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(repr(self))  # what hypothesis prints

    def at(self, seconds: float) -> Seg:
        """The same segment once more, at another time."""
        return replace(self, time_ns=START_NS + round(seconds * 1e9))


def pack(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def key_of(source: str, sport: int, target: str, dport: int, scope: bytes = b"") -> bytes:
    return pack(source) + pack(target) + sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + scope


@dataclass
class _End:
    key: bytes
    isn: int
    next: int
    ids: int = 0


class _Line(NamedTuple):
    """What a line says."""

    time_ns: int
    name: str  # of the end that sends
    peer: str
    flags: int
    said: tuple[tuple[str, str], ...]


@lru_cache(maxsize=200)
def _lines(text: str) -> list[_Line]:
    """The lines of a ladder; many connections are read from the same one."""
    return [_line(line) for line in (line.split("#")[0].strip() for line in text.splitlines()) if line]


def _line(text: str) -> _Line:
    time_s, name, letters, *rest = text.split()
    said = [(key, value) for key, value in (item.split("=") for item in rest)]
    flags = sum(LETTERS[letter] for letter in letters)
    return _Line(START_NS + round(float(time_s) * 1e9), name, {"C": "S", "S": "C"}[name[0]] + name[1:], flags, tuple(said))


@dataclass
class _Writer:
    """Where the sequence numbers of all ends stand while a ladder is read."""

    client: str
    server: str
    port: int
    isns: tuple[int, int]
    ends: dict[str, _End] = field(default_factory=dict)

    def end(self, name: str) -> _End:
        if name not in self.ends:
            port = self.port + int(name[1:] or 1) - 1
            there = key_of(self.client, port, self.server, SERVICE)
            back = key_of(self.server, SERVICE, self.client, port)
            is_client = name[0] == "C"
            isn = self.isns[not is_client]
            self.ends[name] = _End(there if is_client else back, isn, isn)
        return self.ends[name]

    def line(self, line: _Line) -> Seg:
        said = dict(line.said)
        me, peer = self.end(line.name), self.end(line.peer)
        if "isn" in said:
            me.isn = me.next = int(said.pop("isn"))
        flags = line.flags
        payload = int(said.pop("len", 0))
        seq = (me.isn + int(said.pop("seq"))) % 2**32 if "seq" in said else me.next
        ack = (peer.isn + int(said.pop("ack"))) % 2**32 if "ack" in said else peer.next if flags & 16 else 0
        end = (seq + payload + bool(flags & 2) + bool(flags & 1)) % 2**32
        if (end - me.next) % 2**32 < 2**31 and not flags & 4:
            me.next = end
        me.ids += 1
        segment = Seg(
            me.key,
            line.time_ns,
            flags,
            seq,
            ack,
            payload,
            int(said.pop("win", 512)),
            int(said.pop("id", me.ids)),
            int(said.pop("ttl", 60)),
            int(said.pop("if", 0)),
            notes=int(said.pop("notes", 0)),
        )
        return self._options(segment, said, peer) if said else segment

    @staticmethod
    def _options(segment: Seg, said: dict[str, str], peer: _End) -> Seg:
        if "ts" in said:
            value, echo = map(int, said.pop("ts").split(","))
            segment = replace(segment, options=segment.options | OPT_TIMESTAMPS, tsval=value, tsecr=echo)
        if "ws" in said:
            segment = replace(segment, options=segment.options | OPT_WSCALE, window_scale=int(said.pop("ws")))
        for name, bits in (("sack", OPT_SACK), ("dsack", OPT_SACK | OPT_DSACK)):
            if name in said:
                left, right = ((peer.isn + int(edge)) % 2**32 for edge in said.pop(name).split(","))
                segment = replace(segment, options=segment.options | bits, sack_left=left, sack_right=right)
        assert not said, f"unknown: {said}"
        return segment


def ladder(
    *texts: str,
    client: str = CLIENT,
    server: str = SERVER,
    port: int = PORT,
    isns: tuple[int, int] = (CLIENT_ISN, SERVER_ISN),
) -> list[Seg]:
    """Segments of a ladder, in the order of its lines."""
    writer = _Writer(client, server, port, isns)
    return [writer.line(line) for text in texts for line in _lines(text)]


COLUMNS = tuple(Seg.__dataclass_fields__)


def segment_block(segments: Sequence[Seg], first_frame: int = 1) -> SegmentBlock:
    """Put segments into a block; each is a frame of its own unless it names one."""
    block = SegmentBlock(len(segments))
    block.count = len(segments)
    for i, segment in enumerate(segments):
        for name in COLUMNS:
            getattr(block, name)[i] = getattr(segment, name)
        block.frame[i] = segment.frame or first_frame + i
    return block


@dataclass
class Played:
    """What came of a ladder: connections as handed on, and as the results tell them, by first frame."""

    table: FlowTable
    collector: Collector
    retired: list[Live]
    rows: list[Connection]
    end_ns: int
    start_ns: int = START_NS

    @property
    def summary(self) -> Summary:
        return self.collector.totals.result(self.collector.accounts, tuple(self.collector.digest.busiest()))

    @property
    def hosts(self) -> dict[str, Host]:
        return {host.address: host for host in hosts(self.collector.accounts)}

    @property
    def ports(self) -> PortBudgets:
        return budgets(self.collector.accounts)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Causes, the worst first, as in a capture of the same span."""
        collector, info = self.collector, CaptureInfo(start_ns=self.start_ns, end_ns=self.end_ns)
        kept_back = withheld(info, self.summary, self.ports, collector.profiles)
        faults = Faults()
        found = findings(Evidence(info, self.summary, collector.accounts, collector.troubled, collector.held, hosts(collector.accounts),
                                  self.ports, collector.profiles, kept_back, seen_twice(collector.openings),
                                  collector.timeline), faults)  # fmt: skip
        assert not faults.count
        return found

    @property
    def lives(self) -> list[Live]:
        return sorted(self.retired, key=lambda live: live.first_frame)

    @property
    def row(self) -> Connection:
        """The only connection."""
        assert len(self.rows) == 1, [row.history for row in self.rows]
        return self.rows[0]

    @property
    def live(self) -> Live:
        assert len(self.retired) == 1
        return self.retired[0]

    def verdict(self, number: int = 0) -> Verdict:
        return self.collector.replayer.verdict(self.lives[number])

    @property
    def paths(self) -> tuple[str, str]:
        """Both sides' states of the only connection, in words."""
        return path(self.row.client_side), path(self.row.server_side)


def path(side: Side | None) -> str:
    return "" if side is None else " ".join(entry.state.name for entry in side.states)


def table_of(
    retired: list[Live],
    *,
    linger_s: int = 70,
    idle_s: int = 86400,
    selection: Selection | None = None,
    observer: Observer | None = None,
) -> FlowTable:
    """A flow table alone, with nothing behind it but a list of the connections that it hands on."""
    replayer = Replayer(Profiles())
    return FlowTable(
        replayer.states_of,
        lambda live, _known_ns: retired.append(live),
        linger_ns=linger_s * SECOND_NS,
        idle_ns=idle_s * SECOND_NS,
        selection=selection or Selection(),
        observer=observer,
    )


def play(
    what: str | Iterable[Seg],
    *,
    end_s: float | None = None,
    cuts: Iterable[int] = (),
    profiles: Profiles | None = None,
    idle_s: float = DEFAULT_IDLE_S,
    selection: Selection | None = None,
    keep_rows: bool = True,
    **where: object,
) -> Played:
    """Play a ladder as `pipeline.run` would. `end_s` is the capture's end, `cuts` are where new blocks begin."""
    segments = ladder(what, **where) if isinstance(what, str) else list(what)  # type: ignore[arg-type]
    profiles = profiles or Profiles()
    replayer = Replayer(profiles)
    collector = Collector(replayer, profiles, keep_rows=keep_rows)
    retired: list[Live] = []

    def take(live: Live, known_ns: int) -> None:
        retired.append(live)
        collector.take(live, known_ns)

    table = FlowTable(
        replayer.states_of,
        take,
        linger_ns=replayer.longest_ns + 10 * SECOND_NS,
        idle_ns=round(idle_s * SECOND_NS),
        selection=selection or Selection(),
        retire_records=None if keep_rows else collector.take_records,
    )
    edges = [0, *sorted(set(cuts)), len(segments)]
    for begin, end in pairwise(edges):
        block = segment_block(segments[begin:end], begin + 1)
        collector.openings.take(block, table.selection)
        table.feed(block)
        collector.settle(table)
    last_ns = max((segment.time_ns for segment in segments), default=START_NS)
    end_ns = last_ns if end_s is None else START_NS + round(end_s * 1e9)
    table.finish(end_ns)
    collector.finish(end_ns)
    return Played(table, collector, retired, list(collector.rows), end_ns)
