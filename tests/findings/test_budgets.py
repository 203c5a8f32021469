"""Hosts' TIME_WAIT ledgers and the port budget, over many connections."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tcptrace_py.findings.hosts import hosts as hosts_of
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.segments import SCOPE_VNI, scope_bytes
from tests.ladder import CLIENT, CLOSE, HANDSHAKE, SECOND_NS, SERVER, SERVER_CLOSE, START_NS, Seg, ladder, play

if TYPE_CHECKING:
    from tcptrace_py.model.results import PortBudget


def many(*closes: str, every_s: float = 1.0, count: int = 10, client: str = CLIENT, server: str = SERVER) -> list[Seg]:
    """Connections one after the other, each from the client's next port; closes take turns."""
    return [
        replace(s, time_ns=s.time_ns + round(n * every_s * SECOND_NS))
        for n in range(count)
        for s in ladder(HANDSHAKE, closes[n % len(closes)], port=40000 + n, client=client, server=server)
    ]


def in_order(segments: list[Seg]) -> list[Seg]:
    return sorted(segments, key=lambda segment: segment.time_ns)


def budget(segments: list[Seg], end_s: float, **options: Profiles) -> PortBudget:
    (row,) = play(in_order(segments), end_s=end_s, **options).ports  # type: ignore[arg-type]
    return row


# -- hosts -------------------------------------------------------------------------------------------------------------


def test_who_holds_time_wait() -> None:
    hosts = play(in_order(many(CLOSE, SERVER_CLOSE, SERVER_CLOSE, count=9)), end_s=30).hosts
    client, server = hosts[CLIENT], hosts[SERVER]
    assert (client.connections_as_client, client.connections_as_server, client.closed_first) == (9, 0, 3)
    assert (server.connections_as_client, server.connections_as_server, server.closed_first) == (0, 9, 6)
    waits = client.time_wait
    assert (waits.entered, waits.entered_as_client, waits.entered_as_server, waits.peak, waits.at_end) == (
        3,
        3,
        0,
        3,
        3,
    )
    waits = server.time_wait
    assert (waits.entered, waits.entered_as_client, waits.entered_as_server, waits.peak, waits.at_end) == (
        6,
        0,
        6,
        6,
        6,
    )


def test_a_proxy_is_client_and_server() -> None:
    """Its clients close towards it, it closes towards its database: TIME_WAIT as a client, none as a server."""
    front = many(CLOSE, client="10.0.0.8", server="10.0.0.9")
    back = many(CLOSE, client="10.0.0.9", server="10.0.0.10")
    proxy = play(in_order(front + back), end_s=30).hosts["10.0.0.9"]
    assert (proxy.connections_as_client, proxy.connections_as_server) == (10, 10)
    assert (proxy.time_wait.entered_as_client, proxy.time_wait.entered_as_server) == (10, 0)


def test_peak_and_what_is_left() -> None:
    """One stay of sixty seconds begins every ten: six at once, and none is left long after."""
    waits = play(in_order(many(SERVER_CLOSE, every_s=10, count=20)), end_s=400).hosts[SERVER].time_wait
    assert (waits.entered, waits.peak, waits.at_end) == (20, 6, 0)
    assert waits.peak_at_ns == START_NS + 51_030_000_000


def test_restarted_reused_killed() -> None:
    text = HANDSHAKE + CLOSE + "5 S FA seq=1\n5.01 C A\n6 S R seq=2"
    waits = play(text, end_s=10).hosts[CLIENT].time_wait
    assert (waits.stays_restarted, waits.stays_reused, waits.stays_killed, waits.at_end) == (1, 0, 1, 0)
    text = HANDSHAKE + SERVER_CLOSE + "5 C S isn=500000\n5.01 S SA isn=700000\n5.02 C A"
    waits = play(text, end_s=10).hosts[SERVER].time_wait
    assert (waits.stays_restarted, waits.stays_reused, waits.stays_killed, waits.at_end) == (0, 1, 0, 0)


def test_hosts_in_two_tunnels_are_two_hosts_but_vlans_are_not() -> None:
    tunnels = [
        replace(s, key=s.key + scope_bytes(SCOPE_VNI, vni), time_ns=s.time_ns + vni)
        for vni in (5, 6)
        for s in ladder(HANDSHAKE, CLOSE, isns=(vni << 28, 9000))
    ]
    hosts = hosts_of(play(in_order(tunnels)).collector.accounts)
    assert sorted((host.address, host.scope.vni if host.scope else None) for host in hosts) == [
        (CLIENT, 5),
        (CLIENT, 6),
        (SERVER, 5),
        (SERVER, 6),
    ]
    copies = [
        replace(s, key=s.key + scope_bytes(SCOPE_VNI, vni), time_ns=s.time_ns + vni) for vni in (5, 6) for s in ladder(HANDSHAKE, CLOSE)
    ]
    hosts = hosts_of(play(in_order(copies)).collector.accounts)
    assert sorted((host.address, host.time_wait.entered) for host in hosts) == [(CLIENT, 1), (SERVER, 0)]


