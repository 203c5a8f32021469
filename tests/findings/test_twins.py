"""Connections that a capture shows twice: what proves it, what only looks so, and that they count once, however the work is split."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samples.path.way import Way
from tcptrace_py.findings.openings import MOST, NEAR_NS, Opening, Openings
from tcptrace_py.findings.twins import seen_twice
from tcptrace_py.model.reference import Reference
from tcptrace_py.model.segments import SCOPE_VNI, SYN, scope_bytes
from tcptrace_py.model.selection import Selection
from tcptrace_py.pipeline import run, running
from tcptrace_py.second_reading import Options, find
from tests.ladder import CLIENT, PORT, SERVER, SERVICE, Played, ladder, play, segment_block
from tests.writer.files import pcap
from tests.writer.packets import ipv6
from tests.writer.segment import Segment

if TYPE_CHECKING:
    from tcptrace_py.model.finding import Finding
    from tcptrace_py.model.results import Analysis
    from tests.ladder import Seg

SAMPLES = Path(__file__).parents[2] / "samples"
ROUTER = SAMPLES / "recorded-nat-seen-by-the-router.pcap"
LOSSY = [SAMPLES / "path" / f"recorded-nat-loss.{name}.pcap.xz" for name in ("client", "server")]
NAT = "203.0.113.5"
BACKEND = "192.0.2.80"
STAMPED = """
    0 C S ts=1000,0 id=77 ttl=64
    0.01 S SA ts=5000,1000 ttl=60
    0.02 C A ts=1020,5000
    0.03 C PA len=20 ts=1030,5000
    0.04 S PA len=90 ts=5030,1030
