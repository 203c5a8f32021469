"""The recorder's pure parts on canned evidence, and one real recording where the machine allows it."""

from __future__ import annotations

import json
import random
import socket
import struct
from typing import Any

import pytest

from tests.kernel import needs_recording
from tests.recorder import wire
from tests.recorder.account import Account
from tests.recorder.check import problems
from tests.recorder.lives import kernel_hz, sockaddr
from tests.recorder.pairing import Book, Evidence
from tests.recorder.plan import Plan
from tests.recorder.relay import Link, RuleBook, Stage
from tests.recorder.ring import Event, Format, walk_page
from tests.recorder.scenarios import SCENARIOS
from tests.recorder.truth import Teller
from tests.recorder.wire import ACK, FIN, RST, SYN, Segment, kind_of, segment_of
from tests.thorough import every

CLIENT, SERVER = ("10.77.9.1", 40000), ("10.77.9.2", 80)
HOSTS = {CLIENT[0]: "client", SERVER[0]: "server"}
TW, REQUEST, WRITE = 0x1000, 0x2000, 0x3000
FUNCTIONS = {TW: "tw_timer_handler", REQUEST: "reqsk_timer_handler", WRITE: "tcp_write_timer"}
NUMBERS = {
    "ESTABLISHED": 1,
    "SYN_SENT": 2,
    "SYN_RECV": 3,
    "FIN_WAIT1": 4,
    "FIN_WAIT2": 5,
    "CLOSED": 7,
    "CLOSE_WAIT": 8,
    "LAST_ACK": 9,
    "LISTEN": 10,
    "CLOSING": 11,
}
BASE = 1_795_000_000_000_000_000
US = 1000


