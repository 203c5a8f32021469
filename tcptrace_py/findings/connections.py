"""One connection as the results' typed object: where log indices become times and frames."""

from ..model.addresses import scope_of, text
from ..model.live import Connection as Live
from ..model.live import Side as LiveSide
from ..model.profiles import Profiles
from ..model.results import Anomaly, Connection, Endpoint, Side, StateEntry, Stay
from ..model.segments import key_parts
from ..model.state import Basis, State
from ..states.evidence import NOWHERE
from ..states.machine import Event, reason, step
from ..states.replay import Replay, Step
from . import handshake, resets, teardown
from .anomalies import anomalies

SIDES = ("client", "server")


def describe(live: Live, replay: Replay, identifier: int, profiles: Profiles, end_ns: int) -> Connection:
    """The connection in full; `end_ns` is the time up to which the capture is known (its end, or a moment behind its last stay)."""
    client = replay.client
    source, target, sport, dport, scope = key_parts(live.side(client).key)
    ends = Endpoint(text(source), sport), Endpoint(text(target), dport)
    all_resets = resets.resets(replay)
    stays: list[Stay] = []
    sides: list[Side | None] = [None, None]
    for role, number in ((0, client), (1, 1 - client)):
        if live.self_connect and role:
            continue
        entries = [_entry(replay, item) for item in replay.paths[number]]
        stay = _stay(live, replay, number, SIDES[role], profiles.of(ends[role].address).time_wait_ns, end_ns)
        if stay is not None:
            stays.append(stay)
            entries += _after_stay(live, replay, number, stay)
        sides[role] = _side(live.side(number), entries)
    assert sides[0] is not None
    return Connection(
        identifier, live.stream, *ends, scope_of(scope, live.vlan), live.start_ns, live.end_ns, live.first_frame, live.last_frame,
        replay.evidence.view.name, replay.midstream, history(live, client), handshake.handshake(replay),
        teardown.teardown(replay, all_resets), tuple(all_resets), sides[0], sides[1], tuple(stays), tuple(anomalies(live, replay)))


def history(live: Live, client: int) -> str:
    """Zeek's letters: upper case from the client."""
    return "".join(mark[0].upper() if mark[1] == "01"[client] else mark[0] for mark in live.history)


def _side(side: LiveSide, entries: list[StateEntry]) -> Side:
    return Side(side.packets, side.payload_bytes, side.retransmissions, side.fin_repeats, entries[-1].state, tuple(entries))


def _entry(replay: Replay, item: Step) -> StateEntry:
    why = reason(item.row) if item.row else "its state before the first event"
    if item.index == NOWHERE:
        return StateEntry(item.state, None, None, item.basis, why)
    segment = replay.evidence.log[item.index]
    return StateEntry(item.state, segment.time_ns, segment.frame, item.basis, why)


def _stay(live: Live, replay: Replay, number: int, name: str, length_ns: int, end_ns: int) -> Stay | None:
    """The side's stay with its end: killed, reused, run out, or cut off by the capture's end."""
    found = next((stay for stay in replay.stays if stay.side == number), None)
    if found is None:
        return None
    log = replay.evidence.log
    entered = log[found.entered].time_ns
    expires = entered + length_ns
    restarts = 0
    for index in found.restarts:
        if log[index].time_ns <= expires:
            expires = log[index].time_ns + length_ns
            restarts += 1
    ended, how = None, "capture-end"
    if found.killed >= 0 and log[found.killed].time_ns <= expires:
        ended, how = log[found.killed].time_ns, "killed"
    elif live.reused_by is not None and live.reused_by.start_ns <= expires:
        ended, how = live.reused_by.start_ns, "reused"
    elif expires <= end_ns:
        ended, how = expires, "expired"
    return Stay(name, entered, found.basis, expires, restarts, ended, how, ended is None)


def _after_stay(live: Live, replay: Replay, number: int, stay: Stay) -> list[StateEntry]:
    """CLOSED behind TIME_WAIT, where it ended (a RST that killed it is in the path already)."""
    if stay.ended_by not in ("reused", "expired") or replay.paths[number][-1].state != State.TIME_WAIT:
        return []
    event = Event.NEW_SYN if stay.ended_by == "reused" else Event.TWO_MSL
    row = step(State.TIME_WAIT, event)
    assert row is not None
    frame = live.reused_by.first_frame if event == Event.NEW_SYN and live.reused_by is not None else None
    basis = Basis.ASSUMED if event == Event.NEW_SYN else Basis.CLOCK
    return [StateEntry(State.CLOSED, stay.ended_at_ns, frame, basis, reason(row))]


def anomaly(code: str, frame: int, explanation: str) -> Anomaly:
    """An anomaly as the results know it."""
    return Anomaly(code, frame, explanation)
