"""Which advice is given when: a table of cases over ledgers made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py.findings.advice import advise, warn
from tcptrace_py.model.diagnosis import HostLedger, Series, ServerLedger, ServiceLedger
from tcptrace_py.model.profiles import PROFILES, Profile, Profiles
from tcptrace_py.model.results import Exhaustion, PortBudget
from tcptrace_py.outputs.time_wait.advice import words

PORTS = PortBudget("10.0.0.7", "10.0.0.9", 3306, None, 300, 300, 290, 0, (32768, 60999), "profile", 300, 5.0, 470.5, None)
FULL = replace(PORTS, peak_held=28232, connections_per_s=600.0, exhaustion=Exhaustion(0, 10**9, 600.0, 470.0, 900, 0))
SOON = replace(PORTS, peak_held=9000, connections_per_s=600.0, exhausted_in_s=32.0, filling_per_s=600.0, filling_over_ns=20 * 10**9)
HALF = replace(PORTS, peak_held=15000, connections_per_s=250.0)
REUSE, CHECK, CLOSER, SPREAD, WIDEN, TW_REUSE, LIMIT, SHORTEN = (
    "reuse-connections", "check-less-often", "who-closes-first", "spread-over-addresses", "widen-the-port-range",
    "tcp_tw_reuse", "limit-requests", "shorten-time-wait")  # fmt: skip
if TYPE_CHECKING:
    from collections.abc import Sequence

SUMMED = (
    "connections", "client_first", "server_first", "both_at_once", "resets", "unclosed", "time_wait_client",
    "time_wait_server")  # fmt: skip
PRESSED = [REUSE, CLOSER, SPREAD, WIDEN, TW_REUSE]


def service(**changes: Any) -> ServiceLedger:
    """A client that closes 300 short connections to one service first."""
    plain = ServiceLedger(
        "10.0.0.7", "10.0.0.9", 3306, None, 300, 300, 0, 0, 0, 0, 300, 0, 1.0, "short", None, None, 3_000_000, 900, 12,
        5.0, 60 * 10**9, (300, 0), PORTS
    )  # fmt: skip
    return replace(plain, **changes)


def served(client: str, count: int, **changes: Any) -> ServiceLedger:
    """A client whose connections the server closes first."""
    return service(
        client=client, connections=count, client_first=0, server_first=count, time_wait_client=0,
        time_wait_server=count, **changes)  # fmt: skip


def codes(*services: ServiceLedger, system: str = "linux") -> list[str]:
    return [advice.code for advice in advise(services, totals(services), Profiles(PROFILES[system]))]


def totals(services: Sequence[ServiceLedger]) -> list[ServerLedger]:
    """The same connections by service."""
    found: dict[tuple[str, int], list[ServiceLedger]] = {}
    for row in services:
        found.setdefault((row.server, row.server_port), []).append(row)
    made = []
    for (server, port), rows in found.items():
        sums = {name: sum(getattr(row, name) for row in rows) for name in SUMMED}
        common: dict[str, Any] = {"share": 1.0, "pattern": rows[0].pattern, "period_ns": None, "burst": None}
        made.append(ServerLedger(server, port, None, len(rows), **sums, **common, lifetime_p50_ns=3_000_000, per_s=5.0))
    return made


CASES: list[tuple[str, list[ServiceLedger], str, list[str]]] = [
    ("nothing to say of few", [service(connections=20, client_first=20, time_wait_client=20)], "linux", []),
    ("short connections, ports far from short", [service()], "linux", [REUSE]),
    ("bursts", [service(pattern="bursts")], "linux", [REUSE]),
    ("a pool that is passed by", [service(pattern="pool-unused")], "linux", [REUSE]),
    ("long ones have nothing to reuse", [service(pattern="long")], "linux", []),
    ("without data there is nothing to reuse", [service(pattern="without-data")], "linux", []),
    ("unless the ports run short", [service(pattern="without-data", ports=SOON)], "linux", PRESSED),
    ("health checks", [service(pattern="health-check", period_ns=2 * 10**9, per_s=0.5)], "linux", [CHECK]),
    ("ports ran out", [service(ports=FULL)], "linux", PRESSED),
    ("ports will run out", [service(ports=SOON)], "linux", PRESSED),
    ("half of the ports gone", [service(ports=HALF)], "linux", PRESSED),
    ("ports ran out on Windows", [service(ports=FULL)], "windows", [REUSE, CLOSER, SPREAD, WIDEN, SHORTEN]),
    ("ports ran out on macOS", [service(ports=FULL)], "macos", [REUSE, CLOSER, SPREAD, WIDEN, SHORTEN]),
    ("the range is as wide as it gets", [service(ports=replace(FULL, port_range=(1024, 65535)))], "linux",
     [REUSE, CLOSER, SPREAD, TW_REUSE]),
    ("a hair wider is not wider", [service(ports=replace(FULL, port_range=(2000, 65000)))], "linux",
     [REUSE, CLOSER, SPREAD, TW_REUSE]),
    ("no timestamps, no tcp_tw_reuse", [service(ports=FULL, timestamps=(0, 300))], "linux", PRESSED[:-1]),
    ("timestamps on most of them", [service(ports=FULL, timestamps=(290, 10))], "linux", PRESSED),
    ("timestamps not to be seen", [service(ports=FULL, timestamps=(0, 0))], "linux", PRESSED),
    ("all open at the same time: no pool is smaller", [service(peak_open=250)], "linux", []),
    ("a server's TIME_WAIT, many clients", [served(f"10.1.0.{n}", 30) for n in range(50)], "linux", [REUSE]),
    ("each of many clients came once", [served(f"10.1.{n // 250}.{n % 250}", 1) for n in range(2000)], "linux", []),
    ("a crawler", [served("10.1.0.1", 1500), served("10.1.0.2", 100)], "linux", [REUSE, REUSE, LIMIT]),
    ("a small crawler bothers nobody", [served("10.1.0.1", 300)], "linux", [REUSE]),
    ("the gravest three are named", [service(server=f"10.0.1.{n}") for n in range(5)], "linux", [REUSE] * 3),
]  # fmt: skip


@pytest.mark.parametrize(("services", "system", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_advised(services: list[ServiceLedger], system: str, expected: list[str]) -> None:
    assert codes(*services, system=system) == expected


def test_the_numbers_are_the_captures() -> None:
    found = {advice.code: advice for advice in advise([service(ports=FULL)], [], Profiles())}
    assert found[REUSE].numbers == {"connections": 300, "pool": 12}
    assert found[WIDEN].numbers["per_s"] == pytest.approx(64512 / 60)
    assert found[SPREAD].numbers["addresses"] == 3  # 600 a second, each carries 470, half of it is to stay free
    check = next(advise([service(pattern="health-check", period_ns=2 * 10**9, per_s=0.5)], [], Profiles()))
    assert check.numbers == {"checks": 1, "period_s": 2.0, "held": 30}
    reuse = found[TW_REUSE]
    assert (reuse.numbers["with_timestamps"], reuse.numbers["without"]) == (300, 0)


def test_what_more_services_share_is_counted() -> None:
    found = list(advise([service(server=f"10.0.1.{n}") for n in range(5)], [], Profiles()))
    assert [advice.others for advice in found] == [0, 0, 2]


def host(peak: int, *, client: int = 0, address: str = "10.0.0.9") -> HostLedger:
    series = Series(0, 10**9, 10**9, (0, 0))
    return HostLedger(
        address, None, peak, client, peak - client, peak, 0, peak, 0, 0, 0, 0, 0, 5.0, 0, 60 * 10**9, "linux",
        60 * 10**9, series
    )  # fmt: skip


@pytest.mark.parametrize(
    ("hosts", "services", "system", "expected"),
    [
        ([host(200)], [served("10.1.0.1", 200)], "linux", []),
        ([host(5000)], [served("10.1.0.1", 5000)], "linux",
         ["tcp_tw_recycle", "tcp_fin_timeout", "tcp_max_tw_buckets"]),
        ([host(5000)], [served("10.1.0.1", 5000)], "freebsd", []),
        ([host(300, client=300, address="10.0.0.7")], [service(ports=FULL)], "linux",
         ["tcp_tw_recycle", "tcp_fin_timeout", "tcp_max_tw_buckets", "so_linger"]),
        ([host(300, client=300, address="10.0.0.7")], [service(ports=FULL, timestamps=(0, 300))], "linux",
         ["tcp_tw_recycle", "tcp_fin_timeout", "tcp_max_tw_buckets", "so_linger", "tcp_tw_reuse_without_timestamps"]),
    ],
)  # fmt: skip
def test_what_not_to_do_is_said_where_people_are_tempted(
    hosts: list[HostLedger], services: list[ServiceLedger], system: str, expected: list[str]
) -> None:
    assert [advice.code for advice in warn(hosts, services, Profiles(PROFILES[system]))] == expected


def test_advice_never_contradicts_the_facts() -> None:
    """tcp_tw_recycle, tcp_max_tw_buckets and tcp_fin_timeout are never advised, whatever the ledgers."""
    ports = (PORTS, FULL, SOON, HALF)
    for system in PROFILES:
        for pattern in ("short", "reused", "health-check", "bursts", "pool-unused", "long", "without-data", "few"):
            for port in ports:
                for row in (
                    service(pattern=pattern, ports=port),
                    served("10.1.0.1", 5000, pattern=pattern, ports=port),
                ):
                    profiles = Profiles(Profile(system, 60.0, (32768, 60999)))
                    found = {advice.code for advice in advise([row], totals([row]), profiles)}
                    assert not found & {"tcp_tw_recycle", "tcp_max_tw_buckets", "tcp_fin_timeout", "so_linger"}
                    assert TW_REUSE not in found or system == "linux"


@pytest.mark.parametrize(
    ("system", "changes", "said", "unsaid"),
    [
        ("linux", {"ports": FULL}, "ip_local_reserved_ports", "may find their port taken"),
        ("windows", {"ports": FULL}, "may find their port taken", "ip_local_reserved_ports"),
        ("windows", {"ports": FULL}, "The knob: netsh int ipv4 set dynamicport tcp", "net.inet.ip.portrange"),
        ("macos", {"ports": FULL}, "The knobs: net.inet.ip.portrange.first and .last", "netsh"),
        ("freebsd", {"ports": FULL}, "The knobs: net.inet.ip.portrange.first and .last", "ip_local_port_range"),
        ("windows", {"ports": FULL}, "As the last resort, shorten TIME_WAIT on 10.0.0.7 (taken here as 120 s): TcpTimedWaitDelay.", "msl"),
        ("macos", {"ports": FULL}, "(taken here as 30 s): net.inet.tcp.msl.", "TcpTimedWaitDelay"),
        ("linux", {"ports": FULL}, "Widen the port range of 10.0.0.7", "As the last resort"),
        ("linux", {"ports": HALF}, "carry", "; it opens more than that"),
        ("linux", {"ports": replace(FULL, connections_per_s=5000.0)}, "; it opens more than that", "The default is wide enough"),
        ("linux", {"ports": FULL, "timestamps": (200, 100)}, "as both ends use TCP timestamps (67 % of the connections do)", "not show it"),
        ("linux", {"ports": FULL, "timestamps": (300, 0)}, "as both ends use TCP timestamps: connect()", "of the connections do"),
        ("linux", {"ports": FULL, "timestamps": (0, 0)}, "(this capture does not show it)", "of the connections do"),
        ("linux", {"ports": FULL, "timestamps": (0, 300)}, "Widen the port range", "Set net.ipv4.tcp_tw_reuse=1"),
    ],
)
def test_advice_in_words_follows_what_is_known(system: str, changes: dict[str, Any], said: str, unsaid: str) -> None:
    rows = [service(**changes)]
    hosts: list[HostLedger] = []
    given = [*advise(rows, totals(rows), Profiles(PROFILES[system])), *warn(hosts, rows, Profiles(PROFILES[system]))]
    told = " ".join(f"{words(advice).text} {words(advice).price}" for advice in given)
    assert said in told
    assert unsaid not in told


def test_reuse_of_many_addresses_is_told_by_address() -> None:
    rows = [served(f"10.0.1.{n}", 20) for n in range(40)]
    told = " ".join(words(advice).text for advice in advise(rows, totals(rows), Profiles(PROFILES["linux"])))
    assert "Reuse connections: keep-alive would turn 800 connections from 40 addresses to 10.0.0.9:3306 into about 40, one for each" in told
    assert "keep-alive or a pool would replace" not in told
