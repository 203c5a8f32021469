# cython: boundscheck=False, wraparound=False
# (compiled: rows are counted, and there is room for one before it is written)
"""Connections in which something went wrong, in columns: what causes are looked for in.

A row holds what the tables of facts say of the connection, as far as the causes ask for it (COPIED), and its numbers. It is
written as the connection ends, from a row of the tables or, where many connections went the same way, from the connection
itself. Of more than MOST rows those with the lowest first frames are kept: so the order in which they come does not show.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from tcptrace_py.facts.block import CLIENT_LONG_CLOSES as AT_LONG_CLOSES
from tcptrace_py.facts.block import CLIENT_MISSING as AT_MISSING
from tcptrace_py.facts.block import CLIENT_REPEATS as AT_CLIENT_REPEATS
from tcptrace_py.facts.block import ENDING_RESET as AT_ENDING
from tcptrace_py.facts.block import OUTCOME as AT_OUTCOME
from tcptrace_py.facts.block import PATTERN as AT_PATTERN
from tcptrace_py.facts.block import RESET_BY as AT_BY
from tcptrace_py.facts.block import RESETS as AT_RESET_COUNT
from tcptrace_py.facts.block import RESETS_AT as AT_RESETS
from tcptrace_py.facts.block import SERVER_BYTES as AT_SERVER_BYTES
from tcptrace_py.facts.block import SERVER_REPEATS as AT_SERVER_REPEATS
from tcptrace_py.facts.block import SYN_REPEATS as AT_SYN_REPEATS
from tcptrace_py.facts.block import Block
from tcptrace_py.facts.table import MISSING, Table
from tcptrace_py.model import columns, words
from tcptrace_py.model.clock import NEVER_NS
from tcptrace_py.model.digest import MOST_CLIENTS
from tcptrace_py.model.live import COPY, STRAY
from tcptrace_py.model.live import Connection as Live
from tcptrace_py.model.segments import ACK, IPV6_KEY, RST, local_port
from tcptrace_py.model.seq import HALF, MASK
from tcptrace_py.model.state import State
from tcptrace_py.model.vocabulary import Outcome, Pattern, Role, numbers

from .accounts import name_of
from .trouble_columns import (
    ACCOUNT,
    CLIENT_BYTES,
    CLIENT_FIN,
    CLIENT_ISN,
    CLIENT_NEXT,
    CLIENT_PACKETS,
    CLIENT_PORT,
    CLIENT_REPEATS,
    CLIENT_SEEN,
    CLIENT_STATE,
    CLIENT_TALKED_LAST,
    COPIED_NARROW,
    COPIED_SMALL,
    COPIED_WIDE,
    END,
    FIRST_ACK,
    FIRST_ASKED,
    FIRST_BY,
    FIRST_FIN,
    FIRST_FRAME,
    FIRST_SEQ,
    FIRST_WAITS_NARROW,
    FIRST_WAITS_WIDE,
    HANDSHAKE,
    MIDSTREAM,
    NARROW_COLUMNS,
    OUTCOME,
    PATTERN,
    RESET_AT,
    RESET_BEHIND,
    RESET_BY,
    RESET_CAUSE,
    RESET_CONFIDENCE,
    RESET_FRAME,
    RESET_GOES_ON,
    RESET_TTL,
    SERVER_BYTES,
    SERVER_FIN,
    SERVER_ISN,
    SERVER_NEXT,
    SERVER_PACKETS,
    SERVER_REPEATS,
    SERVER_SEEN,
    SERVER_STATE,
    SMALL_COLUMNS,
    START,
    STREAM,
    SYN_REPEATS,
    SYNACK_REPEATS,
    USUAL_TTL,
    VANTAGE,
    WAITS_NARROW,
    WAITS_WIDE,
    WIDE_COLUMNS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tcptrace_py.model.trouble import Trouble
    from tcptrace_py.model.verdict import Verdict

MOST = 1 << 17
EACH_SENT = 1 << 12  # rows of a parcel
MOST_ATTEMPTS = 1 << 12  # SYNs that were sent once and never answered: a flood of them says no more than its first ones
OUTCOMES, PATTERNS = numbers(Outcome), numbers(Pattern)
REFUSED, COMPLETED, UNANSWERED, IN_PROGRESS = map(OUTCOMES.__getitem__, ("refused", "completed", "unanswered", "in-progress"))
NONE, FOUR_WAY, SIMULTANEOUS = PATTERNS["none"], PATTERNS["four-way"], PATTERNS["simultaneous"]
SYN_SENT, LISTEN, CLOSED = State.SYN_SENT, State.LISTEN, State.CLOSED
ANY_FRAME = _ANY_FRAME = (1 << 63) - 1
_IPV6_KEY, _MOST_CLIENTS = IPV6_KEY, MOST_CLIENTS  # for this module: compiled, they are C numbers
ROLE_BETWEEN = numbers(Role)["between"]


class Troubled:
    """The rows, as one table, and the accounts that they belong to."""

    __slots__ = ("bounds", "due", "expected", "last_frame", "me", "most", "names", "numbers", "room", "table")

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.room = self.due = _room(most)  # rows there is room for; rows at which those to be kept are looked for
        self.last_frame = _ANY_FRAME  # rows that begin later would not be kept
        self.bounds: memoryview | None = None  # see `share`
        self.me = self.expected = 0
        self.table = Table(WIDE_COLUMNS, NARROW_COLUMNS, SMALL_COLUMNS, 64)
        self.names: list[bytes] = []  # of accounts
        self.numbers: dict[bytes, int] = {}

    def share(self, bounds: memoryview, me: int, share: int) -> None:
        """Keep together with other processes as many as are wanted, this one `share` of them if all goes as expected.

        `bounds`: one number of 64 bits for each process, for all to see. It is the first frame up to which a process has its
        share, ANY_FRAME until it has that many. The shares come to as many as are wanted: so all together have as many up to the
        highest of these numbers, and none of what begins later is kept.
        """
        self.bounds, self.me, self.expected = bounds, me, share
        self.due, self.room = share, _room(share)

    def add(self, key: bytes, block: Block, row: int, live: Live, verdict: Verdict) -> None:
        """Take in a described connection, if it is in trouble; `key`: its client's."""
        if live.first_frame > self.last_frame or not _is_troubled(block, row, live.talker == verdict.client):
            return
        mine = self._row(name_of(key))
        table, source = self.table, block.connections
        size, theirs = table.capacity, source.capacity
        wide, narrow, small = table.wide, table.narrow, table.small
        of_wide, of_narrow = source.wide, source.narrow
        copied = COPIED_WIDE
        for column in range(len(copied)):
            wide[column * size + mine] = of_wide[copied[column] * theirs + row]
        copied = COPIED_NARROW
        for column in range(len(copied)):
            narrow[column * size + mine] = of_narrow[copied[column] * theirs + row]
        copied = COPIED_SMALL
        for column in range(len(copied)):
            small[column * size + mine] = source.small[copied[column] * theirs + row]
        copied = WAITS_WIDE
        for column in range(len(copied)):
            wide[(FIRST_WAITS_WIDE + column) * size + mine] = of_wide[copied[column] * theirs + row]
        copied = WAITS_NARROW
        for column in range(len(copied)):
            narrow[(FIRST_WAITS_NARROW + column) * size + mine] = of_narrow[copied[column] * theirs + row]
        self._write_numbers(mine, live, verdict.client)
        client, server = verdict.close.first(verdict.client), verdict.close.first(1 - verdict.client)
        if client >= 0:
            fin = live.log[client]
            wide[CLIENT_FIN * size + mine] = fin.time_ns
        if server >= 0:
            fin = live.log[server]
            wide[SERVER_FIN * size + mine] = fin.time_ns
        small[CLIENT_STATE * size + mine] = verdict.final_code(verdict.client)
        small[SERVER_STATE * size + mine] = verdict.final_code(1 - verdict.client)
        small[CLIENT_TALKED_LAST * size + mine] = live.talker == verdict.client
        self._write_reset(mine, block, row, live, verdict)

    def wants(self, first_frame: int) -> bool:
        """Whether a connection that begins with this frame may be among those that are kept."""
        return first_frame <= self.last_frame

    def add_unanswered(self, name: bytes, live: Live, outcome: int) -> None:
        """Take in a SYN that nobody answered, or not yet, of a connection that was not described; `name`: its account's."""
        row = self._silent(name, live.a.key, live.start_ns, live.first_frame, live.stream, live.a.packets, outcome)
        self.table.wide[END * self.table.capacity + row] = live.end_ns
        self.table.wide[CLIENT_BYTES * self.table.capacity + row] = live.a.payload_bytes
        self._write_numbers(row, live, 0)

    def add_attempt(self, name: bytes, key: bytes, start_ns: int, first_frame: int, stream: int, seq: int, outcome: int) -> None:
        """The same of one SYN without data, of which no more is known."""
        row = self._silent(name, key, start_ns, first_frame, stream, 1, outcome)
        wide, size = self.table.wide, self.table.capacity
        wide[CLIENT_ISN * size + row] = wide[FIRST_SEQ * size + row] = seq
        wide[CLIENT_NEXT * size + row] = (seq + 1) & MASK
        wide[SERVER_ISN * size + row] = wide[SERVER_NEXT * size + row] = wide[FIRST_ACK * size + row] = MISSING
        self.table.small[FIRST_BY * size + row] = 0

    def _silent(self, name: bytes, key: bytes, start_ns: int, first_frame: int, stream: int, packets: int, outcome: int) -> int:
        """A row of what nobody answered."""
        row = self._row(name)
        table = self.table
        wide, narrow, small, size = table.wide, table.narrow, table.small, table.capacity
        wide[START * size + row] = wide[END * size + row] = start_ns
        wide[FIRST_FRAME * size + row], wide[HANDSHAKE * size + row] = first_frame, MISSING
        wide[CLIENT_PACKETS * size + row], wide[CLIENT_BYTES * size + row] = packets, 0
        wide[SERVER_PACKETS * size + row] = wide[SERVER_BYTES * size + row] = 0
        narrow[STREAM * size + row] = (stream + HALF & MASK) - HALF if stream >= 0 else -1
        narrow[CLIENT_PORT * size + row] = local_port(key)
        narrow[SYN_REPEATS * size + row] = narrow[CLIENT_REPEATS * size + row] = packets - 1
        narrow[SYNACK_REPEATS * size + row] = narrow[SERVER_REPEATS * size + row] = 0
        narrow[CLIENT_SEEN * size + row] = narrow[SERVER_SEEN * size + row] = 0
        small[VANTAGE * size + row], small[MIDSTREAM * size + row] = -1, 0
        small[OUTCOME * size + row], small[PATTERN * size + row], small[FIRST_FIN * size + row] = outcome, NONE, -1
        for column in range(len(WAITS_WIDE)):
            wide[(FIRST_WAITS_WIDE + column) * size + row] = MISSING
        for column in range(len(WAITS_NARROW)):
            narrow[(FIRST_WAITS_NARROW + column) * size + row] = 0
        small[CLIENT_STATE * size + row], small[SERVER_STATE * size + row] = SYN_SENT, LISTEN
        return row

    def _row(self, name: bytes) -> int:
        """Make a row for a connection of the account of this name: without a reset, without FINs."""
        row, number = self._next(), self._number(name)
        table = self.table
        size = table.capacity
        table.narrow[ACCOUNT * size + row] = number
        table.narrow[RESET_TTL * size + row] = table.narrow[USUAL_TTL * size + row] = -1
        table.wide[RESET_AT * size + row] = table.wide[RESET_FRAME * size + row] = table.wide[FIRST_ASKED * size + row] = MISSING
        table.wide[CLIENT_FIN * size + row] = table.wide[SERVER_FIN * size + row] = table.wide[RESET_BEHIND * size + row] = MISSING
        table.small[RESET_BY * size + row] = table.small[RESET_CAUSE * size + row] = -1
        table.small[RESET_CONFIDENCE * size + row] = -1
        table.small[RESET_GOES_ON * size + row] = table.small[CLIENT_TALKED_LAST * size + row] = 0
        return row

    def _next(self) -> int:
        """The next row, where there is room for it: else those that began first are kept before."""
        if self.table.count >= self.due:
            self.keep_first()
            if self.table.count > self.room - self.room // 16:  # others have less than their share
                self.room = min(self.room + self.room // 4, _room(self.most))
            self.due = self.room
        if self.table.count == self.table.capacity and 2 * self.table.count > self.room:
            self.table.make_room(self.room)
        return self.table.row()

    def _write_numbers(self, row: int, live: Live, client: int) -> None:
        table, own, other, first = self.table, live.side(client), live.side(1 - client), live.log[0] if live.log else None
        wide, size = table.wide, table.capacity
        wide[CLIENT_ISN * size + row] = own.isn if own.syn_seen else MISSING
        table.narrow[CLIENT_SEEN * size + row], table.narrow[SERVER_SEEN * size + row] = own.largest, other.largest
        wide[SERVER_ISN * size + row] = other.isn if other.syn_seen else MISSING
        wide[CLIENT_NEXT * size + row] = own.next_seq if own.has_seq else MISSING
        wide[SERVER_NEXT * size + row] = other.next_seq if other.has_seq else MISSING
        wide[FIRST_SEQ * size + row] = wide[FIRST_ACK * size + row] = MISSING
        table.small[FIRST_BY * size + row] = 0
        if own.payload_bytes and not other.payload_bytes:
            for segment in live.log:
                if segment.payload and segment.side == client and not segment.flags & RST and not segment.marks & (COPY | STRAY):
                    wide[FIRST_ASKED * size + row] = segment.time_ns
                    break
        if first is not None:
            wide[FIRST_SEQ * size + row] = first.seq
            if first.flags & ACK:
                wide[FIRST_ACK * size + row] = first.ack
            table.small[FIRST_BY * size + row] = first.side != client

    def _write_reset(self, mine: int, block: Block, row: int, live: Live, verdict: Verdict) -> None:
        """The reset that ended it, else the first from between, else the first."""
        source, resets, table = block.connections, block.resets, self.table
        at, chosen = source.narrow[AT_RESETS * source.capacity + row], -1
        ending = source.narrow[AT_ENDING * source.capacity + row]
        for number in range(len(verdict.resets)):
            by = resets.small[AT_BY * resets.capacity + at + number]
            if at + number == ending or (ending < 0 and by == ROLE_BETWEEN):
                chosen = number
                break
        if chosen < 0 and not verdict.resets:
            return
        chosen = max(chosen, 0)
        marks, size, theirs = verdict.resets[chosen], table.capacity, resets.capacity
        reset = live.log[marks.index]
        table.wide[RESET_AT * size + mine], table.wide[RESET_FRAME * size + mine] = reset.time_ns, reset.frame
        table.narrow[RESET_TTL * size + mine] = reset.ttl
        context = reset.context
        if context is not None:
            table.wide[RESET_BEHIND * size + mine] = reset.time_ns - context.previous_ns
        for column in range(3):  # by, cause and confidence stand in the same order
            table.small[(RESET_BY + column) * size + mine] = resets.small[(AT_BY + column) * theirs + at + chosen]
        for segment in live.log:
            if segment.side == reset.side and not segment.flags & RST and not segment.marks & (COPY | STRAY):
                table.narrow[USUAL_TTL * size + mine] = segment.ttl
                if segment.time_ns > reset.time_ns:
                    table.small[RESET_GOES_ON * size + mine] = 1

    def finish(self) -> None:
        """All rows are there: from now on they are in order of first frames."""
        if self.table.count:
            self.keep_first()

    def keep_first(self) -> None:
        """Keep as many rows as are wanted, with the lowest first frames, in this order."""
        table = self.table
        size = table.capacity
        frames = table.wide[FIRST_FRAME * size : FIRST_FRAME * size + table.count]
        order = columns.in_order(frames, table.count)
        count = min(self.most, table.count)
        if count == self.most:
            self.last_frame = min(self.last_frame, frames[order[count - 1]])
        if self.bounds is not None:
            if count >= self.expected:
                self.bounds[self.me] = frames[order[self.expected - 1]]
            self.last_frame = min(self.last_frame, max(self.bounds))
        while count and frames[order[count - 1]] > self.last_frame:
            count -= 1
        self._keep(order, count)
        names, table = self.names, self.table
        self.names, self.numbers = [], {}
        for at in range(ACCOUNT * table.capacity, ACCOUNT * table.capacity + count):
            table.narrow[at] = self._number(names[table.narrow[at]])

    def _keep(self, order: Sequence[int], count: int) -> None:
        """Keep so many rows, in this order: one column after the other, as all of them are not to be there twice."""
        table = self.table
        size, wide, narrow, small = table.capacity, table.wide, table.narrow, table.small
        longs, ints, bits = array("q", bytes(8 * count)), array("i", bytes(4 * count)), array("b", bytes(count))
        of_wide, of_narrow, of_small = longs, ints, bits  # compiled, these are views
        for column in range(table.wide_columns):
            for place in range(count):
                of_wide[place] = wide[column * size + order[place]]
            wide[column * size : column * size + count] = of_wide
        for column in range(table.narrow_columns):
            for place in range(count):
                of_narrow[place] = narrow[column * size + order[place]]
            narrow[column * size : column * size + count] = of_narrow
        for column in range(table.small_columns):
            for place in range(count):
                of_small[place] = small[column * size + order[place]]
            small[column * size : column * size + count] = of_small
        table.count = count

    def _number(self, name: bytes) -> int:
        """The number of an account."""
        number = self.numbers.get(name)
        if number is None:
            number = self.numbers[name] = len(self.names)
            self.names.append(name)
        return number

    def parcels(self) -> Iterator[tuple[dict[int, bytes], int, bytes]]:
        """All of it for another process: names of accounts by their numbers, rows, and these packed, of some at a time."""
        table = self.table
        for at in range(0, table.count, EACH_SENT):
            end = min(at + EACH_SENT, table.count)
            numbers = table.narrow[ACCOUNT * table.capacity + at : ACCOUNT * table.capacity + end]
            yield {number: self.names[number] for number in numbers}, end - at, table.packed(at, end)

    def take(self, parcel: tuple[dict[int, bytes], int, bytes]) -> None:
        """Take in some rows of another part of the capture."""
        if self.bounds is not None:  # it stands for all processes from now on, and what is there is no longer its own alone
            self.last_frame, self.bounds = min(self.last_frame, max(self.bounds)), None
        names, count, data = parcel
        table = Table(WIDE_COLUMNS, NARROW_COLUMNS, SMALL_COLUMNS, 1)
        table.unpack(memoryview(data), 0, count)
        of_wide, of_narrow, of_small = table.wide, table.narrow, table.small
        for row in range(count):
            if of_wide[FIRST_FRAME * count + row] > self.last_frame:
                continue
            mine, number = self._next(), self._number(names[of_narrow[ACCOUNT * count + row]])
            wide, narrow, small, size = self.table.wide, self.table.narrow, self.table.small, self.table.capacity
            for column in range(WIDE_COLUMNS):
                wide[column * size + mine] = of_wide[column * count + row]
            for column in range(NARROW_COLUMNS):
                narrow[column * size + mine] = of_narrow[column * count + row]
            for column in range(SMALL_COLUMNS):
                small[column * size + mine] = of_small[column * count + row]
            narrow[ACCOUNT * size + mine] = number

    def rename_streams(self, stream_of: Callable[[int], int]) -> None:
        """Give other numbers to the streams."""
        table = self.table
        for at in range(STREAM * table.capacity, STREAM * table.capacity + table.count):
            if table.narrow[at] != -1:
                table.narrow[at] = stream_of(table.narrow[at] & MASK)


class Alike:
    """Connections in one trouble at one service, as far as the digest was not told of them yet."""

    __slots__ = ("clients", "count", "first_frame", "first_ns", "key", "last_ns", "size", "stream", "trouble")

    def __init__(self, trouble: Trouble, key: bytes, first_frame: int) -> None:
        self.trouble = trouble
        self.key = key  # of the client of one of them
        self.size = 4 if len(key) < _IPV6_KEY else 16
        self.count = 0
        self.first_frame, self.stream = first_frame, -1
        self.first_ns, self.last_ns = NEVER_NS, -NEVER_NS
        self.clients: dict[bytes, None] = {}  # packed addresses, of MOST_CLIENTS at most

    def takes(self, trouble: Trouble, key: bytes) -> bool:
        """Whether a connection is one of these."""
        return trouble is self.trouble and words.same_target(key, self.key, self.size)

    def add(self, key: bytes, stream: int, first_frame: int, start_ns: int) -> None:
        """Count one of them."""
        self.count += 1
        if first_frame <= self.first_frame:
            self.first_frame, self.stream = first_frame, stream
        if start_ns < self.first_ns:  # noqa: PLR1730 - a call less
            self.first_ns = start_ns
        if start_ns > self.last_ns:  # noqa: PLR1730
            self.last_ns = start_ns
        if len(self.clients) < _MOST_CLIENTS:
            self.clients[key[: self.size]] = None


def _room(count: int) -> int:
    """For how many rows there is room where so many are kept: they are not put in order for each one more."""
    return count + count // 8 + 64


def _is_troubled(block: Block, row: int, asks: bool) -> bool:
    """Whether something went wrong with a connection. `asks`: the last new data was the client's.

    It was not opened at once, not closed, reset, open and not answered, lacked something in the end, or had a window closed for long.
    A refusal is no riddle.
    """
    table = block.connections
    small, narrow, size = table.small, table.narrow, table.capacity
    outcome, pattern = small[AT_OUTCOME * size + row], small[AT_PATTERN * size + row]
    if outcome == REFUSED:
        return False
    if (
        narrow[AT_SYN_REPEATS * size + row] > 0
        or narrow[AT_RESET_COUNT * size + row] > 0
        or (narrow[AT_LONG_CLOSES * size + row] + narrow[(AT_LONG_CLOSES + 1) * size + row] > 0)
        or is_unfinished(outcome, pattern, asks or table.wide[AT_SERVER_BYTES * size + row] == 0)
        or (narrow[AT_MISSING * size + row] > 0 or narrow[(AT_MISSING + 1) * size + row] > 0)
    ):
        return True
    return pattern == NONE and (narrow[AT_CLIENT_REPEATS * size + row] > 0 or narrow[AT_SERVER_REPEATS * size + row] > 0)


def is_unfinished(outcome: int, pattern: int, waits: bool) -> bool:
    """Whether a connection was not opened or not closed, or is open and `waits` for the first of its server, or for an answer."""
    if outcome == REFUSED or pattern in (FOUR_WAY, SIMULTANEOUS):
        return False
    return pattern != NONE or outcome != COMPLETED or waits
