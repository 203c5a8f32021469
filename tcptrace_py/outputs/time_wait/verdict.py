"""The verdict in sentences: who holds TIME_WAIT, how much, why, and whether it matters."""

from collections.abc import Iterator, Sequence

from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.diagnosis import (
    Diagnosis,
    HostLedger,
    Neighbour,
    ServerLedger,
    ServiceLedger,
)
from tcptrace_py.model.results import Exhaustion, PortBudget, Scope
from tcptrace_py.outputs.units import clock, count, human, scope_text, service, share, some

DANGER = 0.5  # of the ports: from there on Linux's connect() slows down
WORTH_SAYING = 10  # connections from which on their ports are worth a sentence
LEAST_NS = SECOND_NS  # what came within less is one burst: it has no rate
WORTH_NAMING = 0.01  # of the connections: so many are stuck, or of the stays ended early, before the verdict speaks of it
CAUSES = {
    "short": "each exchange has a connection of its own{median}: there is no keep-alive",
    "reused": "connections are short{median} and not kept open, though some carry more than one exchange",
    "pool-too-small": "connections are used again, but fewer are kept than are in use at once; the others are closed{median}",
    "pool-unused": "short connections{median} come beside long ones to the same service: a pool is passed by",
    "bursts": "{burst} connections come at once, every {period}",
    "health-check": "they come at a constant period, {burst} every {period}, as health checks do",
    "without-data": "they are opened and closed again without any data, as checks and scanners do",
    "long": "none that is common: its connections last long{median}",
    "few": "",
}
WORDS = {
    "short": "no keep-alive",
    "reused": "not kept",
    "pool-too-small": "small pool",
    "pool-unused": "beside a pool",
    "bursts": "bursts",
    "health-check": "check",
    "without-data": "no data",
    "long": "long",
    "few": "few",
}
STUCK = {
    "CLOSE_WAIT": "the program there does not close what the other side has closed",
    "FIN_WAIT_2": "the other side does not close",
    "LAST_ACK": "its FIN is not acknowledged",
    "half-open": "the other side no longer has the connection",
    "SYN_RECEIVED": "the ACK of its SYN/ACK is missing, or its accept queue is full",
}


def verdict(host: HostLedger, diagnosis: Diagnosis) -> Iterator[str]:
    """Paragraphs about one host."""
    mine = [s for s in diagnosis.services if s.scope == host.scope and host.address in (s.client, s.server)]
    as_client = [s for s in mine if s.client == host.address and s.time_wait_client]
    as_server = [s for s in mine if s.server == host.address and s.time_wait_server]
    yield " ".join(_held(host, as_client, as_server, diagnosis))
    for row in [s for s in as_client if s.ports.is_alarming] or as_client[:1]:
        if row.connections >= WORTH_SAYING:
            yield from ports_sentences(row, host, diagnosis)
        if cause := cause_of(row, named=len(as_client) + len(as_server) > 1):
            yield cause
    if as_server:
        yield "On a server that is normally harmless: it costs a little memory and holds no ports."
        totals = [t for t in diagnosis.servers if (t.server, t.scope) == (host.address, host.scope)]
        totals = [total for total in totals if total.time_wait_server]
        if not as_client and totals and (cause := cause_of(totals[0], named=len(totals) > 1)):
            yield cause


def stuck(diagnosis: Diagnosis) -> Iterator[str]:
    """The gravest state besides TIME_WAIT that connections are stuck in at the capture's end; nothing if few are."""
    if "teardown" in diagnosis.withheld:
        return  # what would show that it is not may not have been captured
    whole = sum(total.connections for total in diagnosis.servers)
    for state in STUCK:
        rows = [row for row in diagnosis.neighbours if row.state == state and row.still >= max(1, WORTH_NAMING * whole)]
        if rows:
            yield _stuck_at(rows[0])
            return


def _stuck_at(row: Neighbour) -> str:
    towards = service(row.server, row.server_port)
    role = f"as a client of {towards}" if row.role == "client" else f"as the server of port {row.server_port}"
    longest = human(row.longest_ns)
    many = f"{some(row.still, 'connection')} at the end, the longest for {longest}" if row.still > 1 else f"for {longest}"
    return f"Not TIME_WAIT: {address(row.address, row.scope)} {role} is stuck in {row.state}, {many}: {STUCK[row.state]}."


def address(text: str, scope: Scope | None) -> str:
    """An address, with the network that it is in where networks are told apart."""
    return f"{text} ({scope_text(scope)})" if scope is not None else text


