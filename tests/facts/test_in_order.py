"""Batches in the order of ids: the same rows, whatever the blocks they come from and however these are mixed."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import pytest

from samples.make import FOLDER
from tcptrace_py.api import analyze
from tcptrace_py.facts import arrow, in_order
from tcptrace_py.facts.fields import CONNECTIONS
from tcptrace_py.facts.store import Connections, Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.facts.block import Block

duckdb = pytest.importorskip("duckdb")

SAMPLES = ("several-handshakes-ipv6", "syn-refused", "self-connect", "data-lost", "vxlans-with-the-same-tuple", "close-wait-never-closes")


class Mixed(Connections):
    """Blocks of several captures, whose connections have these ids."""

    def __init__(self, id_of: Any) -> None:
        super().__init__()
        self.id_of = id_of

    def blocks(self) -> Iterator[Block]:
        """All blocks."""
        numbers = iter(range(10_000))
        for sample in SAMPLES:
            store = analyze(FOLDER / f"{sample}.pcap").connections
            assert isinstance(store, Connections)
            for block in store.blocks():
                block.ids = array("q", [self.id_of(next(numbers)) for _ in block.ids])
                yield block


def rows(stream: arrow.Stream, statement: str) -> list[tuple[Any, ...]]:
    database = arrow.database("a test")
    database.execute("SET threads = 1")
    arrow.scan(database, stream, f"CREATE TABLE found AS {statement}")
    return database.execute("FROM found").fetchall()  # type: ignore[no-any-return]


@pytest.mark.parametrize("together", [0, 1, 2, 13])
@pytest.mark.parametrize("id_of", [lambda n: n, lambda n: 900 - n, lambda n: n * 7 % 31], ids=["as they are", "backwards", "mixed"])
def test_rows_are_those_of_the_blocks_in_order(id_of: Any, together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_order, "TOGETHER", together)
    mixed = Mixed(id_of)
    expected = rows(CONNECTIONS.stream(mixed.blocks), "FROM stream ORDER BY id")
    assert len(expected) >= 10
    assert rows(in_order.stream(mixed), "FROM stream") == expected
    wanted = {row[0] for row in expected[::3]}
    assert rows(in_order.stream(mixed, wanted), "FROM stream") == expected[::3]


def test_without_any_there_are_no_rows() -> None:
    assert rows(in_order.stream(Connections()), "FROM stream") == []
    assert rows(in_order.stream(Mixed(lambda n: n), ()), "FROM stream") == []


def test_of_what_is_in_order_little_is_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_order, "TOGETHER", 1)
    sizes: list[int] = []
    read = Scratch.read

    def watched(self: Scratch, at: int, size: int) -> bytes:
        sizes.append(size)
        return read(self, at, size)

    monkeypatch.setattr(Scratch, "read", watched)
    batches = iter(in_order.stream(Mixed(lambda n: n)).batches())
    assert next(iter(batches)).rows == 2  # of the first two ids, and nothing else was read
    assert len(sizes) <= 2
