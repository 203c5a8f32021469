"""TIME_WAIT reckoned from captures against what sock_diag counted in the kernels at the same moments."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py import analyze
from tcptrace_py.findings.diagnosis import diagnose
from tcptrace_py.findings.occupancy import Occupancy, counts_at
from tests import buildups
from tests.kernel import needs_recording
from tests.recorder.buildup import BUILDUPS, Buildup, record
from tests.recorder.scenarios.small import SAMPLES
from tests.samples.test_recorded import one, truth_of

if TYPE_CHECKING:
    from pathlib import Path

    from tcptrace_py.model.diagnosis import Diagnosis
    from tcptrace_py.model.results import Analysis, Stay

LINUX_NS = 60_000_000_000


def addresses(told: dict[str, Any], host: str) -> list[str]:
    return list(told["client"]) if host == "client" else [told["server"]]


def agreement(analysis: Analysis, found: Diagnosis, told: dict[str, Any], host: str) -> None:
    """Entered and peak within 1 %, the population within 2 % at 95 % of the moments before stays run out."""
    counted = told["hosts"][host]
    mine = [row for row in found.hosts if row.address in addresses(told, host)]
    begins, ends, stays = list[int](), list[int](), Occupancy()
    kind = stays.kind(stays.row())
    for connection in analysis.connections:
        for stay in connection.time_wait:
            end = connection.client if stay.side == "client" else connection.server
            if end.address in addresses(told, host):
                begins.append(stay.entered_ns)
                ends.append(stay.until_ns)
                stays.add(stay.entered_ns, stay.until_ns, kind)
    stays.finish(analysis.capture.end_ns or 0)
    if counted["entered"] < 100:
        assert abs(len(begins) - counted["entered"]) <= 2
        return
    assert sum(row.entered for row in mine) == len(begins)
    assert len(begins) == pytest.approx(counted["entered"], rel=0.01)
    assert stays.peak_of(0)[0] == pytest.approx(counted["peak"], rel=0.01)
    first = min(begins)
    moments = [(at_ns, number) for at_ns, number in counted["moments"] if first <= at_ns < first + LINUX_NS]
    assert len(moments) >= 20
    near_ns = (-5_000_000, 0, 5_000_000)
    # a dump of the kernel's table takes some milliseconds while sockets come: what came in these is no disagreement
    near = sum(
        min(abs(count - number) for count in counts_at([at_ns + shift for shift in near_ns], begins, ends)) <= max(0.02 * number, 1)
        for at_ns, number in moments
    )
    assert near >= 0.95 * len(moments)


@pytest.mark.parametrize("host", ["client", "server"])
@pytest.mark.parametrize("name", buildups.largest_slow(buildups.NAMES))
def test_population_agrees_with_the_kernel(name: str, host: str) -> None:
    agreement(buildups.analysis(name), buildups.diagnosis(name), buildups.counts(name), host)


def test_both_directions_are_held_to_it_with_thousands_at_either_point() -> None:
    for name, host in (("buildup-crawler", "server"), ("buildup-database", "client")):
        assert buildups.counts(name)["hosts"][host]["entered"] > 2000
        assert {f"{name}.{point}.pcap.xz" for point in ("client", "server")} <= set(buildups.NAMES)


@pytest.mark.parametrize("point", ["client", "server"])
def test_exhaustion_is_named_with_its_service_and_its_ceiling(point: str) -> None:
    told = buildups.counts("buildup-database")
    application = json.loads(told["application"])
    assert application["eaddrnotavail"] > 100  # the ports did run out
    first, *others = buildups.diagnosis(f"buildup-database.{point}.pcap.xz").services
    assert (first.client, first.server, first.server_port) == (told["client"][0], told["server"], 5432)
    low, high = map(int, told["port_range"].split())
    assert (first.ports.port_range, first.ports.range_from) == ((low, high), "traffic")
    assert first.ports.ceiling_per_s == pytest.approx((high - low + 1) / 60)
    full = first.ports.exhaustion
    assert full is not None
    assert abs(full.at_ns / 1e9 - application["first_eaddrnotavail"]) < 2
    assert not any(other.ports.exhaustion for other in others)


@pytest.mark.parametrize("name", buildups.largest_slow([name for name in buildups.NAMES if "database" not in name]))
def test_no_exhaustion_is_named_where_there_was_none(name: str) -> None:
    assert not any(s.ports.exhaustion or s.ports.exhausted_in_s for s in buildups.diagnosis(name).services)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("buildup-crawler", {"short"}),
        ("buildup-database", {"reused"}),  # one exchange to log in, and one for the query
        ("buildup-health-checks", {"health-check"}),
        ("buildup-bursts", {"bursts"}),
    ],
)
def test_causes_are_told_apart(name: str, pattern: set[str]) -> None:
    for file in buildups.NAMES:
        if file.startswith(name):
            assert {service.pattern for service in buildups.diagnosis(file).services} == pattern


def owner(connection: dict[str, Any], side: str) -> tuple[str, int]:
    address, port = connection[side]
    return address, port


def test_stays_of_the_recorded_samples_are_the_kernels() -> None:
    """Owner, entry (within 1 ms at the owner's own capture point) and restarts of every stay."""
    told = right = 0
    for name, sample in SAMPLES.items():
        if sample.point not in ("client", "server"):
            continue
        found: dict[tuple[str, int, str, int], list[Stay]] = {}
        for connection in analyze(one(buildups.SAMPLES, f"{name}.pcap*")).connections:
            for stay in connection.time_wait:
                mine, other = (connection.client, connection.server)[:: 1 if stay.side == "client" else -1]
                found.setdefault((mine.address, mine.port, other.address, other.port), []).append(stay)
        for told_of in truth_of(name):
            for side, peer in (("a", "b"), ("b", "a")):
                state = told_of[f"{side}_side"]
                waited = state.get("time_wait") if state else None
                if not waited or told_of["hosts"]["ab".index(side)] != sample.point or waited["start"] is None:
                    continue
                told += 1
                stays = found.get((*owner(told_of, side), *owner(told_of, peer)), [])
                right += any(
                    abs(stay.entered_ns / 1e9 - waited["start"]) < 0.001 and (stay.restarts > 0) == bool(waited["restarts"])
                    for stay in stays
                )
    assert told > 500
    assert right >= 0.99 * told


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.parametrize("buildup", BUILDUPS.values(), ids=BUILDUPS)
def test_recorded_again_it_agrees_again(buildup: Buildup, tmp_path: Path) -> None:
    needs_recording("tcpdump", *buildup.needs)
    record(buildup, tmp_path, tmp_path)
    told = json.loads((tmp_path / f"{buildup.name}.counts.json").read_text())
    for capture in tmp_path.glob("*.pcap.xz"):
        analysis = analyze(capture)
        for host in ("client", "server"):
            agreement(analysis, diagnose(analysis), told, host)
