"""One connection as the results' typed object: where log indices become times and frames."""

from tcptrace_py.model.addresses import scope_of, text
from tcptrace_py.model.live import LETTERS, STRAY
from tcptrace_py.model.live import Connection as Live
from tcptrace_py.model.live import Side as LiveSide
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.results import Connection, Endpoint, Side, StateEntry, Stay
from tcptrace_py.model.segments import OPT_TIMESTAMPS, RST, key_parts
from tcptrace_py.model.state import Basis, State
from tcptrace_py.model.verdict import NOWHERE, Verdict

from . import handshake, resets, teardown
from .anomalies import anomalies
from .time_wait import stays

SIDES = ("client", "server")
LEFT_BY = {
    "killed": (Basis.ASSUMED, "a RST killed TIME_WAIT (RFC 9293, 3.10.7.4; RFC 1337)"),
    "reused": (Basis.ASSUMED, "a new SYN reused the four-tuple (RFC 9293, 3.10.7.4; RFC 6191)"),
    "expired": (Basis.CLOCK, "2MSL ran out (RFC 9293, 3.10.8)"),
}


def describe(live: Live, verdict: Verdict, identifier: int, profiles: Profiles, end_ns: int) -> Connection:
    """The connection in full; `end_ns` is the time up to which it is known that nothing more came."""
    client = verdict.client
    source, target, sport, dport, scope = key_parts(live.side(client).key)
    ends = Endpoint(text(source), sport), Endpoint(text(target), dport)
    all_resets = resets.resets(live, verdict)
    all_stays = stays(live, verdict, (profiles.of(ends[0].address).time_wait_ns, profiles.of(ends[1].address).time_wait_ns), end_ns)
    sides: list[Side | None] = [None, None]
    for role, number in ((0, client), (1, 1 - client)):
        if live.self_connect and role:
            continue
        entries = _entries(live, verdict, number)
        entries += _after_stay(live, verdict, number, next((stay for stay in all_stays if stay.side == SIDES[role]), None))
        sides[role] = _side(live.side(number), entries)
    assert sides[0] is not None
    return Connection(
        identifier, live.stream if live.stream >= 0 else None, *ends, scope_of(scope, live.vlan, live.teid),
        live.start_ns, live.end_ns, live.first_frame, live.last_frame,
        verdict.view.name, verdict.midstream, history(live, client), handshake.handshake(verdict, live.log),
        teardown.teardown(live, verdict, all_resets), tuple(all_resets), sides[0], sides[1], tuple(all_stays),
        tuple(anomalies(live, verdict)), _timestamps(live))


def _timestamps(live: Live) -> bool | None:
    """Whether both sides use TCP timestamps (RFC 7323), as far as the logged segments show it; a RST may lack them."""
    seen: list[bool | None] = [None, None]
    for segment in live.log:
        if segment.options & OPT_TIMESTAMPS:
            seen[segment.side] = True
            if live.self_connect or (seen[0] and seen[1]):
                return True
        elif seen[segment.side] is None and not segment.flags & RST and not segment.marks & STRAY:
            seen[segment.side] = False
    return False if False in seen else None


def history(live: Live, client: int) -> str:
    """Zeek's letters: upper case from the client."""
    letters = []
    rest = live.history
    while rest:
        letter = LETTERS[rest & 7]
        letters.append(letter if rest >> 3 & 1 == client else letter.lower())
        rest >>= 4
    return "".join(reversed(letters))


def _side(side: LiveSide, entries: list[StateEntry]) -> Side:
    rare = side.rare
    return Side(side.packets, side.payload_bytes, rare.retransmissions if rare else 0, rare.fin_repeats if rare else 0,
                entries[-1].state, tuple(entries))


def _entries(live: Live, verdict: Verdict, number: int) -> list[StateEntry]:
    """A path with times. Far from a side a receipt may be captured before what proves the state before it: never earlier."""
    entries: list[StateEntry] = []
    latest: int | None = None
    for step in verdict.paths[number]:
        if step.index == NOWHERE:
            entries.append(StateEntry(step.state, None, None, step.basis, step.reason))
            continue
        segment = live.log[step.index]
        latest = segment.time_ns if latest is None else max(latest, segment.time_ns)
        entries.append(StateEntry(step.state, latest, segment.frame, step.basis, step.reason))
    return entries


def _after_stay(live: Live, verdict: Verdict, number: int, stay: Stay | None) -> list[StateEntry]:
    """CLOSED behind TIME_WAIT, if it ended: run out, reused by a new SYN, or killed by a RST."""
    if stay is None or stay.ended_by not in LEFT_BY or verdict.paths[number][-1].state != State.TIME_WAIT:
        return []
    basis, why = LEFT_BY[stay.ended_by]
    frame = None
    if stay.ended_by == "reused" and live.reused_by is not None:
        frame = live.reused_by.first_frame
    elif stay.ended_by == "killed":
        frame = next(live.log[marks.killed].frame for marks in verdict.stays if marks.side == number)
    return [StateEntry(State.CLOSED, stay.ended_at_ns, frame, basis, why)]
