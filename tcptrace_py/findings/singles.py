"""Accounts of one connection, packed: who forges addresses makes one of each.

An account becomes an object when a second connection of it comes, or one that stays in TIME_WAIT. What else is known of a
connection than its times is the same of many: these facts are kept once and have a number. FEW is that of an attempt that
nobody answered, of which there is nothing else to know.
"""

from array import array
from collections.abc import Iterator

from tcptrace_py.model import words
from tcptrace_py.model.packed import KEY, PackedRows
from tcptrace_py.model.seq import MASK

IPV4_NAME, IPV6_NAME = 10, 34  # bytes of names without a scope: both addresses and the server's port
FACTS, PORT, START, RELEASED, ENDED, KEPT = 0, 1, 2, 4, 6, 8  # the words of a row behind its key; times take two, the lower one first
FEW = 0
# Beside the port: it counts as held and the rest is not known yet (WAITS: it is known when the rest of the capture is); the
# account is an object now; another process knows of it as HELD, and counts it as held until it ENDED.
HELD, GONE, WAITS, TOLD = 1 << 16, 1 << 17, 1 << 18, 1 << 19
_HELD, _WAITS, _TOLD, _IPV4, _IPV6 = HELD, WAITS, TOLD, IPV4_NAME, IPV6_NAME  # for this module: compiled, they are C numbers
_PAD = 2  # zeros behind a name: keys are whole words
FOUR_WORDS, SIXTEEN_WORDS = (IPV4_NAME + 2) // 4, (IPV6_NAME + 2) // 4
PARCEL_ROWS = 1 << 14  # accounts that another process is told of at a time, where there are many
Told = tuple["array[int]", "array[int]", list[bytes]]