class Story:
    """Writes canned tracepoints; every event comes `step` microseconds after the last, unless told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.t = BASE

    def add(self, name: str, *, cpu: int = 0, softirq: bool = True, pid: int = 7, after_us: int = 5, **fields: int | bytes) -> Story:
        self.t += after_us * US
        self.events.append(Event(self.t, cpu, pid, softirq, name, fields))
        return self

    def state(self, sock: int, old: str, new: str, own: tuple[str, int], peer: tuple[str, int], **where: Any) -> Story:
        ends: dict[str, Any] = {
            "family": socket.AF_INET,
            "sport": own[1],
            "dport": peer[1],
            "saddr": socket.inet_aton(own[0]),
            "daddr": socket.inet_aton(peer[0]),
        }
        return self.add("inet_sock_set_state", skaddr=sock, oldstate=NUMBERS[old], newstate=NUMBERS[new], **ends, **where)

    def timer(self, what: str, timer: int, function: int = 0, seconds: float = 0.0, **where: Any) -> Story:
        return self.add(f"timer_{what}", timer=timer, function=function, expires=1000 + int(seconds * 250), now=1000, **where)

    def reset(self, sock: int, source: tuple[str, int], target: tuple[str, int], reason: int = 14, **where: Any) -> Story:
        packed = [struct.pack("<H", 2) + struct.pack(">H", p) + socket.inet_aton(h) + bytes(20) for h, p in (source, target)]
        return self.add("tcp_send_reset", skaddr=sock, reason=reason, saddr=packed[0], daddr=packed[1], **where)

    def handshake(self) -> Story:
        self.state(1, "CLOSED", "SYN_SENT", CLIENT, SERVER, softirq=False)
        self.timer("start", 50, REQUEST, 1.0)
        self.state(1, "SYN_SENT", "ESTABLISHED", CLIENT, SERVER, softirq=False, after_us=100)
        self.state(2, "LISTEN", "SYN_RECV", SERVER, CLIENT)
        self.timer("cancel", 50)
        return self.state(2, "SYN_RECV", "ESTABLISHED", SERVER, CLIENT)

    def client_closes(self) -> Story:
        self.state(1, "ESTABLISHED", "FIN_WAIT1", CLIENT, SERVER, softirq=False, after_us=1000)
        self.state(2, "ESTABLISHED", "CLOSE_WAIT", SERVER, CLIENT)
        self.state(2, "CLOSE_WAIT", "LAST_ACK", SERVER, CLIENT, softirq=False)
        self.state(1, "FIN_WAIT1", "FIN_WAIT2", CLIENT, SERVER)
        self.timer("start", 60, TW, 60.0)
        self.state(1, "FIN_WAIT2", "CLOSED", CLIENT, SERVER)
        return self.state(2, "LAST_ACK", "CLOSED", SERVER, CLIENT, cpu=1)

    def account(self) -> Account:
        return Account(FUNCTIONS, 250, set(HOSTS)).feed(self.events)


def seg(t_us: int, source: tuple[str, int], flags: int, seq: int, ack: int = 0) -> Segment:
    return Segment(BASE + t_us * US, source, SERVER if source == CLIENT else CLIENT, flags, seq, ack, 0)


def told(story: Story, client: list[Segment], server: list[Segment], samples: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    evidence = Evidence("canned", story.account(), {"client": client, "server": server}, HOSTS, [], samples or [], [])
    return Teller(Book(evidence)).records()


CLEAN = [
    seg(6, CLIENT, SYN, 100),
    seg(8, SERVER, SYN | ACK, 900, 101),
    seg(111, CLIENT, ACK, 101, 901),
    seg(1126, CLIENT, FIN | ACK, 101, 901),
    seg(1136, SERVER, FIN | ACK, 901, 102),
    seg(1140, CLIENT, ACK, 102, 902),
]


def test_a_plain_connection_is_told_from_both_sides() -> None:
    (record,) = told(Story().handshake().client_closes(), CLEAN, CLEAN)
    assert (record["open"], record["how"], record["first_fin"], record["time_wait"]) == (
        "normal",
        "three-way",
        "a",
        ["a"],
    )
    assert [s for s, _ in record["a_side"]["states"]] == [
        "SYN_SENT",
        "ESTABLISHED",
        "FIN_WAIT1",
        "FIN_WAIT2",
        "TIME_WAIT",
    ]
    assert [s for s, _ in record["b_side"]["states"]] == ["SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSED"]
    assert (record["a_side"]["end"], record["b_side"]["end"]) == ("time_wait", "last_ack")
    assert record["wire"] == {"a": {"SYN": 1, "FIN": 1}, "b": {"SYNACK": 1, "FIN": 1}}


def test_syn_recv_is_the_start_of_the_request_timer() -> None:
    (record,) = told(Story().handshake(), CLEAN[:3], CLEAN[:3])
    assert record["b_side"]["states"][0] == ["SYN_RECV", pytest.approx(BASE / 1e9 + 10e-6, abs=1e-6)]
    assert record["how"] == "open"


def test_time_wait_is_moved_by_a_cancel_and_a_start_next_to_each_other() -> None:
    story = Story().handshake().client_closes()
    story.timer("cancel", 60, after_us=500_000).timer("start", 60, TW, 60.0, after_us=1)
    (record,) = told(story, CLEAN, CLEAN)
    assert len(record["a_side"]["time_wait"]["restarts"]) == 1
    assert record["a_side"]["time_wait"]["end_by"] is None


@pytest.mark.parametrize(("fires", "end_by"), [(True, "expired"), (False, "rst_received")])
def test_time_wait_ends_by_its_timer_or_by_what_cancelled_it(fires: bool, end_by: str) -> None:
    story = Story().handshake().client_closes().timer("cancel", 60, after_us=500_000)
    if fires:
        story.timer("expire_entry", 60, TW)
    (record,) = told(story, CLEAN, CLEAN)
    assert record["a_side"]["time_wait"]["end_by"] == end_by
    assert record["a_side"]["states"][-1][0] == "CLOSED"


def test_a_shorter_minisock_timer_is_fin_wait_2_and_its_end_a_timeout() -> None:
    story = Story().handshake().state(1, "ESTABLISHED", "FIN_WAIT1", CLIENT, SERVER, softirq=False)
    story.state(1, "FIN_WAIT1", "FIN_WAIT2", CLIENT, SERVER).timer("start", 60, TW, 30.0).state(1, "FIN_WAIT2", "CLOSED", CLIENT, SERVER)
    story.timer("cancel", 60, after_us=900).timer("expire_entry", 60, TW)
    (record,) = told(story, CLEAN[:4], CLEAN[:4])
    assert (record["a_side"]["end"], record["time_wait"], record["how"]) == ("timeout", [], "timeout")


def test_the_minisock_goes_to_the_socket_of_its_own_context() -> None:
    """Two CPUs close at once; the timers must not change hands."""
    story = Story().handshake()
    story.state(1, "ESTABLISHED", "FIN_WAIT1", CLIENT, SERVER).state(1, "FIN_WAIT1", "FIN_WAIT2", CLIENT, SERVER)
    story.timer("start", 60, TW, 60.0, cpu=0).state(2, "ESTABLISHED", "CLOSED", SERVER, CLIENT, cpu=1).state(
        1, "FIN_WAIT2", "CLOSED", CLIENT, SERVER, cpu=0
    )
    account = story.account()
    assert [(s.passive, s.mini is not None) for s in account.socks] == [(False, True), (True, False)]


def test_memory_that_is_used_again_at_once_is_another_minisock() -> None:
    """One FIN_WAIT2 minisock is killed, and the next packet makes a TIME_WAIT where it was."""
    story = Story().handshake().state(1, "ESTABLISHED", "FIN_WAIT1", CLIENT, SERVER)
    story.state(1, "FIN_WAIT1", "FIN_WAIT2", CLIENT, SERVER).timer("start", 60, TW, 30.0)
    story.state(1, "FIN_WAIT2", "CLOSED", CLIENT, SERVER).state(2, "ESTABLISHED", "FIN_WAIT1", SERVER, CLIENT)
    story.state(2, "FIN_WAIT1", "FIN_WAIT2", SERVER, CLIENT).timer("cancel", 60).timer("start", 60, TW, 60.0)
    first, second = story.state(2, "FIN_WAIT2", "CLOSED", SERVER, CLIENT).account().socks
    assert first.mini
    assert second.mini
    assert (first.mini.end_by, first.mini.time_wait_starts) == ("cancelled", [])
    assert (second.mini.end_by, len(second.mini.time_wait_starts)) == (None, 1)


def test_a_moved_timer_is_not_split_by_a_later_close() -> None:
    story = Story().handshake().client_closes().timer("cancel", 60).timer("start", 60, TW, 60.0, after_us=1)
    story.state(3, "CLOSED", "SYN_SENT", CLIENT, SERVER, softirq=False).state(3, "ESTABLISHED", "CLOSING", CLIENT, SERVER)
    story.timer("start", 61, TW, 60.0, after_us=25_000).state(3, "CLOSING", "CLOSED", CLIENT, SERVER)
    first, _, third = story.account().socks
    assert first.mini
    assert third.mini
    assert (len(first.mini.time_wait_starts), first.mini.end_ns, third.mini.timer) == (2, None, 61)


@pytest.mark.parametrize(
    ("tail", "end"),
    [
        (
            lambda s: s.state(1, "ESTABLISHED", "CLOSED", CLIENT, SERVER, softirq=False).reset(
                1, CLIENT, SERVER, softirq=False, after_us=9000
            ),
            "rst_sent",
        ),
        (
            lambda s: s.add("tcp_receive_reset", skaddr=1).state(1, "ESTABLISHED", "CLOSED", CLIENT, SERVER),
            "rst_received",
        ),
        (
            lambda s: s.add("tcp_receive_reset", skaddr=1).state(1, "FIN_WAIT2", "CLOSED", CLIENT, SERVER).reset(1, CLIENT, SERVER),
            "rst_sent",
        ),
        (
            lambda s: s.timer("expire_entry", 70, WRITE).state(1, "ESTABLISHED", "CLOSED", CLIENT, SERVER).timer("expire_exit", 70),
            "timeout",
        ),
        (lambda s: s.state(1, "CLOSING", "CLOSED", CLIENT, SERVER), "overflow"),
        (lambda s: s.state(1, "LAST_ACK", "CLOSED", CLIENT, SERVER), "last_ack"),
    ],
)
def test_why_a_socket_closed(tail: Any, end: str) -> None:
    story = Story().handshake()
    tail(story)
    assert story.account().socks[0].end == end


def test_a_childless_request_is_tied_by_its_synack() -> None:
    story = Story().state(1, "CLOSED", "SYN_SENT", CLIENT, SERVER, softirq=False).timer("start", 50, REQUEST, 1.0)
    story.state(1, "SYN_SENT", "CLOSED", CLIENT, SERVER, softirq=False).timer("cancel", 50, after_us=300)
    frames = [seg(6, CLIENT, SYN, 100), seg(14, SERVER, SYN | ACK, 900, 101), seg(310, CLIENT, RST, 101)]
    (record,) = told(story, frames, frames)
    assert (record["how"], record["b_side"]["role"], record["b_side"]["end"]) == (
        "abandoned",
        "request",
        "rst_received",
    )


def test_a_synack_that_has_its_request_ties_no_other() -> None:
    """On another CPU a request starts just before the first one's SYN+ACK leaves."""
    other = (CLIENT[0], CLIENT[1] + 1)
    story = Story().handshake()
    story.events.append(Event(BASE + 11 * US, 1, 0, True, "timer_start", {"timer": 51, "function": REQUEST, "expires": 1250, "now": 1000}))
    story.events.sort(key=lambda e: e.t_ns)
    frames = [
        CLEAN[0],
        seg(12, SERVER, SYN | ACK, 900, 101),
        Segment(BASE + 15 * US, SERVER, other, SYN | ACK, 55, 8, 0),
    ]
    evidence = Evidence("canned", story.account(), {"client": [], "server": frames}, HOSTS, [], [], [])
    assert [m.remote for m in Book(evidence).requests] == [CLIENT, other]


