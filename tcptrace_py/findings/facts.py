"""One connection in the few facts that everything which adds up is made of.

Facts come from a described connection, or, for a textbook one, straight from its log by the outline of the first
connection that went the same way: the outline holds what the order of segments decides, the log the times.
"""

from tcptrace_py.model.live import Connection as Live
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.results import Connection, Stay
from tcptrace_py.model.segments import IPV6_KEY
from tcptrace_py.model.state import State
from tcptrace_py.model.trouble import trouble_of
from tcptrace_py.model.verdict import Verdict

NEVER_NS = (1 << 63) - 1
EXPIRED, REUSED, KILLED, LEFT = 0, 1, 2, 3  # how a stay ended; LEFT: cut off by the capture's end
HOW = {"expired": EXPIRED, "reused": REUSED, "killed": KILLED, "capture-end": LEFT}


class StayFacts:
    """A stay in TIME_WAIT: whose, from when to when (ns; what outlives the capture ends as its profile says)."""

    __slots__ = ("by_server", "end_ns", "entered_ns", "how", "restarted")

    def __init__(self, by_server: bool, entered_ns: int, end_ns: int, how: int, restarted: bool) -> None:
        self.by_server = by_server
        self.entered_ns = entered_ns
        self.end_ns = end_ns
        self.how = how
        self.restarted = restarted


class Facts:
    """What is counted of one connection. `total_ns` is -1 where the handshake has no time; `first_fin` 0 client, 1 server, -1."""

    __slots__ = ("cause", "client", "first_fin", "outcome", "pattern", "released_ns", "scope", "server", "server_port", "start_ns",
                 "stays", "total_ns", "vantage")

    def __init__(self, live: Live, client: int) -> None:
        key = live.a.key if client == 0 else live.b.key
        size = 4 if len(key) < IPV6_KEY else 16
        self.client = key[:size]
        self.server = key[size:2 * size]
        self.server_port = key[2 * size + 2] << 8 | key[2 * size + 3]
        self.scope = key[2 * size + 4:]
        self.start_ns = live.start_ns
        self.outcome = ""
        self.pattern = ""
        self.cause: str | None = None
        self.vantage = "unknown"
        self.first_fin = -1
        self.total_ns = -1
        self.released_ns = NEVER_NS
        self.stays: list[StayFacts] = []


class Outline:
    """What a textbook connection's signature decides: everything but addresses and times."""

    __slots__ = ("ack", "client", "client_tail", "first_fin", "first_syn", "outcome", "pattern", "stays", "untroubled", "vantage")

    def __init__(self, row: Connection, verdict: Verdict) -> None:
        opening = verdict.opening
        self.client = verdict.client
        self.outcome = row.handshake.outcome
        self.pattern = row.teardown.pattern
        self.vantage = row.vantage or "unknown"
        self.first_fin = ("client", "server").index(row.teardown.first_fin) if row.teardown.first_fin else -1
        timed = row.handshake.total_ns is not None and opening.first_syn >= 0 and opening.ack >= 0
        self.first_syn = opening.first_syn if timed else -1
        self.ack = opening.ack
        self.stays = [(marks.side != verdict.client, _latest(verdict, marks.side)) for marks in verdict.stays]
        # A port is free again when its side is CLOSED; behind TIME_WAIT the stay's end says when.
        path = verdict.paths[verdict.client]
        self.client_tail = path[-1].index if path[-1].state == State.CLOSED else -1
        # Only what can be said of all alike, and only what does not hang on which FIN was stamped first.
        self.untroubled = trouble_of(row) is None and not row.anomalies and (
            row.teardown.pattern != "simultaneous" and row.handshake.kind != "simultaneous") and all(
            not marks.restarts and marks.killed < 0 for marks in verdict.stays)


def _latest(verdict: Verdict, number: int) -> int:
    """Log index of the latest segment on a path: a path's times never decrease."""
    return max(step.index for step in verdict.paths[number])


def from_row(live: Live, client: int, row: Connection) -> Facts:
    """Facts of a described connection."""
    facts = Facts(live, client)
    facts.outcome, facts.pattern = row.handshake.outcome, row.teardown.pattern
    facts.cause = row.teardown.reset.cause if row.teardown.reset is not None else None
    facts.vantage = row.vantage or "unknown"
    facts.first_fin = ("client", "server").index(row.teardown.first_fin) if row.teardown.first_fin else -1
    if row.handshake.total_ns is not None:
        facts.total_ns = row.handshake.total_ns
    for stay in row.time_wait:
        end_ns = stay_end_ns(stay)
        facts.stays.append(StayFacts(stay.side == "server", stay.entered_ns, end_ns, HOW[stay.ended_by], stay.restarts > 0))
        if stay.side == "client":
            facts.released_ns = end_ns
    last = row.client_side.states[-1]
    if facts.released_ns == NEVER_NS and last.state == State.CLOSED and last.at_ns is not None:
        facts.released_ns = max(last.at_ns, row.start_ns)
    return facts


def from_outline(live: Live, outline: Outline, profiles: Profiles, names: tuple[str, str] | None, end_ns: int) -> Facts:
    """Facts of a textbook connection. `names`: the two addresses in text form, only where hosts have profiles of their own."""
    facts = Facts(live, outline.client)
    log = live.log
    facts.outcome, facts.pattern, facts.vantage = outline.outcome, outline.pattern, outline.vantage
    facts.first_fin = outline.first_fin
    if outline.first_syn >= 0:
        facts.total_ns = log[outline.ack].time_ns - log[outline.first_syn].time_ns
    for by_server, index in outline.stays:
        profile = profiles.default if names is None else profiles.of(names[by_server])
        entered_ns = log[index].time_ns
        stay_end = entered_ns + profile.time_wait_ns
        how = EXPIRED if stay_end <= end_ns else LEFT
        if live.reused_by is not None and live.reused_by.start_ns <= stay_end:
            stay_end, how = max(live.reused_by.start_ns, entered_ns), REUSED
        facts.stays.append(StayFacts(by_server, entered_ns, stay_end, how, restarted=False))
        if not by_server:
            facts.released_ns = stay_end
    if outline.client_tail >= 0 and facts.released_ns == NEVER_NS:
        facts.released_ns = log[outline.client_tail].time_ns
    return facts


def stay_end_ns(stay: Stay) -> int:
    """When a stay ends or would: one that outlives the capture ends as its profile says."""
    return stay.ended_at_ns if stay.ended_at_ns is not None else stay.expires_ns
