"""The laws of `test_laws.py` on captures: samples and other stacks' at once, large recordings in the marked tests."""

from __future__ import annotations

import struct
from collections import Counter
from itertools import combinations, pairwise
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tcptrace_py.checks import sql
from tcptrace_py.model.endpoints import scope_text
from tcptrace_py.model.state import Basis, State
from tcptrace_py.outputs.document import document
from tcptrace_py.pipeline import run
from tests.decode import build
from tests.kernel import needs_recording
from tests.outputs.test_documents import schema
from tests.test_order import as_pcapng, is_in_order, rows_of, said, shuffled
from tests.thorough import every, paired
from tests.writer.links import ETHERNET, Wrap, ethernet, geneve, gre, gtp_u, vlan, vxlan

if TYPE_CHECKING:
    from tcptrace_py.model.results import Analysis, Connection, Side

ROOT = Path(__file__).parents[1]
NO_CAPTURES = {"empty.pcap", "not-a-capture.pcap"}
EVERY = [
    path
    for path in (*sorted((ROOT / "samples").rglob("*.pcap*")), *sorted((ROOT / "tests" / "stacks").glob("*.pcap")))
    if path.name not in NO_CAPTURES
]
SMALL = [path for path in EVERY if path.stat().st_size < 30_000 and ".xz" not in path.suffixes]
LARGE = [path for path in EVERY if path not in SMALL]
IPV4 = b"\x08\x00\x45"
Row = tuple[int, bytes, int, int]


def sides(row: Connection) -> list[Side]:
    return [side for side in (row.client_side, row.server_side) if side is not None]


def hangs_together(found: Analysis) -> list[str]:
    """What is said of a connection and cannot be."""
    wrong = []
    for row in found.connections:
        paths = [[entry.state for entry in side.states] for side in sides(row)]
        if row.teardown.pattern == "four-way" and [stay.side for stay in row.time_wait] != [row.teardown.first_fin]:
            wrong.append(f"{row.id}: a four-way close with stays of {[stay.side for stay in row.time_wait]}")
        if len(paths) == 2 and all(State.CLOSE_WAIT in path for path in paths):
            wrong.append(f"{row.id}: both sides in CLOSE_WAIT")
        for side in sides(row):
            times = [entry.at_ns for entry in side.states if entry.at_ns is not None]
            wrong += [f"{row.id}: states go back in time" for before, after in pairwise(times) if after < before]
        if len(paths) == 2:
            for mine, theirs in (sides(row), sides(row)[::-1]):
                began = {entry.state: entry.at_ns for entry in theirs.states if entry.basis != Basis.INFERRED}
                wrong += [
                    f"{row.id}: CLOSE_WAIT before its peer's FIN"
                    for entry in mine.states
                    if entry.state == State.CLOSE_WAIT and (began.get(State.FIN_WAIT_1) or 0) > (entry.at_ns or 0)
                ]
    return wrong


def verdicts(found: Analysis) -> list[Any]:
    return [(row.handshake.outcome, row.teardown.pattern, row.teardown.first_fin, [(reset.by, reset.cause) for reset in row.resets],
             [[(entry.state, entry.frame) for entry in side.states] for side in sides(row)],
             [(stay.side, stay.ended_by) for stay in row.time_wait]) for row in found.connections]  # fmt: skip


def rests_on_headers(found: Analysis) -> bool:
    """Whether something was told by IP IDs or TTLs."""
    evidence = [text for row in found.connections for reset in row.resets for text in reset.evidence]
    return bool(found.capture.duplicates) or any(word in text for text in evidence for word in ("TTL", "hop", "IP ID"))


def changed(rows: list[Row], at: int, value: bytes) -> list[Row]:
    """Frames whose IPv4 headers have other bytes here: directly in Ethernet, as all of a capture without tunnels is."""
    return [(time_ns, data[: 14 + at] + value + data[14 + at + len(value) :], wire, link) for time_ns, data, wire, link in rows]


@pytest.mark.parametrize("path", every(3, SMALL), ids=lambda path: path.name)
def test_what_is_said_hangs_together(path: Path) -> None:
    assert hangs_together(run(str(path))) == []