"""
PLAIN = "0 C S\n0.01 S SA\n0.02 C A\n0.03 C PA len=20\n0.04 S PA len=90"


def behind(
    text: str = PLAIN,
    *,
    client: str = NAT,
    server: str = SERVER,
    port: int = 50_007,
    isns: tuple[int, int] = (1000, 9000),
    late_ns: int = 200_000,
) -> list[Seg]:
    """What the other side of a box shows: the client's segments later, the server's earlier."""
    return [
        replace(segment, time_ns=segment.time_ns + (late_ns if segment.key[:4] == own else -late_ns))
        for segments in [ladder(text, client=client, server=server, port=port, isns=isns)]
        for own in [segments[0].key[:4]]
        for segment in segments
    ]


def played(segments: list[Seg]) -> Played:
    return play(sorted(segments, key=lambda segment: segment.time_ns), end_s=30)


def only(segments: list[Seg]) -> Finding | None:
    found = [finding for finding in played(segments).findings if finding.code == "seen-twice"]
    assert len(found) < 2
    return found[0] if found else None


@pytest.mark.parametrize(
    ("other", "client", "server"),
    [
        (behind(), NAT, SERVER),
        (behind(client=CLIENT, server=BACKEND, port=PORT), CLIENT, BACKEND),
        (behind(client=NAT, server=BACKEND), NAT, BACKEND),
        (behind(late_ns=NEAR_NS // 25), NAT, SERVER),
    ],
    ids=["the client's address", "the server's address", "both", "a slow box"],
)
def test_a_connection_before_and_behind_nat_is_seen_twice(other: list[Seg], client: str, server: str) -> None:
    finding = only([*ladder(PLAIN), *other])
    assert finding is not None
    assert (finding.severity, finding.confidence, finding.connections, finding.of) == ("note", "high", 1, 1)
    assert (finding.client, finding.server, finding.server_port, finding.first_frame) == (CLIENT, SERVER, SERVICE, 1)
    assert finding.details == {"pairs": 1, "counted_twice": 1, "other_client": client, "other_server": server}
    assert "all counts hold both sides" in finding.explanation  # nothing was read again here


def test_the_side_whose_syn_comes_first_is_in_front() -> None:
    finding = only([*behind(), *behind(client="10.0.0.9", late_ns=0, port=PORT)])
    assert finding is not None
    assert (finding.client, finding.details["other_client"]) == ("10.0.0.9", NAT)


def test_of_equal_times_the_side_that_hears_the_answer_last_is_in_front() -> None:
    first = [replace(segment, time_ns=ladder(PLAIN)[0].time_ns) if segment.flags == SYN else segment for segment in behind()]
    finding = only([*first, *ladder(PLAIN)])
    assert finding is not None
    assert finding.client == CLIENT


def test_a_syn_that_nobody_answers_is_translated_as_others_are() -> None:
    alone = "5 C2 S\n6 C2 S seq=0"
    unanswered = [*ladder(alone, isns=(77, 0)), *behind(alone, isns=(77, 0))]
    assert only(unanswered) is None
    finding = only([*unanswered, *ladder(PLAIN), *behind()])
    assert finding is not None
    assert finding.connections == 2


def redirected(isns: tuple[int, int] = (1000, 9000)) -> list[Seg]:
    """What is behind a box that sends connections to another port of the server."""
    both = (SERVICE.to_bytes(2, "big"), (8080).to_bytes(2, "big"))
    return [
        replace(segment, key=segment.key[:8] + segment.key[8:12].replace(*both)) for segment in behind(client=CLIENT, port=PORT, isns=isns)
    ]


def test_a_port_that_is_redirected_is_seen_twice() -> None:
    finding = only([*ladder(PLAIN), *redirected()])
    assert finding is not None
    assert (finding.connections, finding.server_port) == (1, SERVICE)
    assert f"behind a box that translates ports, where they are {CLIENT} to {SERVER}:8080" in finding.explanation


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param([*ladder(PLAIN), *redirected((1000, 9001))], id="a scanner that asks two ports with one number"),
        pytest.param([*ladder(PLAIN)[:1], *redirected()[:1]], id="one that is not answered"),
        pytest.param([*ladder(PLAIN), *behind(isns=(1001, 9001))], id="two connections of two clients"),
        pytest.param([*ladder(PLAIN), *behind(isns=(1000, 9001))], id="a scanner that asks two servers with one number"),
        pytest.param([*ladder(PLAIN), *behind(client=CLIENT, port=PORT + 1)], id="a client that uses one number for two ports"),
        pytest.param([*ladder(PLAIN), *behind(client=CLIENT, port=PORT)], id="copies with the same addresses"),
        pytest.param([*ladder(PLAIN.replace("0.01 S", "0.0095 S")), *behind()], id="an answer that came in front first"),
        pytest.param([*ladder(PLAIN), *behind(late_ns=2 * NEAR_NS)], id="later than a box holds a packet"),
        pytest.param([segment for number in range(6) for segment in behind(client=f"10.1.0.{number}", late_ns=1000 * number)],
                     id="numbers that somebody made up"),
        pytest.param([ladder(PLAIN)[0], *behind()], id="an answer behind alone"),
        pytest.param([*ladder(PLAIN)[:1], *behind()[:1]], id="SYNs alone"),
        pytest.param([*ladder(PLAIN)[2:], *behind()[2:]], id="begun before the capture"),
    ],
)  # fmt: skip
def test_what_only_looks_so_is_not(segments: list[Seg]) -> None:
    assert only(segments) is None


# -- numbers of a firewall's own ------------------------------------------------------------------------------------------


def in_network(segments: list[Seg], number: int) -> list[Seg]:
    return [replace(segment, key=segment.key + scope_bytes(SCOPE_VNI, number)) for segment in segments]


@pytest.mark.parametrize(
    "other",
    [behind(STAMPED, isns=(123_456, 654_321)), in_network(behind(STAMPED, client=CLIENT, port=PORT, isns=(123_456, 654_321)), 7)],
    ids=["addresses as well", "numbers alone"],
)
def test_rewritten_numbers_are_known_by_timestamps(other: list[Seg]) -> None:
    finding = only([*ladder(STAMPED), *other])
    assert finding is not None
    assert "rewrites sequence numbers" in finding.explanation
    assert "the same timestamp and IP ID" in finding.evidence[0]


@pytest.mark.parametrize(
    "text",
    [PLAIN, STAMPED.replace("id=77", "id=0"), STAMPED.replace("ts=1000,0", "ts=1001,0"), STAMPED.replace("ts=5000", "ts=5001")],
    ids=["no timestamps", "no IP ID", "another timestamp", "another server's"],
)
def test_without_them_rewritten_numbers_are_two_connections(text: str) -> None:
    assert only([*ladder(STAMPED.replace("id=77", "id=0") if "id=0" in text else STAMPED if "ts" in text else PLAIN),
                 *behind(text, isns=(123_456, 654_321))]) is None  # fmt: skip


ROUTED = "0 C S ttl=64\n0.01 S SA ttl=62\n0.02 C A ttl=64\n0.03 C PA len=20 ttl=64\n0.04 S PA len=90 ttl=62"
BEYOND = ROUTED.replace("ttl=64", "ttl=63").replace("ttl=62", "ttl=64")
FLAT = ROUTED.replace("ttl=64", "ttl=62")
SIX, NINE = "fd00:1::7", "fd00:2::9"


def renumbered(text: str, *, client: str = CLIENT, server: str = SERVER, port: int = PORT, number: int = 0) -> list[Seg]:
    """The same connection in another network, with numbers of its own."""
    isns = 123_456 + number * 7919, 654_321 + number * 104_729
    return in_network(behind(text, client=client, server=server, port=port, isns=isns), 7)


def without_ids(segments: list[Seg]) -> list[Seg]:
    return [replace(segment, ip_id=-1) for segment in segments]


def test_rewritten_numbers_are_known_without_timestamps_where_a_router_lies_between() -> None:
    finding = only([*ladder(ROUTED), *renumbered(BEYOND)])
    assert finding is not None
    assert "rewrites sequence numbers" in finding.explanation
    assert "the same addresses and ports, other numbers" in finding.evidence[0]
    assert only([*ladder(ROUTED), *renumbered(FLAT)]) is None


@pytest.mark.parametrize(("count", "found"), [(2, False), (3, True)])
def test_a_box_that_no_ttl_tells_of_is_known_by_several(count: int, found: bool) -> None:
    front = [replace(segment, time_ns=segment.time_ns + n * 10**9) for n in range(count) for segment in ladder(FLAT, port=PORT + n)]
    other = [replace(segment, time_ns=segment.time_ns + n * 10**9) for n in range(count)
             for segment in renumbered(FLAT, port=PORT + n, number=n)]  # fmt: skip
    finding = only([*front, *other])
    assert (finding is not None) == found
    assert finding is None or finding.connections == count


@pytest.mark.parametrize(
    ("other", "found"),
    [
        pytest.param(renumbered(STAMPED, client=SIX, server=NINE), True, id="numbers alone"),
        pytest.param(renumbered(STAMPED, client="fd00:3::1", server=NINE), True, id="addresses as well"),
        pytest.param(renumbered(STAMPED, client="fd00:3::1", server=NINE, port=PORT + 1), False, id="another port"),
        pytest.param(renumbered(STAMPED.replace("ts=5000", "ts=5001"), client=SIX, server=NINE), False, id="another server's timestamp"),
    ],
)
def test_rewritten_numbers_are_known_over_ipv6(other: list[Seg], found: bool) -> None:
    finding = only(without_ids([*ladder(STAMPED, client=SIX, server=NINE), *other]))
    assert (finding is not None) == found
    assert finding is None or "the same timestamp and port" in finding.evidence[0]


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param([*ladder(ROUTED), *renumbered(BEYOND.replace("0.01 S", "0.0105 S"))], id="the answer came in front first"),
        pytest.param([*ladder(ROUTED.replace("ttl=62", "ttl=64")), *renumbered(BEYOND.replace("ttl=64", "ttl=62"))], id="TTLs of no way"),
        pytest.param([*ladder("0 C S ttl=64"), *renumbered(BEYOND)], id="no answer in front"),
        pytest.param([*ladder("0 C S ttl=64\n0.005 C S isn=77 ttl=63\n0.01 S SA ttl=62\n0.02 C A ttl=64")], id="tried anew"),
    ],
)  # fmt: skip
def test_two_networks_with_the_same_addresses_are_two(segments: list[Seg]) -> None:
    assert only(segments) is None


# -- counted once ---------------------------------------------------------------------------------------------------------


def twice(analysis: Analysis) -> Finding:
    (finding,) = [finding for finding in analysis.findings if finding.code == "seen-twice"]
    return finding


@pytest.mark.parametrize("jobs", [1, 2, 3])
@pytest.mark.parametrize("most", [MOST, 30], ids=["all", "a sample"])
def test_captures_of_both_sides_count_as_that_in_front(jobs: int, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST", most)
    whole, front = run([str(path) for path in LOSSY], jobs=jobs), run(str(LOSSY[0]))
    assert whole.summary == replace(front.summary, services=whole.summary.services)
    assert [row.client for row in whole.connections] == [row.client for row in front.connections]
    assert twice(whole).details == {"pairs": 120, "counted_twice": 0, "other_client": "10.78.35.254", "other_server": "10.78.35.2"}


def test_streams_are_those_of_the_whole_capture() -> None:
    assert [(row.id, row.stream) for row in run(str(ROUTER)).connections] == [(0, 0), (1, 2)]
    found = find([str(ROUTER)], [Reference(stream=2)], Options()).connections
    assert [(row.id, row.stream) for row in found] == [(1, 2)]


def test_who_asks_for_the_other_side_gets_it() -> None:
    analysis = run(str(ROUTER), selection=Selection(hosts=("10.78.42.254",)))
    assert [row.client.address for row in analysis.connections] == ["10.78.42.254"] * 2
    assert analysis.findings == ()


def test_what_cannot_be_read_again_counts_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, writes = os.pipe()
    with os.fdopen(writes, "wb") as pipe:
        pipe.write(ROUTER.read_bytes())  # smaller than a pipe holds
    with os.fdopen(reads, "rb") as stream:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stream))
        analysis = run("-")
    assert analysis.summary.connections == 4
    assert twice(analysis).details["counted_twice"] == 2


def test_where_a_sample_was_looked_at_the_finding_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST", 30)
    finding = twice(run([str(path) for path in LOSSY], each=lambda _row: None))
    assert 0 < finding.connections < 30
    assert "there may be more" in finding.evidence[-1]


def test_who_is_shown_each_connection_is_shown_both_once() -> None:
    shown: list[str] = []
    run(str(ROUTER), each=lambda row: shown.append(row.client.address))
    assert sorted(shown) == ["10.77.42.1"] * 2 + ["10.78.42.254"] * 2


SHIFTS = {True: 5_000_000, False: 4_000_000_000}
Change = Callable[[Segment], Segment]


def renumber(segment: Segment) -> Segment:
    """What a firewall makes of a segment that gives both sides numbers of its own, and routes it."""
    ack = (segment.ack + SHIFTS[not segment.from_client]) % 2**32 if "A" in segment.flags else segment.ack
    ttl = segment.ttl - 1 if segment.from_client else segment.ttl
    return replace(segment, seq=(segment.seq + SHIFTS[segment.from_client]) % 2**32, ack=ack, ttl=ttl)


def without_id(segment: Segment) -> Segment:
    return replace(renumber(segment), ip_id=0)


def firewall(
    path: Path, *, count: int = 4, nat: str = "", side: str = "AB", change: Change = renumber, six: bool = False, **settings: object
) -> str:
    """A capture of a firewall's two ports, or of one. The second connection's client gives up its port, and uses it again."""
    client = "[2001:db8::1]" if six else "192.0.2.10"
    nats = {f"{client}:{40_000 + number}": f"{nat}:{50_000 + number}" for number in range(count) if nat}
    way = Way(nat=nats, at_b=change, change=lambda segment, outward: segment if outward else replace(segment, ttl=segment.ttl - 1))
    if six:
        settings |= {"server": "[2001:db8::2]:80", "packets": lambda segment: [ipv6(segment)]}
    for number in range(count):
        for again in range(2 if number == 1 else 1):
            isns = number * 7_654_321 + again * 99_999_999, 3_000_000_000 - number * 8_765_432
            start_s = number * 0.31 + 30 * again
            talk = way.talk(client=f"{client}:{40_000 + number}", isn=isns, start_s=start_s, rtt_s=0.004, **settings)
            talk.open()
            talk.exchange()
            talk.close("client" if number % 2 else "server")
    frames = [*(way.a.frames_written if "A" in side else ()), *(way.b.frames_written if "B" in side else ())]
    path.write_bytes(pcap(sorted(frames, key=lambda frame: frame.at_ns), nanoseconds=True))
    return str(path)


BOXES = [
    pytest.param({}, id="timestamps"),
    pytest.param({"timestamps": False}, id="a router"),
    pytest.param({"change": without_id}, id="no IP IDs behind"),
    pytest.param({"six": True}, id="IPv6"),
    pytest.param({"six": True, "timestamps": False}, id="IPv6 without timestamps"),
    pytest.param({"nat": "203.0.113.5"}, id="other addresses"),
    pytest.param({"nat": "203.0.113.5", "timestamps": False}, id="other addresses without timestamps"),
]


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("how", BOXES)
def test_both_sides_of_a_firewall_count_as_that_in_front(how: dict[str, Any], jobs: int, tmp_path: Path) -> None:
    both, front = (run(firewall(tmp_path / f"{side}.pcap", side=side, **how), jobs=jobs) for side in ("AB", "A"))
    assert both.summary.connections == front.summary.connections == 5
    assert (both.summary, both.ports) == (front.summary, front.ports)
    assert both.hosts == front.hosts
    assert [(row.id, row.client, row.start_ns) for row in both.connections] == [
        (row.id, row.client, row.start_ns) for row in front.connections
    ]
    details = twice(both).details
    assert (details["pairs"], details["counted_twice"]) == (5, 0)
    assert "each is counted once" in twice(both).explanation


def test_an_attempt_that_nobody_answers_counts_once_too(tmp_path: Path) -> None:
    way = Way(at_b=renumber)
    for number in range(2):
        talk = way.talk(client=f"192.0.2.10:{40_000 + number}", rtt_s=0.004, isn=(number * 1_000_000, 9))
        talk.client.send("S")
        if number:
            talk.client.send("S", seq=0, after=1.0)
        else:
            talk.server.send("SA")
            talk.client.send("A")
    both = sorted([*way.a.frames_written, *way.b.frames_written], key=lambda frame: frame.at_ns)
    path = tmp_path / "both.pcap"
    path.write_bytes(pcap(both, nanoseconds=True))
    analysis = run(str(path))
    assert [row.handshake.outcome for row in analysis.connections] == ["completed", "in-progress"]
    assert twice(analysis).details["pairs"] == 2
    path.write_bytes(pcap([frame for frame in both if frame.data[34:36] == b"\x9c\x41"], nanoseconds=True))  # port 40001 alone
    alone = run(str(path))
    assert (alone.summary.connections, [finding for finding in alone.findings if finding.code == "seen-twice"]) == (2, [])


def test_two_connections_on_two_ports_of_a_switch_are_two(tmp_path: Path) -> None:
    """As those of `other addresses without timestamps` are, but for IP IDs that a proxy makes up."""
    analysis = run(firewall(tmp_path / "both.pcap", nat="203.0.113.5", timestamps=False,
                            change=lambda segment: replace(renumber(segment), ip_id=segment.ip_id ^ 0x5A5A)))  # fmt: skip
    assert (analysis.summary.connections, analysis.findings) == (10, ())


def test_what_is_behind_is_found_by_nobody(tmp_path: Path) -> None:
    found = find([firewall(tmp_path / "both.pcap")], [Reference(id=number) for number in range(5)], Options()).connections
    assert sorted(row.start_ns for row in found) == sorted(row.start_ns for row in run(firewall(tmp_path / "a.pcap", side="A")).connections)


# -- the sample -----------------------------------------------------------------------------------------------------------


def all_of(openings: Openings) -> list[Opening]:
    return openings.kept(range(openings.count))


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.integers(0, 1)), max_size=60), st.integers(2, 8))
def test_a_sample_does_not_hang_on_who_took_what(rows: list[tuple[int, bool, int]], most: int) -> None:
    syn, answer = ladder("0 C S\n0.01 S SA")
    segments = [replace(answer, ack=number + 1) if is_answer else replace(syn, seq=number) for number, is_answer, _ in rows]
    parts = [Openings(most), Openings(most)]
    whole = Openings(most)
    for frame, (segment, (*_, part)) in enumerate(zip(segments, rows, strict=True), 1):
        for openings in (whole, parts[part]):
            openings.take(segment_block([replace(segment, frame=frame)]), Selection())
    parts[0].merge(parts[1].parcel())
    whole.cut()
    kept = all_of(whole)
    assert all_of(parts[0]) == kept
    assert len(kept) < most
    assert parts[0].is_sample == whole.is_sample
    numbers = {row.number for row in kept}
    assert len(kept) == sum(number in numbers for number, *_ in rows)  # all of a number


def test_segments_of_others_are_not_looked_at() -> None:
    block = segment_block(ladder(PLAIN))
    openings = Openings()
    openings.take(block, Selection(ports=((1, 2),)))
    assert (all_of(openings), seen_twice(openings).twins) == ([], ())


@pytest.mark.parametrize("ip_id", [-1, 0, 0x7FFE, 0x7FFF, 0x8000, 0xFFFF])
def test_ip_ids_are_kept_as_they_are(ip_id: int) -> None:
    """Above 32,766 the compiled form kept a negative number, and paired SYNs by these bits alone: found by a sanitizer."""
    openings = Openings()
    openings.take(segment_block([replace(segment, ip_id=ip_id, ttl=255) for segment in ladder("0 C S\n0.01 S SA")]), Selection())
    assert [(row.ip_id, row.ttl) for row in all_of(openings)] == [(ip_id, 255)] * 2
