"""Analyses made by hand: what the outputs print without any capture, reader or tracker."""

from dataclasses import replace
from random import Random
from typing import Any

from tcptrace_py.model.problems import Problem
from tcptrace_py.model.results import (
    Analysis,
    Anomaly,
    CaptureInfo,
    Connection,
    Endpoint,
    FileInfo,
    Handshake,
    Host,
    Hosts,
    HostTimeWait,
    Latency,
    PortBudget,
    PortBudgets,
    ProfileRow,
    Reset,
    Scope,
    Service,
    Side,
    StateEntry,
    Stay,
    Summary,
    Teardown,
    TimeWaitTotals,
)
from tcptrace_py.model.state import Basis, State
from tests.facts.handmade import kept

MS = 1_000_000
S = 1_000_000_000
START = 1_772_359_200 * S  # 2026-03-01T10:00:00Z

CLIENT_PATH = ("CLOSED", "SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT")
SERVER_PATH = ("LISTEN", "SYN_RECEIVED", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSED")


def side(path: tuple[str, ...], start_ns: int = START, frame: int = 1, packets: int = 6, payload: int = 120) -> Side:
    """A side that entered a state every millisecond, a frame each."""
    first = StateEntry(State[path[0]], None, None, Basis.INFERRED)
    rest = tuple(StateEntry(State[name], start_ns + i * MS, frame + i, Basis.OBSERVED) for i, name in enumerate(path[1:]))
    return Side(packets, payload, 0, 0, State[path[-1]], (first, *rest))


def connection(number: int = 0, *, start_ns: int = START, total_ns: int | None = 310_000, **changes: Any) -> Connection:
    """An ordinary connection, closed by the client; `changes` name fields that differ."""
    frame = 1 + 10 * number
    out_ns = None if total_ns is None else total_ns * 2 // 3
    back_ns = None if total_ns is None or out_ns is None else total_ns - out_ns
    end_ns = start_ns + 6 * MS
    plain = Connection(
        id=number,
        stream=number,
        client=Endpoint("10.1.0.7", 40000 + number),
        server=Endpoint("10.1.0.9", 80),
        scope=None,
        start_ns=start_ns,
        end_ns=end_ns,
        first_frame=frame,
        last_frame=frame + 9,
        vantage="client",
        midstream=False,
        history="ShADadFf",
        handshake=Handshake("three-way", "completed", out_ns, back_ns, total_ns, 0, 0),
        teardown=Teardown("four-way", 3, "client", 1_200_000),
        resets=(),
        client_side=side(CLIENT_PATH, start_ns, frame),
        server_side=side(SERVER_PATH, start_ns, frame + 1, 5, 2048),
        time_wait=(Stay("client", end_ns, Basis.OBSERVED, end_ns + 60 * S, 0, None, "capture-end", True),),
        anomalies=(),
    )
    return replace(plain, **changes)


def failed(number: int, outcome: str, **changes: Any) -> Connection:
    """A connection whose handshake came to nothing."""
    handshake = Handshake(None, outcome, None, None, None, 3 if outcome == "unanswered" else 0, 0)
    reset = Reset("server", "refused", "high", 2 + 10 * number, START + 5 * MS) if outcome == "refused" else None
    return connection(
        number,
        handshake=handshake,
        teardown=Teardown("rst" if reset else "none", reset=reset),
        resets=(reset,) if reset else (),
        time_wait=(),
        client_side=side(("CLOSED", "SYN_SENT", "CLOSED"), packets=4, payload=0),
        server_side=side(("CLOSED",), packets=int(reset is not None), payload=0),
        **changes,
    )


def aborted(number: int, cause: str = "abort", by: str = "server", evidence: tuple[str, ...] = ("idle 351 s before",)) -> Connection:
    """A connection that a reset ended."""
    reset = Reset(by, cause, "medium", 8 + 10 * number, START + 5 * MS, evidence)
    return connection(
        number,
        teardown=Teardown("rst", duration_ns=0, reset=reset),
        resets=(reset,),
        time_wait=(),
        client_side=side(("CLOSED", "SYN_SENT", "ESTABLISHED", "CLOSED")),
        server_side=side(("LISTEN", "SYN_RECEIVED", "ESTABLISHED", "CLOSED")),
    )


def tally(values: list[str]) -> dict[str, int]:
    """How often each value occurs, the keys in order."""
    return {value: values.count(value) for value in sorted(set(values))}


def latency(connections: list[Connection]) -> Latency:
    """Percentiles by nearest rank."""
    times = sorted(c.handshake.total_ns for c in connections if c.handshake.total_ns is not None)
    if not times:
        return Latency(0)
    ranks = [times[max(-(-len(times) * percent // 100) - 1, 0)] for percent in (0, 50, 90, 99, 100)]
    return Latency(len(times), *ranks)


def host(address: str, connections: list[Connection], scope: Scope | None = None) -> Host:
    """What one address did in these connections."""
    as_client = [c for c in connections if c.client.address == address]
    as_server = [c for c in connections if c.server.address == address]
    stays = [sum(stay.side == name for c in mine for stay in c.time_wait) for name, mine in (("client", as_client), ("server", as_server))]
    first = sum(c.teardown.first_fin == "client" for c in as_client) + sum(c.teardown.first_fin == "server" for c in as_server)
    entered = sum(stays)
    held = HostTimeWait(entered, stays[0], stays[1], entered, START + 58_213 * MS, entered, 0, 0, 0) if entered else HostTimeWait()
    begun = sorted(c.start_ns for c in (*as_client, *as_server))
    return Host(address, scope, len(as_client), len(as_server), first, held, *((begun[0], begun[-1]) if begun else ()))


def services(connections: list[Connection]) -> tuple[Service, ...]:
    """The services of these connections, that with the most first."""
    of: dict[tuple[str, int], list[Connection]] = {}
    for row in connections:
        of.setdefault((row.server.address, row.server.port), []).append(row)
    found = []
    for (address, port), mine in of.items():
        first, by = [c.teardown.first_fin for c in mine], [c.teardown.reset.by for c in mine if c.teardown.reset is not None]
        sides = [side for c in mine for side in (c.client_side, c.server_side) if side is not None]
        found.append(
            Service(
                address,
                port,
                len(mine),
                sum(side.packets for side in sides),
                first.count("client"),
                first.count("server"),
                0,
                by.count("client"),
                by.count("server"),
                0,
                sum(side.retransmissions for side in sides),
                handshake=latency(mine),
            )
        )
    return tuple(sorted(found, key=lambda row: -row.connections))


def analysis(
    connections: list[Connection],
    *,
    problems: tuple[Problem, ...] = (),
    ports: tuple[PortBudget, ...] = (),
    packets: int = 4821,
    interrupted: bool = False,
) -> Analysis:
    """An analysis of these connections, its totals derived from them."""
    addresses = dict.fromkeys(end.address for c in connections for end in (c.client, c.server))
    vantages = dict.fromkeys(c.vantage or "unknown" for c in connections)
    by_vantage = {name: latency([c for c in connections if (c.vantage or "unknown") == name]) for name in vantages}
    entered = sum(len(c.time_wait) for c in connections)
    times = [c.start_ns for c in connections] + [c.end_ns for c in connections]
    return Analysis(
        profiles=[ProfileRow("*", "linux", 60.0, (32768, 60999))],
        capture=CaptureInfo(
            [FileInfo("web.pcap", "pcap", packets)],
            packets,
            max(packets - 21, 0),
            0,
            min(times, default=None),
            max(times, default=None),
            list(problems),
        ),
        summary=Summary(
            len(connections),
            tally([c.handshake.outcome for c in connections]),
            latency(connections),
            by_vantage,
            tally([c.teardown.pattern for c in connections]),
            tally([c.teardown.reset.cause for c in connections if c.teardown.reset and c.teardown.reset.cause]),
            TimeWaitTotals(entered, entered, START + 58_213 * MS if entered else None, entered),
            sum(c.teardown.censored for c in connections),
            sum(side.retransmissions for c in connections for side in (c.client_side, c.server_side) if side is not None),
            sum(c.handshake.syn_retransmissions + c.handshake.synack_retransmissions for c in connections),
            services(connections),
            sum(side.packets for c in connections for side in (c.client_side, c.server_side) if side is not None),
        ),
        hosts=Hosts([host(address, connections) for address in addresses]),
        ports=PortBudgets(ports),
        connections=kept(connections),
        interrupted=interrupted,
    )


def one() -> Analysis:
    """A single ordinary connection in a good capture."""
    return analysis([connection()], packets=31)


def few() -> Analysis:
    """Some connections of different fates, IPv6 among them."""
    v6: dict[str, Any] = {
        "client": Endpoint("2001:db8:85a3:8d3:1319:8a2e:370:7348", 51522),
        "server": Endpoint("2001:db8:85a3:8d3:ffff:ffff:ffff:9", 8443),
    }
    return analysis(
        [
            connection(),
            failed(1, "refused", server=Endpoint("10.1.0.9", 3306)),
            failed(2, "unanswered"),
            aborted(3),
            connection(4, **v6, scope=Scope(vni=4096), total_ns=48_313_517),
        ],
        packets=58,
    )


def busy() -> Analysis:
    """Many connections on a damaged server-side capture: every section of the overview has something to say."""
    random = Random(7)
    rows: list[Connection] = []
    for number in range(300):
        common: dict[str, Any] = {"start_ns": START + number * 200 * MS, "vantage": "server"}
        total_ns = round(random.lognormvariate(12.6, 0.6))
        if number % 30 == 7:
            rows.append(failed(number, "refused", server=Endpoint("10.1.0.9", 3306), client=Endpoint(f"10.1.3.{number % 7}", 40000)))
        elif number % 50 == 9:
            rows.append(failed(number, "unanswered", server=Endpoint("10.1.0.44", 443), client=Endpoint("10.1.0.9", 41000 + number)))
        elif number % 40 == 11:
            rows.append(aborted(number, "abort-unread-data", evidence=("data 0.1 ms before",)))
        elif number == 200:
            late = Handshake("three-way", "completed", 400_000, 200_000, 3 * S + 600_000, 2, 0)
            rows.append(
                connection(
                    number,
                    start_ns=START + 40 * S,
                    vantage="server",
                    handshake=late,
                    anomalies=(Anomaly("old-duplicate", 2005, "a segment from before the window"),),
                )
            )
        else:
            stay = Stay(
                "server",
                START + number * 200 * MS + 6 * MS,
                Basis.OBSERVED,
                START + number * 200 * MS + 60 * S,
                0,
                None,
                "capture-end",
                True,
            )
            rows.append(
                connection(number, total_ns=total_ns, teardown=Teardown("four-way", 4, "server", 900_000), time_wait=(stay,), **common)
            )
    problems = (
        Problem(
            "cut-tail",
            1,
            "web.pcap: ends inside the record that begins at byte 48213, 12 bytes into it; after frame 4821",
            None,
            damaged=True,
        ),
        Problem("missing-segments", 12, "segments were acknowledged but never captured: the capture lost packets", 812, damaged=False),
    )
    budget = PortBudget(
        "10.1.0.7", "10.1.0.9", 80, None, 265, 22_100, 21_900, START + 58 * S, (32768, 60999), "profile", 22_100, 412.0, 470.533, 94.2
    )
    return analysis(rows, problems=problems, ports=(budget,))


def empty() -> Analysis:
    """A valid capture without TCP."""
    return analysis([], packets=12)
