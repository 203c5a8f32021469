"""Diagnosis -> the document `tcpstates/time-wait/1` as plain dicts and lists, time series included.

Absolute times are RFC 3339 strings, durations numbers with their unit in the key, None is unknown. The shape is held to
`schema/time-wait-1.json`; additions keep the number, a changed meaning raises it.
"""

from collections.abc import Iterator
from typing import Any

from tcptrace_py.model.diagnosis import (
    Advice,
    Diagnosis,
    HostLedger,
    Neighbour,
    Series,
    ServerLedger,
    ServiceLedger,
)
from tcptrace_py.model.finding import ABOUT_TIME_WAIT
from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.document import (
    capture_row,
    finding_row,
    generator,
    port_use_row,
    profile_row,
    rounded,
    scope_row,
)
from tcptrace_py.outputs.units import ms, rfc3339

from .advice import words
from .verdict import stuck, verdict

SCHEMA = "tcpstates/time-wait/1"
Row = dict[str, Any]


def document(diagnosis: Diagnosis, analysis: Analysis) -> Row:
    """Return the whole document."""
    return {
        "schema": SCHEMA,
        "generator": generator(),
        "interrupted": analysis.interrupted,
        "profiles": [profile_row(profile) for profile in analysis.profiles],
        "capture": capture_row(analysis.capture),
        "findings": [finding_row(finding) for finding in analysis.findings if finding.code in ABOUT_TIME_WAIT],
        "verdict": [*(sentence for host in diagnosis.hosts[:2] for sentence in verdict(host, diagnosis)), *stuck(diagnosis)],
        "time_wait": {
            "entered": diagnosis.entered,
            "peak": diagnosis.peak,
            "peak_at": rfc3339(diagnosis.peak_at_ns),
            "at_end": diagnosis.at_end,
            "began_before_capture": diagnosis.before,
            "outlive_capture": diagnosis.outlive,
        },
        "hosts": [host_row(host) for host in diagnosis.hosts],
        "services": [service_row(service) for service in diagnosis.services],
        "servers": [server_row(server) for server in diagnosis.servers],
        "services_left_out_connections": diagnosis.left_out,
        "neighbours": [neighbour_row(neighbour) for neighbour in diagnosis.neighbours],
        "advice": [advice_row(advice) for advice in diagnosis.advice],
        "not_advised": [advice_row(advice) for advice in diagnosis.dont],
    }


def host_row(host: HostLedger) -> Row:
    """One address, with its population over time."""
    return {
        "address": host.address,
        "scope": scope_row(host.scope),
        "entered": host.entered,
        "entered_as_client": host.entered_as_client,
        "entered_as_server": host.entered_as_server,
        "peak": host.peak,
        "peak_at": rfc3339(host.peak_at_ns),
        "at_end": host.at_end,
        "began_before_capture": host.before,
        "outlive_capture": host.outlive,
        "stays_restarted": host.restarted,
        "stays_reused": host.reused,
        "stays_killed": host.killed,
        "entered_per_s": rounded(host.per_s),
        "first_entered_at": rfc3339(host.first_ns),
        "last_entered_at": rfc3339(host.last_ns),
        "profile": host.profile,
        "time_wait_s": host.time_wait_ns / 1e9,
        "population": _population(host.series),
    }


def _population(series: Series | None) -> Row | None:
    if series is None:
        return None
    return {
        "start": rfc3339(series.start_ns),
        "end": rfc3339(series.end_ns),
        "step_ms": ms(series.step_ns),
        "counts": list(series.counts),
    }


def service_row(service: ServiceLedger) -> Row:
    """One client address and one service."""
    return {
        "client": service.client,
        "server": service.server,
        "server_port": service.server_port,
        "scope": scope_row(service.scope),
        "connections": service.connections,
        "closed_first": _closers(service),
        "time_wait_client": service.time_wait_client,
        "time_wait_server": service.time_wait_server,
        "share": rounded(service.share),
        "pattern": service.pattern,
        "period_ms": ms(service.period_ns),
        "burst": service.burst,
        "lifetime_p50_ms": ms(service.lifetime_p50_ns),
        "payload_p50_bytes": service.payload_p50_bytes,
        "peak_open": service.peak_open,
        "connections_per_s": rounded(service.per_s),
        "timestamps": {"with": service.timestamps[0], "without": service.timestamps[1]},
        "ports": {"range": list(service.ports.port_range), **port_use_row(service.ports)},
    }


def server_row(server: ServerLedger) -> Row:
    """One service, whoever its clients are."""
    return {
        "server": server.server,
        "server_port": server.server_port,
        "scope": scope_row(server.scope),
        "clients": server.clients,
        "connections": server.connections,
        "closed_first": _closers(server),
        "time_wait_client": server.time_wait_client,
        "time_wait_server": server.time_wait_server,
        "share": rounded(server.share),
        "pattern": server.pattern,
        "period_ms": ms(server.period_ns),
        "burst": server.burst,
        "lifetime_p50_ms": ms(server.lifetime_p50_ns),
        "connections_per_s": rounded(server.per_s),
    }


def _closers(row: ServiceLedger | ServerLedger) -> Row:
    return {
        "client": row.client_first,
        "server": row.server_first,
        "both": row.both_at_once,
        "reset": row.resets,
        "none": row.unclosed,
    }


def neighbour_row(row: Neighbour) -> Row:
    """Connections in a state that is taken for TIME_WAIT."""
    return {
        "state": row.state,
        "address": row.address,
        "role": row.role,
        "peer": row.peer,
        "server": row.server,
        "server_port": row.server_port,
        "count": row.count,
        "at_end": row.still,
        "longest_ms": ms(row.longest_ns),
        "clients": row.clients,
        "scope": scope_row(row.scope),
    }


def advice_row(advice: Advice) -> Row:
    """One piece of advice, in words too."""
    said = words(advice)
    numbers = {key: rounded(value) if isinstance(value, float) else value for key, value in advice.numbers.items()}
    return {
        "code": advice.code,
        "client": advice.client,
        "server": advice.server,
        "server_port": advice.server_port,
        "numbers": numbers,
        "others": advice.others,
        "text": said.text,
        "price": said.price or None,
        "reason": said.link,
    }


def population_rows(diagnosis: Diagnosis) -> Iterator[Row]:
    """A row for each host and moment, as far as the document tells them."""
    for host in diagnosis.hosts:
        series = host.series
        if series is None:
            continue
        for i, number in enumerate(series.counts):
            yield {"address": host.address, "at": rfc3339(series.moment_ns(i)), "time_wait": number}
