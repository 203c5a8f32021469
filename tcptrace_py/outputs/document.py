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
    Course,
    Delivery,
    Endpoint,
    Exhaustion,
    Handshake,
    Host,
    Intervals,
    Latency,
    PortBudget,
    ProfileRow,
    Reset,
    Scope,
    Service,
    Side,
    Stay,
    Summary,
    Teardown,
    TwoScopes,
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


def _scope(scope: Scope | TwoScopes | None) -> Row | list[Row | None] | None:
    """A connection's scope; the client's and the server's where they differ."""
    return [scope_row(scope.client), scope_row(scope.server)] if isinstance(scope, TwoScopes) else scope_row(scope)


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
    return {
        "id": connection.id,
        "stream": connection.stream,
        "client": endpoint_row(connection.client),
        "server": endpoint_row(connection.server),
        "scope": _scope(connection.scope),
        "start": rfc3339(connection.start_ns),
        "end": rfc3339(connection.end_ns),
        "frames": [connection.first_frame, connection.last_frame],
        "vantage": connection.vantage,
        "midstream": connection.midstream,
        "history": connection.history,
        "handshake": handshake_row(connection.handshake),
        "teardown": teardown_row(connection.teardown),
        "resets": [reset_row(reset) for reset in connection.resets],
        "course": course_row(connection.course),
        "client_side": side_row(connection.client_side),
        "server_side": None if connection.server_side is None else side_row(connection.server_side),
        "time_wait": [stay_row(stay) for stay in connection.time_wait],
        "anomalies": [
            {"code": anomaly.code, "frame": anomaly.frame, "explanation": anomaly.explanation} for anomaly in connection.anomalies
        ],
    }


def endpoint_row(endpoint: Endpoint) -> Row:
    """One end."""
    return {"address": endpoint.address, "port": endpoint.port}


def handshake_row(handshake: Handshake) -> Row:
    """How a connection was opened."""
    return {
        "kind": handshake.kind,
        "outcome": handshake.outcome,
        "syn_to_synack_ms": ms(handshake.syn_to_synack_ns),
        "synack_to_ack_ms": ms(handshake.synack_to_ack_ns),
        "total_ms": ms(handshake.total_ns),
        "syn_retransmissions": handshake.syn_retransmissions,
        "synack_retransmissions": handshake.synack_retransmissions,
    }


def teardown_row(teardown: Teardown) -> Row:
    """How a connection ended."""
    return {
        "pattern": teardown.pattern,
        "segments": teardown.segments,
        "first_fin": teardown.first_fin,
        "duration_ms": ms(teardown.duration_ns),
        "censored": teardown.censored,
        "reset": None if teardown.reset is None else reset_row(teardown.reset),
    }


def course_row(course: Course) -> Row:
    """How time went by in a connection."""
    return {
        "exchanges": course.exchanges,
        "longest_answer_ms": ms(course.longest_answer_ns),
        "longest_wait_ms": ms(course.longest_wait_ns),
        "longest_wait_frame": course.longest_wait_frame,
        "longest_stall_ms": ms(course.longest_stall_ns),
        "idle_survived_ms": ms(course.idle_survived_ns),
        "idle_before_end_ms": ms(course.idle_before_end_ns),
    }


def reset_row(reset: Reset) -> Row:
    """One RST."""
    return {
        "by": reset.by,
        "cause": reset.cause,
        "confidence": reset.confidence,
        "frame": reset.frame,
        "at": rfc3339(reset.at_ns),
        "evidence": list(reset.evidence),
    }


def side_row(side: Side) -> Row:
    """Say what one side sent and which states it passed."""
    return {
        "packets": side.packets,
        "payload_bytes": side.payload_bytes,
        "retransmissions": side.retransmissions,
        "fin_retransmissions": side.fin_retransmissions,
        "final_state": side.final_state_name,
        "states": [
            {"state": state, "at": rfc3339(at_ns), "frame": frame, "basis": basis}
            for state, (_, at_ns, frame, basis) in zip(side.path.split(), side.steps, strict=True)
        ],
        "delivery": delivery_row(side.delivery),
    }


def delivery_row(delivery: Delivery) -> Row:
    """What became of what a side sent, and how long its own window was closed."""
    return {
        "unacknowledged_bytes": delivery.unacknowledged_bytes,
        "unanswered_repeats": delivery.unanswered_repeats,
        "unanswered_ms": ms(delivery.unanswered_ns),
        "largest_payload_bytes": delivery.largest_payload_bytes,
        "smallest_lost_bytes": delivery.smallest_lost_bytes,
        "missing_bytes": delivery.missing_bytes,
        "window_closed_ms": ms(delivery.window_closed_ns),
        "long_window_closes": delivery.long_window_closes,
    }


def stay_row(stay: Stay) -> Row:
    """One stay in TIME_WAIT."""
    return {
        "side": stay.side,
        "entered": rfc3339(stay.entered_ns),
        "basis": stay.basis.value,
        "expires": rfc3339(stay.expires_ns),
        "restarts": stay.restarts,
        "ended_at": rfc3339(stay.ended_at_ns),
        "ended_by": stay.ended_by,
        "censored": stay.censored,
    }


def rounded(number: float | None) -> float | None:
    """A number with at most six decimals."""
    return None if number is None else round(number, 6)
