"""Connections that a capture shows twice: before and behind NAT, or a firewall that makes up sequence numbers of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tcptrace_py.model.segments import key_parts, local_port, plain_key, reverse_key

from .openings import MOST_LEGS, NEAR_NS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .openings import Opening, Openings

ENOUGH = 3  # connections of one four-tuple with two sets of numbers at one moment, by nothing else to be told from chance
Ways = tuple[bytes, bytes, bytes, bytes, tuple[int, int] | None]  # addresses of both in front and behind, and the ports if they differ


class Leg(NamedTuple):
    """A connection as one side of a box shows it: its first SYN, and the SYN/ACK that was captured first, if one was."""

    syn: Opening
    answer: Opening | None
    sent_ns: tuple[int, ...]  # when its SYN was captured

    def is_near(self, time_ns: int) -> bool:
        """Whether one of its SYNs was captured about then."""
        return any(abs(time_ns - sent_ns) <= NEAR_NS for sent_ns in self.sent_ns)

    def is_behind(self, other: Leg) -> bool:
        """Whether another one, captured not before it, must be in front all the same: the SYNs have one time, and its answer came first."""
        return (
            self.syn.time_ns == other.syn.time_ns
            and self.answer is not None
            and other.answer is not None
            and self.answer.time_ns < other.answer.time_ns
        )


class Twin(NamedTuple):
    """One connection, captured in front of a box and behind it. Its SYN came by in front first."""

    front: Leg
    behind: Leg

    @property
    def ways(self) -> Ways:
        """What was translated to what, the client's port apart."""
        client, server, _, port, _ = key_parts(self.front.syn.key)
        other_client, other_server, _, other_port, _ = key_parts(self.behind.syn.key)
        return client, server, other_client, other_server, None if port == other_port else (port, other_port)

    @property
    def is_nested(self) -> bool:
        """Whether the answer came by behind first, as what passes a box does."""
        front, behind = self.front.answer, self.behind.answer
        return front is not None and behind is not None and (behind.time_ns, behind.frame) < (front.time_ns, front.frame)

    @property
    def is_renumbered(self) -> bool:
        """Whether sequence numbers were rewritten as well."""
        return self.front.syn.seq != self.behind.syn.seq

    @property
    def is_one_tuple(self) -> bool:
        """Whether addresses and ports are the same on both sides."""
        return plain_key(self.front.syn.key) == plain_key(self.behind.syn.key)

    @property
    def has_stamps(self) -> bool:
        """Whether both SYNs bear a timestamp: a firewall may take it out."""
        return self.front.syn.tsval > 0 and self.behind.syn.tsval > 0

    @property
    def has_same_stamps(self) -> bool:
        """Whether both SYNs bear one timestamp, and both SYN/ACKs one pair."""
        front, behind = self.front.answer, self.behind.answer
        if front is None or behind is None or self.front.syn.tsval != self.behind.syn.tsval:
            return False
        return front.tsval == behind.tsval != 0 and front.tsecr == behind.tsecr

    @property
    def has_same_ids(self) -> bool:
        """Whether both SYNs bear one IP ID that says something, and both SYN/ACKs one, if any."""
        front, behind = self.front.answer, self.behind.answer
        same = self.front.syn.ip_id == self.behind.syn.ip_id > 0
        return same and front is not None and behind is not None and front.ip_id == behind.ip_id

    @property
    def is_routed(self) -> bool:
        """Whether TTLs say that a router lies between: the SYN has fewer hops left behind it, the SYN/ACK in front."""
        front, behind = self.front.answer, self.behind.answer
        return front is not None and behind is not None and self.front.syn.ttl > self.behind.syn.ttl and behind.ttl > front.ttl


@dataclass(frozen=True)
class SeenTwice:
    """What is there twice. `counted_once`: what is behind is left out of all that is counted.

    `left_out` are four-tuples of which all is behind, `left_out_openings` four-tuples and initial numbers of single connections, where
    what is in front has the same four-tuple. `is_sample`: there may be more of them.
    """

    twins: tuple[Twin, ...] = ()
    counted_once: bool = False
    is_sample: bool = False
    left_out: frozenset[bytes] = field(default_factory=frozenset)
    left_out_openings: frozenset[tuple[bytes, int]] = field(default_factory=frozenset)

    def is_left_out(self, twin: Twin) -> bool:
        """Whether one of them counts once."""
        syn = twin.behind.syn
        return self.counted_once and (syn.key in self.left_out or (syn.key, syn.number) in self.left_out_openings)


def seen_twice(openings: Openings) -> SeenTwice:
    """Find them among what opened connections."""
    legs = _legs(openings.kept(openings.repeated()))
    if not legs:
        return SeenTwice()
    found = {*_same_numbers(legs), *_renumbered(legs), *_same_ids(legs, openings)}
    found |= {*_renumbered_attempts(legs, {twin.ways for twin in found if twin.is_renumbered})}
    twins = sorted(found, key=lambda twin: (twin.front.syn.frame, twin.behind.syn.frame))
    return SeenTwice(
        tuple(twins),
        is_sample=openings.is_sample,
        left_out=_to_leave_out(openings, twins),
        left_out_openings=frozenset(
            (twin.behind.syn.key, twin.behind.syn.number) for twin in twins if twin.front.syn.key == twin.behind.syn.key
        ),
    )


def _legs(openings: Iterable[Opening]) -> list[Leg]:
    """All that was opened, by time."""
    syns: dict[tuple[bytes, int], Opening] = {}
    answers: dict[tuple[bytes, int], Opening] = {}
    sent_ns: dict[tuple[bytes, int], list[int]] = {}
    for opening in sorted(openings, key=lambda opening: (opening.time_ns, opening.frame)):
        if opening.is_answer:
            answers.setdefault((reverse_key(opening.key), opening.number), opening)
        else:
            syns.setdefault((opening.key, opening.number), opening)
            sent_ns.setdefault((opening.key, opening.number), []).append(opening.time_ns)
    return [Leg(syn, answers.get(name), tuple(sent_ns[name])) for name, syn in syns.items()]


