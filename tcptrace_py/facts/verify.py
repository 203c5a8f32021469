"""Whether a block that comes from a file says what it means in numbers that exist.

The compiled views look where a block's numbers point, without asking whether there is anything: a block that was forged would have
them read, and print, memory that is none of its own. So a block of somebody else's is looked through before it is used.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from itertools import chain

from tcptrace_py.model.results import Scope, TwoScopes

from .block import (
    ANOMALIES,
    ANOMALIES_AT,
    ANOMALY_CODE,
    ANOMALY_EXPLANATION,
    BASES,
    CLIENT,
    CLIENT_PATH,
    CLIENT_PORT,
    ENDING_RESET,
    ENTRIES_AT,
    FIRST_FIN,
    HISTORY,
    KIND,
    OUTCOME,
    PATTERN,
    RESET_BY,
    RESET_CAUSE,
    RESET_CONFIDENCE,
    RESET_EVIDENCE,
    RESETS,
    RESETS_AT,
    ROWS,
    SCOPE,
    SERVER,
    SERVER_PATH,
    SERVER_PORT,
    STATES,
    STAY_BASIS,
    STAY_ENDED_BY,
    STAY_SIDE,
    STAYS,
    STAYS_AT,
    VANTAGE,
    Block,
)
from .table import Table
from .views import CAUSES, CONFIDENCES, ENDINGS, KINDS, OUTCOMES, PATTERNS, ROLES, VANTAGES

STEP = 3  # bytes of a path for each state: the state, its basis, why
ADDRESS_BYTES = (4, 16)
PORTS = 1 << 16


def verify(block: Block) -> None:
    """Raises ValueError for a block whose numbers point where nothing is, or that names what is no name."""
    table = block.connections
    if not 0 < table.count <= ROWS or min(each.count for each in (block.entries, block.stays, block.resets, block.anomalies)) < 0:
        raise ValueError("a block of so many rows")
    _names(block)
    for column, least, count in (
        (CLIENT, 0, len(block.addresses.values)),
        (SERVER, 0, len(block.addresses.values)),
        (CLIENT_PORT, 0, PORTS),
        (SERVER_PORT, 0, PORTS),
        (SCOPE, -1, len(block.scopes.values)),
        (HISTORY, 0, len(block.histories.values)),
        (CLIENT_PATH, 0, len(block.paths.values)),
        (SERVER_PATH, -1, len(block.paths.values)),
        (ENDING_RESET, -1, block.resets.count),
    ):
        _within(_narrow(table, column), least, count)
    for rows, column, least, count in (
        (table, VANTAGE, -1, len(VANTAGES)),
        (table, KIND, -1, len(KINDS)),
        (table, OUTCOME, 0, len(OUTCOMES)),
        (table, PATTERN, 0, len(PATTERNS)),
        (table, FIRST_FIN, -1, len(ROLES)),
        (block.stays, STAY_SIDE, 0, len(ROLES)),
        (block.stays, STAY_BASIS, 0, len(BASES)),
        (block.stays, STAY_ENDED_BY, 0, len(ENDINGS)),
        (block.resets, RESET_BY, 0, len(ROLES)),
        (block.resets, RESET_CAUSE, -1, len(CAUSES)),
        (block.resets, RESET_CONFIDENCE, 0, len(CONFIDENCES)),
    ):
        _within(_small(rows, column), least, count)
    _within(_narrow(block.resets, RESET_EVIDENCE), 0, len(block.evidence.values))
    for column in (ANOMALY_CODE, ANOMALY_EXPLANATION):
        _within(_narrow(block.anomalies, column), 0, len(block.texts.values))
    states = [len(block.path(number)) for number in range(len(block.paths.values))]
    entered = [
        states[client] + (states[server] if server >= 0 else 0)
        for client, server in zip(_narrow(table, CLIENT_PATH), _narrow(table, SERVER_PATH), strict=True)
    ]
    for begins, counts, other in (
        (_narrow(table, ENTRIES_AT), entered, block.entries),
        (_narrow(table, STAYS_AT), _small(table, STAYS), block.stays),
        (_narrow(table, RESETS_AT), _narrow(table, RESETS), block.resets),
        (_narrow(table, ANOMALIES_AT), _narrow(table, ANOMALIES), block.anomalies),
    ):
        if min(chain(begins, counts)) < 0 or max(map(sum, zip(begins, counts, strict=True))) > other.count:
            raise ValueError("rows that are not there")


def _names(block: Block) -> None:
    """What numbers stand for."""
    for path in block.paths.values:
        if not isinstance(path, bytes) or not path or len(path) % STEP:
            raise ValueError("a path that is none")
        for part, names in enumerate((STATES, BASES, block.reasons.values)):
            _within(path[part::STEP], 0, len(names))
    if not all(isinstance(value, bytes) and len(value) in ADDRESS_BYTES for value in block.addresses.values):
        raise ValueError("an address that is none")
    if not all(isinstance(value, str) for value in chain(block.histories.values, block.reasons.values, block.texts.values)):
        raise ValueError("a text that is none")
    if not all(isinstance(text, str) for value in block.evidence.values for text in _each(value)):
        raise ValueError("evidence that is none")
    if not all(_is_scope(value) for value in block.scopes.values):
        raise ValueError("a scope that is none")


def _is_scope(value: object) -> bool:
    if isinstance(value, TwoScopes):
        return value.first in ROLES and all(one is None or _is_scope(one) for one in (value.client, value.server))
    return isinstance(value, Scope) and all(type(part) in (int, type(None)) for part in astuple(value))


def _each(value: object) -> Iterator[object]:
    return iter(value) if isinstance(value, tuple) else iter((None,))


def _narrow(table: Table, column: int) -> Sequence[int]:
    return table.narrow[column * table.capacity : column * table.capacity + table.count]


def _small(table: Table, column: int) -> Sequence[int]:
    return table.small[column * table.capacity : column * table.capacity + table.count]


def _within(numbers: Sequence[int], least: int, count: int) -> None:
    """Raises ValueError where a number names nothing."""
    if len(numbers) and (min(numbers) < least or max(numbers) >= count):
        raise ValueError("a number that stands for nothing")