def test_what_no_syn_was_sent_for_is_no_connection() -> None:
    story = (
        Story().state(1, "CLOSED", "SYN_SENT", CLIENT, SERVER, softirq=False).state(1, "SYN_SENT", "CLOSED", CLIENT, SERVER, softirq=False)
    )
    assert told(story, [], []) == []


def test_a_reused_four_tuple_makes_incarnations() -> None:
    story = Story().handshake().client_closes()
    shift = (story.t - BASE) // US + 2_000_000
    story.t = BASE + shift * US
    story.timer("cancel", 60, softirq=False).handshake()
    later = [seg(shift + 12 + i * 50, s.source, s.flags, s.seq + 5000, s.ack + 5000 if s.ack else 0) for i, s in enumerate(CLEAN[:3])]
    first, second = told(story, CLEAN + later, CLEAN + later)
    assert (first["incarnation"], second["incarnation"]) == (0, 1)
    assert first["a_side"]["time_wait"]["end_by"] == "reuse"
    assert first["wire"]["a"]["SYN"] == second["wire"]["a"]["SYN"] == 1


def test_an_old_copy_of_the_syn_raises_a_ghost() -> None:
    story = Story().handshake().client_closes().timer("start", 51, REQUEST, 1.0, after_us=2000).timer("cancel", 51, after_us=300)
    at = (story.t - BASE) // US - 300
    late = [seg(at - 2, CLIENT, SYN, 100), seg(at + 4, SERVER, SYN | ACK, 7777, 101), seg(at + 298, CLIENT, RST, 101)]
    (record,) = told(story, CLEAN + late[1:], CLEAN + late)
    assert (record["ghosts"], record["how"], record["b_side"]["role"]) == (1, "three-way", "passive")
    assert record["wire"] == {"a": {"SYN": 1, "FIN": 1}, "b": {"SYNACK": 1, "FIN": 1}}
    assert record["resets"] == []


