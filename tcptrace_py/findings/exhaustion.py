"""Whether a client's local ports towards one service ran out, and how many it has.

The refusal itself (EADDRNOTAVAIL) never reaches a wire. What does: nearly every port of a range is taken at once, and
from then on new connections come only as fast as ports free, each from a port that had been free for a moment.
A range narrower than the profile's shows by the same: the ports seen leave no gap, and then they come again.

Linux shows its range before that: connect() takes ports of one parity until none of them is left, and only then the
others (__inet_hash_connect). Where the second parity begins, the first one's ports are the whole range's. A load
generator that goes through ports of its own does not do so, however much the rest looks the same.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.diagnosis import Exhaustion
from tcptrace_py.model.profiles import PROFILES, Profile

from .curve import Curve

if TYPE_CHECKING:
    from array import array

FULL = 0.97  # of the ports: TIME_WAIT lasts up to 62 s where 60 are reckoned with, so the reckoned count lies lower
DENSE = 0.98  # of the ports between the lowest and the highest seen, for a range read off the capture
FEWEST = 100  # ports that a range read off the capture must show
SOON_NS = 5 * SECOND_NS  # a port that is taken again within this had hardly been free (kernel: up to 2 s beyond 60)
AGAIN = 0.5  # of the connections after the ports were full, so many must come from such a port
SLOWED = 0.5  # or they must come at less than this of the rate before
QUIET_NS = SECOND_NS  # ... over at least so long, and over as long as it took to open AFTER connections before
AFTER = 50
PARITY = 0.9  # of the ports of each half
OUTSIDE = 20  # one port in so many outside the profile's range speaks for another range


@dataclass(slots=True)
class Ports:
    """The ports of one client towards one service: column by column, in order of the connections' beginnings."""

    ports: "array[int]"
    starts_ns: "array[int]"
    released_ns: "array[int]"
    waits: int  # of these connections, so many left TIME_WAIT at the client


@dataclass(frozen=True, slots=True)
class Range:
    """A range of ports and where it is known from: profile or capture."""

    low: int
    high: int
    known_from: str


def judge(ports: Ports, held: Curve, profile: Profile, end_ns: int) -> tuple[Range, Exhaustion | None]:
    """The range of ports, and the exhaustion if there was one. `held` are the spans for which ports were taken."""
    low, high = profile.ephemeral_ports
    usual = PROFILES.get(profile.name)
    said = usual is not None and usual.ephemeral_ports != profile.ephemeral_ports  # by who knows better
    given = None if said else _given_out(ports, held)
    if given is not None:
        known_from = "profile" if given == (low, high) else "capture"
        full = _exhaustion(ports, held, given[1] - given[0] + 1, end_ns, known=True)
        return Range(*given, known_from), full
    seen = set(ports.ports)
    outside = sum(not low <= port <= high for port in seen)
    lowest, highest = min(seen), max(seen)
    if len(seen) >= FEWEST and outside * OUTSIDE > len(seen):
        return Range(lowest, highest, "capture"), _exhaustion(ports, held, highest - lowest + 1, end_ns, known=False)
    full = _exhaustion(ports, held, high - low + 1, end_ns, known=True)
    if full is not None:
        return Range(low, high, "profile"), full
    span = highest - lowest + 1
    if len(seen) >= FEWEST and len(seen) >= DENSE * span:
        full = _exhaustion(ports, held, span, end_ns, known=False)
        if full is not None:
            return Range(lowest, highest, "capture"), full
    return Range(low, high, "profile"), None


def _given_out(ports: Ports, held: Curve) -> tuple[int, int] | None:
    """The range that the order of ports shows: all of one parity were taken when the first of the other came."""
    parity = ports.ports[0] & 1
    turn = next((i for i, port in enumerate(ports.ports) if port & 1 != parity), None)
    if turn is None or turn * 2 < FEWEST:
        return None
    half = set(ports.ports[:turn])
    lowest, highest = min(half), max(half)
    whole = (highest - lowest) // 2 + 1
    if len(half) < DENSE * whole or held.at(ports.starts_ns[turn]) < DENSE * whole:
        return None
    low, high = min(lowest, *ports.ports[turn:]), max(highest, *ports.ports[turn:])
    if low < lowest - 1 or high > highest + 1:
        return None
    return low, min(low + 2 * whole - 1, 65535)


def _exhaustion(ports: Ports, held: Curve, count: int, end_ns: int, *, known: bool) -> Exhaustion | None:
    """What shows that all of `count` ports were taken; None where it does not show. `known`: the range is certain."""
    at_ns = held.reached(int(count * DENSE))
    if at_ns is None or ports.waits * 2 < len(ports.ports):  # full of open connections is another matter
        return None
    again, into, after = _taken_again(ports, at_ns)
    first = ports.starts_ns[0]
    before = len(ports.starts_ns) - after
    before_per_s = _rate(before, at_ns - first)
    rest = end_ns - at_ns
    after_per_s = _rate(after, rest) if rest >= QUIET_NS else None
    enough = rest >= max(QUIET_NS, (at_ns - first) * AFTER // max(before, 1))
    slowed = enough and before_per_s is not None and after_per_s is not None and after_per_s < SLOWED * before_per_s
    came_again = after > 0 and again >= AGAIN * after
    every_one = known and held.reached(count) is not None  # whoever wants the next gets none
    if not (came_again or every_one or (slowed and (known or _by_parity(ports.ports)))):
        return None
    full_ns = held.time_above(int(count * FULL * FULL), at_ns, end_ns)
    return Exhaustion(at_ns, full_ns, before_per_s, after_per_s, again, into)


def _taken_again(ports: Ports, since_ns: int) -> tuple[int, int, int]:
    """After a moment: connections from a port that had just been freed, from one still in TIME_WAIT, in all."""
    freed: dict[int, int] = {}
    again = into = after = 0
    for port, start, released in zip(ports.ports, ports.starts_ns, ports.released_ns, strict=True):
        if start > since_ns:
            after += 1
            last = freed.get(port)
            if last is not None and start - last <= SOON_NS:
                again += 1
                into += start <= last
        freed[port] = released
    return again, into, after


def _by_parity(ports: "array[int]") -> bool:
    """Whether ports came as Linux gives them out: those of one parity until they are gone, then the others."""
    half = len(ports) * 9 // 20
    first = sum(port & 1 for port in ports[:half])
    last = sum(port & 1 for port in ports[-half:])
    return min(first, half - last) >= PARITY * half or min(half - first, last) >= PARITY * half


def _rate(count: int, span_ns: int) -> float | None:
    return count * SECOND_NS / span_ns if span_ns > 0 else None
