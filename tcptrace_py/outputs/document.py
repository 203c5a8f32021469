"""Analysis -> the document `tcpstates/analysis/1` (docs: "The analysis document") as plain dicts and lists.

Absolute times are RFC 3339 strings, durations numbers with their unit in the key, None is unknown. The shape is held to
`schema/analysis-1.json`; additions keep the number, a changed meaning raises it.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from tcptrace_py import __version__, _compiled
from tcptrace_py.model.digest import TroubleGroup, broken
from tcptrace_py.model.finding import Finding
from tcptrace_py.model.problems import Problem
from tcptrace_py.model.results import (
    Analysis,
    CaptureInfo,
    Connection,
    Endpoint,
    Exhaustion,
    Host,
    Intervals,
    Latency,
    PortBudget,
    ProfileRow,
    Scope,
    Service,
    Summary,
)

from .units import ms, rfc3339

SCHEMA = "tcpstates/analysis/1"
Row = dict[str, Any]


def document(analysis: Analysis, connections: Iterable[Connection] | None = None) -> Row:
    """Return the whole document; `connections` are those listed (default: all of them)."""
    chosen = analysis.connections if connections is None else connections
    return {
        **{key: list(value) if isinstance(value, Iterator) else value for key, value in head(analysis).items()},
        "connections": [connection_row(connection) for connection in chosen],
    }


def head(analysis: Analysis) -> Row:
    """Everything but the connections; of hosts and ports, of which there may be as many, an iterator."""
    return {
        "schema": SCHEMA,
        "generator": generator(),
        "interrupted": analysis.interrupted,
        "findings": [finding_row(finding) for finding in analysis.findings],
        "withheld": [{"what": row.what, "because": row.because, "explanation": row.explanation} for row in analysis.withheld],
        "profiles": [profile_row(profile) for profile in analysis.profiles],
        "capture": capture_row(analysis.capture),
        "summary": summary_row(analysis.summary),
        "intervals": None if analysis.intervals is None else intervals_row(analysis.intervals),
        "broken": [broken_row(group) for group in broken(analysis)],
        "hosts": map(host_row, analysis.hosts),
        "ports": map(ports_row, analysis.ports),
    }


def generator() -> Row:
    """Say what made the document."""
    return {"name": "tcpstates", "version": __version__, "compiled": _compiled()}


def profile_row(profile: ProfileRow) -> Row:
    """One profile and the hosts that it stands for."""
    return {
        "hosts": profile.hosts if isinstance(profile.hosts, str) else list(profile.hosts),
        "name": profile.name,
        "time_wait_s": profile.time_wait_s,
        "ephemeral_ports": list(profile.ephemeral_ports),
    }


def capture_row(capture: CaptureInfo) -> Row:
    """Say what was read and what is wrong with it."""
    return {
        "files": [
            {"path": file.path, "format": file.format, "packets": file.packets, "truncated": file.truncated} for file in capture.files
        ],
        "packets": capture.packets,
        "segments": capture.segments,
        "duplicates": capture.duplicates,
        "start": rfc3339(capture.start_ns),
        "end": rfc3339(capture.end_ns),
        "clock_step_ms": ms(capture.clock_step_ns),
        "problems": [problem_row(problem) for problem in capture.problems],
    }


def problem_row(problem: Problem) -> Row:
    """One kind of problem."""
    return {
        "code": problem.code,
        "count": problem.count,
        "explanation": problem.explanation,
        "first_frame": problem.first_frame,
        "damaged": problem.damaged,
    }


def finding_row(finding: Finding) -> Row:
    """One cause at one place."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "client": finding.client,
        "server": finding.server,
        "server_port": finding.server_port,
        "connections": finding.connections,
        "of": finding.of,
        "first_at": rfc3339(finding.first_at_ns),
        "last_at": rfc3339(finding.last_at_ns),
        "first_frame": finding.first_frame,
        "display_filter": finding.display_filter,
        "details": {name: round(value, 6) if isinstance(value, float) else value for name, value in finding.details.items()},
        "explanation": finding.explanation,
        "evidence": list(finding.evidence),
        "remedy": finding.remedy,
    }


def latency_row(latency: Latency) -> Row:
    """Percentiles in milliseconds; null for what the clock does not tell, too."""
    return {
        "count": latency.count,
        "min": ms(latency.min_ns or None),
        "p50": ms(latency.p50_ns or None),
        "p90": ms(latency.p90_ns or None),
        "p99": ms(latency.p99_ns or None),
        "max": ms(latency.max_ns or None),
    }


def service_row(service: Service) -> Row:
    """A service and what its connections add up to."""
    return {
        "server": service.address,
        "server_port": service.port,
        "connections": service.connections,
        "segments": service.segments,
        "handshake_ms": latency_row(service.handshake),
        "closed_first": {"client": service.client_first, "server": service.server_first, "both": service.simultaneous},
        "resets": {"client": service.resets_by_client, "server": service.resets_by_server, "other": service.resets_by_others},
        "retransmissions": service.retransmissions,
    }


