"""Connections at rest: nothing of them is lost, and nobody can tell that they rested."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given

from tcptrace_py.capture import open_captures
from tcptrace_py.decode import Decoder
from tcptrace_py.flows import table as flow_table
from tcptrace_py.flows.resting import can_rest, first_frame, fold, key, signature, time_ns, unfold
from tcptrace_py.flows.table import finished
from tcptrace_py.model.live import Connection, Segment, Side
from tcptrace_py.model.problems import Problems
from tcptrace_py.pipeline import run
from tests.ladder import CLOSE, HANDSHAKE, SERVER_CLOSE, Seg, ladder, play, table_of
from tests.traffic import traffic

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.pcap*"))


def plain(thing: object) -> Any:
    """A connection as comparable values; what only the table needs is left out."""
    if isinstance(thing, Connection | Side | Segment):
        left_out = {"connection", "peer", "due", "judged", "judged_at"}
        return {name: plain(getattr(thing, name)) for name in thing.__slots__ if name not in left_out}
    return [plain(item) for item in thing] if isinstance(thing, list) else thing


def there_and_back(connections: list[Connection]) -> int:
    """Fold and unfold all that can rest; how many that were."""
    rested = 0
    for connection in connections:
        if not (connection.plain and finished(connection) and can_rest(connection)):
            continue
        record = fold(connection)
        if record is None:  # then what is known of the sides does not follow from the log
            assert not in_order(connection)
            continue
        assert plain(unfold(record)) == plain(connection)
        assert key(record) == connection.a.key
        assert (signature(record), first_frame(record)) == (connection.signature, connection.first_frame)
        assert [time_ns(record, n) for n in range(len(connection.log))] == [segment.time_ns for segment in connection.log]
        rested += 1
    return rested


def in_order(connection: Connection) -> bool:
    """Whether each side's logged segments begin where the one before ended."""
    return all(later.seq == earlier.end for number in (0, 1)
               for earlier, later in pairwise(segment for segment in connection.log if segment.side == number))


def lives(path: Path) -> list[Connection]:
    found: list[Connection] = []
    table, problems = table_of(found), Problems()
    decoder = Decoder(problems)
    for block in open_captures([str(path)], problems).blocks():
        table.feed(decoder.decode(block))
    table.finish(table.clock_ns)
    return found


def test_nothing_is_lost() -> None:
    rested = {path.name: there_and_back(lives(path)) for path in SAMPLES if path.name not in ("empty.pcap", "not-a-capture.pcap")}
    assert rested["buildup-crawler.server.pcap.xz"] > 1000
    assert sum(map(bool, rested.values())) > 50


BEHIND_ITS_FIN = """
    1.000 C FA
    1.020 S FA id=3
    1.040 S A seq=1 id=2
    1.060 C A
"""  # the acknowledgement that was sent before the FIN is captured behind it


@given(traffic)
@example(ladder(HANDSHAKE, BEHIND_ITS_FIN))
def test_nothing_is_lost_of_any_traffic(segments: list[Seg]) -> None:
    there_and_back(play(segments, keep_rows=True).retired)


@pytest.mark.parametrize("close", [CLOSE, SERVER_CLOSE])
@pytest.mark.parametrize("offset_ns", [0, 1])
def test_times_of_any_resolution(close: str, offset_ns: int) -> None:
    segments = ladder(HANDSHAKE, close)
    later = [replace(segment, time_ns=segment.time_ns + offset_ns) for segment in segments[3:]]
    (live,) = play(segments[:3] + later, keep_rows=True).retired
    record = fold(live)
    assert record is not None
    assert [time_ns(record, n) for n in range(len(live.log))] == [segment.time_ns for segment in live.log]
    assert len(record) == len(live.a.key) + 4 * (15 + 0 + (10 if offset_ns else 9) * len(live.log))


def test_what_is_too_large_does_not_rest() -> None:
    (live,) = play(HANDSHAKE + CLOSE, keep_rows=True).retired
    live.log[3].payload = 1 << 20  # MOST_PAYLOAD, a name that the compiled form keeps to itself
    assert fold(live) is None


def facts(path: Path) -> str:
    analysis = run(str(path), keep_rows=False)
    digest = analysis.digest
    assert digest is not None
    return repr((analysis.summary, analysis.hosts, analysis.ports, analysis.capture, digest.groups(), digest.slowest(), digest.busiest()))


def test_nobody_can_tell_that_they_rested(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [path for path in SAMPLES if path.name not in ("empty.pcap", "not-a-capture.pcap")]
    awake = [facts(path) for path in paths]
    monkeypatch.setattr(flow_table, "AWAKE", -1)
    for path, before in zip(paths, awake, strict=True):
        assert facts(path) == before, path.name