def test_the_checks_notice_a_truth_that_the_wire_contradicts() -> None:
    evidence = Evidence(
        "canned",
        Story().handshake().client_closes().account(),
        {"client": CLEAN[:4], "server": CLEAN[:4]},
        HOSTS,
        [],
        [],
        [],
    )
    book = Book(evidence)
    found = problems(book, Teller(book).records())
    assert any("TIME_WAIT" in p for p in found)
    assert any("LAST_ACK ended without a FIN" in p for p in found)


# The relay


@pytest.mark.parametrize(
    ("drop", "lost"),
    [
        ([1], [True, False, False]),
        ([2, 3], [False, True, True]),
        ("all", [True] * 3),
        ({"from": 2}, [False, True, True]),
    ],
)
def test_rules_count_within_a_connection(drop: Any, lost: list[bool]) -> None:
    book = RuleBook([{"port": 80, "dir": "c2s", "kind": "SYN", "drop": drop}])
    assert [book.drops(seg(i, CLIENT, SYN, 1), "c2s") for i in range(3)] == lost
    assert not book.drops(seg(9, SERVER, SYN | ACK, 1, 2), "s2c")


def test_ackfin_is_the_bare_ack_of_a_fin() -> None:
    book = RuleBook([{"port": 80, "dir": "s2c", "kind": "ACKFIN", "drop": "all"}])
    sent = [
        (seg(0, SERVER, ACK, 1, 50), "s2c"),
        (seg(1, CLIENT, FIN | ACK, 50, 1), "c2s"),
        (seg(2, SERVER, ACK, 1, 50), "s2c"),
        (seg(3, SERVER, ACK, 1, 51), "s2c"),
        (seg(4, SERVER, FIN | ACK, 1, 51), "s2c"),
    ]
    assert [book.drops(*s) for s in sent] == [False, False, False, True, False]


