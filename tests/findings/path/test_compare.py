"""What two captures of the same traffic say: counts against what was lost, made up and rewritten on the way."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samples.make import FOLDER
from samples.path import record, write
from samples.path.way import Way
from tcptrace_py.findings.path import unmatched
from tests.findings.path.points import compared, of_way, strangers
from tests.kernel import needs_recording
from tests.thorough import examples
from tests.writer.packets import ipv6, plain
from tests.writer.segment import Endpoint, Segment, mss, pack_options

if TYPE_CHECKING:
    from tcptrace_py.model.path import PathFacts

PAIR = FOLDER / "path"
RECORDED = PAIR / "recorded-nat-loss"
FIREWALL = PAIR / "recorded-firewall"
MS = 1_000_000


@pytest.fixture(scope="module")
def written() -> PathFacts:
    return compared(PAIR / "client.pcap", PAIR / "server.pcap")


def test_the_pair_is_what_would_be_written() -> None:
    assert write.story().pcaps() == tuple((PAIR / name).read_bytes() for name in ("client.pcap", "server.pcap"))


def test_what_was_lost(written: PathFacts) -> None:
    out, back = written.ways
    assert (out.lost, back.lost) == (5, 2)  # request, SYN, three SYNs of one that never arrives; ACK, RST
    assert (out.resets_lost, back.resets_lost) == (0, 1)
    assert (out.uncaptured, back.uncaptured) == (1, 0)
    assert (out.unsent, back.unsent) == (0, 0)
    assert {row.a.client.port: row.lost for row in written.pairs if row.all_lost} == {
        40001: (1, 0), 40002: (0, 1), 40003: (1, 0), 40006: (0, 1),
    }  # fmt: skip


def test_where_it_was_lost(written: PathFacts) -> None:
    row = next(row for row in written.pairs if row.a.client.port == 40001)
    assert (row.lost_frames, row.a.stream, row.b.stream) == (((15,), ()), 1, 1)


def test_what_nobody_sent(written: PathFacts) -> None:
    assert [(each.kind, each.seen_at, each.said_by, each.frame, each.confidence) for each in written.forged] == [
        ("RST", "A", "server", 56, "high"), ("RST", "B", "client", 52, "high"),
    ]  # fmt: skip
    assert [each.evidence for each in written.forged] == [
        (f"TTL {ttl}, its sender's other segments 63", f"IP ID {ip_id}, far from its sender's others",
         f"{name} captured everything else that its sender sent")
        for ttl, ip_id, name in ((249, 4242, "B"), (250, 4243, "A"))
    ]  # fmt: skip


def test_copies_of_a_mirror_port_are_counted_as_such(written: PathFacts) -> None:
    """Of six segments of the client; the server's come twice to their own capture only."""
    assert [way.copied for way in written.ways] == [6, 0]


def test_round_trips_between_the_points(written: PathFacts) -> None:
    for row in written.pairs:
        assert row.round_trip_ns == pytest.approx(20 * MS, abs=1000)


def test_what_only_one_of_them_holds(written: PathFacts) -> None:
    assert [(row.at, row.connection.client.port, row.code) for row in written.unpaired] == [
        ("A", 40004, "syn-lost"), ("A", 40007, "answered-between"),
    ]  # fmt: skip


def test_the_clocks(written: PathFacts) -> None:
    clock = written.clock
    assert clock.drift == pytest.approx(write.DRIFT, rel=0.01)
    assert clock.bound_ns == pytest.approx(10 * MS, abs=20_000)
    for latency in (written.ways[0].transit, written.ways[1].transit):
        assert latency is not None
        assert latency.max_ns == pytest.approx(10 * MS, abs=20_000)


def test_what_was_rewritten(written: PathFacts) -> None:
    (nat,) = written.translations
    assert (nat.role, nat.a, nat.b, nat.connections, nat.ports_changed) == (
        "client", write.CLIENT, write.OUTSIDE, 11, 11,
    )  # fmt: skip
    assert nat.ports[:2] == ((40000, 20000), (40001, 20001))
    assert {row.text for row in written.alterations} == {
        "MSS 1460 made 1380 (client's, A to B)", "TTL 1 lower (client's, A to B)", "TTL 1 lower (server's, B to A)",
    }  # fmt: skip


