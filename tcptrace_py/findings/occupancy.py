"""How many there are at once, and when: TIME_WAIT at hosts, local ports held towards a service, whatever else lasts.

Intervals go in as numbers, in any order and any portions: begin, end, what they raise. They wait here until everything
before a moment is known; `settle` then takes them in order of time. What is settled leaves nothing but each row's level,
its most so far and what `PortUse` needs, so that memory follows what is pending. At one moment ends come first, then
begins in order of their ports: no result hangs on the order in which they came.

Up to MANY intervals nothing is settled before the end: all is exact, and the same however the work was shared. Beyond
that, an interval that is told when its begin has been settled counts from what is settled, and the early part of one
that is told very late (`add_early`) does not count.
"""

from array import array
from bisect import bisect_right
from collections.abc import Sequence

from tcptrace_py.model import columns
from tcptrace_py.model.clock import NEVER_NS
from tcptrace_py.model.growing import longer, zeros

from .port_use import PortUse

NONE = -1
NOTHING_NS = -(1 << 62)  # nothing is settled
MANY = 1 << 17  # intervals with which nothing is settled before the end; so many begins and ends may wait beyond that
ANY_PORT = 0  # the port of an interval that tells nothing of the order of ports


class Held:
    """Begins and ends of all intervals, in no order, with what each is (see `Occupancy`).

    `account` is of each kind the account in `ports` whose ports it holds, or NONE.
    """

    __slots__ = ("account", "begin_whats", "begins_ns", "end_whats", "ends_ns")

    def __init__(
        self, account: "array[int]", begins_ns: "array[int]", begin_whats: "array[int]", ends_ns: "array[int]", end_whats: "array[int]"
    ) -> None:
        self.account = account
        self.begins_ns = begins_ns
        self.begin_whats = begin_whats
        self.ends_ns = ends_ns
        self.end_whats = end_whats

    def of(self, accounts: "set[int]") -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        """Begins and ends of ports taken by these accounts (their `number`): time, account, port, in order of time."""
        return self._of(self.begins_ns, self.begin_whats, accounts), self._of(self.ends_ns, self.end_whats, accounts)

    def _of(self, times_ns: "array[int]", whats: "array[int]", accounts: "set[int]") -> list[tuple[int, int, int]]:
        wanted, whose, found = self._wanted(dict.fromkeys(accounts, 0)), self.account, []
        for at in range(len(times_ns)):
            number = whose[whats[at] >> 16]
            if 0 <= number < len(wanted) and wanted[number] >= 0:
                found.append((times_ns[at], number, whats[at] & 0xFFFF))
        found.sort()
        return found

    def ends_of(self, kinds: "set[int]") -> list[tuple[int, int]]:
        """Kind and time of each end of these kinds of intervals."""
        wanted, whats, found = self._wanted(dict.fromkeys(kinds, 0)), self.end_whats, []
        for at in range(len(whats)):
            kind = whats[at] >> 16
            if kind < len(wanted) and wanted[kind] >= 0:
                found.append((kind, self.ends_ns[at]))
        return found

    def at_once(self, waits_ns: dict[int, int]) -> dict[int, int]:
        """How many ports each of these accounts held at once, by `number`; each was given back so long before it was free."""
        wanted = self._wanted(waits_ns)
        begins_ns, of_begins, begin_count = self._picked(self.begins_ns, self.begin_whats, wanted, False)
        ends_ns, of_ends, end_count = self._picked(self.ends_ns, self.end_whats, wanted, True)
        begin_order, end_order = columns.in_order(begins_ns, begin_count), columns.in_order(ends_ns, end_count)
        level, peak = array("q", bytes(8 * len(wanted))), array("q", bytes(8 * len(wanted)))
        gone = 0
        for at in range(begin_count):
            row = begin_order[at]
            while gone < end_count and ends_ns[end_order[gone]] <= begins_ns[row]:
                level[of_ends[end_order[gone]]] -= 1
                gone += 1
            number = of_begins[row]
            level[number] += 1
            if level[number] > peak[number]:  # noqa: PLR1730 - a call less
                peak[number] = level[number]
        return {number: peak[number] for number in waits_ns}

    def _picked(
        self, times_ns: "array[int]", whats: "array[int]", wanted: "array[int]", early: bool
    ) -> "tuple[array[int], array[int], int]":
        """Times of the ports that these accounts took, whose they are, and how many; `early`: by so much (`wanted`) before."""
        whose, accounts, intervals = self.account, len(wanted), len(times_ns)
        found_ns, numbers, count = zeros("q", intervals), zeros("q", intervals), 0
        for at in range(intervals):
            number = whose[whats[at] >> 16]
            if 0 <= number < accounts and wanted[number] >= 0:
                found_ns[count] = times_ns[at] - (wanted[number] if early else 0)
                numbers[count] = number
                count += 1
        return found_ns, numbers, count

    def _wanted(self, given: dict[int, int]) -> "array[int]":
        """By number what is given for it, -1: nothing. Packed accounts have a number below 0, and no intervals here."""
        found = array("q", [-1]) * max(max(given, default=-1) + 1, 0)
        for number, value in given.items():
            if number >= 0:
                found[number] = value
        return found


