"""From two sides' lives to one connection's: how it opened, how it ended, who closed first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.recorder.wire import ACK, SYN

if TYPE_CHECKING:
    from tests.recorder.pairing import Pair
    from tests.recorder.wire import Segment

CLOSING_STATES = ("FIN_WAIT1", "LAST_ACK")
SAME_PACKET_S = 0.0003
Side = dict[str, Any]


def names(side: Side | None) -> list[str]:
    """The states a side passed."""
    return [s for s, _ in side["states"]] if side else []


def first_close(side: Side | None) -> float | None:
    """When a side's application closed first, None if it never did."""
    return next((t for s, t in side["states"] if s in CLOSING_STATES), None) if side else None


def first_fin_of(a: Side | None, b: Side | None) -> str | None:
    """The side whose application closed first."""
    times = {x: t for x, side in (("a", a), ("b", b)) if (t := first_close(side)) is not None}
    return min(times, key=lambda x: times[x]) if times else None


def opening_of(pair: Pair, wires: dict[str, list[Segment]], a: Side, b: Side | None) -> str:
    """The record's `open`; "" where it equals `how`."""
    if pair.own:
        return "self" if "ESTABLISHED" in names(a) else ""
    if pair.twin:
        both = "ESTABLISHED" in names(a) and "ESTABLISHED" in names(b)
        return "simultaneous" if both else ""
    if not {"ESTABLISHED", "FIN_WAIT1"} & set(names(a)):
        return ""
    if b is None or b["role"] == "request":
        return "one-sided"
    if pair.request is not None:
        return "normal"
    data_in_syn = any(s.flags & (SYN | ACK) == SYN and s.payload for s in wires["a"])
    if "SYN_RECV" in names(b):
        return "fast" if data_in_syn else "normal"
    return "cookie"


def how_of(pair: Pair, opened: str, a: Side, b: Side | None, fin_with_ack: bool | None) -> str:
    """The record's `how`. `fin_with_ack`: on the wire at the first closer, its FIN's first ACK was the peer's FIN."""
    if opened == "":
        return {"rst_received": "refused", "timeout": "unanswered", "open": "open"}.get(a["end"], "abandoned")
    sides = [side for side in (a, b) if side]
    closes = [side for side in sides if first_close(side) is not None]
    ends = {side["end"] for side in sides}
    if ends & {"rst_sent", "rst_received"}:
        return "fin+rst" if closes else "rst"
    if "timeout" in ends and not (opened == "one-sided" and a["end"] == "open"):
        return "timeout"
    if pair.own:
        return "self" if closes else "open"
    if not closes:
        return "open"
    if len(closes) == 1 or "open" in ends:
        return "half-closed" if len(closes) == 1 else "open" if "closed" in ends else "half-closed"
    if all("FIN_WAIT1" in names(side) for side in sides):
        return "simultaneous"
    return _three_or_four(a if first_fin_of(a, b) == "a" else b or a, fin_with_ack)


def _three_or_four(first: Side, fin_with_ack: bool | None) -> str:
    """Three-way where FIN_WAIT2 and TIME_WAIT came of one packet: kernel and wire must both say so."""
    times = dict(first["states"])
    if "FIN_WAIT2" not in times:
        return "fin"
    after = times.get("TIME_WAIT", times.get("CLOSED"))
    if after is None:
        return "fin"
    at_once = after - times["FIN_WAIT2"] < SAME_PACKET_S
    if fin_with_ack is None:
        return "fin" if at_once else "four-way"
    if fin_with_ack and at_once:
        return "three-way"
    return "four-way" if not fin_with_ack else "fin"