class Singles:
    """All such accounts, by their names (`Accounts.rows`)."""

    __slots__ = (
        "_found",
        "_numbers",
        "_of_services",
        "alive",
        "ended_ns",
        "facts",
        "found_facts",
        "four",
        "released_ns",
        "sixteen",
        "start_ns",
    )

    def __init__(self) -> None:
        self.facts: list[bytes] = [b""]  # by number
        self._numbers: dict[bytes, int] = {}
        self._begin()
        self.start_ns = self.released_ns = self.ended_ns = self.found_facts = 0  # of the one that was looked up last

    def _begin(self) -> None:
        self.four, self.sixteen = PackedRows(FOUR_WORDS, KEPT), PackedRows(SIXTEEN_WORDS, KEPT)
        self.alive = 0
        self._found = self.four
        self._of_services: dict[bytes, int] | None = None  # what `services` said, as long as it holds

    def number(self, facts: bytes) -> int:
        """The number of these facts."""
        known = self._numbers.get(facts)
        if known is None:
            known = self._numbers[facts] = len(self.facts)
            self.facts.append(facts)
        return known

    def enter(self, name: bytes, port: int, start_ns: int, released_ns: int, facts: int = FEW, ended_ns: int = 0) -> bool:
        """Take in an account by its first connection; False if it cannot be packed, or there is one. `port`: with HELD or TOLD maybe."""
        if len(name) != _IPV4 and len(name) != _IPV6:
            return False
        packed = self.four if len(name) == _IPV4 else self.sixteen
        known = packed.count
        row = packed.place(words.padded(name, _PAD))
        if row < known:
            return False
        self._of_services = None
        self._write(packed.rows, row * packed.row_words + KEY + packed.key_words, port, start_ns, released_ns, facts, ended_ns)
        self.alive += 1
        return True

    def _write(self, rows: "array[int]", at: int, port: int, start_ns: int, released_ns: int, facts: int, ended_ns: int) -> None:
        rows[at + FACTS], rows[at + PORT] = facts, port
        rows[at + START], rows[at + START + 1] = start_ns & MASK, start_ns >> 32 & MASK
        rows[at + RELEASED], rows[at + RELEASED + 1] = released_ns & MASK, released_ns >> 32 & MASK
        rows[at + ENDED], rows[at + ENDED + 1] = ended_ns & MASK, ended_ns >> 32 & MASK

    def conclude(self, name: bytes, start_ns: int, released_ns: int, facts: int = FEW) -> bool:
        """All is known of what was HELD since then; False if it is no longer here."""
        at = self._at(name)
        if at < 0:
            return False
        rows = self._found.rows
        if not rows[at + PORT] & _HELD or rows[at + START] != start_ns & MASK or rows[at + START + 1] != start_ns >> 32 & MASK:
            return False
        ended_ns = released_ns
        if rows[at + PORT] & _WAITS:
            low, high = rows[at + RELEASED], rows[at + RELEASED + 1]
            ended_ns = low | high << 32
        self._write(rows, at, rows[at + PORT] & (0xFFFF | _TOLD), start_ns, released_ns, facts, ended_ns)
        self._of_services = None
        return True

    def look_up(self, name: bytes) -> int:
        """The port of an account, and what stands beside it; -1: it is none of these.

        The rest is in `start_ns`, `released_ns`, `ended_ns` and `found_facts` then.
        """
        at = self._at(name)
        if at < 0:
            return -1
        rows = self._found.rows
        low, high = rows[at + START], rows[at + START + 1]
        self.start_ns = low | high << 32
        low, high = rows[at + RELEASED], rows[at + RELEASED + 1]
        self.released_ns = low | high << 32
        low, high = rows[at + ENDED], rows[at + ENDED + 1]
        self.ended_ns = low | high << 32
        self.found_facts = rows[at + FACTS]
        return rows[at + PORT]

    def take_out(self, name: bytes) -> int:
        """The same, and give the account away."""
        port = self.look_up(name)
        if port >= 0:
            at = self._at(name)
            self._found.rows[at + PORT] = port | GONE
            self._of_services = None
            self.alive -= 1
        return port

    def _at(self, name: bytes) -> int:
        """Where the words of a row begin that is not GONE; -1: there is none. It is in `_found`."""
        if len(name) != _IPV4 and len(name) != _IPV6:
            return -1
        self._found = packed = self.four if len(name) == _IPV4 else self.sixteen
        row = packed.find(words.padded(name, _PAD))
        at = row * packed.row_words + KEY + packed.key_words
        return -1 if row < 0 or packed.rows[at + PORT] & GONE else at

    def name(self, place: int) -> bytes:
        """Name of the account at a place: twice its row, and one more for those of IPv6."""
        return (self.sixteen if place & 1 else self.four).key(place >> 1)[:-_PAD]

    def places(self) -> "array[int]":
        """Places of all."""
        found = array("q")
        for which, packed in enumerate((self.four, self.sixteen)):
            found.extend([row << 1 | which for row in range(packed.count) if is_alive(packed, row)])
        return found

    def names(self) -> list[bytes]:
        """Names of all."""
        return [self.name(place) for place in self.places()]

    def services(self) -> dict[bytes, int]:
        """How many there are of each service that have the same facts (see `service_of`)."""
        if self._of_services is not None:
            return self._of_services
        found: dict[bytes, int] = {}
        service = b""
        for packed in (self.four, self.sixteen):
            size, last, count = (packed.key_words - 1) // 2, -1, 0
            for row in range(packed.count):
                if not is_alive(packed, row):
                    continue
                at = row * packed.row_words + KEY + size
                if last < 0 or not words.same(packed.rows, at, last, size + 2):  # those that follow each other have often one
                    if count:
                        found[service] = found.get(service, 0) + count
                    service, last, count = words.taken(packed.rows, at, size + 2), at, 0
                count += 1
            if count:
                found[service] = found.get(service, 0) + count
        self._of_services = found
        return found

    def change(self, numbers: dict[bytes, int]) -> None:
        """Give accounts other facts: by the services that have them until now (see `services`), the numbers of those that they get."""
        for packed in (self.four, self.sixteen):
            rows, size = packed.rows, (packed.key_words - 1) // 2
            for row in range(packed.count if numbers else 0):
                at = row * packed.row_words + KEY + packed.key_words + FACTS
                number = numbers.get(words.taken(rows, row * packed.row_words + KEY + size, size + 2))
                if number is not None and is_alive(packed, row):
                    rows[at] = number
        self._of_services = None

    def release(self) -> Told:
        """Give all away, for another process (`unpacked`). What is HELD stays here as well, until all is known of it."""
        four, sixteen, facts = array("I"), array("I"), self.facts
        for more_of_four, more_of_sixteen, _ in self.parcels():
            four.extend(more_of_four)
            sixteen.extend(more_of_sixteen)
        return four, sixteen, facts

    def parcels(self, most_rows: int = PARCEL_ROWS) -> Iterator[Told]:
        """The same, so many at a time: all of them at once would be there several times, at either end."""
        four, sixteen, facts = self.four, self.sixteen, self.facts
        self._begin()
        four.close()
        sixteen.close()
        for first in range(0, four.count, most_rows):
            yield self._some(four, first, first + most_rows), array("I"), facts
        for first in range(0, sixteen.count, most_rows):
            yield array("I"), self._some(sixteen, first, first + most_rows), facts
        if not self.alive:
            self.facts, self._numbers = [b""], {}

    def _some(self, packed: PackedRows, first: int, end: int) -> "array[int]":
        """Rows from `first` on, as many as there are before `end`."""
        given = array("I")
        for row in range(first, min(end, packed.count)):
            if is_alive(packed, row):
                self._release(packed, row, given)
        return given

    def _release(self, packed: PackedRows, row: int, into: "array[int]") -> None:
        facts, port, start_ns, released_ns = told(packed, row)
        if not port & _HELD or not port & _TOLD:
            at = row * packed.row_words
            into.frombytes(words.taken(packed.rows, at, packed.row_words))
        if port & _HELD:
            self.enter(packed.key(row)[:-_PAD], port | _TOLD, start_ns, released_ns, facts)


