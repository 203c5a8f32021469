"""Which local ports a client has towards one service, and whether they ran out: told as ports are taken and given back.

The refusal itself (EADDRNOTAVAIL) never reaches a wire. What does: nearly every port of a range is taken at once, and
from then on new connections come only as fast as ports free, each from a port that had been free for a moment.
A range narrower than the profile's shows by the same: the ports seen leave no gap, and then they come again.

Linux shows its range before that: connect() takes ports of one parity until none of them is left, and only then the
others (__inet_hash_connect). Where the second parity begins, the first one's ports are the whole range's. A load
generator that goes through ports of its own does not do so, however much the rest looks the same.

An account (a client address and a service) takes a few numbers; more is kept only of those that hold many ports at once.
"""

from array import array
from typing import NamedTuple

from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.growing import longer
from tcptrace_py.model.results import Exhaustion

FULL = 0.97  # of the ports: TIME_WAIT lasts up to 62 s where 60 are reckoned with, so the reckoned count lies lower
DENSE = 0.98  # of the ports between the lowest and the highest seen, for a range read off the capture
FEWEST = 100  # ports that a range read off the capture must show
SOON_NS = 5 * SECOND_NS  # a port that is taken again within this had hardly been free (kernel: up to 2 s beyond 60)
AGAIN = 0.5  # of the connections after the ports were full, so many must come from such a port
SLOWED = 0.5  # or they must come at less than this of the rate before
QUIET_NS = SECOND_NS  # ... over at least so long, and over as long as it took to open AFTER connections before
AFTER = 50
OUTSIDE = 20  # one connection in so many from outside the profile's range speaks for another range
IN_ORDER = 0.25  # so many connections with a port beyond all before: of ports in no order there are few, and soon none
UNPRIVILEGED = 1024, 65535
BY_PARITY = 0.36  # of the connections: so many more of one parity than of the other must come first, and then so many fewer
RELEASED = 1024  # releases that are remembered before old ones are forgotten
NOT_YET = -1

# Numbers of an account: connections; how many more of them came from even ports than from odd ones, now, at the most, at
# the least; the lowest and highest port; connections from outside the range; 1 + place among the watched ones, or 0; the
# range that is believed; from how many ports held at once on it is watched; 1 if the range was given.
# Then how many ports lay beyond all before them.
WORDS = 13
STARTED, LEAD, MOST, LEAST, LOWEST, HIGHEST, OUTSIDERS, WATCHED, LOW, HIGH, WATCH_FROM, GIVEN, BEYOND = range(WORDS)


class PortRange(NamedTuple):
    """A range of ports, both ends included, and where it is known from: option, profile or traffic; unknown: it may be all of these."""

    low: int
    high: int
    known_from: str

    @property
    def size(self) -> int:
        """How many ports it has."""
        return self.high - self.low + 1


class Filled:
    """From when on nearly all of so many ports were taken, and for how long; what had happened by then."""

    __slots__ = ("again", "at_ns", "floor", "full_ns", "into", "least", "since_ns", "started", "threshold")

    def __init__(self, count: int, least: int = 1) -> None:
        self.least = least  # fewer are never called full
        self.expect(count)

    def expect(self, count: int) -> None:
        """Look out anew, for so many ports."""
        self.threshold = max(int(count * DENSE), self.least)
        self.floor = int(count * FULL * FULL)
        self.at_ns = self.since_ns = NOT_YET
        self.full_ns = self.started = self.again = self.into = 0

    def rise(self, time_ns: int, level: int, started: int, again: int, into: int) -> None:
        """One more port is taken; connections so far, and the counts of `Watched`."""
        if self.at_ns == NOT_YET:
            if level < self.threshold:
                return
            self.at_ns = time_ns
        if time_ns == self.at_ns:
            self.started, self.again, self.into = started, again, into
        if self.since_ns == NOT_YET and level >= self.floor:
            self.since_ns = time_ns

    def go_on(self, time_ns: int, level: int) -> None:
        """A port that nobody saw being taken counts again: of one that waited, it was given back this very moment."""
        if self.at_ns != NOT_YET and self.since_ns == NOT_YET and level >= self.floor:
            self.since_ns = time_ns

    def fall(self, time_ns: int, level: int) -> None:
        """One port less is taken."""
        if self.since_ns != NOT_YET and level < self.floor:
            self.full_ns += time_ns - self.since_ns
            self.since_ns = NOT_YET

    def lasted_ns(self, end_ns: int) -> int:
        """For how long they were nearly all taken, in a capture that ends then."""
        return self.full_ns + (end_ns - self.since_ns if self.since_ns != NOT_YET else 0)


