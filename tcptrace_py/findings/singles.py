"""Accounts of one attempt that nobody answered, packed: who forges addresses makes one of each.

An account becomes an object when a second connection of it comes, or anything else that is worth more than a row of words.
"""

from array import array

from tcptrace_py.model.packed import KEY, PackedRows
from tcptrace_py.model.seq import MASK

IPV4_NAME, IPV6_NAME = 10, 34  # bytes of names without a scope: both addresses and the server's port
PORT, START, RELEASED, KEPT = 0, 1, 3, 5  # the words of a row behind its key; the times take two, the lower one first
HELD, GONE = 1 << 16, 1 << 17  # beside the port: it counts as held and the rest is not known yet; it is an object now
_HELD = HELD  # for this module: compiled, it is a C number
_PAD = b"\0\0"  # keys are whole words
FOUR_WORDS, SIXTEEN_WORDS = (IPV4_NAME + 2) // 4, (IPV6_NAME + 2) // 4
Told = tuple["array[int]", "array[int]"]


class Singles:
    """All such accounts, by their names (`Accounts.rows`)."""

    __slots__ = ("_found", "_of_services", "alive", "four", "released_ns", "sixteen", "start_ns")

    def __init__(self) -> None:
        self.four, self.sixteen = PackedRows(FOUR_WORDS, KEPT), PackedRows(SIXTEEN_WORDS, KEPT)
        self.alive = 0
        self._found = self.four
        self._of_services: dict[bytes, int] | None = None  # what `services` said, as long as it holds
        self.start_ns = self.released_ns = 0  # of the one that was taken out last

    def enter(self, name: bytes, port: int, start_ns: int, released_ns: int) -> bool:
        """Take in an account by its first attempt; False if it cannot be packed, or there is one. `port`: the client's, with HELD maybe."""
        if len(name) != IPV4_NAME and len(name) != IPV6_NAME:
            return False
        packed, key = self.four if len(name) == IPV4_NAME else self.sixteen, name + _PAD
        if packed.find(key) >= 0:
            return False
        self._of_services = None
        at = packed.enter(key) * packed.row_words + KEY + packed.key_words
        rows = packed.rows
        rows[at + PORT] = port
        rows[at + START], rows[at + START + 1] = start_ns & MASK, start_ns >> 32 & MASK
        rows[at + RELEASED], rows[at + RELEASED + 1] = released_ns & MASK, released_ns >> 32 & MASK
        self.alive += 1
        return True

    def conclude(self, name: bytes, start_ns: int, released_ns: int) -> bool:
        """All is known of what was HELD since then; False if it is no longer here."""
        at = self._at(name)
        if at < 0:
            return False
        rows = self._found.rows
        if not rows[at + PORT] & _HELD or rows[at + START] != start_ns & MASK or rows[at + START + 1] != start_ns >> 32:
            return False
        rows[at + PORT] = rows[at + PORT] & ~_HELD
        rows[at + RELEASED], rows[at + RELEASED + 1] = released_ns & MASK, released_ns >> 32 & MASK
        return True

    def take_out(self, name: bytes) -> int:
        """Give an account away: its port, with HELD maybe (and `start_ns`, `released_ns`); -1: it is none of these."""
        at = self._at(name)
        if at < 0:
            return -1
        rows = self._found.rows
        port = rows[at + PORT]
        low, high = rows[at + START], rows[at + START + 1]
        self.start_ns = low | high << 32
        low, high = rows[at + RELEASED], rows[at + RELEASED + 1]
        self.released_ns = low | high << 32
        rows[at + PORT] = port | GONE
        self._of_services = None
        self.alive -= 1
        return port

    def _at(self, name: bytes) -> int:
        """Where the words of a row begin that is not GONE; -1: there is none. It is in `_found`."""
        if len(name) != IPV4_NAME and len(name) != IPV6_NAME:
            return -1
        self._found = packed = self.four if len(name) == IPV4_NAME else self.sixteen
        row = packed.find(name + _PAD)
        at = row * packed.row_words + KEY + packed.key_words
        return -1 if row < 0 or packed.rows[at + PORT] & GONE else at

    def names(self) -> list[bytes]:
        """Names of all."""
        return [*_names(self.four), *_names(self.sixteen)]

    def services(self) -> dict[bytes, int]:
        """How many there are of each service: the server's packed address and its port, two bytes."""
        if self._of_services is not None:
            return self._of_services
        found: dict[bytes, int] = {}
        for packed in (self.four, self.sixteen):
            for row in range(packed.count):
                if is_alive(packed, row):
                    name = packed.key(row)
                    service = name[len(name) // 2 - 2 : -2]
                    found[service] = found.get(service, 0) + 1
        self._of_services = found
        return found

    def release(self) -> Told:
        """Give all away, for another process (`unpacked`)."""
        found = _words(self.four), _words(self.sixteen)
        self.four, self.sixteen, self.alive = PackedRows(FOUR_WORDS, KEPT), PackedRows(SIXTEEN_WORDS, KEPT), 0
        self._found, self._of_services = self.four, None
        return found


def is_alive(packed: PackedRows, row: int) -> bool:
    """Whether the account of a row is not an object by now."""
    return not packed.rows[row * packed.row_words + KEY + packed.key_words + PORT] & GONE


def began_ns(packed: PackedRows, row: int) -> int:
    """When the attempt of a row began."""
    at = row * packed.row_words + KEY + packed.key_words + START
    low, high = packed.rows[at], packed.rows[at + 1]
    return low | high << 32


def told(packed: PackedRows, row: int) -> tuple[int, int, int]:
    """What is kept of an account: its port (with HELD maybe), when it began and when it was released."""
    rows, at = packed.rows, row * packed.row_words + KEY + packed.key_words
    return rows[at + PORT], rows[at + START] | rows[at + START + 1] << 32, rows[at + RELEASED] | rows[at + RELEASED + 1] << 32


def _names(packed: PackedRows) -> list[bytes]:
    return [packed.key(row)[:-2] for row in range(packed.count) if is_alive(packed, row)]


def _words(packed: PackedRows) -> "array[int]":
    return array("I", bytes(packed.rows[: packed.count * packed.row_words]))


def unpacked(given: Told) -> list[tuple[bytes, int, int, int]]:
    """What `release` gave away: names, ports (with HELD maybe), when they began and when they were released."""
    found = []
    for rows, key_words in zip(given, (FOUR_WORDS, SIXTEEN_WORDS), strict=True):
        size = KEY + key_words + KEPT
        for row in range(0, len(rows), size):
            at = row + KEY + key_words
            if not rows[at + PORT] & GONE:
                found.append(
                    (
                        rows[row + KEY : at].tobytes()[:-2],
                        rows[at + PORT],
                        rows[at + START] | rows[at + START + 1] << 32,
                        rows[at + RELEASED] | rows[at + RELEASED + 1] << 32,
                    )
                )
    return found