def is_alive(packed: PackedRows, row: int) -> bool:
    """Whether the account of a row is not an object by now."""
    return not packed.rows[row * packed.row_words + KEY + packed.key_words + PORT] & GONE


def began_ns(packed: PackedRows, row: int) -> int:
    """When the connection of a row began."""
    at = row * packed.row_words + KEY + packed.key_words + START
    low, high = packed.rows[at], packed.rows[at + 1]
    return low | high << 32


def facts_of(packed: PackedRows, row: int) -> int:
    """The number of the facts of a row."""
    return packed.rows[row * packed.row_words + KEY + packed.key_words + FACTS]


def told(packed: PackedRows, row: int) -> tuple[int, int, int, int]:
    """What is kept of an account: its facts, its port (with HELD maybe), when it began and when it was released."""
    rows, at = packed.rows, row * packed.row_words + KEY + packed.key_words
    start_ns, released_ns = rows[at + START] | rows[at + START + 1] << 32, rows[at + RELEASED] | rows[at + RELEASED + 1] << 32
    return rows[at + FACTS], rows[at + PORT], start_ns, released_ns


def service_of(service: bytes) -> tuple[bytes, int, int]:
    """Of a service as `services` has it: its packed address and its port, and the number of the facts."""
    return service[:-8], int.from_bytes(service[-8:-6], "big"), words.word(service, len(service) // 4 - 1)


def unpacked(given: Told) -> Iterator[tuple[bytes, int, int, int, int, bytes]]:
    """What `release` gave away: names, ports (with what stands beside them), when they began, were released and ENDED, facts."""
    for rows, key_words in zip(given[:2], (FOUR_WORDS, SIXTEEN_WORDS), strict=True):
        size = KEY + key_words + KEPT
        for row in range(0, len(rows), size):
            at = row + KEY + key_words
            yield (
                array("I", rows[row + KEY : at]).tobytes()[:-_PAD],
                int(rows[at + PORT]),
                rows[at + START] | rows[at + START + 1] << 32,
                rows[at + RELEASED] | rows[at + RELEASED + 1] << 32,
                rows[at + ENDED] | rows[at + ENDED + 1] << 32,
                given[2][rows[at + FACTS]],
            )
