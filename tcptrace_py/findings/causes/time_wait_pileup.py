"""An address holds very many connections in TIME_WAIT.

Shows: the number of stays at once, as `time-wait` counts them. At a client each holds a local port towards its service; at a server it
costs a little memory and no port.

Look-alikes: an address behind which several hosts stand (NAT, a balancer) holds the TIME_WAIT of all of them.

Do: `tcpstates time-wait` says who closes first and why. Reuse connections; let the server close first where a client's ports are short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.model.finding import Code, Finding, Gravity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.findings.evidence import Evidence

CROWD = 1000  # at once, that make people ask


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each address that holds a crowd."""
    if evidence.summary.time_wait.peak < CROWD:
        return
    peak_of = evidence.accounts.occupancy.peak_of
    ran_out = {budget.client for budget in evidence.alarming if budget.exhaustion is not None}
    for host in evidence.hosts.rows:
        if host.row < 0 or peak_of(host.row)[0] < CROWD:
            continue
        peak, peak_ns = peak_of(host.row)
        assert peak_ns is not None
        held, whole = evidence.hosts.entered_as_client(host), evidence.hosts.connections_of(host)
        rising = "time-wait" in evidence.withheld
        ports = "each holds a local port towards its service" if held else "at a server they hold no port"
        yield evidence.found(
            Code.TIME_WAIT_PILEUP, Gravity.PROBLEM if host.name in ran_out else Gravity.WARNING, "high", [], of=whole, connections=peak,
            client=host.name if held else None, server=None if held else host.name, span_ns=(peak_ns, peak_ns),
            details={"peak": peak, "levels_off_at": None if rising else peak},
            evidence=["still rising at the end of a capture shorter than a stay"] if rising else [],
            explanation=f"{host.name} holds up to {peak:,} connections in TIME_WAIT at once: {ports}.")  # fmt: skip
