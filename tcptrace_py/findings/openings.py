# cython: boundscheck=False, wraparound=False
# (compiled: rows are counted, and there is room for one before it is written)
"""What opens connections, of a sample of them: where one was captured before and behind NAT, its SYN is there twice.

Rows are SYNs and SYN/ACKs. Of more than MOST those are kept whose client's initial number has a low hash: below half of all, a quarter
and so on. So both captures of a connection are in the sample, or neither is, and the order in which they come does not show.
"""

from array import array
from collections import Counter
from collections.abc import Container, Iterable
from typing import NamedTuple

from tcptrace_py.model import columns
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.growing import longer
from tcptrace_py.model.segments import ACK, HEADER_CUT, QUOTED, RST, SYN, Columns, SegmentBlock, key_parts, local_port, plain_key
from tcptrace_py.model.selection import Selection
from tcptrace_py.model.seq import MASK

MOST = 1 << 14
EVERYTHING = 1 << 40
# Words of a row: hash of the client's initial number, then what the segment says; IP ID and TTL share one, with what it is.
HASH, TIME, FRAME, SEQ, NUMBER, TSVAL, TSECR, REST = range(8)
ROW_WORDS = 8
FACTOR = 0x9E3779B1  # Knuth's multiplicative hash
MOST_LEGS = 4  # captures of one SYN: a number that more four-tuples have is a scanner's, or made up
NEAR_NS = SECOND_NS // 10  # between the captures of one SYN: hardly a box holds a packet for longer
OTHER = QUOTED | HEADER_CUT
_MASK, _NEAR_NS = MASK, NEAR_NS  # for this module: compiled, they are C numbers


class Opening(NamedTuple):
    """A SYN, or the SYN/ACK that answers one. `number` is the client's initial number."""

    key: bytes  # as its sender's segments have it
    time_ns: int
    frame: int
    seq: int
    number: int
    tsval: int  # 0: none
    tsecr: int
    ip_id: int  # -1: none
    ttl: int
    is_answer: bool