def test_where_time_goes(written: PathFacts) -> None:
    times = written.latencies
    assert times.answer_far.p50_ns == pytest.approx(5 * MS, rel=0.01)
    assert times.answer_near.p50_ns == pytest.approx(25 * MS, rel=0.01)
    assert times.again.p50_ns == 0
    assert times.again.max_ns == pytest.approx(1000 * MS, rel=0.001)
    assert times.out.count == 11
    assert times.total.p50_ns == pytest.approx(20 * MS, rel=0.01)


def test_the_other_way_round_is_the_same_with_the_names_changed(written: PathFacts) -> None:
    turned = compared(PAIR / "server.pcap", PAIR / "client.pcap")
    for way, other in zip(turned.ways, reversed(written.ways), strict=True):
        assert (way.sent, way.lost, way.uncaptured, way.resets_lost) == (
            other.sent, other.lost, other.uncaptured, other.resets_lost,
        )  # fmt: skip
    assert turned.clients_at == written.clients_at[::-1]
    assert [(each.seen_at, each.frame) for each in turned.forged] == [("A", 52), ("B", 56)] or (
        {(each.seen_at, each.frame) for each in turned.forged} == {("A", 52), ("B", 56)}
    )
    assert turned.clock.drift == pytest.approx(-written.clock.drift, rel=0.01)
    assert Counter(row.code for row in turned.unpaired) == Counter(row.code for row in written.unpaired)


@pytest.mark.parametrize("name", ["data-lost.pcap", "recorded-fin-lost.pcap", "mirror-duplicates.pcap", "ipv6-in-ipv6.pcap"])
def test_a_capture_lost_nothing_on_the_way_to_itself(name: str) -> None:
    facts = compared(FOLDER / name, FOLDER / name)
    assert [(way.lost, way.uncaptured, way.unsent) for way in facts.ways] == [(0, 0, 0), (0, 0, 0)]
    assert (facts.unpaired, facts.forged, facts.translations, facts.alterations) == ([], [], [], [])
    assert (facts.clock.offset_ns, len(facts.pairs)) == (0, facts.connections[0])


def test_a_recording_with_nat_loses_what_its_relay_dropped() -> None:
    truth = json.loads(Path(f"{RECORDED}.truth.json").read_text("utf-8"))
    facts = compared(f"{RECORDED}.client.pcap.xz", f"{RECORDED}.server.pcap.xz")
    assert len(facts.pairs) == truth["connections"]
    assert [[row.a.client.port, *row.lost] for row in sorted(facts.pairs, key=lambda row: row.a.client.port)
            if row.all_lost] == truth["lost"]  # fmt: skip
    assert (facts.forged, facts.unpaired) == ([], [])
    assert [(row.a, row.b, row.ports_changed) for row in facts.translations] == [("10.77.35.1", "10.78.35.254", 120)]
    assert facts.clock.bound_ns is not None
    assert abs(facts.clock.offset_ns) < facts.clock.bound_ns / 100  # one machine, one clock


@pytest.mark.parametrize(("late_ns", "alone"), [(0, []), (200_000_000, [("A", "other-side")])], ids=["counted once", "stamped late"])
def test_a_capture_that_sees_both_sides_of_a_translation(late_ns: int, alone: list[tuple[str, str]], tmp_path: Path) -> None:
    way, other = Way(), Way(nat={"192.0.2.10:40000": "203.0.113.5:50007"})
    for each in (way, other):
        talk = each.talk()
        talk.open()
        talk.close()
    there = [replace(frame, at_ns=frame.at_ns + late_ns) for frame in other.b.frames_written]
    way.a.frames_written += there  # the router's two sides in one capture
    facts = of_way(way, tmp_path)
    assert [(row.at, row.code) for row in facts.unpaired] == alone
    assert [way.lost for way in facts.ways] == [0, 0]


