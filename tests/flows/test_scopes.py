"""One four-tuple in several scopes: copies, one connection with a direction in each, two connections with both in each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py.flows.scopes import Router
from tcptrace_py.model.results import Scope, TwoScopes
from tcptrace_py.model.segments import SCOPE_GRE, SCOPE_TEID, SCOPE_VNI, scope_bytes
from tests.ladder import CLOSE, HANDSHAKE, SERVER_CLOSE, Seg, ladder, play

if TYPE_CHECKING:
    from tcptrace_py.model.results import Connection

TALK = "0.03 C PA len=10\n0.04 S PA len=20\n0.05 C A\n"
STORIES = {
    "client first": HANDSHAKE + TALK + CLOSE,
    "server first": HANDSHAKE + TALK + SERVER_CLOSE,
    "begun before": "0 C PA seq=1 ack=1 len=5\n0.01 S PA seq=1 len=7\n" + CLOSE,
    "refused": "0 C S\n0.01 S RA",
    "answered late": "0 C S\n1 C S seq=0\n1.01 S SA\n1.02 C A\n",
    "reused": HANDSHAKE + CLOSE + "3 C S isn=500000\n3.01 S SA isn=70000\n3.02 C A\n4 S FA\n4.01 C A\n4.02 C FA\n4.03 S A",
    "reset": HANDSHAKE + TALK + "1 S RA",
    "old connection discovered": "0 C S\n0.01 S A seq=-5000 ack=-900000000\n0.011 C R seq=-900000000\n"
    "1 C S seq=0\n1.01 S SA seq=0\n1.02 C A\n",
    "and no more": "0 C S\n0.01 S A seq=-5000 ack=-900000000\n0.011 C R seq=-900000000\n",
}


def by_direction(segments: list[Seg], first: int = 1, second: int = 2) -> list[Seg]:
    """The two directions through tunnels with a network of their own each."""
    return [replace(s, key=s.key + scope_bytes(SCOPE_VNI, first if s.key == segments[0].key else second)) for s in segments]


def said(row: Connection) -> tuple[object, ...]:
    sides = [side.path for side in (row.client_side, row.server_side) if side is not None]
    return (
        row.handshake.outcome,
        row.teardown.pattern,
        row.teardown.first_fin,
        sides,
        [stay.side for stay in row.time_wait],
        [(reset.by, reset.cause) for reset in row.resets],
        row.client_side.packets,
    )


@pytest.mark.parametrize("name", STORIES)
def test_a_direction_in_each_of_two_networks_is_one_connection(name: str) -> None:
    segments = ladder(STORIES[name])
    assert [said(row) for row in play(by_direction(segments)).rows] == [said(row) for row in play(segments).rows]


MOST, IN_GTP = 2**32 - 1, scope_bytes(SCOPE_TEID, 0)
WAYS: dict[str, tuple[dict[str, Any], dict[str, Any], Scope | None, Scope | None]] = {
    "networks": ({"key": scope_bytes(SCOPE_VNI, 1)}, {"key": scope_bytes(SCOPE_VNI, 2)}, Scope(vni=1), Scope(vni=2)),
    "GRE keys": (
        {"key": scope_bytes(SCOPE_GRE, 1)},
        {"key": scope_bytes(SCOPE_GRE, 2**32 - 1)},
        Scope(gre_key=1),
        Scope(gre_key=2**32 - 1),
    ),
    "a network and a GRE key": ({"key": scope_bytes(SCOPE_VNI, 1)}, {"key": scope_bytes(SCOPE_GRE, 1)}, Scope(vni=1), Scope(gre_key=1)),
    "endpoints": (
        {"key": scope_bytes(SCOPE_TEID, 0), "teid": 1},
        {"key": scope_bytes(SCOPE_TEID, 0), "teid": 2},
        Scope(teid=1),
        Scope(teid=2),
    ),
    "VLANs": ({"vlan": 10}, {"vlan": 20}, Scope(vlan=10), Scope(vlan=20)),
    "a VLAN and none": ({"vlan": 10}, {}, Scope(vlan=10), None),
    "a network and none": ({}, {"key": scope_bytes(SCOPE_VNI, 2)}, None, Scope(vni=2)),
}


def on_ways(segments: list[Seg], there: dict[str, Any], back: dict[str, Any]) -> list[Seg]:
    """The client's segments by one way, the server's by another."""
    client = segments[0].key
    ways = [(s, there if s.key == client else back) for s in segments]
    return [replace(s, **(way | {"key": s.key + way.get("key", b"")})) for s, way in ways]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", STORIES)
def test_two_ways_for_two_directions_change_nothing_but_the_scope(name: str, way: str) -> None:
    segments, (there, back, to_server, to_client) = ladder(STORIES[name]), WAYS[way]
    rows, plain = play(on_ways(segments, there, back)).rows, play(segments).rows
    assert [said(row) for row in rows] == [said(row) for row in plain]
    assert {row.scope for row in rows} == {TwoScopes(to_server, to_client)}
    assert {row.network for row in rows} == {to_server and to_server.network}
    assert {row.scope for row in play(on_ways(segments, there, there)).rows} == {to_server}


@pytest.mark.parametrize("way", WAYS)
def test_who_was_captured_first_makes_the_network_of_both(way: str) -> None:
    segments, (there, back, to_server, to_client) = ladder(STORIES["client first"]), WAYS[way]
    (row,) = play(on_ways(segments, there, back)[1:]).rows
    assert row.scope == TwoScopes(to_server, to_client, "server")
    assert row.network == (to_client and to_client.network)


SERVER_SPEAKS = (
    "3 S PA seq=900001 ack=500001 len=20\n3.01 C PA seq=500001 ack=900021 len=10\n3.02 S A\n4 S FA\n4.01 C A\n4.02 C FA\n4.03 S A"
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "next_one", ["3 C S isn=500000\n3.01 S SA isn=70000\n3.02 C A", SERVER_SPEAKS, SERVER_SPEAKS.replace("3 S PA", "3 S FPA")]
)
@pytest.mark.parametrize("lost", [0, 1])
def test_the_next_connection_came_on_both_ways_whoever_spoke_first(way: str, next_one: str, lost: int) -> None:
    """Its SYN may be missing, and the server speak first: both are counted under the network of the connection before."""
    segments, (there, back, to_server, to_client) = ladder(HANDSHAKE + CLOSE + next_one), WAYS[way]
    before, after = play(on_ways(segments, there, back)[lost:]).rows
    for row in (before, after):
        assert isinstance(row.scope, TwoScopes)
        assert (row.scope.client, row.scope.server) == (to_server, to_client)
    assert after.network == before.network


def test_of_the_next_connection_only_the_server_was_captured() -> None:
    segments = ladder(HANDSHAKE + CLOSE + "3 S PA seq=900001 ack=500001 len=20\n3.01 S PA seq=900021 ack=500001 len=20")
    before, after = play(by_direction(segments)).rows
    assert before.scope == after.scope == TwoScopes(Scope(vni=1), Scope(vni=2))


def test_directions_that_were_captured_on_both_ways_do_not_differ() -> None:
    """A router's both sides: each segment comes in by one VLAN, and goes out by the other."""
    one = ladder(STORIES["client first"])
    again = [s.at((s.time_ns - one[0].time_ns) / 1e9 + 0.0001) for s in one]
    mixed = [*on_ways(one, {"vlan": 10}, {"vlan": 20}), *on_ways(again, {"vlan": 20}, {"vlan": 10})]
    (row,) = play(sorted(mixed, key=lambda s: s.time_ns)).rows
    assert row.scope == Scope(vlan=10)


