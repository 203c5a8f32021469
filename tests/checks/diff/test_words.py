"""What `diff --same-traffic` says in words: each sentence on captures that show it, and none of the others there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from samples.make import FOLDER
from samples.path.way import Way
from tcptrace_py.checks.diff.path import Bearable, same_traffic
from tcptrace_py.findings.path.single import WHY
from tcptrace_py.model.path import Clock
from tcptrace_py.outputs.verdicts._path import RARE, clock_words
from tests.checks.test_verdicts import printed
from tests.findings.path.points import compared, of_way

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tcptrace_py.model.path import PathFacts


def page(facts: PathFacts) -> str:
    return re.sub(r"\s+", " ", printed("text", same_traffic(facts, Bearable()), width=300))


def whole(way: Way, **settings: object) -> None:
    talk = way.talk(rtt_s=0.02, **settings)
    talk.open()
    talk.exchange()
    talk.close()


def alone(way: Way, points: str, **settings: object) -> None:
    with way.seen(points):
        whole(way, **settings)


def ends_early(way: Way) -> None:
    """B ends in the middle of a connection, and another one comes later."""
    talk = way.talk(rtt_s=0.02)
    talk.open()
    talk.exchange()
    with way.seen("A"):
        talk.wait(1.0)
        talk.exchange()
        talk.close()
    alone(way, "A", client="192.0.2.10:41000", isn=(77, 88), start_s=5)


def never_comes(way: Way) -> None:
    whole(way)
    whole(way, client="192.0.2.10:42000", isn=(5, 6), start_s=20)
    with way.seen("A"):
        way.talk(client="192.0.2.10:41000", isn=(77, 88), start_s=10).client.send("S", after=0, lost="after")


def answered_on_the_way(way: Way) -> None:
    whole(way)
    alone(way, "A", client="192.0.2.10:41000", isn=(77, 88), start_s=10)
    whole(way, client="192.0.2.10:42000", isn=(5, 6), start_s=20)


def missed_near_its_client(way: Way) -> None:
    whole(way)
    alone(way, "B", client="192.0.2.10:41000", isn=(77, 88), start_s=10)
    whole(way, client="192.0.2.10:42000", isn=(5, 6), start_s=20)


def of_a_proxy(way: Way) -> None:
    """A capture that begins in mid-connection at A, and what is no part of it at B."""
    whole(way)
    with way.seen("A"):
        talk = way.talk(client="192.0.2.10:41000", isn=(77, 88), start_s=10)
        talk.client.send("PA", 100, ack=89)
        talk.server.send("PA", 100, ack=178)
    whole(way, client="192.0.2.10:42000", isn=(5, 6), start_s=20)


@pytest.mark.parametrize(
    ("story", "code", "said"),
    [
        (ends_early, "outside", "B does not cover its time"),
        (never_comes, "syn-lost", "no SYN of it came to B"),
        (answered_on_the_way, "answered-between", "answered in between: it never came to B"),
        (missed_near_its_client, "uncaptured", "A, on its way, lacks it: missed, or made up"),
        (of_a_proxy, "unrelated", "B has nothing with its numbers: a proxy in between?"),
    ],
)
def test_why_only_one_capture_holds_a_connection(story: Callable[[Way], None], code: str, said: str, tmp_path: Path) -> None:
    way = Way()
    story(way)
    facts = of_way(way, tmp_path)
    assert [(row.code, row.why) for row in facts.unpaired] == [(code, said)]
    told = page(facts)
    assert said in told
    others = {words.format(other=at) for words in WHY.values() for at in "AB"} - {said}
    assert not [words for words in others if words in told]


def test_a_connection_that_both_hold_is_none_of_them(tmp_path: Path) -> None:
    way = Way()
    whole(way)
    told = page(of_way(way, tmp_path))
    assert "In one capture only" not in told
    assert not [words for _, _, words in RARE if words.format(them="it") in told or words.format(them="them") in told]


@pytest.mark.parametrize(("clock", "said"), [
    (Clock(), "nothing tells how they stand to each other"),
    (Clock(0, 5_000_000, samples=(9, 9)),
     "B's is level with A's, exactly if the way takes equally long both ways, in any case within 5 ms"),
    (Clock(-2_500_000_000, 5_000_000, samples=(9, 9)),
     "B's is 2.5 s behind A's, exactly if the way takes equally long both ways, in any case within 5 ms"),
    (Clock(2_000, 1_000, samples=(9, 9)),
     "B's is 2 µs ahead of A's, exactly if the way takes equally long both ways, in any case within 1 µs"),
    (Clock(1_000_000, None, samples=(9, 0)),
     "B's is 1 ms ahead of A's, if the quickest segment took no time: one direction alone was captured at both"),
    (Clock(1_000_000, 0, samples=(9, 9), steady=False),
     "B's is 1 ms ahead of A's as far as can be told: no steady offset fits, a clock was set"),
    (Clock(1_000_000, 1_000_000, -3e-5, samples=(9, 9)),
     ("B's is 1 ms ahead of A's in the middle of the capture and loses 30 µs a second, exactly if the way takes equally long both ways, "
      "in any case within 1 ms")),
])  # fmt: skip
def test_how_the_clocks_stand(clock: Clock, said: str) -> None:
    assert clock_words(clock) == said


def test_a_clock_that_was_set_is_told(tmp_path: Path) -> None:
    """From the captures on: an hour is between the two halves at B."""
    one, other = Way(), Way(ahead_s=3600)
    whole(one)
    whole(other, client="192.0.2.10:41000", isn=(77, 88), start_s=20)
    one.a.frames_written += other.a.frames_written
    one.b.frames_written += other.b.frames_written
    facts = of_way(one, tmp_path)
    assert not facts.clock.steady
    told = page(facts)
    assert "no steady offset fits, a clock was set" in told
    assert "clocks that no steady offset brings together: 1, limit 0 (one was set during the capture" in told


def test_captures_of_other_traffic_have_nothing_in_common(tmp_path: Path) -> None:
    way = Way()
    alone(way, "A", client="192.0.2.10:40001", isn=(11, 12))
    alone(way, "B", client="192.0.2.10:40002", isn=(2111, 2222))
    told = page(of_way(way, tmp_path))
    assert "nothing tells how they stand to each other" in told
    assert "no connection is in both captures: are they of the same traffic?" in told
    assert "no segment in both" in told
    assert "Where time goes" not in told


def test_more_than_fits_a_page_is_counted(tmp_path: Path) -> None:
    way = Way()
    whole(way)
    for number in range(13):
        alone(way, "A", client=f"192.0.2.10:{41000 + number}", isn=(7700 + number, 88), start_s=1 + number)
    whole(way, client="192.0.2.10:42000", isn=(5, 6), start_s=20)
    assert "and 3 more: --format json lists all" in page(of_way(way, tmp_path))


def test_clients_on_both_sides_are_told(tmp_path: Path) -> None:
    there, back = Way(), Way()
    whole(there)
    whole(back, client="198.51.100.20:41000", server="192.0.2.10:81", isn=(77, 88), start_s=5)
    there.a.frames_written += back.b.frames_written
    there.b.frames_written += back.a.frames_written
    assert "of 1 connection on A's side, of 1 on B's" in page(of_way(there, tmp_path))


def test_what_the_far_capture_missed_is_told_as_such() -> None:
    told = page(compared(*(FOLDER / "path" / f"{name}.pcap" for name in ("client", "server"))))
    assert "1 A to B: arrived, as answers prove, though the far capture lacks it" in told
    assert "all on A's side" in told
    assert "in the far capture alone" not in told
    assert "neither lost nor made up" not in told
