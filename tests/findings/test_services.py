"""Services and retransmissions of the summary are sums over connections, however these were counted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tcptrace_py import Connection, analyze
from tcptrace_py.model.results import Service, Summary

SAMPLES = Path(__file__).parents[2] / "samples"
NAMES = sorted(path.name for path in SAMPLES.glob("*.pcap*") if not path.name.startswith(("not-", "empty", "buildup-", "recorded-pile")))


def both_sides(connection: Connection, field: str) -> int:
    sides = (connection.client_side, connection.server_side)
    return sum(getattr(side, field) for side in sides if side is not None)


def summed(connections: list[Connection]) -> dict[tuple[str, int], Service]:
    """The services, by the connections one by one."""
    rows: dict[tuple[str, int], Counter[str]] = {}
    for connection in connections:
        row = rows.setdefault((connection.server.address, connection.server.port), Counter())
        teardown = connection.teardown
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
    return {(address, port): Service(address, port, **row) for (address, port), row in rows.items()}


@pytest.mark.parametrize("name", NAMES)
def test_they_are_sums(name: str) -> None:
    described = analyze(SAMPLES / name)
    connections = list(described)
    services = summed(connections)

    def holds(summary: Summary) -> None:
        assert summary.retransmissions == sum(both_sides(row, "retransmissions") for row in connections)
        assert summary.handshake_retransmissions == sum(
            row.handshake.syn_retransmissions + row.handshake.synack_retransmissions for row in connections)
        assert {(row.address, row.port): row for row in summary.services} == services
        assert [row.connections for row in summary.services] == sorted((row.connections for row in summary.services), reverse=True)

    holds(described.summary)
    holds(analyze(SAMPLES / name, keep_rows=False).summary)
