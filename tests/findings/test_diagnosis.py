"""Laws of the diagnosis over any traffic whatever, and its sums over every capture's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings

from tcptrace_py.findings.diagnosis import diagnose
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.results import Analysis, CaptureInfo, ProfileRow
from tests.ladder import START_NS, Played, play
from tests.traffic import traffic

if TYPE_CHECKING:
    from tcptrace_py.model.diagnosis import ServerLedger, ServiceLedger


def analysis_of(played: Played) -> Analysis:
    info = CaptureInfo(start_ns=min((row.start_ns for row in played.rows), default=START_NS), end_ns=played.end_ns)
    profiles = [ProfileRow("*", "linux", 60.0, (32768, 60999))]
    return Analysis(profiles, info, played.summary, [], [], played.rows)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traffic)
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
    summed = played.summary.time_wait  # of a stay that is told late, it counts what is left
    assert found.peak == summed.peak
    assert (found.peak_at_ns or 0) <= (summed.peak_at_ns or 0)


def test_nothing_at_all() -> None:
    found = diagnose(analysis_of(play([])))
    assert found.entered == found.peak == 0
    assert not found.hosts
    assert not found.advice