@pytest.mark.parametrize("name", ["tproxy-two-legs-same-four-tuple", "15-two-vlans", "late_syn", "rst-lost-after-capture"])
def test_what_is_said_of_the_rest_of_a_capture_hangs_together(tmp_path: Path, name: str) -> None:
    rows = rows_of(ROOT / "tests" / "stacks" / f"{name}.pcap")
    for begin in range(1, min(len(rows), 60)):
        assert hangs_together(run(str(as_pcapng(rows[begin:], tmp_path / "rest.pcapng")))) == [], begin


def without_neighbours(rows: list[Row]) -> list[Row]:
    """The same without ARP and what IPv6 has for it, which every network holds."""
    return [row for row in rows if row[1][12:14] != b"\x08\x06" and not (row[1][12:14] == b"\x86\xdd" and row[1][20] in (0, 58))]


def is_plain(rows: list[Row]) -> bool:
    """Whether all frames are IPv4 directly in Ethernet, and none is a fragment, which IDs put together."""
    return all(link == 1 and data[12:15] == IPV4 and not (data[20] & 0x3F or data[21]) for _, data, _, link in rows)


def hangs_on_headers(rows: list[Row], found: Analysis, folder: Path) -> list[tuple[int, bytes]]:
    """What other bytes in all IP headers change a verdict that does not rest on them."""
    if not is_plain(rows) or rests_on_headers(found):
        return []
    wrong = []
    for at, value in ((4, b"\x12\x34"), (4, b"\0\0"), (8, b"\x40"), (8, b"\xff")):
        if verdicts(run(str(as_pcapng(changed(rows, at, value), folder / "other.pcapng")))) != verdicts(found):
            wrong.append((at, value))
    return wrong


def ends(row: Connection) -> frozenset[Any]:
    return frozenset((row.client, row.server))


def single(found: Analysis) -> dict[frozenset[Any], Connection]:
    """Connections that are the only ones between their ends."""
    rows = list(found.connections)
    times = Counter(map(ends, rows))
    return {ends(row): row for row in rows if times[ends(row)] == 1}


def end_of(row: Connection, side: str | None) -> Any:
    return None if side is None else row.client if side == "client" else row.server


def untrue_of_a_part(whole: Analysis, part: Analysis) -> list[str]:
    """What is said of connections in a part of a capture and is not so in all of it.

    Which of two FINs that crossed left first is a guess where no handshake shows how far both ends are.
    """
    wrong = []
    found = single(whole)
    for row in part.connections:
        all_of_it = found.get(ends(row))
        if all_of_it is None or row.handshake.outcome in ("unanswered", "in-progress"):
            continue  # the answer may have been in the other part: "no answer was captured" is all that is said
        if row.teardown.pattern not in (all_of_it.teardown.pattern, "unknown"):
            wrong.append(f"{row.id}: {row.teardown.pattern}, {all_of_it.teardown.pattern} in the whole")
        if row.teardown.pattern != "simultaneous" and end_of(row, row.teardown.first_fin) not in (
            end_of(all_of_it, all_of_it.teardown.first_fin),
            None,
        ):
            wrong.append(f"{row.id}: the other side closed first")
        if not {end_of(row, stay.side) for stay in row.time_wait} <= {end_of(all_of_it, stay.side) for stay in all_of_it.time_wait}:
            wrong.append(f"{row.id}: a side in TIME_WAIT that was not")
    return wrong


def directions(rows: list[Row]) -> list[list[Row]]:
    """What a capture has that sees one direction only."""
    hosts = {data[26:30] for _, data, _, _ in rows}
    return [[row for row in rows if row[1][26:30] == host] for host in sorted(hosts)]


@pytest.mark.parametrize("path", every(12, SMALL), ids=lambda path: path.name)
def test_ip_ids_and_ttls_change_no_verdict_that_does_not_rest_on_them(tmp_path: Path, path: Path) -> None:
    rows = without_neighbours(rows_of(path))
    assert hangs_on_headers(rows, run(str(as_pcapng(rows, tmp_path / "one.pcapng"))), tmp_path) == []