@pytest.mark.parametrize("ip_id", [None, 0], ids=["known by its IP ID", "known by its time"])
def test_segments_that_pass_untranslated_are_neither_lost_nor_made_up(ip_id: int | None, tmp_path: Path) -> None:
    """A box lets answers pass as they are, under the address that they come from: their client knows no such connection."""
    passes: list[bool] = []
    backend = Endpoint.of("10.244.3.9:8080")

    def change(segment: Segment, outward: bool) -> Segment:
        return replace(segment, source=backend) if passes and not outward else segment

    way = Way(nat={"198.51.100.20:80": "10.244.3.9:8080"}, change=change)
    talk = way.talk()
    talk.open()
    talk.exchange()
    passes.append(True)
    talk.server.send("PA", 300, after=0.1, ip_id=ip_id)
    with way.seen("B"):
        reset = talk.client.send("R", seq=91)
    way.a.put(plain(replace(reset.segment, target=backend))[0], reset.captured_ns - talk.client.to_tap_ns, True)
    facts = of_way(way, tmp_path)
    assert quiet(facts)
    assert (facts.forged, facts.unpaired, [way.readdressed for way in facts.ways]) == ([], [], [1, 1])
    assert [(row.code, row.connections) for row in facts.alterations if row.code == "addresses"] == [("addresses", 1)] * 2


def test_what_bears_other_numbers_is_lost_all_the_same(tmp_path: Path) -> None:
    way = Way(nat={"198.51.100.20:80": "10.244.3.9:8080"})
    talk = way.talk()
    talk.open()
    with way.seen("B"):
        sent = talk.server.send("PA", 300)
    stray = replace(sent.segment, source=Endpoint.of("10.244.3.9:8080"), seq=sent.segment.seq + 1000)
    way.a.put(plain(stray)[0], sent.captured_ns, False)
    facts = of_way(way, tmp_path)
    assert (facts.ways[1].lost, facts.ways[1].lost_kinds, facts.ways[1].readdressed) == (1, {"data": 1}, 0)
    assert [row.code for row in facts.unpaired] != []


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        (["S", "S"], ", all of them SYNs"),
        (["PA", "PA"], ", all of them data"),
        (["PA"], ": 1 data"),
        (["S", "PA", "PA"], ": 2 data, 1 SYN"),
    ],
)
def test_what_was_lost_is_told_by_its_kind(losses: list[str], words: str, tmp_path: Path) -> None:
    way = Way()
    talk = way.talk()
    for flags in losses:
        with way.seen("A"):
            if flags == "S":
                talk.client.send("S", lost="after", seq=0, after=1.0)
    talk.client.send("S", seq=0, after=1.0)
    talk.server.send("SA")
    talk.client.send("A")
    with way.seen("A"):
        for flags in losses:
            if flags == "PA":
                talk.client.send("PA", 100, lost="after", after=0.1)
    talk.client.send("PA", 100)
    talk.server.send("A", ack=1)
    facts = of_way(way, tmp_path)
    assert facts.ways[0].lost == len(losses)
    assert facts.ways[0].kinds_lost == words


def counted(facts: PathFacts) -> dict[str, int]:
    """What the counters of the lossy router count."""
    refused = sum(row.code == "answered-between" for row in facts.unpaired)
    return {"from_client": facts.ways[0].lost, "from_server": facts.ways[1].lost, "refused": refused}


def test_a_recording_with_offload_loses_what_a_firewall_counted() -> None:
    """Segments of many packets are cut behind the first capture; a filter's counters are the truth."""
    facts = compared(*(f"{FIREWALL}.{name}.pcap.xz" for name in ("client", "server")))
    assert counted(facts) == json.loads(Path(f"{FIREWALL}.truth.json").read_text("utf-8"))
    assert facts.ways[0].resegmented > 10
    assert (facts.forged, [way.unsent + way.uncaptured for way in facts.ways]) == ([], [0, 0])
    assert {row.code for row in facts.alterations} == {"mss", "ttl"}
    assert {row.code for row in facts.unpaired} == {"answered-between"}
    assert [(row.a, row.b) for row in facts.translations] == [("10.1.0.1", "10.2.0.1")]


@pytest.mark.kernel
def test_losses_are_those_that_a_firewall_counts_now(tmp_path: Path) -> None:
    needs_recording("nft", "tcpdump", "xz")
    tries = []
    for number in range(3):  # where the machine is busy, a packet may still be on its way when a capture ends
        folder = tmp_path / str(number)
        folder.mkdir()
        truth = record.record(folder)
        tries.append((counted(compared(*(folder / f"recorded-firewall.{name}.pcap" for name in ("client", "server")))), truth))
        if tries[-1][0] == truth:
            return
    pytest.fail(f"told and counted: {tries}")