def frame(flags: int, payload: bytes = b"", source: tuple[str, int] = CLIENT, tag: bytes = b"") -> bytes:
    target = SERVER if source == CLIENT else CLIENT
    tcp = struct.pack("!HHIIBBHHH", source[1], target[1], 7, 8, 5 << 4, flags, 100, 0, 0) + payload
    ip = struct.pack(
        "!BBHHHBBH4s4s",
        0x45,
        0,
        20 + len(tcp),
        0,
        0,
        64,
        6,
        0,
        socket.inet_aton(source[0]),
        socket.inet_aton(target[0]),
    )
    return bytes(12) + tag + b"\x08\x00" + ip + tcp


def test_a_stage_is_the_same_for_the_same_seed() -> None:
    def fates(seed: int) -> list[Any]:
        stage = Stage(Link(delay=0.01, jitter=0.01, loss=0.2, dup=0.1, reorder=0.1), random.Random(seed))
        return [stage.fate(frame(ACK), "c2s", i * 0.001)[1:] for i in range(200)]

    assert fates(3) == fates(3) != fates(4)


def test_jitter_alone_keeps_the_order() -> None:
    stage = Stage(Link(delay=0.01, jitter=0.05), random.Random(1))
    due = [stage.fate(frame(ACK), "c2s", i * 0.001)[2][0] for i in range(300)]
    assert due == sorted(due)


@pytest.mark.parametrize(
    ("flags", "payload", "kind"),
    [
        (SYN, b"", "SYN"),
        (SYN | ACK, b"", "SYNACK"),
        (ACK, b"", "ACK"),
        (ACK, b"x", "DATA"),
        (FIN | ACK, b"x", "FIN"),
        (RST | ACK, b"", "RST"),
    ],
)
def test_kinds_of_segments(flags: int, payload: bytes, kind: str) -> None:
    segment = segment_of(frame(flags, payload, tag=b"\x81\x00\x00\x4d" if payload else b""))
    assert segment
    assert (kind_of(segment), segment.payload, segment.source) == (kind, len(payload), CLIENT)