def _held(host: HostLedger, as_client: Sequence[ServiceLedger], as_server: Sequence[ServiceLedger], diagnosis: Diagnosis) -> Iterator[str]:
    who = address(host.address, host.scope)
    if host.entered == 1:
        there = "and is in it at the end" if host.at_end else "and is out of it at the end"
        yield f"{who} entered TIME_WAIT once, at {clock(host.peak_at_ns, decimals=1)}, {there}."
    else:
        at = clock(host.peak_at_ns, decimals=1)
        yield f"{who} holds TIME_WAIT: at most {count(host.peak)} at once, at {at}, {count(host.at_end)} at the end."
    if host.reused > WORTH_NAMING * host.entered:
        again = "their clients came again from the same ports"
        if as_client:
            short = f"TIME_WAIT may be shorter there than {human(host.time_wait_ns)}: --time-wait"
            again = f"it took their ports again ({'tcp_tw_reuse allows that' if host.profile == 'linux' else short})"
        yield f"{count(host.reused)} of {count(host.entered)} ended early: {again}."
    yield from _rate(host, any(row.ports.is_alarming for row in as_client), diagnosis)
    for role, rows in (("client", as_client), ("server", as_server)):
        if rows:
            yield _closes(role, rows)


def _rate(host: HostLedger, alarm: bool, diagnosis: Diagnosis) -> Iterator[str]:
    """How fast they come and, where the capture is too short to show it, what that leads to."""
    if host.per_s is None or host.entered < WORTH_SAYING or host.first_ns is None or host.last_ns is None:
        return
    start_ns, end_ns = diagnosis.start_ns or 0, diagnosis.end_ns or 0
    came_ns = host.last_ns - host.first_ns
    if came_ns < LEAST_NS:
        yield f"All of them came within {human(came_ns)}."
        return
    if _has_stopped(host, end_ns):
        yield f"They came at {rate_text(host.per_s)} until {clock(host.last_ns, decimals=1)}, then none."
        return
    if host.peak_at_ns is not None and end_ns - host.peak_at_ns > host.peak_at_ns - host.first_ns:
        yield f"Until the peak they came at {rate_text(host.per_s)}."
        return
    level = round(host.per_s * host.time_wait_ns / SECOND_NS)
    short = (host.reused + host.killed) * 10 > host.entered
    ends = end_ns - start_ns < host.time_wait_ns and not alarm and not short
    yield f"They come at {rate_text(host.per_s)}{f', which levels off at about {_round(level)}' if ends else ''}."


def _has_stopped(host: HostLedger, end_ns: int) -> bool:
    """Whether none came for so long that their rate says nothing of what is to come."""
    return host.first_ns is not None and host.last_ns is not None and (end_ns - host.last_ns) * 4 > host.last_ns - host.first_ns


def _round(number: int) -> str:
    """Two digits: no more is known of what is to come."""
    size = 10 ** max(len(str(number)) - 2, 0)
    return count(round(number / size) * size)


