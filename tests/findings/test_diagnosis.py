"""Laws of the diagnosis over any traffic whatever, and its sums over every capture's own."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tcptrace_py.findings import diagnosis, ledger, neighbours
from tcptrace_py.findings.diagnosis import diagnose
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.results import Analysis, CaptureInfo, Hosts, ProfileRow
from tests.facts.handmade import kept
from tests.ladder import CLOSE, HANDSHAKE, SECOND_NS, START_NS, Played, ladder, play
from tests.thorough import examples
from tests.traffic import moved, traffic

if TYPE_CHECKING:
    from tcptrace_py.model.diagnosis import ServerLedger, ServiceLedger


def analysis_of(played: Played) -> Analysis:
    info = CaptureInfo(start_ns=min((row.start_ns for row in played.rows), default=START_NS), end_ns=played.end_ns)
    profiles = [ProfileRow("*", "linux", 60.0, (32768, 60999))]
    return Analysis(profiles, info, played.summary, Hosts(played.hosts.values()), played.ports, played.collector.rows)


LATE = """
    0.020 S SA
    0.040 C A
    1.000 C FA
    1.001 S FA ack=11
    1.020 C A
    1.021 S A
    400.0 S SA seq=0 id=1001
"""  # its TIME_WAIT is over when the last segment comes, and told only then


CLOSED = HANDSHAKE + CLOSE


@settings(max_examples=examples(160), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traffic)
@example(ladder(LATE))
def test_sums_add_up_whatever_comes(segments: list) -> None:
    played = play(segments)
    found = diagnose(analysis_of(played), Profiles())
    entered = sum(len(row.time_wait) for row in played.rows)
    assert found.entered == entered == sum(host.entered for host in found.hosts)
    assert found.entered == sum(s.time_wait for s in found.services) == sum(s.time_wait for s in found.servers)
    assert sum(s.connections for s in found.services) == len(played.rows)
    assert sum(s.connections for s in found.servers) == len(played.rows)
    rows: list[ServiceLedger | ServerLedger] = [*found.services, *found.servers]
    for row in rows:
        closed = row.client_first + row.server_first + row.both_at_once + row.resets + row.unclosed
        assert closed == row.connections
        assert 0 <= row.share <= 1
    for host in found.hosts:
        assert host.at_end <= host.peak <= host.entered
        assert host.entered == host.entered_as_client + host.entered_as_server
        assert host.outlive + host.before <= 2 * host.entered
    for neighbour in found.neighbours:
        assert 0 <= neighbour.still <= neighbour.count
        assert neighbour.longest_ns >= 0
    summed = played.summary.time_wait
    assert (found.peak, found.peak_at_ns) == (summed.peak, summed.peak_at_ns)


def test_nothing_at_all() -> None:
    found = diagnose(analysis_of(play([])))
    assert found.entered == found.peak == 0
    assert not found.hosts
    assert not found.advice


@settings(max_examples=examples(20), deadline=None)
@given(st.permutations(range(12)))
def test_the_gravest_services_are_kept_apart_in_whatever_order_connections_end(order: list[int]) -> None:
    many = [s for n in range(12) for s in moved(ladder(CLOSED), server=f"10.0.1.{n // 2}", port=40000 + n, later_ns=n * SECOND_NS)]
    analysis = analysis_of(play(sorted(many, key=lambda segment: segment.time_ns)))
    rows = list(analysis.connections)
    shuffled = replace(analysis, connections=kept([rows[n] for n in order]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diagnosis, "MOST_SERVICES", 4)
        found, again = diagnose(analysis), diagnose(shuffled)
    assert (found.services, found.servers, found.left_out) == (again.services, again.servers, again.left_out)
    assert found.left_out == 4


@settings(max_examples=examples(20), deadline=None)
@given(st.permutations(range(12)))
def test_of_lone_attempts_those_of_the_lowest_addresses_are_kept(order: list[int]) -> None:
    """A flood: each address sends one SYN, and which services, and which sides in SYN_SENT, are listed hangs on no order."""
    syn = "0.0 C S\n"
    many = [s for n in range(12) for s in moved(ladder(syn), client=f"10.0.2.{n}", later_ns=n * SECOND_NS)]
    late = moved(ladder(HANDSHAKE + CLOSE), client="10.0.3.1", later_ns=40 * SECOND_NS)
    analysis = analysis_of(play(sorted([*many, *late], key=lambda segment: segment.time_ns)))
    rows = list(analysis.connections)
    shuffled = replace(analysis, connections=kept([*[rows[n] for n in order], *rows[12:]]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diagnosis, "MOST_LONE", 3)
        patch.setattr(neighbours, "MOST_ROWS", 5)
        found, again = diagnose(analysis), diagnose(shuffled)
    assert (found.services, found.servers, found.left_out, found.neighbours) == (
        again.services,
        again.servers,
        again.left_out,
        again.neighbours,
    )
    assert [row.client for row in found.services] == ["10.0.3.1", "10.0.2.0", "10.0.2.1", "10.0.2.2"]
    assert found.left_out == 9
    assert [row.address for row in found.neighbours] == [f"10.0.2.{n}" for n in range(5)]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 2)), max_size=60), st.integers(1, 20), st.integers(1, 7))
def test_the_lowest_are_found_in_any_portions(rows: list[tuple[int, int]], most: int, together: int) -> None:
    """In order, those that are equal as they stand, and with all that are equal to the last one."""
    in_order = sorted(range(len(rows)), key=lambda row: (rows[row][1], rows[row][0]))
    end = min(most, len(rows))
    while 0 < end < len(rows) and rows[in_order[end]] == rows[in_order[end - 1]]:
        end += 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "TOGETHER", together)
        assert list(ledger.lowest([array("q", column) for column in zip(*rows, strict=True)] or [array("q")], most)) == in_order[:end]


def test_many_alike_are_not_looked_through_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looked, lowest = [0], ledger._lowest

    def counted(keys: list[array[int]], order: array[int], most: int) -> array[int]:
        looked[0] += len(order)
        return lowest(keys, order, most)

    monkeypatch.setattr(ledger, "TOGETHER", 10)
    monkeypatch.setattr(ledger, "_lowest", counted)
    assert len(ledger.lowest([array("q", bytes(8 * 5000))], 3)) == 5000
    assert 5000 <= looked[0] < 3 * 5000
