"""Connections that wait come out as they went in: however many there are, wherever they were kept."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from tcptrace_py import analyze
from tcptrace_py.flows.table import FlowTable
from tcptrace_py.model.live import Connection, Context, Rare, Segment, Side
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.selection import Selection
from tcptrace_py.pipeline import content, waiting
from tcptrace_py.pipeline.content import connection
from tcptrace_py.pipeline.replaying import Replayer
from tcptrace_py.pipeline.waiting import Waiting
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


FILLED = {bytes: b"\x05", "aliases": [b"one", b"another"], "anomalies": [("a code", 7, "an explanation")], "back": (b"", 4, 5), "came": b""}
FILLED |= {"icmp": [(8, 9)], "holes": [(1, 2), (3, 4)]}
UNSIGNED = {"history", "recent_ids", "signature"}
SHORT = {"flags", "marks", "options", "side", "ttl"}
START_NS = 1 << 60


def held(kind: type) -> list[str]:
    """What objects of a class hold, besides what stands beside it: interpreted, the slots say it; compiled, the descriptors do."""
    names = {name for name, value in vars(kind).items() if type(value).__name__ in ("member_descriptor", "getset_descriptor")}
    return sorted(names - ELSEWHERE[kind])


def parts(live: Connection) -> list[Any]:
    """All that belongs to a connection."""
    rares, contexts = (live.a.rare, live.b.rare), [segment.context for segment in live.log]
    return [live, live.a, live.b, *rares, *live.log, *contexts]


def values(live: Connection) -> list[dict[str, object]]:
    """What all of that holds."""
    return [{name: getattr(part, name) for name in held(type(part))} if part else {} for part in parts(live)]


def complete() -> Connection:
    """A connection of two segments that has all parts there are, each as it is when it is new."""
    live = Connection(bytes(range(12)), bytes(range(12, 24)), START_NS, 1000)
    live.log = [content.blank_segment(), content.blank_segment()]
    for segment in live.log:
        segment.context = Context()
    for side in (live.a, live.b):
        side.needs_rare()
    return live


def telling(part: object, name: str, number: int, how: str) -> object:
    """A value for what is held under a name, unlike what a new object has."""
    new = getattr(part, name)
    if isinstance(new, bool):
        return not new
    if not isinstance(new, int):
        return FILLED[name if new is None else type(new)]
    if how == "near":  # the next number, or a moment at the start
        return START_NS - 1 + number % 3 if name.endswith("_ns") and new == 0 else new + 1
    most = 0x7FFF if name in SHORT else (1 << 64) - 1 if name in UNSIGNED else (1 << 63) - 1 if name.endswith("_ns") else 0x7FFFFFFF
    return number if how == "small" else most - number


@pytest.mark.parametrize("how", ["small", "near", "large"])
def test_nothing_that_they_hold_is_left_out(how: str) -> None:
    live, number = complete(), 2
    new = values(live)
    for part in parts(live):
        for name in held(type(part)):
            number += 1
            setattr(part, name, telling(part, name, number, how))
    given = values(live)
    for then, now in zip(new, given, strict=True):
        assert then, "a part is missing"
        assert not [name for name in then if repr(then[name]) == repr(now[name])]
    assert repr(values(connection(content.content(live)))) == repr(given)  # a number is not a truth value


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traffic)
def test_a_connection_is_as_it_was(segments: list[Seg]) -> None:
    replayer, found = Replayer(Profiles()), list[Any]()
    table = FlowTable(
        replayer.states_of,
        lambda live, _known_ns: found.append((content.content(live), values(live), after(live))),
        linger_ns=70 * SECOND_NS,
        idle_ns=86400 * SECOND_NS,
        selection=Selection(),
    )
    table.feed(segment_block(segments, 1))
    table.finish(max(segment.time_ns for segment in segments))
    for packed, held_before, reused_by in found:
        again = connection(packed)
        assert repr(values(again)) == repr(held_before)
        assert after(again) == reused_by
        assert content.content(again) == packed
        assert content.first_key(packed) == again.a.key
        assert again.a.peer is again.b
        assert again.b.connection is again


def after(live: Connection) -> tuple[int, int] | None:
    """What is asked of the next incarnation."""
    return None if live.reused_by is None else (live.reused_by.start_ns, live.reused_by.first_frame)


@pytest.mark.parametrize("small_bytes", [0, 1 << 20])
@pytest.mark.parametrize("most_bytes", [0, 1 << 20])
def test_in_order_of_first_frame(most_bytes: int, small_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SMALL_BYTES", small_bytes)
    monkeypatch.setattr(waiting, "MOST_OBJECTS", 40)
    monkeypatch.setattr(waiting, "THEN_OBJECTS", 8)
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


@pytest.mark.parametrize("processes", [1, 2])
def test_those_that_came_first_are_packed_by_and_by(processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that comes beyond the limit has two others packed, until few are left as they are: never all of them for one."""
    monkeypatch.setattr(waiting, "MOST_OBJECTS", 64)
    monkeypatch.setattr(waiting, "THEN_OBJECTS", 8)
    monkeypatch.setattr(waiting, "TOGETHER", 4)
    held, lives, packed, most = Waiting(), list[Connection](), list[int](), 64 // processes
    held.share(processes)
    for number in range(200):
        lives.append(Connection(number.to_bytes(12), bytes(12), number, number))
        held.append(lives[-1])
        packed.append(sum(live.due < 0 for live in lives))  # taken apart
        assert [live.due < 0 for live in lives] == sorted((live.due < 0 for live in lives), reverse=True)
    assert packed[most - 2] == 0
    assert held.are_many
    for before, now in itertools.pairwise(packed):
        assert now - before in (0, 4)
    for number in range(most, 200):
        assert packed[number] >= min(2 * (number - most), number - 8)
        assert packed[number] <= 2 * (number - most) + 8


SAMPLES = [path for path in sorted((Path(__file__).parents[2] / "samples").glob("*.pcap")) if path.stat().st_size < 30_000]


@pytest.mark.parametrize("keep_rows", [True, False])
def test_what_is_printed_does_not_hang_on_the_limit(keep_rows: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """All samples as one capture, so that there is much that waits, with a limit and a block as small as can be."""
    captures = [path for path in SAMPLES if path.name not in ("empty.pcap", "not-a-capture.pcap")]
    expected = analyze(captures, keep_rows=keep_rows).to_document()
    monkeypatch.setattr(waiting, "MOST_OBJECTS", 1)
    monkeypatch.setattr(waiting, "TOGETHER", 1)
    assert analyze(captures, keep_rows=keep_rows, memory_mb=0).to_document() == expected
