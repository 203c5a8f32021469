"""Where time goes: the parts of a handshake and of an answer, each measured on one clock where it can be."""

from __future__ import annotations

from heapq import merge
from typing import TYPE_CHECKING

from tcptrace_py.findings.percentiles import Values
from tcptrace_py.model.path import CLIENT, SERVER, Columns, Latencies, Pair
from tcptrace_py.model.segments import ACK, RST, SYN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .match import Passage

PARTS = ("near", "out", "far", "back", "again", "total", "answer_near", "answer_far")


class Collected:
    """Times of all pairs, by what they are times of."""

    def __init__(self) -> None:
        self.values = {name: Values() for name in PARTS}

    def add(
        self,
        columns: tuple[Columns, Columns],
        pair: Pair,
        both: tuple[Passage, Passage],
        near: int,
        transit: Callable[[int, int, int], int],
    ) -> None:
        """Take in a pair whose client's segments pass point `near` first. `transit(point, row there, row beyond)`."""
        here, there = columns[near], columns[1 - near]
        self._handshake(here, there, pair, both, near, transit)
        for name, point in (("answer_near", near), ("answer_far", 1 - near)):
            for time_ns in _answers(columns[point], pair, point):
                self.values[name].add(time_ns)

    def _handshake(
        self,
        here: Columns,
        there: Columns,
        pair: Pair,
        both: tuple[Passage, Passage],
        near: int,
        transit: Callable[[int, int, int], int],
    ) -> None:
        """Each part from what came through first; what is left of the whole was spent waiting for a repetition."""
        syn = next(_matches(both[CLIENT], here, SYN), None)
        synack = next(_matches(both[SERVER], there, SYN | ACK), None)
        sent = pair.rows(near, CLIENT)
        if syn is None or synack is None:
            return
        answer = next((row for row in pair.rows(1 - near, SERVER) if _kind(there, row) == SYN | ACK), synack[0])
        asked = [row for row in pair.rows(1 - near, CLIENT) if row < answer and _kind(there, row) == SYN]
        ack = next((row for row in sent if row > synack[1] and _kind(here, row) == ACK), None)
        if not asked or ack is None:
            return
        times = {
            "out": transit(near, *syn),
            "far": there.time_ns[answer] - there.time_ns[asked[-1]],
            "back": transit(1 - near, *synack),
            "near": here.time_ns[ack] - here.time_ns[synack[1]],
        }
        total_ns = here.time_ns[ack] - here.time_ns[sent[0]]
        times["again"] = max(total_ns - sum(times.values()), 0)
        for name, time_ns in (*times.items(), ("total", total_ns)):
            self.values[name].add(time_ns)

    def latencies(self) -> Latencies:
        """All percentiles."""
        return Latencies(**{name: values.latency() for name, values in self.values.items()})


def _matches(found: Passage, columns: Columns, flags: int) -> Iterator[tuple[int, int]]:
    """Pairs of rows with just these of the flags SYN, ACK and RST, in order of sending."""
    for row, other in sorted(zip(found.near[:99], found.far[:99], strict=True)):
        if _kind(columns, row) == flags:
            yield row, other


def _kind(columns: Columns, row: int) -> int:
    return columns.flags[row] & (SYN | ACK | RST)


def _answers(columns: Columns, pair: Pair, point: int) -> Iterator[int]:
    """From the last data of a request to the first of its answer, as one point saw them."""
    asked_ns = None
    data = ([(row, side) for row in pair.rows(point, side) if columns.payload[row]] for side in (CLIENT, SERVER))
    for row, side in merge(*data):
        if side == CLIENT:
            asked_ns = columns.time_ns[row]
        elif asked_ns is not None:
            yield columns.time_ns[row] - asked_ns
            asked_ns = None
