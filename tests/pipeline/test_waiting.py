"""Connections that wait come out as they went in: however many there are, wherever they were kept."""

from __future__ import annotations

import marshal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from tcptrace_py import analyze
from tcptrace_py.flows.table import FlowTable
from tcptrace_py.model.live import Connection, Context, Rare, Segment, Side
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.selection import Selection
from tcptrace_py.pipeline import waiting
from tcptrace_py.pipeline.replaying import Replayer
from tcptrace_py.pipeline.waiting import Waiting, packed, unpacked
from tests.ladder import SECOND_NS, segment_block
from tests.thorough import examples
from tests.traffic import traffic

if TYPE_CHECKING:
    from tests.ladder import Seg

ELSEWHERE = {
    # The flow table has let go of `predecessor` and `shadow` before it hands a connection on; `scope` and `way` follow from what it has.
    Connection: {
        *(
            "a",
            "b",
            "first_frame",
            "judged",
            "judged_at",
            "log",
            "predecessor",
            "reused_by",
            "scope",
            "self_connect",
            "shadow",
            "start_ns",
            "way",
        )
    },
    Side: {"connection", "key", "number", "peer", "rare"},
    Rare: set(),
    Segment: {"context"},
    Context: set(),
}


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (Connection, waiting.OF_CONNECTION),
        (Side, waiting.OF_SIDE),
        (Rare, waiting.OF_RARE),
        (Segment, waiting.OF_SEGMENT),
        (Context, waiting.OF_CONTEXT),
    ],
)
def test_nothing_that_they_hold_is_left_out(kind: type, names: tuple[str, ...]) -> None:
    """Interpreted, the slots say what there is; compiled, the descriptors do."""
    held = {name for name, value in vars(kind).items() if type(value).__name__ in ("member_descriptor", "getset_descriptor")}
    assert set(names) == held - ELSEWHERE[kind]


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traffic)
def test_a_connection_is_as_it_was(segments: list[Seg]) -> None:
    replayer, found = Replayer(Profiles()), list[Any]()
    table = FlowTable(
        replayer.states_of,
        lambda live, _known_ns: found.append(packed(live)),
        linger_ns=70 * SECOND_NS,
        idle_ns=86400 * SECOND_NS,
        selection=Selection(),
    )
    table.feed(segment_block(segments, 1))
    table.finish(max(segment.time_ns for segment in segments))
    for values in found:
        again = unpacked(marshal.loads(marshal.dumps(values, waiting.VERSION)))
        assert packed(again) == values
        assert again.a.peer is again.b
        assert again.b.connection is again


@pytest.mark.parametrize("most_bytes", [0, 1 << 20])
def test_in_order_of_first_frame(most_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST_OBJECTS", 8)
    monkeypatch.setattr(waiting, "TOGETHER", 4)
    monkeypatch.setattr(waiting, "KEPT_PARCELS", 2)
    held, frames = Waiting(most_bytes), [(7 * n) % 90 for n in range(91)]
    for number, frame in enumerate(frames):
        held.append(Connection(number.to_bytes(12), bytes(12), number, frame))
    assert len(held) == 91
    assert [int.from_bytes(key) for key in held.first_keys()] == list(range(91))
    found = [(live.first_frame, live.start_ns) for live in held.take_all()]
    assert found == sorted((frame, number) for number, frame in enumerate(frames))
    assert len(held) == 0


SAMPLES = [path for path in sorted((Path(__file__).parents[2] / "samples").glob("*.pcap")) if path.stat().st_size < 30_000]


@pytest.mark.parametrize("keep_rows", [True, False])
def test_what_is_printed_does_not_hang_on_the_limit(keep_rows: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """All samples as one capture, so that there is much that waits, with a limit and a block as small as can be."""
    captures = [path for path in SAMPLES if path.name not in ("empty.pcap", "not-a-capture.pcap")]
    expected = analyze(captures, keep_rows=keep_rows).to_document()
    monkeypatch.setattr(waiting, "MOST_OBJECTS", 1)
    monkeypatch.setattr(waiting, "TOGETHER", 1)
    assert analyze(captures, keep_rows=keep_rows, memory_mb=0).to_document() == expected