# -- what boxes on the way do ------------------------------------------------------------------------------------------


def one(way: Way, tmp_path: Path, **settings: object) -> PathFacts:
    """A plain connection across a way."""
    talk = way.talk(**settings)
    talk.open()
    talk.exchange()
    talk.close()
    return of_way(way, tmp_path)


def quiet(facts: PathFacts) -> bool:
    """Nothing lost, nothing made up, everything paired."""
    return not facts.forged and not facts.unpaired and all((way.lost, way.uncaptured, way.unsent) == (0, 0, 0) for way in facts.ways)


SHIFTS = {True: 5_000_000, False: 4_000_000_000}
ELSEWHERE = {"192.0.2.10:40000": "203.0.113.5:7"}


def shifted(segment: Segment) -> Segment:
    """As a firewall has it that makes up initial numbers of its own, for both sides."""
    ack = (segment.ack + SHIFTS[not segment.from_client]) % 2**32 if "A" in segment.flags else segment.ack
    return replace(segment, seq=(segment.seq + SHIFTS[segment.from_client]) % 2**32, ack=ack)


@pytest.mark.parametrize(
    ("nat", "timestamps", "by"),
    [({}, True, "addresses and ports"), (ELSEWHERE, True, "timestamps of the SYNs"), (ELSEWHERE, False, "IP IDs")],
)
def test_shifted_sequence_numbers(nat: dict[str, str], timestamps: bool, by: str, tmp_path: Path) -> None:
    facts = one(Way(nat=nat, at_b=shifted), tmp_path, timestamps=timestamps)
    assert quiet(facts)
    assert [row.by for row in facts.pairs] == [by]
    assert {row.code for row in facts.alterations} == {"sequence-numbers"}


def test_what_was_lost_under_shifted_numbers_and_other_addresses_is_that_alone(tmp_path: Path) -> None:
    way = Way(nat=ELSEWHERE, at_b=shifted)
    talk = way.talk(timestamps=False)
    talk.open()
    talk.exchange()
    with way.seen("A"):
        talk.client.send("PA", 70, lost="after")
    talk.client.send("PA", 70, seq=91, after=0.3)
    talk.close()
    facts = of_way(way, tmp_path)
    assert [row.by for row in facts.pairs] == ["IP IDs"]
    assert [way.lost for way in facts.ways] == [1, 0]


@pytest.mark.parametrize("ids", ["none", "others"])
def test_without_ip_ids_of_its_own_nothing_tells_it_from_another_connection(ids: str, tmp_path: Path) -> None:
    def renamed(segment: Segment) -> Segment:
        return replace(shifted(segment), ip_id=0 if ids == "none" else segment.ip_id ^ 0x5A5A)

    facts = one(Way(nat=ELSEWHERE, at_b=renamed), tmp_path, timestamps=False)
    assert facts.pairs == []


@pytest.mark.parametrize("both", ["A", "B"])
@pytest.mark.parametrize("nat", [{}, ELSEWHERE], ids=["the same addresses", "other addresses"])
def test_a_capture_that_sees_both_sides_of_shifted_numbers(both: str, nat: dict[str, str], tmp_path: Path) -> None:
    """One of the captures is a mirror of both of a firewall's ports: nothing was lost or made up."""
    way = Way(nat=nat, at_b=shifted)
    talk = way.talk(rtt_s=0.004)
    talk.open()
    talk.exchange()
    talk.close()
    (way.a if both == "A" else way.b).frames_written += (way.b if both == "A" else way.a).frames_written
    facts = of_way(way, tmp_path)
    assert quiet(facts)
    assert len(facts.pairs) == 1


def test_options_taken_out(tmp_path: Path) -> None:
    def strip(segment: Segment, _: bool) -> Segment:
        bare = pack_options(mss(1460)) if "S" in segment.flags else b""
        return replace(segment, options=bare)

    facts = one(Way(change=strip), tmp_path)
    assert quiet(facts)
    assert {row.code for row in facts.alterations} == {"window-scale", "timestamps", "sack-permitted"}