def test_the_interface_is_named_where_nothing_else_tells_two_apart() -> None:
    one, other = ladder(STORIES["server first"]), ladder(STORIES["client first"], isns=(4_000_000_000, 3_000_000_000))
    late = [replace(s.at((s.time_ns - one[0].time_ns) / 1e9 + 0.0001), interface=7, ip_id=s.ip_id + 77) for s in other]
    rows = play(sorted([*(replace(s, interface=3) for s in one), *late], key=lambda s: s.time_ns)).rows
    assert [row.scope for row in rows] == [Scope(interface=3), Scope(interface=7)]
    assert play([replace(s, interface=3) for s in one]).row.scope is None


def test_a_direction_in_a_network_and_the_other_outside_is_one_connection() -> None:
    segments = ladder(STORIES["client first"])
    for inside in (segments[0].key, segments[1].key):
        scoped = [replace(s, key=s.key + scope_bytes(SCOPE_VNI, 7)) if s.key == inside else s for s in segments]
        assert [said(row) for row in play(scoped).rows] == [said(row) for row in play(segments).rows]


def test_an_old_connection_is_another_where_no_reset_answers_it() -> None:
    segments = by_direction(ladder("0 C S\n0.01 S A seq=-5000 ack=-900000000\n0.011 C R seq=-900000001\n1 C S seq=0\n1.01 S SA seq=0"))
    assert len(play(segments).rows) > 1