# What a part of a sample cannot know.
PARTS_THAT_MISLEAD = {
    "data-after-fin.pcap": "data beyond its sender's FIN shows an open side to who has not seen the FIN",
    "odd-flags.pcap": "of a probe nothing else is there to be missing",
    "old-syn-after-close.pcap": "the copy of an old SYN is an attempt to who has not seen the first",
    "time-wait-assassinated.pcap": "the same",
    "reset-late.pcap": "nothing is left but the late RST and what it answers",
    "time-wait-killed-by-reset.pcap": "the same",
    "freebsd-timewait-ignores-rst.pcap": "the same",
    "snaplen-38.pcap": "the flags were cut off",
}
BEGINS_THAT_MISLEAD = {  # what is left from this frame on
    ("recorded-self-connect.pcap", 7): "behind its only FIN: the ACK is that of an open connection",
    ("self-connect.pcap", 7): "the same",
    ("challenge_ack.pcap", 2): "a RST answers the old connection's ACK: they are one of their own",
}
NETWORKS_THAT_MISLEAD = {
    "odd-flags.pcap": "nothing but its ports ties a RST to what it answers",
    "snaplen-38.pcap": "the numbers were cut off",
}


def in_two_networks(rows: list[Row]) -> list[Row]:
    """The same frames in VXLAN, each host's in a network of its own."""
    there = min(data[26:30] for _, data, _, _ in rows)
    wrapped = []
    for time_ns, data, wire, link in rows:
        network = 5 + (data[26:30] != there)
        header = struct.pack("!II", 0x0800_0000, network << 8)
        outer = build.ipv4(struct.pack("!HHHH", 50000, 4789, 16 + wire, 0) + header, protocol=17, length=36 + wire)
        wrapped.append((time_ns, build.ethernet(outer) + data, wire + 14 + len(outer), link))
    return wrapped