def test_rewritten_ip_ids(tmp_path: Path) -> None:
    facts = one(Way(change=lambda segment, _: replace(segment, ip_id=segment.ip_id ^ 0x5A5A)), tmp_path)
    assert quiet(facts)
    assert {row.code for row in facts.alterations} == {"ip-id"}


def test_ipv6(tmp_path: Path) -> None:
    facts = one(Way(ahead_s=-1.0), tmp_path, client="[2001:db8::1]:40000", server="[2001:db8::2]:80",
                packets=lambda segment: [ipv6(segment)])  # fmt: skip
    assert quiet(facts)
    assert (len(facts.pairs), facts.clock.offset_ns) == (1, -1_000_000_000)


def test_a_clamped_mss_over_ipv6_and_through_a_tag(tmp_path: Path) -> None:
    def clamp(segment: Segment, outward: bool) -> Segment:
        return replace(segment, options=segment.options.replace(mss(1460), mss(1220))) if outward else segment

    facts = one(Way(change=clamp), tmp_path, client="[2001:db8::1]:40000", server="[2001:db8::2]:80",
                packets=lambda segment: [ipv6(segment)])  # fmt: skip
    assert [row.text for row in facts.alterations] == ["MSS 1460 made 1220 (client's, A to B)"]


def test_incarnations_of_a_four_tuple_are_told_apart(tmp_path: Path) -> None:
    """The client's port is used three times; of the second incarnation the SYN is lost once, of the third an ACK."""
    way = Way(ahead_s=7.0)
    for number in range(3):
        talk = way.talk(start_s=70.0 * number, isn=(1_000_000 * (number + 1), 5_000_000 * (number + 1)))
        if number == 1:
            with way.seen("A"):
                gone = talk.client.send("S", lost="after")
            talk.client.resend(gone, after=1.0)
            talk.server.send("SA")
            talk.client.send("A")
        else:
            talk.open()
        talk.client.send("PA", 90)
        with way.seen("B" if number == 2 else "AB"):
            talk.server.send("A", lost="after" if number == 2 else None)
        talk.server.send("PA", 90, after=0.001)
        talk.client.send("A")
        talk.close()
    facts = of_way(way, tmp_path)
    assert [(row.lost, row.uncaptured, row.unsent) for row in facts.pairs] == [
        ((0, 0), (0, 0), (0, 0)), ((1, 0), (0, 0), (0, 0)), ((0, 1), (0, 0), (0, 0)),
    ]  # fmt: skip


def test_late_copies_of_an_earlier_incarnation_are_no_segments_of_the_next(tmp_path: Path) -> None:
    """A copy of the first incarnation's request comes to B when the port is in use again."""
    way = Way()
    first = way.talk(isn=(1_000_000, 5_000_000))
    first.open()
    request = first.client.send("PA", 90)
    first.server.send("PA", 90)
    first.client.send("A")
    first.close()
    second = way.talk(start_s=70.0, isn=(2_000_000_000, 3_500_000_000))
    second.open()
    with way.seen("B"):
        first.replay(request, after=70.06, delivered=False)
    second.exchange()
    second.close()
    facts = of_way(way, tmp_path)
    assert quiet(facts)
    assert sum(way.copied for way in facts.ways) == 1


def test_the_last_request_of_an_open_connection_came_if_it_is_acknowledged(tmp_path: Path) -> None:
    way = Way()
    talk = way.talk()
    talk.open()
    with way.seen("A"):
        talk.client.send("PA", 90)
    talk.server.send("A")
    out = of_way(way, tmp_path).ways[0]
    assert (out.uncaptured, out.lost) == (1, 0)


@pytest.mark.parametrize("acknowledged", [0, 1, 90])
def test_a_request_that_is_not_acknowledged_in_full_may_be_lost(acknowledged: int, tmp_path: Path) -> None:
    way = Way()
    talk = way.talk()
    talk.open()
    with way.seen("A"):
        talk.client.send("PA", 90, lost="after")
    talk.server.send("A", ack=acknowledged)
    out = of_way(way, tmp_path).ways[0]
    assert (out.uncaptured, out.lost) == (0, 1)