def _closes(role: str, rows: Sequence[ServiceLedger]) -> str:
    """Which connections it closes first."""
    first = sum(row.client_first if role == "client" else row.server_first for row in rows)
    held = sum(row.time_wait_client if role == "client" else row.time_wait_server for row in rows)
    whole = sum(row.connections for row in rows)
    targets = list(dict.fromkeys(service(row.server, row.server_port) for row in rows))
    which = "" if first == whole == 1 else f"{count(first)} of "
    closed = (
        f"closes {which}{some(whole, 'connection')} first"
        if first
        else f"took part in {some(held, 'close whose FINs', 'closes whose FINs')} crossed"
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
    most, whole = max(opened, key=lambda client: opened[client]), sum(opened.values())
    if len(opened) == 1:
        return f"it comes from {most}" if whole == 1 else f"all come from {most}"
    return f"they come from {count(len(opened))} addresses, {share(opened[most], whole)} from {most}"


def cause_of(row: ServiceLedger | ServerLedger, *, named: bool = False) -> str:
    """Why the connections come; empty where too few to tell. `named`: to which service, as there are others."""
    median = f" (median {human(row.lifetime_p50_ns)})" if row.lifetime_p50_ns is not None else ""
    text = CAUSES[row.pattern].format(median=median, burst=row.burst, period=human(row.period_ns))
    towards = f" at {service(row.server, row.server_port)}" if named else ""
    return f"Cause{towards}: {text}." if text else ""


def ports_sentences(row: ServiceLedger, host: HostLedger, diagnosis: Diagnosis) -> Iterator[str]:
    """How near the ceiling the client's ports towards one service are."""
    ports, towards = row.ports, service(row.server, row.server_port)
    if ports.exhaustion is not None:
        yield _ran_out(ports, ports.exhaustion, row, towards)
        return
    carries = f" {count(ports.port_count)} ports carry {rate_text(ports.ceiling_per_s)}." if ports.ceiling_per_s else ""
    if ports.exhausted_in_s is not None:
        left_ns = round(ports.exhausted_in_s * SECOND_NS)
        left = f"run out in {human(left_ns)}" if left_ns else "are about to run out"
        yield (
            f"At the present {rate_text(ports.filling_per_s)}, which it has kept up for {human(ports.filling_over_ns)}, its local ports "
            f"towards {towards} {left}: {count(ports.held_at_end)} of {count(ports.port_count)} are taken.{carries}"
        )
        return
    yield (
        f"Of its {count(ports.port_count)} local ports{_whose(ports, host)} towards {towards} at most {count(ports.peak_held)} were taken "
        f"({share(ports.peak_held, ports.port_count)}){_danger(row, host, diagnosis)}.{carries}"
    )


def _whose(ports: PortBudget, host: HostLedger) -> str:
    """Where the range of ports is only what is usual, or not known, that is said."""
    told = {"profile": f" ({host.profile}'s default)", "unknown": " (all from 1,024 on: which it takes is not known)"}
    return told.get(ports.range_from, "")


def _danger(row: ServiceLedger, host: HostLedger, diagnosis: Diagnosis) -> str:
    """Whether that matters, where the ports neither ran out nor will: no danger only where the range is known and the peak was seen.

    A rate leads to something only where it goes on, and the capture is too short to show what.
    """
    ports, slow = row.ports, "connect() takes longer to find one" if host.profile == "linux" else "few are left"
    is_long = "time-wait" not in diagnosis.withheld  # the capture is longer than a stay
    if ports.peak_held > DANGER * ports.port_count:
        return f": near the ceiling; from half of them on {slow}"
    level = (ports.connections_per_s or 0) * host.time_wait_ns / SECOND_NS * row.time_wait_client / row.connections
    if level <= DANGER * ports.port_count:
        return ": no danger" if is_long and ports.range_from in ("option", "traffic") else ""
    if level > ports.port_count or is_long or _has_stopped(host, diagnosis.end_ns or 0):  # else it would have been said that they run out
        more = ", more than they carry," if level > ports.port_count else ""
        return f"; its {rate_text(ports.connections_per_s)}{more} lasted {human(row.span_ns)} only"
    return f"; the rate leads to about {_round(round(level))}, and from half of them on {slow}"


def _ran_out(ports: PortBudget, full: Exhaustion, row: ServiceLedger, towards: str) -> str:
    low, high = ports.port_range
    seen = ", as the capture shows" if ports.range_from == "traffic" else ""
    every = "nearly all, at the peak all" if ports.peak_held >= ports.port_count else "nearly all"
    parts = [
        (
            f"THE LOCAL PORTS RAN OUT towards {towards}: from {clock(full.at_ns, decimals=1)} on {every} "
            f"{count(ports.port_count)} of them ({low}-{high}{seen}) were open or in TIME_WAIT."
        )
    ]
    if full.before_per_s is not None and full.after_per_s is not None and full.after_per_s < 0.9 * full.before_per_s:
        parts.append(f"New connections fell from {rate_text(full.before_per_s)} to {number_text(full.after_per_s)}.")
    if full.taken_again:
        parts.append(f"{some(full.taken_again, 'later one')} took a port that had only just come free.")
    if full.into_time_wait:
        parts.append(f"{some(full.into_time_wait, 'SYN')} even went into a TIME_WAIT that was not over.")
    parts.append('connect() then fails with EADDRNOTAVAIL, "Cannot assign requested address", which no capture shows.')
    if row.ports.ceiling_per_s is not None and full.before_per_s is not None:
        parts.append(
            f"{count(ports.port_count)} ports carry {number_text(row.ports.ceiling_per_s)} new connections a second; "
            f"it opened {number_text(full.before_per_s)}."
        )
    return " ".join(parts)


def rate_text(per_s: float | None) -> str:
    """A rate for people."""
    return f"{number_text(per_s)} a second"


def number_text(value: float | None) -> str:
    """Three digits at most."""
    return "-" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