class Openings:
    """The rows, as far as they are kept: those whose hash lies below `limit`. `most` 0: none is wanted."""

    __slots__ = ("count", "keys", "limit", "most", "rows")

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.limit = _MASK + 1 if most else 0
        self.count = 0
        self.keys: list[bytes] = []
        self.rows = array("q", bytes(8 * ROW_WORDS * 64))

    @property
    def is_sample(self) -> bool:
        """Whether some were left out."""
        return self.most > 0 and self.limit <= _MASK

    def take(self, block: SegmentBlock, selection: Selection) -> None:
        """Take in those of a block that belong here and are selected. Copies of them are rows as well."""
        if not self.limit:
            return
        segments, takes_all = Columns(block), selection.takes_all
        flags, opens, looked_at = segments.flags, SYN, SYN | RST
        for i in range(segments.count):
            if flags[i] & looked_at != opens:
                continue
            if (segments.me < 0 or segments.owner[i] == segments.me) and not segments.notes[i] & OTHER:
                number = (segments.ack[i] - 1) & _MASK if flags[i] & ACK else segments.seq[i]
                hashed = number * FACTOR & _MASK
                if hashed < self.limit and (
                    takes_all or (selection.matches_time(segments.time_ns[i]) and selection.matches_key(segments.key[i]))
                ):
                    self._add(segments, i, number, hashed)

    def _add(self, segments: Columns, i: int, number: int, hashed: int) -> None:
        if self.count >= self.most:
            self.cut()
            if hashed >= self.limit:
                return
        at = ROW_WORDS * self.count
        if at + ROW_WORDS > len(self.rows):
            self.rows = longer(self.rows, 1)
        rows = self.rows
        rows[at + HASH], rows[at + TIME], rows[at + FRAME] = hashed, segments.time_ns[i], segments.frame[i]
        rows[at + SEQ], rows[at + NUMBER] = segments.seq[i], number
        rows[at + TSVAL], rows[at + TSECR] = segments.tsval[i], segments.tsecr[i]
        ip_id = segments.ip_id[i] + 1  # wide, where it is compiled: above the TTL it has more than 31 bits
        rows[at + REST] = ip_id << 16 | (segments.ttl[i] & 0xFF) << 8 | (1 if segments.flags[i] & ACK else 0)
        self.keys.append(segments.key[i])
        self.count += 1

    def cut(self) -> None:
        """Lower the limit until there is room."""
        while self.count >= self.most:
            self.limit >>= 1
            self._keep_low()

    def _keep_low(self) -> None:
        """Leave out what does not lie below the limit."""
        rows, keys, kept = self.rows, self.keys, 0
        for row in range(self.count):
            if rows[ROW_WORDS * row] < self.limit:
                for word in range(ROW_WORDS):
                    rows[ROW_WORDS * kept + word] = rows[ROW_WORDS * row + word]
                keys[kept] = keys[row]
                kept += 1
        del keys[kept:]
        self.count = kept

    def parcel(self) -> tuple[int, list[bytes], bytes]:
        """All of it, for another process."""
        return self.limit, self.keys, bytes(memoryview(self.rows)[: ROW_WORDS * self.count])

    def merge(self, parcel: tuple[int, list[bytes], bytes]) -> None:
        """Take in another part of the capture."""
        limit, more_keys, data = parcel
        rows = array("q", bytes(memoryview(self.rows)[: ROW_WORDS * self.count]) + data)
        keys = self.keys + more_keys
        count = len(keys)
        frames, sorted_rows, sorted_keys = array("q", bytes(8 * count)), array("q", bytes(8 * ROW_WORDS * count)), []
        words, frame_of, to_words = rows, frames, sorted_rows  # compiled, these are views
        for row in range(count):
            frame_of[row] = words[ROW_WORDS * row + FRAME]
        order = columns.in_order(frames, count)  # as one process has them
        for place in range(count):
            row = order[place]
            for word in range(ROW_WORDS):
                to_words[ROW_WORDS * place + word] = words[ROW_WORDS * row + word]
            sorted_keys.append(keys[row])
        self.rows, self.keys, self.count = sorted_rows, sorted_keys, count
        self.limit = min(self.limit, limit)
        self._keep_low()
        if self.most:
            self.cut()

    def repeated(self) -> "array[int]":
        """Rows of SYNs that may be there twice, and their answers' rows.

        Within NEAR_NS there is one with the same number and another four-tuple, or with another number and the same timestamp and
        IP ID (port, where there is no ID), the same IP ID and no timestamp, or the same four-tuple.
        """
        rows, keys, count, room = self.rows, self.keys, 0, 8 * self.count
        wanted: set[int] = set()
        syns, numbers, stamps, tuples = array("q", bytes(room)), array("q", bytes(room)), array("q", bytes(room)), array("q", bytes(room))
        row_of, number_of, stamp_of, tuple_of = syns, numbers, stamps, tuples  # compiled, these are views
        first_of: dict[bytes, int] = {}
        for row in range(self.count):
            at = ROW_WORDS * row
            rest, stamp = rows[at + REST], rows[at + TSVAL]
            if rest & 1:
                continue
            row_of[count], number_of[count] = row, rows[at + NUMBER]
            tuple_of[count] = first_of.setdefault(plain_key(keys[row]), row)
            if stamp:
                stamp_of[count] = stamp << 18 | (rest >> 16 if rest >> 17 else 1 << 17 | local_port(keys[row]))
            else:  # below all that have a timestamp; without an IP ID as well it is like no other
                stamp_of[count] = rest >> 16 if rest >> 17 else -1 - row
            count += 1
        order = columns.in_order(numbers, count)
        for place in range(1, count):
            row, before = row_of[order[place]], row_of[order[place - 1]]
            is_same = rows[ROW_WORDS * row + NUMBER] == rows[ROW_WORDS * before + NUMBER]
            if is_same and self._are_near(row, before) and keys[row] != keys[before]:
                wanted.add(rows[ROW_WORDS * row + NUMBER])
        self._want_others(syns, stamps, count, wanted)
        self._want_others(syns, tuples, count, wanted)
        return self._rows_of(wanted)

    def _are_near(self, row: int, other: int) -> bool:
        """Whether two rows came at one moment."""
        return abs(self.rows[ROW_WORDS * row + TIME] - self.rows[ROW_WORDS * other + TIME]) <= _NEAR_NS

    def _want_others(self, syns: "array[int]", names: "array[int]", count: int, wanted: set[int]) -> None:
        """Want the numbers of two rows of one name, one right behind the other, that have other numbers and came at one moment.

        Of more than MOST_LEGS in a row no more are wanted: they are forged, and as many as somebody likes.
        """
        rows, order, last, run = self.rows, columns.in_order(names, count), 0, 1
        for place in range(1, count):
            if names[order[place]] != names[order[last]]:
                last, run = place, 1
                continue
            row, before = syns[order[place]], syns[order[last]]
            if rows[ROW_WORDS * row + NUMBER] == rows[ROW_WORDS * before + NUMBER]:
                continue
            last, run = place, run + 1 if self._are_near(row, before) else 1
            if 1 < run <= MOST_LEGS:
                wanted.add(rows[ROW_WORDS * row + NUMBER])
                wanted.add(rows[ROW_WORDS * before + NUMBER])

    def _rows_of(self, wanted: set[int]) -> "array[int]":
        """Rows of these numbers, but of those that too many four-tuples have."""
        rows, keys, found = self.rows, self.keys, array("q")
        legs: dict[int, set[bytes]] = {number: set() for number in wanted}
        for row in range(self.count if wanted else 0):
            if not rows[ROW_WORDS * row + REST] & 1:
                of_number = legs.get(rows[ROW_WORDS * row + NUMBER])
                if of_number is not None:
                    of_number.add(keys[row])
        few = {number for number, tuples in legs.items() if len(tuples) <= MOST_LEGS}
        for row in range(self.count if few else 0):
            if rows[ROW_WORDS * row + NUMBER] in few:
                found.append(row)
        return found

    def kept(self, which: Iterable[int]) -> list[Opening]:
        """Rows as objects."""
        rows, keys, found = self.rows, self.keys, []
        for row in which:
            at, key = ROW_WORDS * row, keys[row]
            rest = rows[at + REST]
            found.append(
                Opening(
                    key,
                    rows[at + TIME],
                    rows[at + FRAME],
                    rows[at + SEQ],
                    rows[at + NUMBER],
                    rows[at + TSVAL],
                    rows[at + TSECR],
                    (rest >> 16) - 1,
                    rest >> 8 & 0xFF,
                    rest & 1 == 1,
                )
            )
        return found

    def attempts(self) -> Counter[tuple[bytes, bytes, int]]:
        """How many connections were opened from each address to each other one's port."""
        opened = {
            (key, self.rows[ROW_WORDS * row + NUMBER]) for row, key in enumerate(self.keys) if not self.rows[ROW_WORDS * row + REST] & 1
        }
        found: Counter[tuple[bytes, bytes, int]] = Counter()
        for key, _ in opened:
            client, server, _, port, _ = key_parts(key)
            found[client, server, port] += 1
        return found

    def syns(self, keys: Container[bytes]) -> list[tuple[bytes, int]]:
        """Four-tuple and number of each SYN on one of these four-tuples."""
        return [
            (key, self.rows[ROW_WORDS * row + NUMBER])
            for row, key in enumerate(self.keys)
            if not self.rows[ROW_WORDS * row + REST] & 1 and key in keys
        ]