@pytest.mark.parametrize("path", every(12, SMALL, 4), ids=lambda path: path.name)
def test_what_is_said_of_a_part_is_true_of_the_whole(tmp_path: Path, path: Path) -> None:
    rows = without_neighbours(rows_of(path))
    if not rows or not is_plain(rows) or path.name in PARTS_THAT_MISLEAD:
        return
    whole = run(str(as_pcapng(rows, tmp_path / "one.pcapng")))
    begins = range(1, len(rows)) if len(rows) < 40 else [len(rows) * third // 6 for third in (2, 3, 4)]
    for part in (*directions(rows), *(rows[begin:] for begin in begins if (path.name, begin + 1) not in BEGINS_THAT_MISLEAD)):
        assert untrue_of_a_part(whole, run(str(as_pcapng(part, tmp_path / "part.pcapng")))) == []


@pytest.mark.parametrize("path", every(12, SMALL, 8), ids=lambda path: path.name)
def test_a_network_for_each_direction_changes_nothing(tmp_path: Path, path: Path) -> None:
    rows = without_neighbours(rows_of(path))
    if not rows or not is_plain(rows) or path.name in NETWORKS_THAT_MISLEAD:
        return
    other = run(str(as_pcapng(in_two_networks(rows), tmp_path / "other.pcapng")))
    assert verdicts(other) == verdicts(run(str(as_pcapng(rows, tmp_path / "one.pcapng"))))


# A FIN and its ACK that are both missing look like a close in CLOSE_WAIT, wherever they were lost.
MAY_CROSS_UNSEEN = ("simultaneous", "four-way")
# So does a FIN that was lost behind the overtaken ACK which shows why it was not sent at once.
WITHOUT_THE_OVERTAKEN = ("pure-ack-behind-lost-fin-is-not-simultaneous.pcap", 23)
THINNED = [
    "pure-ack-behind-lost-fin-is-not-simultaneous.pcap",
    "recorded-last-ack-lost.pcap",
    "recorded-time-wait-restarted.pcap",
    "big_gap.pcap",
]


def untrue_of_thinned(whole: Analysis, thinned: Analysis) -> list[str]:
    """What is certain of connections in a capture that lacks frames, and is something else in all of it."""
    wrong, found, certain = [], single(whole), {"four-way", "simultaneous"}
    for row in thinned.connections:
        right = found.get(ends(row))
        if right is None or (right.teardown.pattern, row.teardown.pattern) == MAY_CROSS_UNSEEN:
            continue
        if {row.teardown.pattern, right.teardown.pattern} == certain:
            wrong.append(f"{row.id}: {row.teardown.pattern}, {right.teardown.pattern} in the whole")
        if end_of(row, row.teardown.first_fin) not in (end_of(right, right.teardown.first_fin), None):
            wrong.append(f"{row.id}: the other side closed first")
        if not {end_of(row, stay.side) for stay in row.time_wait} <= {end_of(right, stay.side) for stay in right.time_wait}:
            wrong.append(f"{row.id}: a side in TIME_WAIT that was not")
    return wrong


@pytest.mark.parametrize("name", THINNED)
def test_a_thinned_capture_gives_nobody_elses_close_for_certain(tmp_path: Path, name: str) -> None:
    """Any frame of the last 14 missing, any two of the last 8, and a tenth of all, at random."""
    (path,) = [path for path in EVERY if path.name == name]
    rows, random = rows_of(path), Random(name)
    whole, last = run(str(as_pcapng(rows, tmp_path / "one.pcapng"))), range(len(rows))
    missing = [{at} for at in last[-14:]] + [set(pair) for pair in combinations(last[-8:], 2)]
    missing += [{at for at in last if random.random() < 0.1} for _ in range(40)]
    for at in every(4, missing, len(name) % 4):
        if path.name == WITHOUT_THE_OVERTAKEN[0] and WITHOUT_THE_OVERTAKEN[1] in at:
            continue
        kept = [row for number, row in enumerate(rows) if number not in at]
        assert untrue_of_thinned(whole, run(str(as_pcapng(kept, tmp_path / "part.pcapng")))) == [], at


def test_the_rest_of_a_proxys_two_connections_gives_nobody_else_the_close(tmp_path: Path) -> None:
    """Of one four-tuple, told apart by their handshakes alone: the client closed both first, so a close of the server's is of neither."""
    rows = rows_of(ROOT / "tests" / "stacks" / "tproxy-two-legs-same-four-tuple.pcap")[:28]
    for begin in range(len(rows)):
        found = run(str(as_pcapng(rows[begin:], tmp_path / "part.pcapng"))).connections
        assert {row.teardown.first_fin for row in found} <= {"client", None}, begin
        assert {stay.side for row in found for stay in row.time_wait} <= {"client"}, begin
        if begin < 4:
            assert [row.teardown.first_fin for row in found] == ["client"] * 2, begin


def wrapped(rows: list[Row], there: tuple[Wrap, ...], back: tuple[Wrap, ...]) -> list[Row]:
    """The same packets, those of whoever sent the first by one way, its peer's by another; frames hold nothing but Ethernet and IP."""
    first = rows[0][1][26:30]
    found = []
    for time_ns, data, wire, link in rows:
        frame = ETHERNET.frame(data[14:], data[26:30] == first, there if data[26:30] == first else back)
        found.append((time_ns, frame, len(frame) + wire - len(data), link))
    return found


WAYS: dict[str, tuple[tuple[Wrap, ...], tuple[Wrap, ...], str]] = {
    "VLANs": ((vlan(10),), (vlan(20),), "vlan 10 / vlan 20"),
    "a VLAN and none": ((), (vlan(20),), "none / vlan 20"),
    "VXLAN": ((ethernet(), vxlan(1)), (ethernet(), vxlan(2)), "vni 1 / vni 2"),
    "GENEVE": ((ethernet(), geneve(1)), (ethernet(), geneve(2)), "vni 1 / vni 2"),
    "GRE": ((gre(1),), (gre(2**32 - 1),), "gre key 1 / gre key 4294967295"),
    "GTP-U": ((gtp_u(1),), (gtp_u(2),), "teid 1 / teid 2"),
    "one network": ((ethernet(), vxlan(1)), (ethernet(), vxlan(1)), "vni 1"),
    "VLAN in VXLAN": ((vlan(10), ethernet(), vxlan(1)), (vlan(10), ethernet(), vxlan(2)), "vlan 10 vni 1 / vlan 10 vni 2"),
}


@pytest.mark.parametrize(
    ("way", "name"),
    paired(WAYS, ["two_synacks", "big_gap", "rst-ack-answering-fin", "gap_const", "timewait-refuses-syn-other-stack"]),
)
def test_a_way_for_each_direction_is_said_and_changes_nothing_else(tmp_path: Path, name: str, way: str) -> None:
    rows, (there, back, scope) = rows_of(ROOT / "tests" / "stacks" / f"{name}.pcap"), WAYS[way]
    other = run(str(as_pcapng(wrapped(rows, there, back), tmp_path / "other.pcapng")))
    assert verdicts(other) == verdicts(run(str(as_pcapng(rows, tmp_path / "one.pcapng"))))
    answered = [bool(row.server_side and row.server_side.packets) for row in other.connections]
    scopes = [scope if both else scope.split(" / ")[0] for both in answered]
    assert [scope_text(row.scope) or "none" for row in other.connections] == scopes
    made = document(other)
    assert [isinstance(row["scope"], list) for row in made["connections"]] == ["/" in text for text in scopes]
    jsonschema.Draft202012Validator(schema("analysis-1.json")).validate(made)
    found = sql.Database(other).query("SELECT scope FROM connections ORDER BY id").rows
    assert [text or "none" for (text,) in found] == scopes


@pytest.mark.parametrize("name", ["recorded-time-wait-reused-by-client.pcap", "recorded-time-wait-reused-by-syn.pcap"])
@pytest.mark.parametrize("lost", [1, 2])
def test_frames_missing_around_a_reuse_give_the_close_to_nobody_else(tmp_path: Path, name: str, lost: int) -> None:
    """Of two kernels: every connection of the four-tuple has frames of its own, whatever of the close and the next begin is missing."""
    rows = rows_of(ROOT / "samples" / name)
    whole = run(str(as_pcapng(rows, tmp_path / "one.pcapng")))
    ranges = [(row.first_frame, row.last_frame) for row in whole.connections]
    (closer,) = {end_of(row, row.teardown.first_fin) for row in whole.connections}
    second = ranges[1][0]
    for missing in combinations(range(second - 5, second + 4), lost):
        kept = [frame for frame in range(1, len(rows) + 1) if frame not in missing]
        part = run(str(as_pcapng([rows[frame - 1] for frame in kept], tmp_path / "part.pcapng")))
        assert len(part.connections) == len(ranges), missing
        for row, (first, last) in zip(part.connections, ranges, strict=True):
            assert first <= kept[row.first_frame - 1] <= kept[row.last_frame - 1] <= last, missing
            assert end_of(row, row.teardown.first_fin) in (closer, None), missing
            assert {end_of(row, stay.side) for stay in row.time_wait} <= {closer}, missing


@pytest.mark.slow
@pytest.mark.parametrize("path", LARGE, ids=lambda path: path.name)
def test_recordings_obey_the_same_laws(tmp_path: Path, path: Path) -> None:
    obeys(path, tmp_path)


def obeys(path: Path, tmp_path: Path) -> None:
    found = run(str(path))
    assert hangs_together(found) == []
    if is_in_order(path):
        rows = rows_of(path)
        one = as_pcapng(rows, tmp_path / "one.pcapng")
        other = as_pcapng(shuffled(rows, lambda row: row[0], 1), tmp_path / "other.pcapng")
        assert said(other) == said(one)


FRESH = ("http_client_first", "http_server_first", "both_close", "half_closes", "resets", "losses", "port_reuse", "both_open", "probes")


@pytest.mark.kernel
@pytest.mark.parametrize("name", FRESH)
def test_fresh_recordings_obey_the_same_laws(tmp_path: Path, name: str) -> None:
    """Two kernels, recorded at both ends: what holds of samples holds of traffic that was never seen before."""
    needs_recording("tcpdump", "nft", tracing=True)
    from tests.recorder.scenarios import SCENARIOS
    from tests.recorder.session import Session

    assert Session(SCENARIOS[name], 20, tmp_path).record()["problems"] == []
    paths = sorted(tmp_path.glob("*.pcap*"))
    assert len(paths) == 2
    for path in paths:
        obeys(path, tmp_path)
        rows = without_neighbours(rows_of(path))
        assert is_plain(rows)
        found = run(str(as_pcapng(rows, tmp_path / "one.pcapng")))
        assert hangs_on_headers(rows, found, tmp_path) == []
        assert verdicts(run(str(as_pcapng(in_two_networks(rows), tmp_path / "other.pcapng")))) == verdicts(found)
        for part in (*directions(rows), rows[len(rows) // 3 :], rows[2 * len(rows) // 3 :]):
            assert untrue_of_a_part(found, run(str(as_pcapng(part, tmp_path / "part.pcapng")))) == []
