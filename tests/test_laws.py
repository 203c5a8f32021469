"""What holds of any traffic whatever: laws, not examples."""

from __future__ import annotations

import os
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.summary import CAUSES, OUTCOMES, PATTERNS
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.segments import ACK, RST, SCOPE_VNI, SYN, reverse_key, scope_bytes
from tcptrace_py.model.state import Basis, State
from tcptrace_py.states.machine import TABLE
from tests.ladder import CLOSE, HANDSHAKE, SERVER_CLOSE, START_NS, Played, Seg, ladder, play
from tests.thorough import examples
from tests.traffic import lossy, moved, tidy, traffic

if TYPE_CHECKING:
    from tcptrace_py.model.results import Connection, Side

# The same examples on every run; LAW_EXAMPLES=2000 hunts with that many new ones.
HUNT = int(os.environ.get("LAW_EXAMPLES", "0"))
many = settings(max_examples=HUNT or examples(100), derandomize=not HUNT, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# the table's arrows; its events do not matter here
ARROWS = {(row[0], row[2]) for row in TABLE}
PLACES = {"id", "stream", "frame", "first_frame", "last_frame", "longest_wait_frame"}
TIMES = {"start_ns", "end_ns", "at_ns", "entered_ns", "expires_ns", "ended_at_ns", "peak_at_ns"}


def plain(thing: Any, leave_out: frozenset[str] | set[str] = frozenset(), shift_ns: int = 0) -> Any:
    """A result as dictionaries, without the fields named, times set back by `shift_ns`."""
    if is_dataclass(thing):
        return {
            field.name: _field(field.name, getattr(thing, field.name), leave_out, shift_ns)
            for field in fields(thing)
            if field.name not in leave_out
        }
    if isinstance(thing, tuple | list):
        return [plain(item, leave_out, shift_ns) for item in thing]
    return thing.value if isinstance(thing, Enum) else thing


def _field(name: str, value: Any, leave_out: frozenset[str] | set[str], shift_ns: int) -> Any:
    if name in TIMES and value is not None:
        return value - shift_ns
    return plain(value, leave_out, shift_ns)


def without_frames(value: Any) -> Any:
    """Words that name frames ("answers the FIN of frame 7") without the frames' numbers."""
    import re

    if isinstance(value, dict):
        return {key: without_frames(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_frames(item) for item in value]
    return re.sub(r"frame \d+", "frame", value) if isinstance(value, str) else value


def told(rows: list[Connection], leave_out: frozenset[str] | set[str] = frozenset(), shift_ns: int = 0) -> list[Any]:
    return [without_frames(plain(row, leave_out, shift_ns)) for row in rows]


# -- anything at all -------------------------------------------------------------------------------------------------


@many
@given(traffic)
def test_only_what_the_design_names(segments: list[Seg]) -> None:
    for row in play(segments).rows:
        assert row.handshake.outcome in OUTCOMES
        assert row.handshake.kind in {"three-way", "simultaneous", "self-connect", "fast-open", None}
        assert row.teardown.pattern in PATTERNS
        assert (row.teardown.segments in {3, 4}) == (row.teardown.pattern == "four-way")
        assert (row.teardown.reset is not None) == (row.teardown.pattern == "rst")
        assert row.teardown.first_fin in {"client", "server", None}
        assert row.vantage in {"client", "server", "middle", None}
        for reset in row.resets:
            assert reset.cause in CAUSES if reset.by != "between" else reset.cause is None
            assert reset.confidence in {"high", "medium", "low"}
            assert reset.by in {"client", "server", "unknown", "between"}
        for stay in row.time_wait:
            assert stay.ended_by in {"expired", "reused", "killed", "capture-end"}
            assert (stay.ended_at_ns is None) == stay.censored == (stay.ended_by == "capture-end")


@many
@given(traffic)
def test_every_step_of_a_path_is_a_row_of_the_table(segments: list[Seg]) -> None:
    for row in play(segments).rows:
        for side in _sides(row):
            first = side.states[0]
            assert first.state in {State.CLOSED, State.LISTEN} or first.basis == Basis.ASSUMED
            assert side.final_state == (None if row.teardown.pattern == "unknown" else side.states[-1].state)
            for before, after in zip(side.states, side.states[1:], strict=False):
                assert (before.state, after.state) in ARROWS


@many
@given(traffic)
def test_times_in_a_path_never_decrease(segments: list[Seg]) -> None:
    frames = {frame: segment.time_ns for frame, segment in enumerate(segments, 1)}
    for row in play(segments).rows:
        for side in _sides(row):
            times = [entry.at_ns for entry in side.states if entry.at_ns is not None]
            assert times == sorted(times)
            first, *later = side.states
            assert first.basis in {Basis.INFERRED, Basis.ASSUMED}
            assert first.at_ns is None or first.basis == Basis.ASSUMED
            assert all(entry.at_ns is not None for entry in later)
            assert all(entry.frame in frames for entry in later if entry.basis != Basis.CLOCK)
            assert all(entry.frame is None for entry in later if entry.basis == Basis.CLOCK)


@many
@given(traffic)
def test_durations_and_counts_are_never_negative(segments: list[Seg]) -> None:
    result = play(segments)
    for row in result.rows:
        shake = row.handshake
        spans = [
            shake.syn_to_synack_ns,
            shake.synack_to_ack_ns,
            shake.total_ns,
            row.teardown.duration_ns,
            row.end_ns - row.start_ns,
        ]
        assert all(span is None or span >= 0 for span in spans)
        assert min(shake.syn_retransmissions, shake.synack_retransmissions) >= 0
        for side in _sides(row):
            assert 0 <= side.fin_retransmissions <= side.retransmissions <= side.packets
            assert 0 <= side.payload_bytes < 2**32
    counted = sum(side.packets for row in result.rows for side in _sides(row)) + result.table.duplicates + result.table.stragglers
    strays = sum(anomaly.code == "stray-syn" for row in result.rows for anomaly in row.anomalies)
    assert len(segments) - strays <= counted <= len(segments)


@many
@given(traffic)
def test_stays_belong_to_paths(segments: list[Seg]) -> None:
    for row in play(segments).rows:
        assert {stay.side for stay in row.time_wait} == {
            name
            for name, side in (("client", row.client_side), ("server", row.server_side))
            if side is not None and any(entry.state == State.TIME_WAIT for entry in side.states)
        }
        for stay in row.time_wait:
            assert stay.entered_ns <= (stay.ended_at_ns or stay.expires_ns) <= stay.expires_ns
            last = (row.client_side if stay.side == "client" else _server(row)).states[-1]
            if stay.censored:
                assert last.state == State.TIME_WAIT
            else:
                basis = Basis.CLOCK if stay.ended_by == "expired" else Basis.ASSUMED
                assert (last.state, last.at_ns, last.basis) == (State.CLOSED, stay.ended_at_ns, basis)


# -- laws of change --------------------------------------------------------------------------------------------------


def _sides(row: Connection) -> list[Side]:
    return [side for side in (row.client_side, row.server_side) if side is not None]


def _server(row: Connection) -> Side:
    assert row.server_side is not None
    return row.server_side


def _rows(segments: list[Seg]) -> list[Connection]:
    return play(segments).rows


@many
@given(traffic, st.integers(-(10**15), 10**15))
def test_shifting_time_shifts_timestamps_only(segments: list[Seg], shift_ns: int) -> None:
    shifted = [replace(segment, time_ns=segment.time_ns + shift_ns) for segment in segments]
    assert told(_rows(shifted), shift_ns=shift_ns) == told(_rows(segments))


@many
@given(traffic)
def test_swapping_addresses_swaps_labels_only(segments: list[Seg]) -> None:
    swapped = [replace(segment, key=reverse_key(segment.key)) for segment in segments]
    ends = {"client", "server"}
    for one, other in zip(_rows(segments), _rows(swapped), strict=True):
        if not one.midstream:  # without any SYN ports decide who is called client
            assert told([other], ends) == told([one], ends)
            assert (other.client, other.server) == (one.server, one.client)


@many
@given(traffic, st.lists(st.integers(0, 20)))
def test_cutting_blocks_changes_nothing(segments: list[Seg], cuts: list[int]) -> None:
    cuts = [cut for cut in cuts if cut <= len(segments)]
    assert told(play(segments, cuts=cuts).rows) == told(_rows(segments))


@many
@given(traffic, traffic, st.randoms(use_true_random=True))
def test_interleaving_changes_nothing(one: list[Seg], two: list[Seg], random: Any) -> None:
    other = moved(two, client="172.16.0.1", server="172.16.0.2")
    both = sorted([(s.time_ns, random.random(), s) for s in one + other], key=lambda item: item[0])
    mixed = [item[2] for item in both]
    end_s = 200_000.0
    together = sorted(
        play(mixed, end_s=end_s).rows,
        key=lambda row: (row.client.address < "172" and row.server.address < "172", row.id),
    )
    apart = play(other, end_s=end_s).rows + play(one, end_s=end_s).rows
    assert told(together, PLACES) == told(apart, PLACES)


@many
@given(st.sampled_from((HANDSHAKE, HANDSHAKE + CLOSE, HANDSHAKE + SERVER_CLOSE)), st.data())
def test_a_number_that_is_unlike_is_seen_behind_connections_that_went_the_same_way(text: str, data: st.DataObject) -> None:
    """What is reasoned out once for all that go by the book is not said of one that only looks like them.

    The other one has other hosts: what a host's own connections tell of it is not asked here.
    """
    usual = ladder(text)
    at = data.draw(st.integers(1, len(usual) - 1))
    name = data.draw(st.sampled_from(("seq", "ack")))
    slip = data.draw(st.sampled_from((-1, 1, -(2**31), -500_000, 500_000, -70_000, 2**30)))
    odd = [replace(s, **{name: (getattr(s, name) + slip) % 2**32}) if number == at else s for number, s in enumerate(usual)]
    odd = moved(odd, later_ns=60 * SECOND_NS)
    behind = moved(usual, client="172.16.0.1", server="172.16.0.2") + odd
    assert told(play(behind).rows[1:], PLACES) == told(play(odd).rows, PLACES)


SYN_TWICE = ladder("0 C S id=9\n0 C S seq=0 id=9\n0.01 S SA\n0.02 C A\n0.03 S SA seq=0 id=1\n0.1 C PA len=1\n0.11 S A", CLOSE)


def _answers_another_syn(segments: list[Seg]) -> bool:
    """Whether a SYN/ACK acknowledges another number than its peer's latest SYN had."""
    latest: dict[bytes, int] = {}
    for segment in segments:
        asked = latest.get(reverse_key(segment.key))
        if segment.flags & (SYN | ACK) == SYN:
            latest[segment.key] = segment.seq
        elif segment.flags & SYN and asked is not None and not 0 < (segment.ack - asked) % 2**32 < 2**16:
            return True
    return False


@many
@given(st.one_of(tidy(), lossy()).filter(lambda segments: not _answers_another_syn(segments)))
@example(SYN_TWICE)
def test_two_networks_for_two_directions_change_nothing(segments: list[Seg]) -> None:
    """Overlays have a network of its own for each direction: as one connection's numbers go on, it is one.

    A SYN/ACK that answers another SYN than the latest (one that was opened anew meanwhile, or altered) is laid to it for its
    four-tuple alone. Through another network only numbers could tie it, and they are not that SYN's.
    """
    scoped = [replace(s, key=s.key + scope_bytes(SCOPE_VNI, 1 + (s.key == reverse_key(segments[0].key)))) for s in segments]
    assert told(play(scoped).rows, PLACES | {"scope"}) == told(play(segments).rows, PLACES | {"scope"})


@many
@given(traffic.filter(lambda segments: not any(segment.flags & RST for segment in segments)))
def test_sending_a_segment_twice_changes_no_state(segments: list[Seg]) -> None:
    segments = [replace(segment, ip_id=number) for number, segment in enumerate(segments, 1)]
    doubled = [segment for segment in segments for _ in (0, 1)]
    once, twice = play(segments), play(doubled)
    leave_out = PLACES | {"restarts"}
    assert told(twice.rows, leave_out) == told(once.rows, leave_out)
    assert twice.table.duplicates - once.table.duplicates + 2 * once.table.stragglers == len(segments) + once.table.stragglers


def _mixed(connections: list[list[Seg]]) -> list[Seg]:
    """Connections between the same hosts, from one port each, in order of time."""
    segments = [s for number, own in enumerate(connections) for s in moved(own, port=41000 + number)]
    return sorted(segments, key=lambda s: s.time_ns)


def _sums(played: Played) -> Any:
    return plain([played.summary, *played.hosts.values(), *played.ports])


def _in_trouble(played: Played) -> list[tuple[int, ...]]:
    """What causes are looked for in: all columns of each row but the number of its account."""
    table = played.collector.troubled.table
    narrow = table.narrow, table.narrow_columns, column.ACCOUNT
    kinds = (table.wide, table.wide_columns, -1), narrow, (table.small, table.small_columns, -1)
    return sorted(
        tuple(values[of * table.capacity + row] for values, columns, left_out in kinds for of in range(columns) if of != left_out)
        for row in range(table.count)
    )


several = st.lists(traffic, min_size=2, max_size=4)


@many
@given(several, st.lists(st.integers(0, 60)))
def test_cutting_blocks_of_several_connections_changes_nothing(connections: list[list[Seg]], cuts: list[int]) -> None:
    mixed = _mixed(connections)
    whole, cut = play(mixed), play(mixed, cuts=[at for at in cuts if at <= len(mixed)])
    assert told(cut.rows) == told(whole.rows)
    assert _sums(cut) == _sums(whole)


# A server that speaks before the client has answered, captured between them and beside the client.
BETWEEN, BESIDE = (
    ladder(f"0 C S\n0.02 S SA\n0.021 S A len=9\n{answer} C A\n1 S FA\n1.06 C A\n1.07 C FA\n1.08 S A") for answer in ("0.080", "0.022")
)

UNSERVED = ladder("0 C S\n0.02 S SA\n0.021 C A\n0.03 C PA len=9\n0.05 S A")


@many
@given(several, st.lists(st.integers(0, 60)))
@example([BESIDE, BETWEEN] * 10, [])
@example([UNSERVED] * 20, [])
def test_sums_are_those_of_the_rows(connections: list[list[Seg]], cuts: list[int]) -> None:
    """What is added up without describing every connection is what the descriptions add up to."""
    mixed = _mixed(connections + connections)
    kept = play(mixed)
    overview = play(mixed, keep_rows=False)
    assert _sums(overview) == _sums(kept)
    assert _in_trouble(overview) == _in_trouble(kept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tcptrace_py.flows.table.AWAKE", -1)  # the same with all closed connections laid to rest
        for by_the_book in (False, True):
            patch.setattr("tcptrace_py.flows.table.BY_THE_BOOK", by_the_book)
            assert _sums(play(mixed, cuts=[at for at in cuts if at <= len(mixed)], keep_rows=False)) == _sums(kept)
    assert kept.summary.connections == len(kept.rows)
    assert kept.summary.outcomes == {name: sum(row.handshake.outcome == name for row in kept.rows) for name in OUTCOMES}
    assert kept.summary.patterns == {name: sum(row.teardown.pattern == name for row in kept.rows) for name in PATTERNS}
    assert kept.summary.time_wait.entered == sum(len(row.time_wait) for row in kept.rows)
    assert kept.summary.closes_in_flight == sum(row.teardown.censored for row in kept.rows)
    assert kept.summary.segments == sum(
        side.packets for row in kept.rows for side in (row.client_side, row.server_side) if side is not None
    )
    assert sum(host.connections_as_client for host in kept.hosts.values()) == len(kept.rows)
    for host in kept.hosts.values():
        begun = sorted(row.start_ns for row in kept.rows if host.address in (row.client.address, row.server.address))
        assert (host.first_ns, host.last_ns) == (begun[0], begun[-1])
    assert sum(port.connections for port in kept.ports) == len(kept.rows)


def _digest(played: Played) -> Any:
    digest = played.collector.digest
    groups = [(g.trouble.code, g.address, g.port, g.stream, g.first_frame, g.count, sorted(g.clients)) for g in digest.groups()]
    return [
        digest.count,
        digest.timed,
        digest.troubled,
        groups,
        plain(digest.shown()),
        plain(digest.slowest()),
        sorted((code, group.count, group.frame) for code, group in digest.anomalies.items()),
        plain(digest.busiest()),
    ]


REFUSED, UNANSWERED = ladder("0 C S\n0.01 S RA"), ladder("0 C S")


@many
@given(several, st.integers(0, 9), st.integers(0, 9))
def test_troubles_are_those_of_the_rows(connections: list[list[Seg]], refused: int, unanswered: int) -> None:
    """Ports that refuse, SYNs that nobody answers: many of them are counted and not described."""
    mixed = _mixed(connections * 2 + [REFUSED] * refused + [UNANSWERED] * unanswered + [REFUSED + REFUSED[-1:]])
    kept = play(mixed)
    for by_the_book in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tcptrace_py.flows.table.BY_THE_BOOK", by_the_book)
            added = play(mixed, keep_rows=False)
        assert _sums(added) == _sums(kept)
        assert _digest(added) == _digest(kept)


# -- the cache of verdicts -------------------------------------------------------------------------------------------


def _verdict_facts(played: Played, number: int, *, fresh: bool) -> Any:
    live = played.lives[number]
    plain, live.plain = live.plain, live.plain and not fresh  # none but plain ones have templates
    verdict = played.verdict(number)
    live.plain = plain
    paths = [[(step.state, step.index, step.basis, step.reason) for step in side] for side in verdict.paths]
    opening = {name: getattr(verdict.opening, name) for name in verdict.opening.__slots__}
    close = {name: getattr(verdict.close, name) for name in verdict.close.__slots__}
    stays = [[getattr(stay, name) for name in stay.__slots__] for stay in verdict.stays]
    resets = [[getattr(reset, name) for name in reset.__slots__] for reset in verdict.resets]
    return (
        verdict.client,
        verdict.midstream,
        verdict.self_connect,
        verdict.fatal,
        verdict.unexpected,
        paths,
        opening,
        close,
        stays,
        resets,
    )


def _twins(segments: list[Seg]) -> list[list[Seg]]:
    """Connections that go the same way with other numbers: turned round, slower, quicker, with more data."""
    return [
        segments,
        [replace(s, key=reverse_key(s.key)) for s in segments],
        [replace(s, time_ns=START_NS + (s.time_ns - START_NS) * 7) for s in segments],
        [replace(s, time_ns=START_NS + (s.time_ns - START_NS) // 500) for s in segments],
        [replace(s, seq=(s.seq + 2**31) % 2**32, ack=(s.ack + 2**31) % 2**32, window=s.window * 3, ttl=s.ttl - 9) for s in segments],
        [replace(s, options=0, tsval=0, tsecr=0, ip_id=s.ip_id + 100) for s in segments],
    ]


@many
@given(traffic, st.permutations(range(6)))
def test_a_cached_verdict_is_the_one_that_would_be_given_anew(segments: list[Seg], order: list[int]) -> None:
    twins = _twins(segments)
    mixed = [
        segment
        for number, which in enumerate(order)
        for segment in moved(twins[which], client=f"10.1.0.{number}", server=f"10.2.0.{number}")
    ]
    played = play(sorted(mixed, key=lambda s: s.time_ns))
    for number in range(len(played.lives)):
        assert _verdict_facts(played, number, fresh=False) == _verdict_facts(played, number, fresh=True)


@many
@given(st.lists(traffic, min_size=2, max_size=6))
def test_cached_verdicts_of_unlike_connections(connections: list[list[Seg]]) -> None:
    mixed = [
        segment
        for number, segments in enumerate(connections)
        for segment in moved(segments, client=f"10.1.0.{number}", server=f"10.2.0.{number}")
    ]
    played = play(sorted(mixed, key=lambda s: s.time_ns))
    for number in range(len(played.lives)):
        assert _verdict_facts(played, number, fresh=False) == _verdict_facts(played, number, fresh=True)


# -- cases that the laws found -----------------------------------------------------------------------------------------


def _twice(text: str) -> tuple[list[Any], list[Any]]:
    """What is told of a ladder, and of the same ladder captured twice."""
    segments = [replace(segment, ip_id=number) for number, segment in enumerate(ladder(text), 1)]
    return told(_rows(segments), PLACES), told(_rows([s for s in segments for _ in (0, 1)]), PLACES)


def test_copies_behind_a_reset_change_nothing() -> None:
    once, twice = _twice("""
        0.00 C S
        0.10 C PA seq=1 ack=0 len=10
        0.12 S PA seq=0 len=20
        0.14 C A seq=11
        1.00 C RA
        1.001 S FA seq=20 ack=12
        1.30 S SA seq=21 ack=12
        1.31 C A seq=12 ack=22
    """)
    assert twice == once


def test_copies_of_a_synack_to_another_number_change_nothing() -> None:
    once, twice = _twice("0 C S\n0 S SA ack=0")
    assert twice == once


def test_sums_of_simultaneous_opens_whose_synack_has_another_number() -> None:
    one = ladder("0 S S\n0 S SA isn=9001 ack=1000\n0 C SA seq=1000 ack=1", isns=(0, 9000))
    mixed = _mixed([one, one])
    assert _sums(play(mixed, keep_rows=False)) == _sums(play(mixed))


def test_a_reset_that_a_far_side_outlives_ends_its_stay() -> None:
    text = "0 C S\n0 C S seq=0 id=1001\n1 C FA\n1.02 S A seq=0\n1.02 S RA seq=-9000 ack=1\n1.04 S FA seq=0\n1.06 C A"
    row = play(text).row
    assert [stay.censored for stay in row.time_wait] == [False for entry in row.client_side.states if entry.state == State.TIME_WAIT]


# -- other stacks ----------------------------------------------------------------------------------------------------

ORDERLY = [
    opening + middle + close
    for opening in ("0.00 C S\n0.02 S SA\n0.04 C A\n", "0.00 C S\n1.00 C S seq=0\n1.02 S SA\n1.04 C A\n")
    for middle in ("", "0.1 C PA len=9\n0.12 S PA len=900\n0.14 C A\n", "0.1 C PA len=9\n0.12 S A\n0.4 S PA len=9\n0.42 C A\n")
    for close in (
        "2.00 C FA\n2.02 S A\n2.04 S FA\n2.06 C A",
        "2.00 S FA\n2.02 C FA\n2.04 S A",
        "2.00 C FA\n2.01 S FA ack=@\n2.03 C A\n2.03 S A",
        "2.00 C FA\n2.005 S FA ack=@\n2.02 C FA seq=@\n2.03 S FA seq=@",
        "2.00 C FA\n2.30 C FA seq=@\n2.32 S A\n2.40 S FA\n2.42 C A",
        "2.00 S PA len=10\n2.02 C A\n2.5 C R",
        "2.00 C RA",
        "2.00 C FA\n2.02 S A\n2.10 S FA\n2.12 C RA",
        "",
    )
]


def _orderly(text: str) -> list[Seg]:
    """Segments of a ladder; `@` stands for the number before the FIN that its peer, or itself, sent."""
    before: dict[str, int] = {}
    lines, sent = [], {"C": 0, "S": 0}
    for line in text.splitlines():
        _, side, flags, *rest = line.split()
        other = "S" if side == "C" else "C"
        lines.append(line.replace("ack=@", f"ack={before.get(other, 0)}").replace("seq=@", f"seq={before.get(side, 0)}"))
        if "F" in flags and side not in before:
            before[side] = sent[side]
        if "seq=" not in line:
            sent[side] += ("S" in flags) + ("F" in flags) + sum(int(item[4:]) for item in rest if item.startswith("len="))
    return ladder("\n".join(lines))


def verdicts(segments: list[Seg]) -> list[Any]:
    """What is compared where stacks differ: pattern, outcome, first closer, causes, states and stays."""
    return [
        (
            row.teardown.pattern,
            row.teardown.first_fin,
            row.handshake.outcome,
            [(reset.by, reset.cause) for reset in row.resets],
            [[(entry.state, entry.frame) for entry in side.states] for side in _sides(row)],
            [(stay.side, stay.entered_ns, stay.restarts) for stay in row.time_wait],
        )
        for row in play(segments).rows
    ]


@pytest.mark.parametrize("text", ORDERLY)
def test_verdicts_do_not_rest_on_ip_ids_that_do_not_change_or_on_ttls(text: str) -> None:
    segments = _orderly(text)
    once = verdicts(segments)
    for constant in (1, 4711):
        assert verdicts([replace(segment, ip_id=constant) for segment in segments]) == once
    for ttl in (32, 57, 128, 255):
        assert verdicts([replace(segment, ttl=ttl) for segment in segments]) == once
    assert verdicts([replace(segment, ttl=255 if segment.flags & RST else 64) for segment in segments]) == once


@pytest.mark.parametrize("text", ORDERLY)
def test_an_orderly_four_way_close_has_exactly_one_stay(text: str) -> None:
    for row in play(_orderly(text)).rows:
        if row.teardown.pattern == "four-way":
            assert [stay.side for stay in row.time_wait] == [row.teardown.first_fin]


@pytest.mark.parametrize("text", ORDERLY)
def test_no_state_rests_on_a_frame_before_the_event_it_answers(text: str) -> None:
    """What answers a side's SYN or FIN comes behind it, in a capture that is in order."""
    asking = {State.SYN_SENT, State.SYN_RECEIVED, State.FIN_WAIT_1, State.LAST_ACK}
    for row in play(_orderly(text)).rows:
        for side in _sides(row):
            asked = 0
            for entry in side.states:
                assert entry.frame is None or entry.frame >= asked
                if entry.state in asking and entry.frame is not None:
                    asked = entry.frame


# -- what is said of states hangs together -----------------------------------------------------------------------------


anything = st.one_of(tidy(), lossy(), traffic)


@many
@given(anything)
def test_a_four_way_close_has_one_stay_held_by_the_first_closer(segments: list[Seg]) -> None:
    for row in _rows(segments):
        if row.teardown.pattern == "four-way":
            assert [stay.side for stay in row.time_wait] == [row.teardown.first_fin]


@many
@given(anything)
def test_never_have_both_sides_waited_for_their_own_close(segments: list[Seg]) -> None:
    for row in _rows(segments):
        assert [any(entry.state == State.CLOSE_WAIT for entry in side.states) for side in _sides(row)].count(True) < 2


# What a state is entered by is the peer's, and is there before it.
BEFORE = {State.SYN_RECEIVED: State.SYN_SENT, State.CLOSE_WAIT: State.FIN_WAIT_1, State.CLOSING: State.FIN_WAIT_1}


@many
@given(anything)
def test_no_state_rests_on_a_frame_before_what_it_answers(segments: list[Seg]) -> None:
    for row in _rows(segments):
        paths = [{entry.state: entry.frame for entry in side.states if entry.frame is not None} for side in _sides(row)]
        for mine, theirs in ((paths[0], paths[-1]), (paths[-1], paths[0])):
            for state, before in BEFORE.items():
                if state in mine and before in theirs:
                    assert mine[state] >= theirs[before]


def _need_ids(segments: list[Seg]) -> bool:
    """Whether nothing but its IP ID tells a segment from one of just before: it may be that one, captured twice."""
    times_ns: dict[tuple[object, ...], int] = {}
    for segment in segments:
        name = segment.key, segment.flags, segment.seq, segment.ack, segment.payload, segment.window, segment.tsval
        before_ns = times_ns.get(name)
        if before_ns is not None and abs(segment.time_ns - before_ns) <= SECOND_NS // 10:  # what flows.table takes for a copy
            return True
        times_ns[name] = segment.time_ns
    return False


@many
@given(anything, st.sampled_from((0, 7)))
def test_ip_ids_that_do_not_change_change_no_verdict(segments: list[Seg], ip_id: int) -> None:
    """Where none is needed to tell a copy from what was sent again."""
    played = play(segments)
    if not played.table.duplicates and all(segment.ip_id >= 0 for segment in segments) and not _need_ids(segments):
        assert verdicts([replace(segment, ip_id=ip_id) for segment in segments]) == verdicts(segments)


@many
@given(anything, st.integers(1, 255))
def test_ttls_change_no_verdict_that_does_not_rest_on_them(segments: list[Seg], ttl: int) -> None:
    rows = _rows(segments)
    if not any("TTL" in evidence or "hop" in evidence for row in rows for reset in row.resets for evidence in reset.evidence):
        assert verdicts([replace(segment, ttl=ttl) for segment in segments]) == verdicts(segments)


def test_fins_captured_only_when_they_were_sent_again() -> None:
    """Each side acknowledged the other's before it was seen to send its own: who did so first, closed second."""
    row = play(HANDSHAKE + "1.01 S A ack=2\n1.02 S FA ack=2\n1.03 C A seq=2\n1.3 C FA seq=1").row
    assert row.teardown.first_fin == "client"
    assert [stay.side for stay in row.time_wait] == ["client"]


def _parts(segments: list[Seg]) -> list[list[Seg]]:
    """What a capture of one direction has of a connection, and what captures have that begin later."""
    keys = {segment.key for segment in segments}
    return [[s for s in segments if s.key == key] for key in keys] + [segments[at:] for at in range(1, len(segments))]


@pytest.mark.parametrize("text", ORDERLY)
def test_what_is_said_of_a_part_is_true_of_the_whole(text: str) -> None:
    """What was not seen is not said; guesses apart: a cause that is not sure, and simultaneous FINs of which one was seen again only."""
    segments = _orderly(text)
    (whole,) = play(segments).rows
    stays, causes = {_end(whole, stay.side) for stay in whole.time_wait}, {(reset.by, reset.cause) for reset in whole.resets}
    for part in _parts(segments):
        for row in play(part).rows:
            if (whole.teardown.pattern, row.teardown.pattern) != ("simultaneous", "four-way"):
                assert row.teardown.pattern in (whole.teardown.pattern, "unknown")
                assert _end(row, row.teardown.first_fin) in (_end(whole, whole.teardown.first_fin), None)
                assert {_end(row, stay.side) for stay in row.time_wait} <= stays
            assert row.handshake.outcome in (whole.handshake.outcome, "not-captured")
            assert {(reset.by, reset.cause) for reset in row.resets if reset.confidence == "high"} <= causes


@pytest.mark.parametrize(
    ("close", "closer"),
    [
        (CLOSE, "client"),
        (SERVER_CLOSE, "server"),
        (CLOSE + "1.5 S R seq=92", "client"),
        ("1 C FA\n1.01 S PA len=20\n1.02 C A\n1.03 S PA len=20\n1.04 C A\n1.05 S FA\n1.06 C A\n", "client"),
    ],
)
@pytest.mark.parametrize("lost", [1, 2])
def test_frames_that_a_capture_lacks_give_the_close_to_nobody_else(close: str, closer: str, lost: int) -> None:
    """A FIN that was not captured leaves its number: it may have been one, and who closed first is not said of the other side."""
    segments = ladder(HANDSHAKE + "0.1 C PA len=9\n0.12 S A\n0.2 S PA len=90\n0.22 C A\n" + close)
    for missing in combinations(range(len(segments)), lost):
        for row in play([segment for at, segment in enumerate(segments) if at not in missing], end_s=3).rows:
            assert row.teardown.first_fin in (closer, None)
            assert {stay.side for stay in row.time_wait} <= {closer}


KINDS = {
    "client": "{0} C FA\n{1} S A\n{2} S FA\n{3} C A\n",
    "server": "{0} S FA\n{1} C A\n{2} C FA\n{3} S A\n",
    "client, three segments": "{0} C FA\n{1} S FA\n{3} C A\n",
    "server, three segments": "{0} S FA\n{1} C FA\n{3} S A\n",
    "client aborts": "{0} C RA\n",
    "server aborts": "{0} S RA\n",
}


def _incarnation(at_s: float, kind: str, isns: tuple[int, int] | None) -> str:
    client, server = ("", "") if isns is None else (f" isn={isns[0]}", f" isn={isns[1]}")
    opening = "{0} C S{4}\n{1} S SA{5}\n{2} C A\n{3} C PA len=100\n".format(*(f"{at_s + n / 100:.3f}" for n in range(4)), client, server)
    talk = f"{at_s + 0.04:.3f} S PA len=300\n{at_s + 0.05:.3f} C A\n"
    return opening + talk + KINDS[kind].format(*(f"{at_s + n / 100:.3f}" for n in range(6, 10)))


Story = tuple[list[Seg], int, tuple[str, str]]


@st.composite
def reused(draw: st.DrawFn) -> Story:
    """Two connections of one four-tuple; how many segments are the first one's; and how they are closed.

    The numbers go on as the clock does (RFC 6528), or are any, or those that Linux takes when a SYN ends TIME_WAIT.
    """
    kinds = draw(st.sampled_from(sorted(KINDS))), draw(st.sampled_from(sorted(KINDS)))
    gap_s = draw(st.sampled_from([0.2, 0.5, 3.0, 20.0]))
    by_clock = round(gap_s * 15_600_000)
    elsewhere = st.integers(1 << 21, (1 << 32) - (1 << 21))
    client = st.sampled_from([1000 + by_clock, 1102 + 65537]) | elsewhere
    server = st.sampled_from([9000 + by_clock, 9302 + 65537]) | elsewhere
    isns = draw(st.tuples(client, server))
    first = _incarnation(0, kinds[0], None)
    return ladder(first + _incarnation(gap_s, kinds[1], isns)), len(first.splitlines()), kinds


@many
@given(reused(), st.sets(st.integers(-4, 6), max_size=3))
def test_what_a_capture_lacks_of_a_reuse_gives_the_close_to_nobody_else(story: Story, missing: set[int]) -> None:
    """Frames around the end of the first and the begin of the second; a row may have the frames of both only where nothing tells."""
    segments, first, kinds = story
    lost = {first + at for at in missing}
    kept = [replace(segment, frame=at) for at, segment in enumerate(segments, 1) if at not in lost]
    for row in play(kept, end_s=30).rows:
        mine = {kinds[row.first_frame > first], kinds[row.last_frame > first]}
        closers = {kind[:6] for kind in mine if "aborts" not in kind}
        assert _end(row, row.teardown.first_fin) in {row_end for closer in closers for row_end in [_by_port(row, closer)]} | {None}
        assert {_end(row, stay.side) for stay in row.time_wait} <= {_by_port(row, closer) for closer in closers}
        if row.first_frame <= first < row.last_frame:
            assert lost >= {first, first + 1, first + 2}  # the RST that ended the first, and the second's SYN and SYN/ACK
            assert "aborts" in kinds[0]


def _by_port(row: Connection, name: str) -> Any:
    """The end that connected, or the other one."""
    one, other = sorted((row.client, row.server), key=lambda end: end.port)
    return other if name == "client" else one


def _end(row: Connection, side: str | None) -> Any:
    """Address and port of a side: which is called the client is a guess where no SYN was captured."""
    return None if side is None else row.client if side == "client" else row.server


def test_a_fin_may_lie_before_a_capture_that_a_reset_ends() -> None:
    whole = ladder(HANDSHAKE + "1 C FA\n1.01 S A\n1.02 S FA\n1.03 C RA")
    assert play(whole).row.teardown.first_fin == "client"
    for begin in (4, 5):
        teardown = play(whole[begin:]).row.teardown
        assert (teardown.pattern, teardown.first_fin) == ("rst", None)
