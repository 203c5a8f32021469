"""Local ports and TIME_WAIT are counted once: every command reads the same numbers, however the capture was read."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tcptrace_py.checks import config, engine
from tcptrace_py.findings import occupancy
from tcptrace_py.findings.diagnosis import diagnose
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.results import Analysis, CaptureInfo, Hosts, profiles_of
from tcptrace_py.model.selection import Selection
from tcptrace_py.outputs.document import document
from tcptrace_py.outputs.time_wait.document import document as time_wait_document
from tcptrace_py.pipeline import budgets_of, profile_rows, run
from tests.ladder import SECOND_NS, START_NS, Seg, ladder, play
from tests.pieces import share_in_pieces
from tests.thorough import examples
from tests.traffic import moved, traffic, wild
from tests.wire import write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Thousands of segments each: to look for a smaller example would take minutes.
few = settings(
    max_examples=examples(20),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
OPEN = "0 C S\n0.0001 S SA\n0.0002 C A\n0.0003 C PA len=5\n0.0004 S A"
CLOSES = (
    "0.001 C FA\n0.0011 S FA\n0.0012 C A",
    "0.001 S FA\n0.0011 C FA\n0.0012 S A",
    "0.001 C RA",
    "",
)


@dataclass(frozen=True)
class Client:
    """A client that opens connections at one pace, from ports of a range of its own."""

    address: str
    server: str
    low: int
    size: int
    order: str  # kernel: first all ports of one parity; up: one by one; any
    count: int
    step_ms: int
    closes: tuple[str, ...]

    def segments(self) -> list[Seg]:
        ports = list(range(self.low, self.low + self.size))
        if self.order != "up":
            Random(self.size).shuffle(ports)
        if self.order == "kernel":
            ports.sort(key=lambda port: (port - self.low) % 2)
        return [
            replace(segment, time_ns=segment.time_ns + i * self.step_ms * 1_000_000)
            for i in range(self.count)
            for segment in ladder(
                OPEN, self.closes[i % len(self.closes)], client=self.address, server=self.server, port=ports[i % self.size],
                isns=(1000 + 70_000 * i, 9000 + 70_000 * i))
        ]  # fmt: skip


clients = st.builds(
    Client, st.just(""), st.sampled_from(["10.0.9.1", "10.0.9.2"]), st.sampled_from([1024, 20001, 33000, 40000]),
    st.sampled_from([20, 100, 140]), st.sampled_from(["kernel", "kernel", "up", "any"]), st.integers(90, 230),
    st.sampled_from([5, 60, 500]), st.sampled_from([CLOSES[:1], CLOSES[:1], CLOSES[:2], CLOSES[2:]]),
)  # fmt: skip


def named(many: list[Client]) -> list[Client]:
    """Two to an address, so that what shows of its range at one service may hold for the other."""
    return [replace(client, address=f"10.0.0.{1 + i // 2}") for i, client in enumerate(many)]


crowds = st.lists(clients, min_size=1, max_size=3).map(named)
ranges_given = st.sampled_from([None, None, (33000, 33099), (1024, 65535)])


def analysed(segments: list[Seg], profiles: Profiles) -> Analysis:
    played = play(sorted(segments, key=lambda segment: segment.time_ns), profiles=profiles)
    info = CaptureInfo(start_ns=min(segment.time_ns for segment in segments), end_ns=played.end_ns)
    return Analysis(profile_rows(profiles), info, played.summary, Hosts(played.hosts.values()), played.ports, played.collector.rows)


PORT_KEYS = ("range_from", "peak_held", "peak_time_wait", "peak_at", "used_ratio", "connections_per_s", "ceiling_per_s", "exhausted_in_s")


def by_service(rows: list[dict[str, Any]], pick: Callable[[dict[str, Any]], Any]) -> dict[tuple[str, str], Any]:
    return {(row["client"], row["server"]): pick(row) for row in rows}


@few
@given(crowds, ranges_given)
def test_analyze_time_wait_and_check_tell_the_same(crowd: list[Client], given_range: tuple[int, int] | None) -> None:
    analysis = analysed([s for client in crowd for s in client.segments()], Profiles.named(port_range=given_range))
    told, held = document(analysis), time_wait_document(diagnose(analysis), analysis)
    mine = by_service(told["ports"], lambda row: [row["port_range"], *(row.get(key) for key in PORT_KEYS)])
    assert mine == by_service(held["services"], lambda row: [row["ports"]["range"], *(row["ports"].get(key) for key in PORT_KEYS)])
    ran_out = {key for key, exhausted in by_service(told["ports"], lambda row: row.get("exhausted")).items() if exhausted}
    assert ran_out == {key for key, out in by_service(held["services"], lambda row: row["ports"]["exhausted"]).items() if out}
    sources = {row.get("range_from") for row in told["ports"]}
    assert sources <= ({"traffic", "profile", "unknown"} if given_range is None else {"option"})

    checks = config.loads("[rules.port-budget]\nmax_used = '0%'\n[rules.time-wait-peak]\nmax = 0")
    _, budget, peak = engine.run(analysis, checks).outcomes
    for measure in budget.measures:
        client, server = re.split(" to |:", measure.subject)[:2]
        (low, high), known_from, peak_held, *_ = mine[client, server]
        word = {"option": "given", "traffic": "as the capture shows", "profile": "the default", "unknown": "all that there are"}[known_from]
        assert measure.note == f"{peak_held} of {high - low + 1} ports ({low}-{high}, {word})"
        assert round(measure.value, 6) == by_service(told["ports"], lambda row: row["used_ratio"])[client, server]
    peaks = {host["address"]: host["time_wait"]["peak"] for host in told["hosts"] if host["time_wait"]["peak"]}
    assert {measure.subject: measure.value for measure in peak.measures if measure.subject} == peaks
    assert peaks == {host["address"]: host["peak"] for host in held["hosts"]}


WAITING = [  # connections that wait for others' handshakes are counted as over, and again at that very moment
    Client("10.0.0.1", "10.0.9.2", 40000, 140, "up", 209, 5, CLOSES[:1]),
    Client("10.0.0.1", "10.0.9.2", 40000, 140, "up", 186, 500, ("0.001 C RA", "")),
]


@few
@given(crowds, ranges_given, st.randoms(use_true_random=True))
@example(WAITING, (33000, 33099), Random(1))
def test_the_order_of_connections_does_not_show(crowd: list[Client], given_range: tuple[int, int] | None, random: Any) -> None:
    """Nor whether they come as records, as described connections, or all at once in the end."""
    analysis = analysed([s for client in crowd for s in client.segments()], Profiles.named(port_range=given_range))
    shuffled = sorted(analysis.connections, key=lambda _: random.random())
    assert budgets_of(shuffled, profiles_of(analysis.profiles), analysis.capture.end_ns or 0) == analysis.ports


@few
@given(st.lists(traffic, min_size=1, max_size=12))
def test_nor_does_it_whatever_comes(connections: list[list[Seg]]) -> None:
    every = [s for i, one in enumerate(connections) for s in moved(one, port=40000 + i % 5, later_ns=i * SECOND_NS // 7)]
    analysis = analysed(every, Profiles())
    again = budgets_of(list(analysis.connections)[::-1], Profiles(), analysis.capture.end_ns or 0)
    assert again == analysis.ports


def test_what_ran_out_is_the_traffics_range() -> None:
    """A client whose range is narrower than the default, which nobody gave."""
    crowd = [Client("10.0.0.1", "10.0.9.1", 33000, 140, "kernel", 190, 60, CLOSES[:1])]
    analysis = analysed(crowd[0].segments(), Profiles())
    (row,) = analysis.ports
    assert (row.port_range, row.range_from, row.peak_held) == ((33000, 33139), "traffic", 140)
    assert row.exhaustion is not None
    checks = config.loads("[rules.port-budget]\nmax_used = '80%'")
    assert not engine.run(analysis, checks).outcomes[1].measures[0].holds


def test_with_a_span_of_time_the_end_is_the_spans(tmp_path: Path) -> None:
    """What has not ended by then is there at the end, for every command."""
    path = write(tmp_path / "some.pcap", Client("10.0.0.1", "10.0.9.1", 33000, 300, "up", 300, 500, CLOSES[:1]).segments())
    chosen = Selection(to_ns=START_NS + 100 * SECOND_NS)
    analysis = run(path, selection=chosen)
    found = diagnose(analysis)
    (host,) = found.hosts
    (ports,) = analysis.ports
    assert (host.at_end, host.peak, ports.held_at_end, found.at_end) == (120, 120, 120, 120)


linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="several processes are used on Linux only")
LATE_SYNACK = "0 S PA len=9\n5 C A\n300 S SA\n300.1 C PA len=3\n600 C A"  # who is the client shows after five minutes


def same_in_two_processes(path: Path, most_frames: int) -> Analysis:
    with pytest.MonkeyPatch.context() as patch:
        shared = share_in_pieces(patch, lambda: most_frames)
        one, two = (run(path, jobs=jobs, keep_rows=False) for jobs in (1, 2))
    assert sum(shared) == two.capture.packets
    assert (one.ports, one.hosts, one.summary) == (two.ports, two.hosts, two.summary)
    return one


@linux_only
@few
@given(st.lists(st.one_of(wild(), traffic), min_size=8, max_size=16))
def test_the_number_of_processes_does_not_show(tmp_path: Path, connections: list[list[Seg]]) -> None:
    every = [s for i, one in enumerate(connections) for s in moved(one, port=33000 + i, later_ns=i * 40 * SECOND_NS)]
    late = ladder(LATE_SYNACK, port=40, server="10.0.0.7")
    same_in_two_processes(write(tmp_path / "some.pcap", sorted([*every, *late], key=lambda segment: segment.time_ns)), 14)


@linux_only
@pytest.mark.parametrize("many", [1 << 18, 0])
def test_nor_does_it_where_ports_are_told_as_held_before_all_is_known(tmp_path: Path, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that began before the capture is taken for its server's, until a SYN/ACK comes; others fill the ports."""
    monkeypatch.setattr(occupancy, "MANY", many)
    crowd = Client("10.0.0.1", "10.0.9.1", 33000, 140, "kernel", 400, 1000, CLOSES[:2])
    late = ladder(LATE_SYNACK, port=40, server="10.0.0.7")
    path = write(tmp_path / "some.pcap", sorted([*crowd.segments(), *late], key=lambda segment: segment.time_ns))
    found = {(row.client, row.server): row for row in same_in_two_processes(path, 100).ports}
    assert {key: row.connections for key, row in found.items()} == {("10.0.0.1", "10.0.9.1"): 400, ("10.0.0.1", "10.0.0.7"): 1}
    assert found["10.0.0.1", "10.0.9.1"].peak_held in {30, 31}