@pytest.mark.parametrize(("points", "expected"), [("A", (1, 0)), ("B", (0, 1))])
def test_what_one_capture_missed_is_no_loss(points: str, expected: tuple[int, int], tmp_path: Path) -> None:
    """A request that was answered came, though only one of the captures holds it."""
    way = Way()
    talk = way.talk()
    talk.open()
    with way.seen(points):
        talk.client.send("PA", 90)
    talk.server.send("A")
    talk.server.send("PA", 90)
    talk.client.send("A")
    talk.close()
    out = of_way(way, tmp_path).ways[0]
    assert ((out.uncaptured, out.unsent), out.lost) == (expected, 0)


def test_clients_on_both_sides(tmp_path: Path) -> None:
    """Each host calls the other; a reply is lost on the way to A, a request on the way to B."""
    way = Way(ahead_s=1.0)
    one, two = way.talk(), way.talk(client="198.51.100.20:50000", server="192.0.2.10:22", isn=(5, 6), start_s=1.0)
    one.open()
    with way.seen("A"):
        gone = one.client.send("PA", 50, lost="after")
    one.client.resend(gone, after=0.3)
    one.server.send("A")
    one.close()
    swap = {"A": "B", "B": "A", "AB": "AB"}
    put = way.put
    way.put = lambda segment, a_ns, b_ns, packets: put(segment, b_ns, a_ns, packets)  # type: ignore[method-assign]
    two.open()
    with way.seen(swap["A"]):
        gone = two.client.send("PA", 50, lost="after")
    two.client.resend(gone, after=0.3)
    two.server.send("A")
    two.close()
    facts = of_way(way, tmp_path)
    assert facts.clients_at == (1, 1)
    assert [way.lost for way in facts.ways] == [1, 1]
    assert facts.clock.offset_ns == 1_000_000_000


def test_offloaded_segments_arrive_in_pieces(tmp_path: Path) -> None:
    """A card cuts 10 000 bytes into packets behind the capture; two of them are lost and come again."""
    way = Way()
    talk = way.talk()
    talk.open()
    with way.seen("A"):
        talk.client.send("PA", 10_000)
    with way.seen("B"):
        for number in (0, 1, 4, 5, 6):
            talk.client.send("A", min(1448, 10_000 - 1448 * number), seq=1 + 1448 * number)
    for number in (2, 3):
        talk.client.send("PA", 1448, seq=1 + number * 1448, after=0.2)
    talk.server.send("A")
    talk.close()
    facts = of_way(way, tmp_path)
    out, back = facts.ways
    assert (out.lost, out.unsent, out.uncaptured) == (2, 0, 0)
    assert (back.lost, back.unsent) == (0, 0)


def test_offloaded_segments_under_shifted_numbers(tmp_path: Path) -> None:
    """The server's, cut on their way to A by a box that also makes up numbers; the third piece is lost."""
    shifts = {True: 77, False: 4_000_000_000}

    def shifted(segment: Segment) -> Segment:
        ack = (segment.ack + shifts[not segment.from_client]) % 2**32 if "A" in segment.flags else segment.ack
        return replace(segment, seq=(segment.seq + shifts[segment.from_client]) % 2**32, ack=ack)

    way = Way(at_b=shifted)
    talk = way.talk()
    talk.open()
    with way.seen("B"):
        talk.server.send("PA", 5000)
    with way.seen("A"):
        for number in (0, 1, 3):
            talk.server.send("A", min(1448, 5000 - 1448 * number), seq=1 + 1448 * number)
    talk.server.send("PA", 1448, seq=1 + 2 * 1448, after=0.2)
    talk.client.send("A")
    talk.close()
    out, back = of_way(way, tmp_path).ways
    assert (back.lost, back.unsent, back.uncaptured, back.resegmented) == (1, 0, 0, 1)
    assert (out.lost, out.unsent) == (0, 0)


def test_connections_that_began_before_either_capture(tmp_path: Path) -> None:
    way = Way(nat={"192.0.2.10:40000": "203.0.113.5:50007"})
    talk = way.talk()
    with way.seen(""):
        talk.open()
    talk.exchange()
    talk.close()
    facts = of_way(way, tmp_path)
    assert quiet(facts)
    assert [(row.by, row.a.client.port, row.b.client.port) for row in facts.pairs] == [("equal segments", 40000, 50007)]