def test_two_at_once_through_four_networks() -> None:
    one, other = ladder(STORIES["client first"]), ladder(STORIES["server first"], isns=(4_000_000_000, 3_000_000_000))
    mixed = sorted(
        by_direction(one) + [s.at((s.time_ns - one[0].time_ns) / 1e9 + 0.001) for s in by_direction(other, 3, 4)], key=lambda s: s.time_ns
    )
    assert [row.teardown.first_fin for row in play(mixed).rows] == ["client", "server"]


@pytest.mark.parametrize("scope", [{"vlan": 20}, {"teid": 20}, {"interface": 20}])
@pytest.mark.parametrize("opened", [True, False])
@pytest.mark.parametrize("later_s", [0.00002, 0.003, 0.012, 0.025])
def test_both_directions_in_each_with_numbers_of_their_own_are_two(scope: dict[str, Any], later_s: float, *, opened: bool) -> None:
    """As two customers' networks, or the two legs of a transparent proxy, or of a firewall that gives connections other numbers."""
    one = ladder(STORIES["client first"])
    other = [
        replace(s.at((s.time_ns - one[0].time_ns) / 1e9 + later_s), **scope)
        for s in ladder(STORIES["server first"], isns=(4_000_000_000, 3_000_000_000))
    ]
    one = [s if "interface" in scope else replace(s, vlan=10, teid=10) for s in one]
    other = [s if "interface" in scope else replace(s, vlan=max(s.vlan, 10), teid=max(s.teid, 10)) for s in other]
    mixed = sorted([*one, *other], key=lambda s: s.time_ns)
    if not opened:
        mixed = [s for s in mixed if not s.flags & 2]
    rows = play(mixed).rows
    assert [(row.teardown.pattern, row.teardown.first_fin) for row in rows] == [("four-way", "client"), ("four-way", "server")]
    assert [stay.side for row in rows for stay in row.time_wait] == ["client", "server"]


BEHIND_A_FIREWALL = """
    0.00002 C S
    0.00998 S SA
    0.02002 C A
    0.03002 C PA len=10
    0.03998 S A
    1.00002 S FA
    1.00998 C A
    1.02002 C FA
    1.02998 S A
"""
BEFORE_IT = """
    0.00000 C S
    0.01000 S SA
    0.02000 C A
    0.03000 C PA len=10
    0.04000 S A
    1.00004 S FA
    1.00996 C A
    1.02000 C FA
    1.03000 S A
"""


@pytest.mark.parametrize(("isns", "count"), [((4_000_000_000, 9000), 2), ((1000, 3_000_000_000), 1), ((4_000_000_000, 3_000_000_000), 2)])
@pytest.mark.parametrize("interface", [0, 2])
def test_both_sides_of_a_firewall_that_gives_other_numbers(isns: tuple[int, int], count: int, interface: int) -> None:
    """Also by one mirror port, where nothing but the numbers tells its two sides apart."""
    behind = [replace(s, interface=interface) for s in ladder(BEHIND_A_FIREWALL, isns=isns)]
    mixed = sorted([*ladder(BEFORE_IT), *behind], key=lambda s: s.time_ns)
    rows = play(mixed).rows
    assert len(rows) == count
    assert {(row.teardown.pattern, row.teardown.first_fin) for row in rows} == {("four-way", "server")}
    assert [stay.side for row in rows for stay in row.time_wait] == ["server"] * len(rows)