def test_a_self_connect_is_one_stay() -> None:
    text = "0 C S\n0.1 C SA seq=0 ack=1\n0.2 C A seq=1 ack=1\n1 C FA seq=1 ack=1\n1.1 C A seq=2 ack=2"
    played = play(text, client="127.0.0.1", server="127.0.0.1", port=80)
    assert played.hosts["127.0.0.1"].time_wait.entered == 1
    assert played.summary.time_wait.entered == 1


def test_the_whole_capture_adds_both_sides() -> None:
    waits = play(in_order(many(CLOSE, SERVER_CLOSE)), end_s=30).summary.time_wait
    assert (waits.entered, waits.peak, waits.at_end) == (10, 10, 10)


def test_hosts_with_most_come_first() -> None:
    segments = many(CLOSE, client="10.0.0.5") + many(SERVER_CLOSE, client="10.0.0.6", server="10.0.0.7", count=3)
    order = [host.address for host in hosts_of(play(in_order(segments), end_s=30).collector.accounts)]
    assert order[0] == "10.0.0.5"
    assert order[1] == "10.0.0.7"


# -- ports -------------------------------------------------------------------------------------------------------------


def test_ports_held_by_a_client_that_closes_first() -> None:
    """Open or in TIME_WAIT: sixty seconds of a connection a second."""
    row = budget(many(CLOSE, every_s=1, count=100), 100)
    assert (row.client, row.server, row.server_port, row.connections) == (CLIENT, SERVER, 80, 100)
    assert row.peak_time_wait == 60
    assert row.peak_held in {61, 62}  # those that are open just then, too
    assert row.port_range == (32768, 60999)
    assert row.used_ratio == pytest.approx(row.peak_held / 28232)


def test_a_servers_time_wait_holds_no_port() -> None:
    row = budget(many(SERVER_CLOSE, every_s=2, count=50), 100)
    assert (row.peak_held, row.peak_time_wait) == (1, 0)


def test_ports_are_free_after_a_reset_or_a_refusal() -> None:
    assert budget(many("1 C RA", every_s=2), 100).peak_held == 1
    refused = [replace(s, time_ns=s.time_ns + n * SECOND_NS) for n in range(9) for s in ladder("0 C S\n0.01 S RA", port=40000 + n)]
    assert budget(refused, 100).peak_held == 1


def test_open_connections_hold_their_ports_to_the_end() -> None:
    assert budget(many("0.5 S A"), 1000).peak_held == 10


@pytest.mark.parametrize(
    ("profiles", "ceiling"),
    [
        (Profiles.named("linux"), 28232 / 60),
        (Profiles.named("windows"), 16384 / 120),
        (Profiles.named("linux", {CLIENT: "macos"}), 16384 / 30),
        (Profiles.named("linux", {SERVER: "macos"}), 28232 / 60),
        (Profiles.named("linux", port_range=(50000, 50099)), 100 / 60),
        (Profiles.named("linux", time_wait_s=0), None),
    ],
)
def test_the_ceiling_is_the_clients(profiles: Profiles, ceiling: float | None) -> None:
    """FACTS: 28232 / 60 = 470 new connections a second to one service, if the client closes first."""
    assert budget(many(CLOSE), 30, profiles=profiles).ceiling_per_s == (None if ceiling is None else pytest.approx(ceiling))


def test_the_limit_is_for_each_service() -> None:
    segments = many(CLOSE) + many(CLOSE, server="10.0.0.3") + many(CLOSE, client="10.0.0.4")
    rows = play(in_order(segments), end_s=30).ports
    assert {(row.client, row.server, row.connections) for row in rows} == {
        (CLIENT, SERVER, 10),
        (CLIENT, "10.0.0.3", 10),
        ("10.0.0.4", SERVER, 10),
    }


def test_rate_and_exhaustion() -> None:
    """Ten a second, all closed by the client, against 300 ports and sixty seconds: it cannot last."""
    narrow = Profiles.named("linux", port_range=(40000, 40299))
    row = budget(many(CLOSE, every_s=0.1, count=151), 15, profiles=narrow)
    assert (row.connections_per_s, row.filling_per_s) == pytest.approx((10, 10), abs=0.1)
    assert row.exhausted_in_s == pytest.approx((300 - row.peak_held) / 10, abs=0.5)
    slow = budget(many(CLOSE, every_s=1, count=151), 151, profiles=narrow)
    assert slow.exhausted_in_s is None
    by_server = budget(many(SERVER_CLOSE, every_s=0.1, count=151), 15, profiles=narrow)
    assert by_server.exhausted_in_s is None


def test_a_few_connections_are_no_rate_to_go_on_from() -> None:
    narrow = Profiles.named("linux", port_range=(40000, 40099))
    row = budget(many(CLOSE, every_s=0.1, count=51), 5, profiles=narrow)
    assert row.connections_per_s == pytest.approx(10)
    assert row.exhausted_in_s is None


def test_one_connection_has_no_rate() -> None:
    row = budget(many(CLOSE, count=1), 10)
    assert (row.connections_per_s, row.exhausted_in_s, row.peak_held) == (None, None, 1)


def test_all_at_one_moment_have_no_rate() -> None:
    assert budget(many(CLOSE, every_s=0), 10).connections_per_s is None
