"""Long connections: what is folded early is told as it would have been."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from tcptrace_py.findings import runs
from tcptrace_py.ladder import folded_ladder, ladder
from tcptrace_py.model.ladder import DrawnSegment, Run, Sent, marks_of
from tcptrace_py.model.segments import ACK, PSH
from tcptrace_py.outputs.explain.formats import write
from tcptrace_py.outputs.view import View
from tests.buildups import SAMPLES, analysis

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tcptrace_py.model.results import Connection

LONG = ["recorded-data-lost.pcap", "offloaded.pcap", "keep-alive.pcap", "mirror-duplicates.pcap", "half-close.pcap"]


def told(connection: Connection, made: Sequence[DrawnSegment | Run]) -> str:
    out = io.StringIO()
    write("ladder", connection, made, [], View(width=80), out=out, end_ns=connection.end_ns)
    return out.getvalue()


@pytest.mark.parametrize("name", LONG)
def test_sums_are_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "KEPT", 2)
    connection = next(iter(analysis(name).connections))
    whole, made = ladder([SAMPLES / name], connection), folded_ladder([SAMPLES / name], connection)
    assert marks_of(made) == marks_of(whole)
    one, other = Run.of(whole), Run.of(made)
    assert (one.segments, one.payload_bytes, one.cut) == (other.segments, other.payload_bytes, other.cut)
    sides = [side for side in (connection.client_side, connection.server_side) if side is not None]
    frames = {part.sent.frame for part in made if isinstance(part, DrawnSegment)}
    assert {entry.frame for side in sides for entry in side.states if entry.frame is not None} <= frames
    story = [text.partition("In words")[2] for text in (told(connection, whole), told(connection, made))]
    assert story[0] == story[1]


def bulk(count: int) -> Iterator[DrawnSegment]:
    """Data one way, acknowledged now and then."""
    for i in range(count):
        sent = (i % 3 != 2, (i - i // 3) * 1000)
        seq, ack = (sent[1], 0) if sent[0] else (0, sent[1])
        flags = ACK | PSH if sent[0] else ACK
        payload = 1000 if sent[0] else 0
        yield DrawnSegment(Sent(i + 1, i * 1000, sent[0], flags, seq, ack, payload, 500, -1, None, 0, cut=False), seq, ack)


def test_memory_does_not_grow_with_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "KEPT", 100)
    made = runs.folded(bulk(20_000), frozenset((1, 12_000)))
    assert len(made) < 300
    assert sum(Run.of(made).segments.values()) == 20_000
    assert {1, 12_000} <= {part.sent.frame for part in made if isinstance(part, DrawnSegment)}