def _same_numbers(legs: list[Leg]) -> Iterator[Twin]:
    """Those whose SYN was captured with other addresses or ports: answered with the same number, or as others of these were."""
    unsure = []
    ways: set[Ways] = set()
    for twin in _twins((leg.syn.number, leg) for leg in legs):
        if twin.front.syn.number == twin.behind.syn.number and (_is_translated(twin) or _is_redirected(twin)):
            front, behind = twin.front.answer, twin.behind.answer
            if behind is None:
                unsure.append(twin)
            elif front is not None and front.seq == behind.seq and twin.is_nested:
                ways.add(twin.ways)
                yield twin
    yield from (twin for twin in unsure if twin.ways in ways)


def _renumbered(legs: list[Leg]) -> Iterator[Twin]:
    """Those whose SYN and SYN/ACK were captured with other numbers: known by timestamps, or by one four-tuple at one moment."""
    with_id = (((leg.syn.tsval, leg.syn.ip_id), leg) for leg in legs if leg.syn.tsval and leg.syn.ip_id > 0)
    without = (((leg.syn.tsval, local_port(leg.syn.key)), leg) for leg in legs if leg.syn.tsval and leg.syn.ip_id <= 0)
    for twin in (*_twins(with_id), *_twins(without)):
        if _has_other_numbers(twin) and twin.has_same_stamps and _is_translated(twin):
            yield twin
    unsure: dict[Ways, list[Twin]] = {}
    for twin in _twins(((plain_key(leg.syn.key), leg) for leg in legs), most=len(legs)):
        if not _has_other_numbers(twin):
            continue
        if twin.has_same_stamps or (twin.is_routed and not twin.has_stamps):
            yield twin
        elif not twin.has_stamps:
            unsure.setdefault(twin.ways, []).append(twin)
    yield from (twin for twins in unsure.values() if len(twins) >= ENOUGH for twin in twins)


def _same_ids(legs: list[Leg], openings: Openings) -> Iterator[Twin]:
    """Those whose addresses and numbers are others, without timestamps: known by IP IDs, of most connections of these addresses."""
    unsure: dict[Ways, list[Twin]] = {}
    named = [(leg.syn.ip_id, leg) for leg in legs if leg.syn.ip_id > 0 and not leg.syn.tsval]
    for twin in _twins(named, most=len(named)):
        if _has_other_numbers(twin) and _is_translated(twin) and twin.has_same_ids:
            unsure.setdefault(twin.ways, []).append(twin)
    attempts = openings.attempts() if unsure else {}
    for (client, server, *_), twins in unsure.items():
        ids = {twin.front.syn.ip_id for twin in twins}
        if len(ids) >= ENOUGH and 2 * len(twins) > attempts[client, server, key_parts(twins[0].front.syn.key)[3]]:
            yield from twins


def _renumbered_attempts(legs: list[Leg], ways: set[Ways]) -> Iterator[Twin]:
    """SYNs that nobody answered, captured with other numbers on the way of others: the same packets by IP ID or timestamp."""
    for twin in _twins(((plain_key(leg.syn.key), leg) for leg in legs), most=len(legs)):
        front, behind = twin.front.syn, twin.behind.syn
        is_same = front.ip_id == behind.ip_id > 0 or front.tsval == behind.tsval > 0
        if twin.is_renumbered and is_same and twin.front.answer is twin.behind.answer is None and twin.ways in ways:
            yield twin


def _has_other_numbers(twin: Twin) -> bool:
    """Whether both sides' numbers were rewritten by something that the segments passed in time."""
    front, behind = twin.front.answer, twin.behind.answer
    return twin.is_renumbered and twin.is_nested and front is not None and behind is not None and front.seq != behind.seq


def _twins(named: Iterable[tuple[object, Leg]], most: int = MOST_LEGS) -> Iterator[Twin]:
    """Of legs, by time, that have a name in common: the first one with each that follows at once. A name of more than `most` is none."""
    groups: dict[object, list[Leg]] = {}
    for name, leg in named:
        groups.setdefault(name, []).append(leg)
    for group in groups.values():
        if 1 < len(group) <= most:
            front = group[0]
            for leg in group[1:]:
                if front.is_near(leg.syn.time_ns):
                    yield Twin(leg, front) if front.is_behind(leg) else Twin(front, leg)
                else:
                    front = leg


def _is_translated(twin: Twin) -> bool:
    """Whether an address is another one: a client that uses one number for several ports of a server is a scanner."""
    return key_parts(twin.front.syn.key)[:2] != key_parts(twin.behind.syn.key)[:2]


def _is_redirected(twin: Twin) -> bool:
    """Whether the server's port alone is another one. Who asks several ports with one number gets other numbers for answers."""
    client, server, port, asked, _ = key_parts(twin.front.syn.key)
    other_client, other_server, other_port, other_asked, _ = key_parts(twin.behind.syn.key)
    return (client, server, port) == (other_client, other_server, other_port) and asked != other_asked


def _to_leave_out(openings: Openings, twins: list[Twin]) -> frozenset[bytes]:
    """Four-tuples of which all that opens is behind, both ways."""
    behind = {(twin.behind.syn.key, twin.behind.syn.number) for twin in twins if twin.front.syn.key != twin.behind.syn.key}
    keys = {key for key, _ in behind}
    keys -= {key for key, number in openings.syns(keys) if (key, number) not in behind}
    return frozenset(one for key in keys for one in (key, reverse_key(key)))