class Watched:
    """What is kept of an account that holds many ports.

    `believed` is about the range that it is said to have, `by_parity` about the one that the order of its ports shows,
    `dense` about the ports that were seen.
    """

    __slots__ = ("again", "believed", "by_parity", "dense", "half_high", "half_low", "into")

    def __init__(self, believed: Filled, dense: Filled) -> None:
        self.believed = believed
        self.dense = dense
        self.by_parity: Filled | None = None
        self.half_low = self.half_high = 0  # lowest and highest of the parity that came first
        self.again = 0  # connections from a port that had been free for a moment only
        self.into = 0  # and from one whose TIME_WAIT ended with them


class PortUse:
    """The ports of every account, taken and given back in order of time."""

    __slots__ = ("accounts", "last_range", "limit", "numbers", "outside", "released", "watched")

    def __init__(self) -> None:
        self.accounts = 0
        self.last_range: PortRange | None = None  # that an account was said to have when it was asked for
        self.numbers = array("i", bytes(4 * WORDS))
        self.watched: list[Watched] = []
        self.outside: dict[int, set[int]] = {}  # ports beyond the believed range, up to FEWEST of them
        self.released: dict[int, int] = {}  # account << 16 | port: when it was given back, of watched accounts, a while ago at most
        self.limit = RELEASED

    def open(self, low: int, high: int, given: bool) -> int:
        """Make a new account, whose range is believed to be this; `given`: by who knows it."""
        watch_from = min(FEWEST // 2 - 1, int((high - low + 1) * DENSE))
        at = self.accounts * WORDS
        while at + WORDS > len(self.numbers):
            self.numbers = longer(self.numbers)
        numbers = self.numbers
        numbers[at + LOW], numbers[at + HIGH], numbers[at + WATCH_FROM], numbers[at + GIVEN] = low, high, watch_from, given
        self.accounts += 1
        return self.accounts - 1

    def of(self, account: int) -> "array[int]":
        """The numbers of an account."""
        return array("i", bytes(self.numbers[account * WORDS : (account + 1) * WORDS]))

    def watched_of(self, account: int) -> Watched | None:
        """What else is kept of an account."""
        place = self.numbers[account * WORDS + WATCHED]
        return self.watched[place - 1] if place else None

    def hold(self, account: int, port: int, time_ns: int, level: int) -> None:
        """A connection takes a port, and now so many are taken. Port 0: it is not known when it began."""
        numbers, at = self.numbers, account * WORDS
        if port == 0:
            if numbers[at + WATCHED]:
                watched = self.watched[numbers[at + WATCHED] - 1]
                watched.believed.go_on(time_ns, level)
                watched.dense.go_on(time_ns, level)
                if watched.by_parity is not None:
                    watched.by_parity.go_on(time_ns, level)
            return
        started, lead = numbers[at + STARTED], numbers[at + LEAD]
        low, high = numbers[at + LOWEST], numbers[at + HIGHEST]
        turns = started > 0 and started == (lead if port & 1 else -lead)  # all before were of the other parity
        wider = started == 0 or port < low or port > high
        if started == 0 or port < low:
            numbers[at + LOWEST] = port
        if started == 0 or port > high:
            numbers[at + HIGHEST] = port
        if wider:
            numbers[at + BEYOND] += 1
        lead += -1 if port & 1 else 1
        numbers[at + STARTED], numbers[at + LEAD] = started + 1, lead
        if lead > numbers[at + MOST]:
            numbers[at + MOST] = lead
        elif lead < numbers[at + LEAST]:
            numbers[at + LEAST] = lead
        if port < numbers[at + LOW] or port > numbers[at + HIGH]:
            self._hold_outside(account, port)
        if numbers[at + WATCHED] == 0:
            if level < numbers[at + WATCH_FROM]:
                return
            self._watch(at)
            wider = True
        watched = self.watched[numbers[at + WATCHED] - 1]
        released_ns = self.released.get(account << 16 | port, NOT_YET)
        if released_ns != NOT_YET and time_ns - released_ns <= SOON_NS:
            watched.again += 1
            watched.into += time_ns <= released_ns
        watched.believed.rise(time_ns, level, started + 1, watched.again, watched.into)
        if numbers[at + GIVEN]:
            return
        if wider:
            watched.dense.expect(numbers[at + HIGHEST] - numbers[at + LOWEST] + 1)
        watched.dense.rise(time_ns, level, started + 1, watched.again, watched.into)
        if turns:
            self._turn(watched, low, high, level)
        if watched.by_parity is not None:
            watched.by_parity.rise(time_ns, level, started + 1, watched.again, watched.into)

    def give_back(self, account: int, port: int, time_ns: int, level: int) -> None:
        """A port is free again, and now so many are taken."""
        place = self.numbers[account * WORDS + WATCHED]
        if place == 0:
            return
        watched = self.watched[place - 1]
        watched.believed.fall(time_ns, level)
        watched.dense.fall(time_ns, level)
        if watched.by_parity is not None:
            watched.by_parity.fall(time_ns, level)
        if port:
            self.released[account << 16 | port] = time_ns
            if len(self.released) > self.limit:
                self._forget(time_ns - SOON_NS)

    def _hold_outside(self, account: int, port: int) -> None:
        self.numbers[account * WORDS + OUTSIDERS] += 1
        ports = self.outside.setdefault(account, set())
        if len(ports) < FEWEST:
            ports.add(port)

    def _watch(self, at: int) -> None:
        """Keep more of an account from now on."""
        numbers = self.numbers
        self.watched.append(Watched(Filled(numbers[at + HIGH] - numbers[at + LOW] + 1), Filled(0, FEWEST)))
        numbers[at + WATCHED] = len(self.watched)

    def _turn(self, watched: Watched, low: int, high: int, level: int) -> None:
        """The first port of the other parity: if all of the first one are taken, they are half of the range."""
        half = (high - low) // 2 + 1
        if 2 * half >= FEWEST and level >= DENSE * half:
            watched.by_parity = Filled(2 * half)
            watched.half_low, watched.half_high = low, high

    def _forget(self, before_ns: int) -> None:
        self.released = {key: time_ns for key, time_ns in self.released.items() if time_ns >= before_ns}
        self.limit = max(RELEASED, 2 * len(self.released))


class PortTotals(NamedTuple):
    """What must be known besides, of an account in a capture that ends at `end_ns`: stays at the client, ports held at the peak."""

    stays: int
    peak: int
    first_ns: int
    end_ns: int


def believed(use: PortUse, account: int) -> PortRange:
    """The range of ports that an account is said to have."""
    at = account * WORDS
    low, high, given = use.numbers[at + LOW], use.numbers[at + HIGH], use.numbers[at + GIVEN]
    last = use.last_range
    if last is None or last.low != low or last.high != high or (last.known_from == "option") != given:  # one of few profiles
        last = use.last_range = PortRange(low, high, "option" if given else "profile")
    return last


def believed_ports(use: PortUse, account: int) -> int:
    """How many ports that range has."""
    at = account * WORDS
    return use.numbers[at + HIGH] - use.numbers[at + LOW] + 1


def is_ordinary(use: PortUse, account: int) -> bool:
    """Whether nothing of an account's ports speaks for another range than what it is said to have, or for ports that ran out."""
    at = account * WORDS
    return use.numbers[at + WATCHED] == 0 and use.numbers[at + OUTSIDERS] == 0


def range_of(use: PortUse, account: int, totals: PortTotals) -> tuple[PortRange, Exhaustion | None]:
    """The range of ports of an account, and the exhaustion if there was one."""
    numbers, watched = use.of(account), use.watched_of(account)
    said, lowest, highest = believed(use, account), numbers[LOWEST], numbers[HIGHEST]
    seen = PortRange(lowest, highest, "traffic")
    if numbers[STARTED] <= seen.size and numbers[BEYOND] > IN_ORDER * numbers[STARTED]:  # where they will end is not seen
        seen = PortRange(min(UNPRIVILEGED[0], lowest), UNPRIVILEGED[1], "unknown")
    others = len(use.outside.get(account, ())) >= FEWEST and numbers[OUTSIDERS] * OUTSIDE > numbers[STARTED]

    def full(filled: Filled, size: int, *, known: bool) -> Exhaustion | None:
        return None if watched is None else _exhaustion(numbers, watched, filled, size, totals, known=known)

    if numbers[GIVEN]:
        return said, None if watched is None else full(watched.believed, said.size, known=True)
    if watched is None:
        return seen if others else said, None
    half = watched.by_parity
    if half is not None and watched.half_low - 1 <= lowest and highest <= watched.half_high + 1:
        shown = PortRange(lowest, min(lowest + watched.half_high - watched.half_low + 1, 65535), "traffic")
        return shown, full(half, shown.size, known=True)
    shown = PortRange(lowest, highest, "traffic")
    dense = full(watched.dense, shown.size, known=False)
    if others:
        return (seen, None) if dense is None else (shown, dense)
    found = full(watched.believed, said.size, known=True)
    return (shown, dense) if found is None and dense is not None else (said, found)


def is_within(use: PortUse, account: int, other: PortRange) -> bool:
    """Whether the ports of an account all lie in a range."""
    numbers = use.of(account)
    return other.low <= numbers[LOWEST] and numbers[HIGHEST] <= other.high


def exhaustion_of(use: PortUse, account: int, totals: PortTotals, other: PortRange) -> Exhaustion | None:
    """The exhaustion of an account that is known, from elsewhere, to have this range, and whose ports all lie in it."""
    watched = use.watched_of(account)
    if watched is None or totals.peak < int(other.size * DENSE):
        return None
    return _exhaustion(use.of(account), watched, watched.dense, other.size, totals, known=True)


def _exhaustion(
    numbers: "array[int]", watched: Watched, filled: Filled, size: int, totals: PortTotals, *, known: bool
) -> Exhaustion | None:
    """What shows that all of `size` ports were taken; None where it does not show. `known`: the range is certain."""
    at_ns, started = filled.at_ns, numbers[STARTED]
    if at_ns == NOT_YET or totals.stays * 2 < started:  # full of open connections is another matter
        return None
    before, after, again = filled.started, started - filled.started, watched.again - filled.again
    took_ns, rest_ns = at_ns - totals.first_ns, totals.end_ns - at_ns
    before_per_s = _rate(before, took_ns)
    after_per_s = _rate(after, rest_ns) if rest_ns >= QUIET_NS else None
    enough = rest_ns >= max(QUIET_NS, took_ns * AFTER // max(before, 1))
    slowed = enough and before_per_s is not None and after_per_s is not None and after_per_s < SLOWED * before_per_s
    came_again = after > 0 and again >= AGAIN * after
    every_one = known and totals.peak >= size  # whoever wants the next gets none
    if not (came_again or every_one or (slowed and (known or _by_parity(numbers)))):
        return None
    return Exhaustion(at_ns, filled.lasted_ns(totals.end_ns), before_per_s, after_per_s, again, watched.into - filled.into)


def _by_parity(numbers: "array[int]") -> bool:
    """Whether ports came as Linux gives them out: those of one parity until they are gone, then the others, nearly all of them."""
    least = BY_PARITY * numbers[STARTED]
    even_first = min(numbers[MOST], numbers[MOST] - numbers[LEAD])
    odd_first = min(-numbers[LEAST], numbers[LEAD] - numbers[LEAST])
    return max(even_first, odd_first) >= least


def _rate(count: int, span_ns: int) -> float | None:
    return count * SECOND_NS / span_ns if span_ns > 0 else None
