"""Rows are the same whether a connection is written as an object or from the record of one that closed by the book."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcptrace_py import _compiled, analyze
from tcptrace_py.facts.writing import Writer, history
from tcptrace_py.flows import table as flow_table
from tcptrace_py.model.errors import CaptureError
from tcptrace_py.outputs.document import document

SAMPLES = Path(__file__).parents[2] / "samples"
PILES = ("buildup-health-checks.server.pcap.xz", "buildup-crawler.client.pcap.xz")


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
    paths = [path for path in sorted(SAMPLES.glob("*.pcap*")) if path.stat().st_size < 20_000]
    before = [documents(path) for path in paths]
    monkeypatch.setattr(flow_table, "BY_THE_BOOK", False)
    for path, by_record in zip(paths, before, strict=True):
        assert documents(path) == by_record, path.name


def test_histories() -> None:
    assert history(0x1A3B4, 0) == "ShAaD"
    assert history(0, 0) == ""
