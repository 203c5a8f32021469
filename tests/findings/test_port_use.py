"""Ports that run out, and what only looks like it."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.findings.occupancy import Occupancy
from tcptrace_py.findings.port_use import PortRange, PortTotals, range_of
from tcptrace_py.model.profiles import PROFILES, Profile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tcptrace_py.model.results import Exhaustion

S = 1_000_000_000
MS = 1_000_000
WAIT = 60 * S
NARROW = Profile("linux", 60.0, (40000, 40999), ports_given=True)
Taken = tuple[int, int, int]  # port, from, until


def judged(
    taken: Iterable[Taken], end_ns: int, profile: Profile = PROFILES["linux"], waits: float = 1.0
) -> tuple[PortRange, Exhaustion | None]:
    """What shows of a client's ports towards a service; of its connections so large a part left TIME_WAIT there."""
    rows, found = list(taken), Occupancy()
    account = found.ports.open(*profile.ephemeral_ports, profile.ports_given)
    held = found.kind(found.row(), account=account)
    for port, start, until in rows:
        found.add(start, until, held, port)
    found.finish(end_ns)
    totals = PortTotals(round(waits * len(rows)), found.peak[0], min(start for _, start, _ in rows), end_ns)
    return range_of(found.ports, account, totals)


def picked(low: int, high: int, step_ns: int, *, by_kernel: bool = True) -> list[Taken]:
    """All ports of a range, each kept in TIME_WAIT: as Linux gives them out, or in any order."""
    order = list(range(low, high + 1))
    Random(1).shuffle(order)
    if by_kernel:
        order.sort(key=lambda port: (port - low) % 2)
    return [(port, i * step_ns, i * step_ns + WAIT) for i, port in enumerate(order)]


def test_a_range_of_its_own_fills_and_nothing_more_comes() -> None:
    known, full = judged(picked(40000, 40999, 5 * MS), 20 * S)
    assert (known.low, known.high, known.known_from) == (40000, 40999, "traffic")
    assert full is not None
    assert full.at_ns == pytest.approx(5 * S, rel=0.05)
    assert full.before_per_s == pytest.approx(200, rel=0.05)