Told = tuple["array[int]", "array[int]", "array[int]", "array[int]", "array[int]"]


class Occupancy:
    """Rows that go up and down. A *kind* of interval raises up to three rows at once (a host's, a service's, the whole's).

    An interval's kind and local port are one number here, `what`: kind << 16 | port.
    """

    __slots__ = (
        "account",
        "begin_count",
        "begin_whats",
        "begins_ns",
        "early",
        "end_count",
        "end_whats",
        "ends_ns",
        "first",
        "level",
        "many",
        "peak",
        "peak_ns",
        "ports",
        "second",
        "settle_at",
        "settled_ns",
        "third",
        "total",
    )

    def __init__(self) -> None:
        self._empty()
        self.total = 0  # begins ever taken in
        self.early = array("q")  # begin, end, what, and 1 to count them or -1 to take them back
        self.first, self.second, self.third = array("i"), array("i"), array("i")  # rows of each kind
        self.account = array("i")  # of each kind, the account in `ports` whose ports its intervals hold; NONE
        self.level, self.peak, self.peak_ns = array("q"), array("q"), array("q")
        self.ports = PortUse()
        self.settled_ns = NOTHING_NS
        self.many = self.settle_at = MANY

    def _empty(self) -> None:
        """Nothing is pending."""
        self.begins_ns, self.begin_whats = array("q", bytes(512)), array("q", bytes(512))
        self.ends_ns, self.end_whats = array("q", bytes(512)), array("q", bytes(512))
        self.begin_count = self.end_count = 0

    def row(self) -> int:
        """Make a new row."""
        self.level.append(0)
        self.peak.append(0)
        self.peak_ns.append(0)
        return len(self.level) - 1

    def kind(self, first: int, second: int = NONE, third: int = NONE, account: int = NONE) -> int:
        """Make a new kind of interval, which raises these rows and holds ports of that account of `ports`."""
        self.first.append(first)
        self.second.append(second)
        self.third.append(third)
        self.account.append(account)
        return len(self.first) - 1

    def add(self, begin_ns: int, end_ns: int, kind: int, port: int = ANY_PORT) -> None:
        """Count one from `begin_ns` until just before `end_ns`; NEVER_NS: until the capture's end."""
        if begin_ns < end_ns:
            self.begin(begin_ns, kind, port)
            if end_ns != NEVER_NS:
                self.end(end_ns, kind, port)

    def add_early(self, begin_ns: int, end_ns: int, kind: int, port: int = ANY_PORT, sign: int = 1) -> None:
        """Count one between these moments, if nothing is settled before the end; `sign` -1: it was counted and is none."""
        if begin_ns < end_ns and self.settled_ns == NOTHING_NS:
            self.early.extend((begin_ns, end_ns, kind << 16 | port, sign))

    def add_first(self, begin_ns: int, end_ns: int, kind: int, port: int, *, waits: bool) -> None:
        """Count one that is the first of its kind, whose row and account in `ports` know of nothing yet: it may come late.

        One that `waits` has taken its port even if it ends as it begins, and does not give it back then.
        """
        if begin_ns >= end_ns and not waits:
            return
        given_back = ANY_PORT if waits else port
        if begin_ns >= self.settled_ns:
            self.begin(begin_ns, kind, port)
            if end_ns != NEVER_NS:
                self.end(end_ns, kind, given_back)
            return
        row, account, level = self.first[kind], self.account[kind], int(begin_ns < end_ns)
        self.level[row] = self.peak[row] = level
        if level:
            self.peak_ns[row] = begin_ns
        self.ports.hold(account, port, begin_ns, level)
        if end_ns < self.settled_ns:
            self.level[row] = 0
            self.ports.give_back(account, given_back, end_ns, 0)
        elif end_ns != NEVER_NS:
            self.end(end_ns, kind, given_back)

    def begin(self, time_ns: int, kind: int, port: int = ANY_PORT) -> None:
        """One more from now on."""
        at = self.begin_count
        if at == len(self.begins_ns):
            self.begins_ns, self.begin_whats = longer(self.begins_ns), longer(self.begin_whats)
        self.begins_ns[at] = time_ns
        self.begin_whats[at] = kind << 16 | port
        self.begin_count = at + 1
        self.total += 1

    def end(self, time_ns: int, kind: int, port: int = ANY_PORT) -> None:
        """One less from now on; its begin was told before."""
        at = self.end_count
        if at == len(self.ends_ns):
            self.ends_ns, self.end_whats = longer(self.ends_ns), longer(self.end_whats)
        self.ends_ns[at] = time_ns
        self.end_whats[at] = kind << 16 | port
        self.end_count = at + 1

    @property
    def pending(self) -> int:
        """How much waits to be settled."""
        return self.begin_count + self.end_count

    @property
    def is_due(self) -> bool:
        """Whether so much waits that it should be settled."""
        return self.total > self.many and self.pending >= self.settle_at

    def release(self) -> Told:
        """Give away what is pending, for another process to `take`: begins and their whats, ends and theirs, early parts."""
        found = (
            array("q", bytes(self.begins_ns[: self.begin_count])),
            array("q", bytes(self.begin_whats[: self.begin_count])),
            array("q", bytes(self.ends_ns[: self.end_count])),
            array("q", bytes(self.end_whats[: self.end_count])),
            self.early,
        )
        self.early = array("q")
        self._empty()
        return found

    def take(self, told: Told, kinds: "array[int]") -> None:
        """Take in what another process released; `kinds` says what its kinds are called here."""
        begins_ns, begin_whats, ends_ns, end_whats, early = told
        for at in range(0, len(early), 4):
            what = early[at + 2]
            self.add_early(early[at], early[at + 1], kinds[what >> 16], what & 0xFFFF, early[at + 3])
        for at in range(len(begins_ns)):
            what = begin_whats[at]
            self.begin(begins_ns[at], kinds[what >> 16], what & 0xFFFF)
        for at in range(len(ends_ns)):
            what = end_whats[at]
            self.end(ends_ns[at], kinds[what >> 16], what & 0xFFFF)

    def held(self) -> "Held | None":
        """Which ports of which accounts were taken when, if nothing was settled yet: to be asked before `finish`."""
        if self.total > self.many:
            return None
        return Held(
            array("i", self.account),  # kinds may come yet
            array("q", bytes(self.begins_ns[: self.begin_count])),
            array("q", bytes(self.begin_whats[: self.begin_count])),
            array("q", bytes(self.ends_ns[: self.end_count])),
            array("q", bytes(self.end_whats[: self.end_count])),
        )

    def settle(self, until_ns: int) -> None:
        """Take in everything that happened before a moment: all of it must have been told."""
        if until_ns > self.settled_ns:
            begins_ns, begin_whats, begins = columns.take_below(self.begins_ns, self.begin_whats, self.begin_count, until_ns)
            ends_ns, end_whats, ends = columns.take_below(self.ends_ns, self.end_whats, self.end_count, until_ns)
            self.begin_count -= begins
            self.end_count -= ends
            self._play(begins_ns, begin_whats, begins, ends_ns, end_whats, ends)
            self.settled_ns = until_ns
        self.settle_at = max(self.many, self.pending * 5 // 4)  # not before a good part of what is pending then can be

    def settle_before_waiting(self, until_ns: int) -> None:
        """Where some may be settled already, latecomers count from the same moment, however the capture was cut."""
        if self.total > self.many:
            self.settle(until_ns)

    def finish(self, end_ns: int) -> None:
        """All is told, of a capture that ends then: settle it."""
        if self.settled_ns == NOTHING_NS:
            early = self.early
            for at in range(0, len(early), 4):
                kind, port = early[at + 2] >> 16, early[at + 2] & 0xFFFF
                if early[at + 3] < 0:
                    self.end(early[at], kind, port)
                    self.begin(early[at + 1], kind, port)
                else:
                    self.add(early[at], early[at + 1], kind, port)
        self.early = array("q")
        self.settle(end_ns + 1)

    def begun_after(self, since_ns: Sequence[int]) -> "array[int]":
        """Of each row, how many of what is pending began later than its moment. To be asked before `finish`."""
        found = array("q", bytes(8 * len(self.level)))
        begins_ns, whats = self.begins_ns, self.begin_whats
        for rows in (self.first, self.second, self.third):
            row_of = rows
            for at in range(self.begin_count):
                row = row_of[whats[at] >> 16]
                if row >= 0 and begins_ns[at] > since_ns[row]:
                    found[row] += 1
        return found

    def _play(
        self,
        begins_ns: Sequence[int],
        begin_whats: Sequence[int],
        begin_count: int,
        ends_ns: Sequence[int],
        end_whats: Sequence[int],
        end_count: int,
    ) -> None:
        """Go through begins and ends, each in order of time; at one moment ends come first."""
        first, second, third, account = self.first, self.second, self.third, self.account
        level, peak, peak_ns = self.level, self.peak, self.peak_ns
        settled_ns, ports = self.settled_ns, self.ports
        gone = at = 0
        while at < begin_count or gone < end_count:
            if gone < end_count and (at >= begin_count or ends_ns[gone] <= begins_ns[at] or ends_ns[gone] <= settled_ns):
                what, time_ns = end_whats[gone], ends_ns[gone]
                gone += 1
                kind = what >> 16
                level[first[kind]] -= 1
                if second[kind] >= 0:
                    level[second[kind]] -= 1
                if third[kind] >= 0:
                    level[third[kind]] -= 1
                if account[kind] >= 0:
                    if time_ns < settled_ns:  # noqa: PLR1730 - a call less
                        time_ns = settled_ns
                    ports.give_back(account[kind], what & 0xFFFF, time_ns, level[first[kind]])
                continue
            what, time_ns = begin_whats[at], begins_ns[at]
            at += 1
            if time_ns < settled_ns:  # noqa: PLR1730
                time_ns = settled_ns
            kind = what >> 16
            row = first[kind]
            level[row] = now = level[row] + 1
            if now > peak[row]:
                peak[row], peak_ns[row] = now, time_ns
            if account[kind] >= 0:
                ports.hold(account[kind], what & 0xFFFF, time_ns, now)
            row = second[kind]
            if row >= 0:
                level[row] = now = level[row] + 1
                if now > peak[row]:
                    peak[row], peak_ns[row] = now, time_ns
            row = third[kind]
            if row >= 0:
                level[row] = now = level[row] + 1
                if now > peak[row]:
                    peak[row], peak_ns[row] = now, time_ns

    def level_of(self, row: int) -> int:
        """How many there are now; none of NONE."""
        return 0 if row < 0 else self.level[row]

    def peak_of(self, row: int) -> tuple[int, int | None]:
        """Most at once and the first moment (ns) at which it was so; (0, None) of nothing, and of NONE. Settled ones alone count."""
        if row < 0:
            return 0, None
        return self.peak[row], self.peak_ns[row] if self.peak[row] else None


def counts_at(moments_ns: Sequence[int], begins_ns: Sequence[int], ends_ns: Sequence[int]) -> list[int]:
    """How many of these intervals there are at each of some moments (ascending)."""
    starts, stops = sorted(begins_ns), sorted(ends_ns)
    return [bisect_right(starts, moment) - bisect_right(stops, moment) for moment in moments_ns]
