"""The verdict in sentences: who holds TIME_WAIT, how much, why, and whether it matters."""

from collections.abc import Iterator, Sequence

from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.diagnosis import Diagnosis, Exhaustion, HostLedger, PortLedger, ServerLedger, ServiceLedger
from tcptrace_py.outputs.units import clock, count, human, service, share, some

DANGER = 0.5  # of the ports: from there on Linux's connect() slows down
WORTH_SAYING = 10  # connections from which on their ports are worth a sentence
CAUSES = {
    "short": "each exchange has a connection of its own{median}: there is no keep-alive",
    "pool-unused": "short connections{median} come beside long ones to the same service: a pool is passed by",
    "bursts": "{burst} connections come at once, every {period}",
    "health-check": "a health check opens one every {period}",
    "without-data": "they are opened and closed again without any data, as checks and scanners do",
    "long": "its connections last long{median}",
    "few": "",
}
WORDS = {
    "short": "no keep-alive",
    "pool-unused": "beside a pool",
    "bursts": "bursts",
    "health-check": "check",
    "without-data": "no data",
    "long": "long",
    "few": "few",
}


def verdict(host: HostLedger, diagnosis: Diagnosis) -> Iterator[str]:
    """Paragraphs about one host."""
    mine = [s for s in diagnosis.services if s.scope == host.scope and host.address in (s.client, s.server)]
    as_client = [s for s in mine if s.client == host.address and s.time_wait_client]
    as_server = [s for s in mine if s.server == host.address and s.time_wait_server]
    yield " ".join(_held(host, as_client, as_server, (diagnosis.end_ns or 0) - (diagnosis.start_ns or 0)))
    for row in [s for s in as_client if alarming(s.ports)] or as_client[:1]:
        if row.connections >= WORTH_SAYING:
            yield from ports_sentences(row, host.time_wait_ns)
        if cause := cause_of(row):
            yield cause
    if as_server:
        yield "On a server that is normally harmless: it costs a little memory and holds no ports."
        totals = [s for s in diagnosis.servers if (s.server, s.scope) == (host.address, host.scope)]
        if not as_client and totals and (cause := cause_of(totals[0])):
            yield cause


def alarming(ports: PortLedger) -> bool:
    """Whether the ports ran out or will."""
    return ports.exhaustion is not None or ports.exhausted_in_ns is not None


def _held(
    host: HostLedger, as_client: Sequence[ServiceLedger], as_server: Sequence[ServiceLedger], span_ns: int
) -> Iterator[str]:
    at = f", at {clock(host.peak_at_ns, decimals=1)}" if host.peak > 1 else ""
    yield f"{host.address} holds TIME_WAIT: at most {count(host.peak)} at once{at}, {count(host.at_end)} at the end."
    if host.per_s is not None and host.entered >= WORTH_SAYING:
        level = round(host.per_s * host.time_wait_ns / SECOND_NS)
        ends = span_ns < host.time_wait_ns and not any(alarming(row.ports) for row in as_client)
        yield f"They come at {rate_text(host.per_s)}{f', which levels off at about {_round(level)}' if ends else ''}."
    for role, rows in (("client", as_client), ("server", as_server)):
        if rows:
            yield _closes(role, rows)


def _round(number: int) -> str:
    """Two digits: no more is known of what is to come."""
    size = 10 ** max(len(str(number)) - 2, 0)
    return count(round(number / size) * size)


def _closes(role: str, rows: Sequence[ServiceLedger]) -> str:
    """Which connections it closes first."""
    first = sum(row.client_first if role == "client" else row.server_first for row in rows)
    both = sum(row.both_at_once for row in rows)
    whole = sum(row.connections for row in rows)
    targets = list(dict.fromkeys(service(row.server, row.server_port) for row in rows))
    which = "" if first == whole == 1 else f"{count(first)} of "
    closed = (
        f"closes {which}{some(whole, 'connection')} first"
        if first
        else f"took part in {some(both, 'simultaneous close')}"
    )
    if role == "client":
        towards = targets[0] if len(targets) == 1 else f"{targets[0]} and {some(len(targets) - 1, 'other service')}"
        return f"As a client of {towards} it {closed}."
    ports = list(dict.fromkeys(row.server_port for row in rows))
    port = f"port {ports[0]}" if len(ports) == 1 else f"{len(ports)} ports"
    return f"As the server of {port} it {closed}; {_clients(rows)}."


