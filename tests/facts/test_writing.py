"""Rows are the same whether a connection is written as an object or from the record of one that closed by the book."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcptrace_py import _compiled, analyze
from tcptrace_py.facts.block import RELEASED
from tcptrace_py.facts.table import MISSING
from tcptrace_py.facts.views import place_of
from tcptrace_py.facts.writing import Writer, history
from tcptrace_py.flows import table as flow_table
from tcptrace_py.model.errors import CaptureError
from tcptrace_py.outputs.document import document
from tests.facts.handmade import released_ns
from tests.thorough import every

SAMPLES = Path(__file__).parents[2] / "samples"
ALONE = ("recorded-self-connect.pcap", "recorded-simultaneous-close.pcap", "port-reused-after-reset.pcap")
PILES = ("buildup-health-checks.server.pcap.xz", pytest.param("buildup-crawler.client.pcap.xz", marks=pytest.mark.slow))


def documents(path: Path) -> object:
    try:
        return document(analyze(path))
    except CaptureError as error:
        return str(error)


@pytest.mark.parametrize("name", PILES)
def test_rows_from_records_are_those_of_objects(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = 0
    write_like = Writer.write_like

    def counted(self: Writer, *args: object) -> int:
        nonlocal written
        written += 1
        return write_like(self, *args)  # type: ignore[arg-type]

    if _compiled():
        pytest.skip("compiled, the writer's calls cannot be counted; every small sample is compared all the same")
    monkeypatch.setattr(Writer, "write_like", counted)
    by_record = documents(SAMPLES / name)
    assert written > 100
    monkeypatch.setattr(flow_table, "BY_THE_BOOK", False)
    assert documents(SAMPLES / name) == by_record


def test_every_small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = every(6, [path for path in sorted(SAMPLES.glob("*.pcap*")) if path.stat().st_size < 20_000], 1)
    before = [documents(path) for path in paths]
    monkeypatch.setattr(flow_table, "BY_THE_BOOK", False)
    for path, by_record in zip(paths, before, strict=True):
        assert documents(path) == by_record, path.name


@pytest.mark.parametrize("name", PILES)
@pytest.mark.parametrize("by_the_book", [True, False])
def test_ports_are_free_when_their_side_is_closed(name: str, by_the_book: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_table, "BY_THE_BOOK", by_the_book)
    rows = 0
    for path in (SAMPLES / name, *(SAMPLES / more for more in ALONE)):
        for connection in analyze(path).connections:
            block, row = place_of(connection)
            at_ns = block.connections.wide[RELEASED * block.connections.capacity + row]
            assert (None if at_ns == MISSING else at_ns) == released_ns(connection), connection.id
            rows += 1
    assert rows > 100


def test_histories() -> None:
    assert history(0x1A3B4, 0) == "ShAaD"
    assert history(0, 0) == ""