# The ring buffer


def test_a_page_of_the_ring() -> None:
    """Two events with a time extension, a discarded event and padding between and after them."""
    first = struct.pack("<I", (100 << 5) | 2) + b"AAAABBBB"
    extend = struct.pack("<II", (5 << 5) | 30, 1)
    discarded = struct.pack("<II", (10 << 5) | 29, 8) + bytes(4)
    large = struct.pack("<II", 1 << 5, 4 + 8) + b"CCCCDDDD"
    data = first + extend + discarded + large
    page = struct.pack("<QQ", 1000, len(data)) + data
    assert walk_page(page.ljust(4096, b"\0")) == [(1100, b"AAAABBBB"), (1100 + (1 << 27) + 5 + 10 + 1, b"CCCCDDDD")]


def test_a_format_file_and_its_event() -> None:
    text = (
        "name: demo\nID: 77\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
        "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
        "\tfield:__u8 saddr[4];\toffset:8;\tsize:4;\tsigned:0;\n"
    )
    number, layout = Format.parse(text)
    assert number == 77
    assert layout.decode(struct.pack("<HHi4s", 77, 0, -5, b"\x0a\x00\x00\x01")) == {
        "common_pid": -5,
        "saddr": b"\x0a\x00\x00\x01",
    }


def test_hz_is_measured() -> None:
    events = [Event(BASE + i * 10**9, 0, 0, True, "timer_start", {"now": 5000 + i * 1000}) for i in range(3)]
    assert kernel_hz(events) == 1000


def test_sockaddrs_of_both_families() -> None:
    assert sockaddr(struct.pack("<H", 2) + b"\x00\x50" + socket.inet_aton("10.0.0.1") + bytes(20)) == ("10.0.0.1", 80)
    six = struct.pack("<H", 10) + b"\x00\x50" + bytes(4) + socket.inet_pton(socket.AF_INET6, "fd00::1") + bytes(4)
    assert sockaddr(six) == ("fd00::1", 80)


# Scenarios


@pytest.mark.parametrize("name", every(3, sorted(SCENARIOS)))
def test_a_plan_depends_on_its_seed_alone(name: str, tmp_path: Any) -> None:
    make = SCENARIOS[name].make
    plans = [make(random.Random(f"{name}:{seed}")) for seed in (1, 1, 2)]
    assert plans[0] == plans[1]
    ids = [s.id for s in plans[0].specs]
    assert ids
    assert len(set(ids)) == len(ids)
    plans[0].save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == plans[0]


def test_a_capture_is_cut_where_the_trace_stopped(tmp_path: Any) -> None:
    path = tmp_path / "x.pcap"
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    body = frame(ACK)
    path.write_bytes(head + b"".join(struct.pack("<IIII", t, 0, len(body), len(body)) + body for t in (10, 20, 30)))
    assert wire.cut_after(path, 20_000_000_000) == 2
    assert [s.t_ns for s in wire.segments(path)] == [10_000_000_000, 20_000_000_000]


@pytest.mark.kernel
def test_a_real_recording_agrees_with_itself(tmp_path: Any) -> None:
    needs_recording("tcpdump", "nft", tracing=True)
    from tests.recorder.session import Session

    entry = Session(SCENARIOS["both_close"], 5, tmp_path).record()
    assert entry["problems"] == []
    assert entry["lost_by_trace"] == 0
    assert abs(entry["clock_drift_us"]) < 50
    assert entry["witnesses"]["time_wait_by_timer"] == entry["witnesses"]["time_wait_in_samples"] == 2 * entry["connections"]
    records = [json.loads(line) for line in (tmp_path / "both_close.truth.jsonl").read_text().splitlines()]
    assert {r["how"] for r in records} == {"simultaneous"}