@pytest.mark.parametrize(
    ("front", "behind", "apart"),
    [
        pytest.param("ip_id=7 tsval=5", "ip_id=7", True, id="timestamps taken out"),
        pytest.param("tsval=5", "tsval=5", True, id="no IP ID"),
        pytest.param("ip_id=7 tsval=5", "ip_id=9 tsval=5", True, id="IP IDs made up"),
        pytest.param("ttl=64", "ttl=63", True, id="a router"),
        pytest.param("tsval=5 ttl=64", "tsval=6 ttl=63", False, id="another timestamp"),
        pytest.param("ttl=64", "ttl=64", False, id="nothing"),
    ],
)
def test_what_tells_a_syn_with_another_number_from_another_attempt(front: str, behind: str, apart: bool) -> None:
    """Where nothing does, the second SYN takes the port over, and what bears the first one's numbers is laid to it."""

    def syn(name: str, isn: int, late_s: float) -> Seg:
        values: dict[str, Any] = {key: int(value) for key, value in (pair.split("=") for pair in name.split())}
        return replace(ladder("0 C S", isns=(isn, 9000))[0].at(late_s), **({"ip_id": -1} | values))

    rest = [s for s in ladder(BEFORE_IT) if s.flags != 2]
    rows = play([syn(front, 1000, 0), syn(behind, 4_000_000_000, 0.0002), *rest]).rows
    assert [row.handshake.outcome == "completed" for row in rows] == [apart, not apart]


@pytest.mark.parametrize("scope", [{"vlan": 20}, {"teid": 20}, {"interface": 20}])
def test_the_same_numbers_in_both_are_one(scope: dict[str, Any]) -> None:
    one = ladder(STORIES["server first"])
    copies = [replace(s.at((s.time_ns - one[0].time_ns) / 1e9 + 0.0001), **scope) for s in one]
    played = play(sorted([*one, *copies], key=lambda s: s.time_ns))
    assert [said(row) for row in played.rows] == [said(row) for row in play(one).rows]
    assert played.table.duplicates == len(one)


def within(segments: list[Seg], vni: int | None, late_s: float = 0.0) -> list[Seg]:
    """The same segments in a network of VXLAN, captured so much later."""
    scope = b"" if vni is None else scope_bytes(SCOPE_VNI, vni)
    return [replace(s, key=s.key + scope, time_ns=s.time_ns + round(late_s * 1e9)) for s in segments]


@pytest.mark.parametrize(
    ("networks", "late_s"),
    [(networks, late_s) for networks in ((5, 6), (None, 6), (5, None), (5, 6, None)) for late_s in (0.0, 0.0001)]
    + [((5, 6), 0.004), ((None, 6), 0.004)],
)
@pytest.mark.parametrize("name", STORIES)
def test_the_same_numbers_in_two_tunnels_are_one(name: str, networks: tuple[int | None, ...], late_s: float) -> None:
    """As on both sides of a router between overlays, or with `-i any` inside and outside of the tunnel."""
    one = ladder(STORIES[name])
    mixed = [s for number, vni in enumerate(networks) for s in within(one, vni, number * late_s)]
    played = play(sorted(mixed, key=lambda s: s.time_ns))
    assert [said(row) for row in played.rows] == [said(row) for row in play(one).rows]
    assert played.table.duplicates == (len(networks) - 1) * len(one)
    outside = None in networks
    assert {row.scope for row in played.rows} == {None if outside else Scope(None, 5, None)}


