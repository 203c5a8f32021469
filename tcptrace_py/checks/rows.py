"""The connections that a rule looks at, a block at a time, in columns.

A mask says which rows of a block are meant: a byte for each, 1 or 0. Rules make them of columns (`facts.block` numbers them),
and only for what they complain of are there objects.
"""

from __future__ import annotations

from functools import cached_property
from itertools import compress
from operator import mul
from typing import TYPE_CHECKING

from tcptrace_py.facts import block as at
from tcptrace_py.facts.table import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tcptrace_py.facts.block import Block
    from tcptrace_py.facts.table import Table
    from tcptrace_py.model.results import Scope, TwoScopes
    from tcptrace_py.model.state import State
    from tcptrace_py.model.vocabulary import Word

    from .scope import Scope as Choice

Mask = bytes
_OPPOSITE = bytes((1, 0))


class Rows:
    """The rows of a block, of which `chosen` are in scope; `start_ns` is the time of the capture's first frame."""

    def __init__(self, block: Block, scope: Choice, start_ns: int | None) -> None:
        self.block = block
        self.count = block.connections.count
        self._scope = scope
        self._start_ns = start_ns

    def wide(self, column: int) -> list[int]:
        """Values of a wide column; MISSING where there is none."""
        return values(self.block.connections.wide, self.block.connections, column)

    def narrow(self, column: int) -> list[int]:
        """Values of a narrow column."""
        return values(self.block.connections.narrow, self.block.connections, column)

    def small(self, column: int) -> list[int]:
        """Values of a small column."""
        return values(self.block.connections.small, self.block.connections, column)

    def true(self, column: int) -> Mask:
        """Where a column of truths holds one."""
        table = self.block.connections
        return bytes(memoryview(table.small)[column * table.capacity : column * table.capacity + table.count])

    def are(self, column: int, *words: Word) -> Mask:
        """Where a column holds one of these words."""
        table = self.block.connections
        codes = bytes(memoryview(table.small)[column * table.capacity : column * table.capacity + table.count])
        wanted = bytearray(256)
        for word in words:
            wanted[list(type(word)).index(word)] = 1
        return codes.translate(wanted)

    def some(self, *columns: int) -> Mask:
        """Where one of these narrow columns is above 0."""
        return bytes(map(bool, map(max, *map(self.narrow, columns))))

    @cached_property
    def every(self) -> Mask:
        """All of them."""
        return bytes((1,)) * self.count

    @cached_property
    def chosen(self) -> Mask:
        """Those in scope."""
        scope = self._scope
        mask = self.every
        if scope.begin is not None:
            first_ns = scope.begin.of(self._start_ns)
            mask = both(mask, bytes([start_ns >= first_ns for start_ns in self.wide(at.START)]))
        if scope.end is not None:
            end_ns = scope.end.of(self._start_ns)
            mask = both(mask, bytes([start_ns < end_ns for start_ns in self.wide(at.START)]))
        roles = ROLES if scope.role is None else (scope.role,)
        if scope.ports:
            mask = both(mask, either(*(bytes(map(scope.has_port, self.narrow(PORTS[role]))) for role in roles)))
        if scope.is_choosy:
            mask = both(mask, either(*map(self._has_address, roles)))
        return mask

    def looked_at(self, role: str) -> Mask:
        """Those of which this side's own behaviour is looked at: the chosen role's, the chosen hosts'."""
        if self._scope.role not in (None, role):
            return bytes(self.count)
        return self._has_address(role) if self._scope.is_choosy else self.every

    def of_sides(self, values: Callable[[str], list[int]]) -> list[int]:
        """Of what the sides that are looked at have, by role, the larger one; 0 where none is looked at."""
        found = [0] * self.count
        for role in ROLES:
            found = list(map(max, found, map(mul, values(role), both(self.chosen, self.looked_at(role)))))
        return found

    def _has_address(self, role: str) -> Mask:
        block = self.block
        chosen = [self._scope.has_address(block.address(number)) for number in range(len(block.addresses.values))]
        return bytes([chosen[number] for number in self.narrow(ADDRESSES[role])])

    @property
    def networks(self) -> list[Scope | None]:
        """The network of each of the block's scopes; the last one stands for none."""
        scopes: list[Scope | TwoScopes] = self.block.scopes.values  # type: ignore[assignment]
        return [*(scope.network for scope in scopes), None]

    def stays(self) -> list[tuple[int, int, int, int]]:
        """The stays in TIME_WAIT that are looked at: row, side (0: the client's), from when, until when."""
        stays, looked_at = self.block.stays, [both(self.chosen, self.looked_at(role)) for role in ROLES]
        sides, entered_ns = values(stays.small, stays, at.STAY_SIDE), values(stays.wide, stays, at.STAY_ENTERED)
        expires_ns, ended_ns = values(stays.wide, stays, at.STAY_EXPIRES), values(stays.wide, stays, at.STAY_ENDED)
        found = []
        for row, (begin, count) in enumerate(zip(self.narrow(at.STAYS_AT), self.small(at.STAYS), strict=True)):
            for stay in range(begin, begin + count):
                side = sides[stay]
                if looked_at[side][row]:
                    found.append((row, side, entered_ns[stay], expires_ns[stay] if ended_ns[stay] == MISSING else ended_ns[stay]))
        return found

    def longest_ns(self, role: str, state: State, end_ns: int) -> list[int]:
        """How long a side was in a state, at the most; up to the capture's end if it was still there; 0 where it never was."""
        block, found = self.block, [0] * self.count
        paths = [block.path(number) for number in range(len(block.paths.values))]
        steps = [[step for step, (entered, _, _) in enumerate(path) if entered == state] for path in paths]
        if not any(steps):
            return found
        entered_ns = values(block.entries.wide, block.entries, at.ENTERED)
        clients, begins = self.narrow(at.CLIENT_PATH), self.narrow(at.ENTRIES_AT)
        for row, number in enumerate(clients if role == "client" else self.narrow(at.SERVER_PATH)):
            if number < 0 or not steps[number]:
                continue
            begin = begins[row] if role == "client" else begins[row] + len(paths[clients[row]])
            for step in steps[number]:
                since_ns = entered_ns[begin + step]
                until_ns = entered_ns[begin + step + 1] if step + 1 < len(paths[number]) else end_ns
                if MISSING not in (since_ns, until_ns):
                    found[row] = max(found[row], until_ns - since_ns)
        return found

    def ends(self, rows: Iterable[int]) -> list[tuple[str, int]]:
        """Address and port of the servers of these rows."""
        block, (servers, ports) = self.block, self._servers
        return [(block.address(servers[row]), ports[row]) for row in rows]

    @cached_property
    def _servers(self) -> tuple[list[int], list[int]]:
        return self.narrow(at.SERVER), self.narrow(at.SERVER_PORT)


ROLES = ("client", "server")
ADDRESSES = {"client": at.CLIENT, "server": at.SERVER}
PORTS = {"client": at.CLIENT_PORT, "server": at.SERVER_PORT}


def values(data: object, table: Table, column: int) -> list[int]:
    """Values of a column of a table; `data` is what it keeps columns of this width in."""
    return memoryview(data)[column * table.capacity : column * table.capacity + table.count].tolist()  # type: ignore[arg-type]


def both(*masks: Mask) -> Mask:
    """Where all of them are 1."""
    found = int.from_bytes(masks[0])
    for mask in masks[1:]:
        found &= int.from_bytes(mask)
    return found.to_bytes(len(masks[0]))


def either(*masks: Mask) -> Mask:
    """Where one of them is 1."""
    found = 0
    for mask in masks:
        found |= int.from_bytes(mask)
    return found.to_bytes(len(masks[0]))


def neither(mask: Mask) -> Mask:
    """Where it is 0."""
    return mask.translate(_OPPOSITE + bytes(254))


def picked(mask: Mask) -> list[int]:
    """The rows where it is 1."""
    return list(compress(range(len(mask)), mask))