@pytest.mark.parametrize(("points", "gone"), [("A", "A:outside"), ("B", "B:outside")])
def test_what_the_other_capture_does_not_cover_is_no_loss(points: str, gone: str, tmp_path: Path) -> None:
    """One capture ends early: later connections are in the other alone, and so is the end of the one that was open."""
    way = Way(ahead_s=100.0)
    talk = way.talk()
    talk.open()
    talk.exchange()
    with way.seen(points):
        talk.wait(1.0)
        talk.exchange()
        talk.close()
        later = way.talk(client="192.0.2.10:40001", start_s=5.0, isn=(7, 8))
        later.open()
        later.exchange()
        later.close()
    facts = of_way(way, tmp_path)
    assert [way.lost + way.unsent + way.uncaptured for way in facts.ways] == [0, 0]
    assert [f"{row.at}:{row.code}" for row in facts.unpaired] == [gone]


@pytest.mark.parametrize("flags", ["FA", "R"])
def test_a_last_segment_that_nobody_sent_does_not_look_like_the_end_of_a_capture(flags: str, tmp_path: Path) -> None:
    way = Way()
    talk = way.talk()
    talk.open()
    talk.exchange()
    with way.seen("B"):
        talk.client.send(flags, after=5.0)
    facts = of_way(way, tmp_path)
    assert [(each.kind, each.seen_at, each.said_by) for each in facts.forged] == [("FIN" if "F" in flags else "RST", "B", "client")]


def test_what_nobody_sent_is_told_once_though_a_mirror_port_shows_it_twice(tmp_path: Path) -> None:
    way = Way(copies_s=(0.00001,))
    talk = way.talk()
    talk.open()
    talk.exchange()
    with way.seen("B"):
        talk.client.send("R", after=1.0)
    assert len(of_way(way, tmp_path).forged) == 1


def test_different_traffic(tmp_path: Path) -> None:
    facts = strangers(tmp_path)
    assert (len(facts.pairs), len(facts.unpaired)) == (0, 2)


# -- parts ---------------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=12))
def test_spans_are_joined_as_sets_of_numbers_are(added: list[tuple[int, int]]) -> None:
    spans: list[tuple[int, int]] = []
    numbers: set[int] = set()
    for low, length in added:
        unmatched._insert(spans, low, low + length)
        numbers |= set(range(low, low + length))
        assert spans == unmatched._merge(spans)
        assert {number for start, stop in spans for number in range(start, stop)} == numbers


# -- any way -----------------------------------------------------------------------------------------------------------

LOSSES = st.lists(st.sampled_from(["", "request", "reply"]), min_size=1, max_size=6)


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lost=LOSSES, ahead_s=st.floats(-1e4, 1e4), rtt_s=st.floats(0.0001, 0.3), nat=st.booleans(),
       copies_s=st.sampled_from([(), (0.00001,)]))  # fmt: skip
def test_whatever_the_way_is_like_losses_are_counted(
    lost: list[str], ahead_s: float, rtt_s: float, nat: bool, copies_s: tuple[float, ...], tmp_path: Path
) -> None:
    names = {f"192.0.2.10:{40000 + number}": f"203.0.113.5:{7 * number + 1}" for number in range(len(lost))}
    way = Way(ahead_s=ahead_s, nat=names if nat else {}, copies_s=copies_s)
    for number, which in enumerate(lost):
        talk = way.talk(client=f"192.0.2.10:{40000 + number}", start_s=float(number), rtt_s=rtt_s,
                        isn=(number * 7_654_321, number * 1_234_567 + 5))  # fmt: skip
        talk.open()
        for who, flags in ((talk.client, "request"), (talk.server, "reply")):
            if which == flags:
                with way.seen("A" if flags == "request" else "B"):
                    gone = who.send("PA", 200, lost="after")
                who.resend(gone, after=0.6)
            else:
                who.send("PA", 200)
        talk.client.send("A")
        talk.close()
    facts = of_way(way, tmp_path)
    assert [way.lost for way in facts.ways] == [lost.count("request"), lost.count("reply")]
    assert [(way.unsent, way.uncaptured) for way in facts.ways] == [(0, 0), (0, 0)]
    assert (len(facts.pairs), facts.forged, len(facts.translations)) == (len(lost), [], int(nat))
    assert abs(facts.clock.offset_ns - round(ahead_s * 1e9)) <= 1000