@pytest.mark.parametrize("networks", [(5, 6), (None, 6), (5, None)])
@pytest.mark.parametrize("part", [slice(3), slice(3, None), slice(1, None, 2), slice(5, 6)])
def test_a_part_of_a_connection_in_a_second_tunnel_is_no_connection(part: slice, networks: tuple[int | None, ...]) -> None:
    one = ladder(STORIES["server first"])
    mixed = sorted([*within(one, networks[0]), *within(one, networks[1], 0.0001)[part]], key=lambda s: s.time_ns)
    assert [said(row) for row in play(mixed).rows] == [said(row) for row in play(one).rows]


@pytest.mark.parametrize("at", [1, 2, 3, 5, 7])
def test_a_connection_that_goes_on_in_another_tunnel_is_one(at: int) -> None:
    one = ladder(STORIES["server first"])
    assert [said(row) for row in play([*within(one[:at], 5), *within(one[at:], 6)]).rows] == [said(row) for row in play(one).rows]


@pytest.mark.parametrize("isns", [(1000, 3_000_000_000), (4_000_000_000, 9000), (4_000_000_000, 3_000_000_000)])
@pytest.mark.parametrize("networks", [(5, 6), (None, 6), (5, None)])
def test_numbers_of_their_own_in_two_tunnels_are_two(isns: tuple[int, int], networks: tuple[int | None, ...]) -> None:
    one, other = ladder(STORIES["server first"]), [replace(s, ip_id=s.ip_id + 77) for s in ladder(STORIES["client first"], isns=isns)]
    rows = play(sorted([*within(one, networks[0]), *within(other, networks[1], 0.0001)], key=lambda s: s.time_ns)).rows
    assert [row.teardown.first_fin for row in rows] == ["server", "client"]
    assert [row.network and row.network.vni for row in rows] == list(networks)


def test_a_tuple_that_is_mirrored_into_two_tunnels_is_used_again_in_both() -> None:
    one = ladder(STORIES["reused"])
    played = play(sorted([*within(one, 5), *within(one, 6, 0.0001)], key=lambda s: s.time_ns))
    assert [said(row) for row in played.rows] == [said(row) for row in play(one).rows]
    assert len(played.rows) == 2


def test_numbers_that_are_made_up_are_no_evidence_of_copies() -> None:
    """Two networks whose hosts count alike: the SYNs have no IP ID and no timestamp, and are not of one moment."""
    one = [replace(s, ip_id=0) for s in ladder(HANDSHAKE + "1 C FA\n1.01 S FA\n1.02 C A")]
    other = [replace(s, ip_id=0) for s in ladder(HANDSHAKE + "1 S R")]
    rows = play(sorted([*within(one, 1), *within(other, 2, 0.0005)], key=lambda s: s.time_ns)).rows
    assert [row.teardown.pattern for row in rows] == ["four-way", "rst"]


@pytest.mark.parametrize("scope", [{"teid": 20}, {"interface": 20}])
def test_a_tuple_used_again_over_another_way_is_reused(scope: dict[str, Any]) -> None:
    """Tunnel endpoints and interfaces change from one connection to the next."""
    segments = ladder(STORIES["reused"])
    again = next(at for at, s in enumerate(segments) if at and s.flags == 2)
    rows = play([*segments[:again], *(replace(s, **scope) for s in segments[again:])]).rows
    assert [said(row) for row in rows] == [said(row) for row in play(segments).rows]
    assert rows[0].time_wait[0].ended_by == "reused"


def test_what_is_remembered_of_scopes_goes_with_the_connections() -> None:
    one = ladder(STORIES["client first"])
    other = [
        replace(s.at((s.time_ns - one[0].time_ns) / 1e9 + 0.025), vlan=20)
        for s in ladder(STORIES["server first"], isns=(4_000_000_000, 3_000_000_000))
    ]
    later = ladder("400 C2 S\n401 C2 S seq=0\n")
    table = play([*sorted([*one, *other], key=lambda s: s.time_ns), *later]).table
    assert not table.routers


def test_a_router_forgets_nothing_that_lives() -> None:
    router = Router()
    first, second = router.another(), router.another()
    assert first != second
    assert not router.lives(b"key", {})
    assert router.lives(b"key", {b"key" + second: None})  # type: ignore[dict-item]