def _in_order(low: int, count: int, step: int = 1, *, rounds: int = 1) -> list[Taken]:
    """Ports one after the other, as macOS and Windows give them out; other services have those between."""
    order = [low + step * at for at in range(count)] * rounds
    return [(port, at * 5 * MS, at * 5 * MS + WAIT // 60) for at, port in enumerate(order)]


def _shuffled(low: int, high: int, count: int) -> list[Taken]:
    order = Random(3).sample(range(low, high + 1), count)
    return [(port, at * 5 * MS, at * 5 * MS + WAIT) for at, port in enumerate(order)]


@pytest.mark.parametrize(
    ("taken", "known_from"),
    [
        pytest.param(_in_order(20000, 9000), "unknown", id="each port once"),
        pytest.param(_in_order(20000, 900, 7), "unknown", id="every seventh"),
        pytest.param(_in_order(52000, 12000), "unknown", id="beyond the end of the default"),
        pytest.param(_in_order(20000, 900, rounds=2), "traffic", id="and again from the first one"),
        pytest.param(_in_order(20000, 900, 7, rounds=5), "traffic", id="every seventh, and again"),
        pytest.param(_shuffled(10000, 30000, 900), "traffic", id="in no order"),
        pytest.param(_in_order(33000, 900), "profile", id="within the default"),
    ],
)
def test_ports_in_order_do_not_show_where_they_end(taken: list[Taken], known_from: str) -> None:
    known, full = judged(taken, taken[-1][1] + S)
    assert (known.known_from, full) == (known_from, None)
    lowest, highest = min(port for port, *_ in taken), max(port for port, *_ in taken)
    assert (known.low, known.high) == {
        "unknown": (1024, 65535), "profile": PROFILES["linux"].ephemeral_ports, "traffic": (lowest, highest)}[known_from]  # fmt: skip


def test_the_same_range_by_option() -> None:
    known, full = judged(picked(40000, 40999, 5 * MS), 20 * S, NARROW)
    assert (known.low, known.high, known.known_from) == (40000, 40999, "option")
    assert full is not None


def test_a_known_range_without_a_free_port_is_exhausted_even_if_the_capture_ends_there() -> None:
    rows = picked(40000, 40999, 5 * MS)
    assert judged(rows, 5 * S, NARROW)[1] is not None
    assert judged(rows[:-15], 5 * S, NARROW)[1] is None


def test_ports_are_taken_again_as_they_come_free() -> None:
    first = picked(40000, 40999, 5 * MS)
    again = [(port, until + 2 * S, until + 2 * S + WAIT) for port, _, until in first]
    _, full = judged(first + again, 67 * S)
    assert full is not None
    assert full.taken_again > 900
    assert full.into_time_wait == 0


def test_syns_into_time_wait_are_counted() -> None:
    """With tcp_tw_reuse a port is taken from TIME_WAIT about a second old: the stay ends there."""
    rows = []
    for port, start, _ in picked(40000, 40999, 5 * MS):
        rows += [(port, start, start + 6 * S), (port, start + 6 * S, start + 6 * S + WAIT)]
    _, full = judged(rows, 20 * S)
    assert full is not None
    assert full.into_time_wait > 900


TURNS = [(40000 + i % 1000, i * S // 10, i * S // 10 + 9 * S) for i in range(3000)]
QUIET_RANGES = [
    ("given out one by one, then a pause", [(40000 + i, i * MS, i * MS + WAIT) for i in range(1000)], 20 * S, 1.0),
    ("a range with gaps", picked(40000, 40999, 5 * MS, by_kernel=False)[:900], 20 * S, 1.0),
    ("still growing when the capture ends", picked(40000, 40999, 5 * MS, by_kernel=False), 5 * S, 1.0),
    ("a load generator's own ports, then it stops", picked(40000, 40999, 5 * MS, by_kernel=False), 20 * S, 1.0),
    ("few ports", picked(40000, 40049, 5 * MS), 20 * S, 1.0),
    ("held by open connections, not by TIME_WAIT", picked(40000, 40999, 5 * MS, by_kernel=False), 20 * S, 0.1),
    ("the kernel's, of a range whose second half it has not begun", picked(40000, 40999, 5 * MS)[:500], 3 * S, 1.0),
    ("of one parity, but with gaps", [p for i, p in enumerate(picked(40000, 40999, 5 * MS)) if i % 9], 5 * S, 1.0),
    ("rotated through, each long free", TURNS, 300 * S, 1.0),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "end_ns", "waits"), [c[1:] for c in QUIET_RANGES], ids=[c[0] for c in QUIET_RANGES])
def test_what_only_looks_like_it(rows: list[Taken], end_ns: int, waits: float) -> None:
    known, full = judged(rows, end_ns, waits=waits)
    assert full is None
    assert (known.low, known.high, known.known_from) == (32768, 60999, "profile")


@pytest.mark.parametrize("low", [40000, 20001])
@pytest.mark.parametrize(("taken", "waits", "ran_out"), [(1000, 1.0, True), (900, 1.0, False), (1000, 0.1, False)])
def test_linux_shows_its_range_by_the_order_of_ports(low: int, taken: int, waits: float, ran_out: bool) -> None:
    """The second parity begins when the first is used up: no port needs to come again."""
    rows = picked(low, low + 999, 5 * MS)[:taken]
    known, full = judged(rows, rows[-1][1] + MS, waits=waits)
    assert (known.low, known.high, known.known_from) == (low, low + 999, "traffic")
    assert (full is not None) == ran_out
    assert full is None or full.after_per_s is None


def test_whoever_binds_first_gets_the_other_parity_first() -> None:
    rows = [(80999 - port, start, until) for port, start, until in picked(40000, 40999, 5 * MS)]
    known, full = judged(rows, 20 * S)
    assert (known.low, known.high) == (40000, 40999)
    assert full is not None


def test_ports_outside_the_profile_speak_for_another_range() -> None:
    known, full = judged(picked(1100, 64000, 10 * MS)[:2000], 60 * S)
    assert full is None
    assert known.known_from == "traffic"
    assert known.low < 1200
    assert known.high > 63900


def test_a_default_that_the_traffic_shows_is_no_assumption() -> None:
    default = Profile("linux", 60.0, (40000, 40999))
    known, full = judged(picked(40000, 40999, 5 * MS), 20 * S, default)
    assert (known.low, known.high, known.known_from) == (40000, 40999, "traffic")
    assert full is not None


def test_some_ports_of_its_own_are_no_other_range() -> None:
    """A client that binds a few ports itself; a range shows a hundred of them."""
    bound = [(5000 + i % 99, i * S, i * S + MS) for i in range(990)]
    assert judged([*bound, *picked(40000, 40999, 5 * MS, by_kernel=False)[:500]], 1000 * S)[0].known_from == "profile"


def test_what_began_before_the_capture_tells_nothing_of_the_order_of_ports() -> None:
    rows = picked(40000, 40999, 5 * MS)
    assert judged([(0, start, until) for _, start, until in rows], 20 * S)[0].known_from == "profile"


def test_a_given_range_is_believed() -> None:
    known, full = judged(picked(40000, 40999, 5 * MS), 20 * S, Profile("linux", 60.0, (1024, 65535), ports_given=True))
    assert (known, full) == (PortRange(1024, 65535, "option"), None)


@given(st.integers(0, 3), st.sampled_from([400, 900, 1000]), st.integers(0, 400), st.randoms(use_true_random=True))
def test_the_order_of_telling_does_not_show(at_once: int, taken: int, again: int, random: Random) -> None:
    """Nor do connections that begin at the same moment."""
    rows = picked(40000, 40999, 5 * MS)[:taken]
    rows += [(port, until + S, until + S + WAIT) for port, _, until in rows[:again]]
    rows = [(port, start >> at_once << at_once, until) for port, start, until in rows]
    shuffled = sorted(rows, key=lambda _: random.random())
    assert judged(shuffled, 80 * S) == judged(rows, 80 * S)
