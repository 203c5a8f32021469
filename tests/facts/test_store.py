"""Many described connections wait in a file, and nobody can tell."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path

import pytest

from tcptrace_py import analyze
from tcptrace_py.facts import store
from tcptrace_py.facts.views import connection, plain
from tcptrace_py.findings.trouble_columns import STREAM as TROUBLED_STREAM
from tcptrace_py.flows.table import FlowTable
from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.first_frames import FrameList
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.selection import Selection
from tcptrace_py.outputs.formats import json, jsonl
from tcptrace_py.outputs.view import View
from tcptrace_py.pipeline import collecting
from tcptrace_py.pipeline.collecting import Collector
from tcptrace_py.pipeline.replaying import Replayer
from tests.flows.forms import later
from tests.ladder import CLOSE, HANDSHAKE, SECOND_NS, ladder, segment_block

SAMPLE = Path(__file__).parents[2] / "samples" / "buildup-health-checks.server.pcap.xz"


def printed(form: object) -> str:
    out = StringIO()
    form.write(analyze(SAMPLE), View(), out)  # type: ignore[attr-defined]
    return out.getvalue()


@pytest.mark.parametrize("has_places", [True, False])
@pytest.mark.parametrize("form", [json, jsonl], ids=["json", "jsonl"])
def test_a_file_changes_nothing(form: object, has_places: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    before = printed(form)
    monkeypatch.setattr(store, "HAS_PLACES", has_places)  # without them, as on Windows
    monkeypatch.setattr(store.Connections.__init__, "__defaults__", (1,))
    monkeypatch.setattr(collecting, "ROWS", 5)
    assert printed(form) == before


def test_they_can_be_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.Connections.__init__, "__defaults__", (1,))
    monkeypatch.setattr(collecting, "ROWS", 5)
    result = analyze(SAMPLE)
    assert [row.id for row in result] == [row.id for row in result] == list(range(len(result)))
    assert [row.first_frame for row in result] == sorted(row.first_frame for row in result)
    assert len(list(result.connections)) == len(result) > 10


def test_those_at_some_places_are_those_of_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.Connections.__init__, "__defaults__", (1,))
    monkeypatch.setattr(collecting, "ROWS", 5)
    connections = analyze(SAMPLE).connections
    assert isinstance(connections, store.Connections)
    for few in (0, 100):  # kept with their blocks, and copied
        monkeypatch.setattr(store, "FEW", few)
        places = {7, 0, len(connections) - 1, 3, 4, 5}
        found = connections.at(places)
        assert found.keys() == places
        assert all(plain(found[place]) == plain(connections[place]) for place in places)


def test_no_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(store.Connections.__init__, "__defaults__", (1,))
    monkeypatch.setattr(collecting, "ROWS", 5)
    monkeypatch.setattr("tempfile.tempdir", os.fspath(tmp_path / "gone"))
    with pytest.raises(CaptureError, match="no temporary file for this many connections: No such file"):
        analyze(SAMPLE)


@pytest.mark.parametrize("before", [0, (1 << 31) - 3, (1 << 31) + 5, (1 << 32) - 100])
def test_streams_that_frames_name_are_told_apart_beyond_31_bits(before: int) -> None:
    """Where parts of a capture are replayed, streams are called by the frames that open them until all are known."""
    replayer = Replayer(Profiles())
    collector = Collector(replayer, Profiles())
    linger_ns = replayer.longest_ns + 10 * SECOND_NS
    table = FlowTable(replayer.states_of, collector.take, linger_ns=linger_ns, idle_ns=600 * SECOND_NS, selection=Selection())
    collector.first_frames, table.streams.openers = FrameList(), FrameList()
    texts = f"{HANDSHAKE}\n{CLOSE}", "0 C S", "0 C S\n0.1 S RA", "0 C A seq=1 ack=1", "0 C S\n0.1 S SA"
    parts = [later(ladder(text, port=41000 + number), number) for number, text in enumerate(texts)]
    segments = sorted((segment for part in parts for segment in part), key=lambda segment: segment.time_ns)
    table.feed(segment_block(segments, before + 1))
    table.finish(segments[-1].time_ns)
    collector.conclude_waiting(segments[-1].time_ns)
    digest, troubled = collector.digest, collector.troubled.table
    collector.rename_streams(lambda name: name - before)
    opened = {frame for frame, segment in enumerate(segments, 1) if segment in [part[0] for part in parts]}
    rows = [connection(block, row) for block in collector.rows._blocks if block is not None for row in range(block.connections.count)]
    assert {row.stream for row in rows} == {row.stream for row in digest.few} == opened
    assert {row.first_frame - before for row in rows} == opened
    at = TROUBLED_STREAM * troubled.capacity
    assert set(troubled.narrow[at : at + troubled.count]) <= opened
    assert troubled.count > 1
    assert {group.stream for group in digest.troubles.values()} <= opened