def summary_row(summary: Summary) -> Row:
    """Put the capture in numbers."""
    by_vantage = {vantage: latency_row(latency) for vantage, latency in summary.latency_by_vantage.items()}
    return {
        "connections": summary.connections,
        "handshake": {
            "outcomes": dict(summary.outcomes),
            "latency_ms": {"of": "total_ms", **latency_row(summary.latency), "by_vantage": by_vantage},
        },
        "teardown": dict(summary.patterns),
        "closes_in_flight": summary.closes_in_flight,
        "reset_causes": dict(summary.reset_causes),
        "time_wait": {
            "entered": summary.time_wait.entered,
            "peak": summary.time_wait.peak,
            "peak_at": rfc3339(summary.time_wait.peak_at_ns),
            "at_end": summary.time_wait.at_end,
        },
        "segments": summary.segments,
        "retransmissions": summary.retransmissions,
        "handshake_retransmissions": summary.handshake_retransmissions,
        "services": [service_row(service) for service in summary.services],
    }


def intervals_row(intervals: Intervals) -> Row:
    """When connections began: counts in intervals of time, one behind the other."""
    return {
        "start": rfc3339(intervals.start_ns),
        "interval_s": intervals.length_ns / 1e9,
        "connections": list(intervals.connections),
        "broken": list(intervals.broken),
    }


def broken_row(group: TroubleGroup) -> Row:
    """Connections to one service that went wrong in the same way."""
    return {
        "code": group.trouble.code,
        "server": group.address,
        "server_port": group.port,
        "connections": group.count,
        "clients": len(group.clients),
        "first_at": rfc3339(group.first_at_ns),
        "last_at": rfc3339(group.last_at_ns),
        "stream": group.stream,
        "first_frame": group.first_frame,
    }


def scope_row(scope: Scope | None) -> Row | None:
    """A scope, None for none."""
    if scope is None:
        return None
    return {"vlan": scope.vlan, "vni": scope.vni, "gre_key": scope.gre_key, "teid": scope.teid, "interface": scope.interface}


def host_row(host: Host) -> Row:
    """One address."""
    held = host.time_wait
    return {
        "address": host.address,
        "scope": scope_row(host.scope),
        "connections_as_client": host.connections_as_client,
        "connections_as_server": host.connections_as_server,
        "closed_first": host.closed_first,
        "first_at": rfc3339(host.first_ns),
        "last_at": rfc3339(host.last_ns),
        "time_wait": {
            "entered": held.entered,
            "entered_as_client": held.entered_as_client,
            "entered_as_server": held.entered_as_server,
            "peak": held.peak,
            "peak_at": rfc3339(held.peak_at_ns),
            "at_end": held.at_end,
            "stays_restarted": held.stays_restarted,
            "stays_reused": held.stays_reused,
            "stays_killed": held.stays_killed,
        },
    }


def ports_row(budget: PortBudget) -> Row:
    """Local ports of one client address towards one service."""
    return {
        "client": budget.client,
        "server": budget.server,
        "server_port": budget.server_port,
        "scope": scope_row(budget.scope),
        "connections": budget.connections,
        "port_range": list(budget.port_range),
        **port_use_row(budget),
    }


def port_use_row(budget: PortBudget) -> Row:
    """How much of its range is taken, and whether that lasts."""
    return {
        "range_from": budget.range_from,
        "peak_held": budget.peak_held,
        "peak_time_wait": budget.peak_time_wait,
        "peak_at": rfc3339(budget.peak_at_ns),
        "held_at_end": budget.held_at_end,
        "used_ratio": round(budget.used_ratio, 6),
        "connections_per_s": rounded(budget.connections_per_s),
        "ceiling_per_s": rounded(budget.ceiling_per_s),
        "exhausted_in_s": rounded(budget.exhausted_in_s),
        "filling_per_s": rounded(budget.filling_per_s),
        "filling_over_s": None if budget.filling_over_ns is None else budget.filling_over_ns / 1e9,
        "exhausted": budget.exhaustion is not None,
        "exhaustion": None if budget.exhaustion is None else exhaustion_row(budget.exhaustion),
    }


def exhaustion_row(full: Exhaustion) -> Row:
    """By what it shows that the ports ran out."""
    return {
        "at": rfc3339(full.at_ns),
        "full_ms": ms(full.full_ns),
        "per_s_before": rounded(full.before_per_s),
        "per_s_after": rounded(full.after_per_s),
        "ports_taken_again_at_once": full.taken_again,
        "syns_into_time_wait": full.into_time_wait,
    }


def connection_row(connection: Connection) -> Row:
    """One connection."""
    import json  # noqa: PLC0415 - other documents share this module, and `time-wait` writes no JSON mostly

    from .connection_text import connection_text  # noqa: PLC0415 - as above

    row: Row = json.loads(connection_text(connection))
    return row


def endpoint_row(endpoint: Endpoint) -> Row:
    """One end."""
    return {"address": endpoint.address, "port": endpoint.port}


def rounded(number: float | None) -> float | None:
    """A number with at most six decimals."""
    return None if number is None else round(number, 6)