def _clients(rows: Sequence[ServiceLedger]) -> str:
    """Whom a server serves, in words."""
    opened: dict[str, int] = {}
    for row in rows:
        opened[row.client] = opened.get(row.client, 0) + row.connections
    most = max(opened, key=lambda client: opened[client])
    if len(opened) == 1:
        return f"all come from {most}"
    return f"they come from {count(len(opened))} addresses, {share(opened[most], sum(opened.values()))} from {most}"


def cause_of(row: ServiceLedger | ServerLedger) -> str:
    """Why the connections come; empty where too few to tell."""
    median = f" (median {human(row.lifetime_p50_ns)})" if row.lifetime_p50_ns is not None else ""
    text = CAUSES[row.pattern].format(median=median, burst=row.burst, period=human(row.period_ns))
    return f"Cause: {text}." if text else ""


def ports_sentences(row: ServiceLedger, time_wait_ns: int) -> Iterator[str]:
    """How near the ceiling the client's ports towards one service are."""
    ports, towards = row.ports, service(row.server, row.server_port)
    if ports.exhaustion is not None:
        yield _ran_out(ports, ports.exhaustion, row, towards)
        return
    carries = f" {count(ports.count)} ports carry {rate_text(ports.ceiling_per_s)}." if ports.ceiling_per_s else ""
    if ports.exhausted_in_ns is not None:
        left = f"run out in {human(ports.exhausted_in_ns)}" if ports.exhausted_in_ns else "are about to run out"
        yield (
            f"At the present {rate_text(ports.per_s)} its local ports towards {towards} {left}: "
            f"{count(ports.at_end)} of {count(ports.count)} are taken.{carries}"
        )
        return
    level = max((ports.per_s or 0) * time_wait_ns / SECOND_NS * row.time_wait_client / row.connections, ports.peak_held)
    danger = ": no danger" if level < DANGER * ports.count else ""
    yield (
        f"Of its {count(ports.count)} local ports towards {towards} at most {count(ports.peak_held)} were taken "
        f"({share(ports.peak_held, ports.count)}){danger}.{carries}"
    )


def _ran_out(ports: PortLedger, full: Exhaustion, row: ServiceLedger, towards: str) -> str:
    seen = ", as the capture shows" if ports.range_from == "capture" else ""
    since = clock(full.at_ns, decimals=1)
    parts = [
        (
            f"THE LOCAL PORTS RAN OUT towards {towards}: from {since} on all {count(ports.count)} of them "
            f"({ports.low}-{ports.high}{seen}) were open or in TIME_WAIT."
        )
    ]
    if full.before_per_s is not None and full.after_per_s is not None:
        parts.append(f"New connections fell from {rate_text(full.before_per_s)} to {number_text(full.after_per_s)}.")
    if full.taken_again:
        parts.append(f"{some(full.taken_again, 'later one')} took a port that had only just come free.")
    if full.into_time_wait:
        parts.append(f"{some(full.into_time_wait, 'SYN')} even went into a TIME_WAIT that was not over.")
    parts.append('Then connect() fails: EADDRNOTAVAIL, "Cannot assign requested address". No capture shows that.')
    if row.ports.ceiling_per_s is not None and full.before_per_s is not None:
        parts.append(
            f"{count(ports.count)} ports carry {number_text(row.ports.ceiling_per_s)} new connections a second; "
            f"it opened {number_text(full.before_per_s)}."
        )
    return " ".join(parts)


def rate_text(per_s: float | None) -> str:
    """A rate for people."""
    return f"{number_text(per_s)} a second"


def number_text(value: float | None) -> str:
    """Three digits at most."""
    return "-" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
