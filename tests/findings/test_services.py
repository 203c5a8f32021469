"""Services and retransmissions of the summary are sums over connections, however these were counted."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest

from tcptrace_py import Connection, analyze
from tcptrace_py.model.results import Latency, Service, Summary
from tests.thorough import every, large_ones_slow

SAMPLES = Path(__file__).parents[2] / "samples"
LARGE = ("buildup-", "pile-up-", "recorded-pile")
EACH = [path for path in sorted(SAMPLES.glob("*.pcap*")) if not path.name.startswith(("not-", "empty", *LARGE))]
PILES = [SAMPLES / f"pile-up-on-a-{where}.pcap.xz" for where in ("server", "proxy")]


def both_sides(connection: Connection, field: str) -> int:
    sides = (connection.client_side, connection.server_side)
    return sum(getattr(side, field) for side in sides if side is not None)


def latency(times_ns: list[int]) -> Latency:
    """Percentiles by nearest rank, as the sorted list gives them."""
    if not times_ns:
        return Latency(0)
    ranked = sorted(times_ns)
    p50, p90, p99 = (ranked[math.ceil(share * len(ranked) / 100) - 1] for share in (50, 90, 99))
    return Latency(len(ranked), ranked[0], p50, p90, p99, ranked[-1])


def summed(connections: list[Connection], *, timed: bool) -> dict[tuple[str, int], Service]:
    """The services, by the connections one by one; `timed`: times of handshakes are not withheld."""
    rows: dict[tuple[str, int], Counter[str]] = {}
    times_ns: dict[tuple[str, int], list[int]] = {}
    for connection in connections:
        row = rows.setdefault((connection.server.address, connection.server.port), Counter())
        teardown, handshake = connection.teardown, connection.handshake
        if timed and handshake.outcome == "completed" and handshake.total_ns is not None and handshake.total_ns >= 0:
            times_ns.setdefault((connection.server.address, connection.server.port), []).append(handshake.total_ns)
        row["connections"] += 1
        row["segments"] += both_sides(connection, "packets")
        row["retransmissions"] += both_sides(connection, "retransmissions")
        if teardown.pattern == "simultaneous":
            row["simultaneous"] += 1
        elif teardown.first_fin is not None:
            row[f"{teardown.first_fin}_first"] += 1
        for stay in connection.time_wait:
            row[f"time_wait_{stay.side}"] += 1
        if teardown.pattern == "rst":
            by = teardown.reset.by if teardown.reset is not None else "unknown"
            row[f"resets_by_{by if by in ('client', 'server') else 'others'}"] += 1
    return {
        (address, port): Service(address, port, **row, handshake=latency(times_ns.get((address, port), [])))
        for (address, port), row in rows.items()
    }


@pytest.mark.parametrize("path", large_ones_slow([*every(6, EACH), *PILES]))
def test_they_are_sums(path: Path) -> None:
    described = analyze(path)
    connections = list(described)
    services = summed(connections, timed=all(row.what != "handshake-latency" for row in described.withheld))

    def holds(summary: Summary) -> None:
        assert summary.segments == sum(both_sides(row, "packets") for row in connections)
        assert summary.retransmissions == sum(both_sides(row, "retransmissions") for row in connections)
        assert summary.handshake_retransmissions == sum(
            row.handshake.syn_retransmissions + row.handshake.synack_retransmissions for row in connections
        )
        assert {(row.address, row.port): row for row in summary.services} == services
        assert [row.connections for row in summary.services] == sorted((row.connections for row in summary.services), reverse=True)

    holds(described.summary)
    holds(analyze(path, keep_rows=False).summary)
