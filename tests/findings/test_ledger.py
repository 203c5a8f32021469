"""At which rate the ports of a client fill, and whether that goes on."""

from __future__ import annotations

import pytest

from tcptrace_py.findings.ledger import ServiceRow
from tcptrace_py.model.profiles import PROFILES

S = 1_000_000_000
LINUX = PROFILES["linux"]  # 28,232 ports, 60 s: 470 a second
Stretch = tuple[float, int]  # seconds, connections a second


def filled(*stretches: Stretch, silent_s: float = 0, keeps: float = 1) -> tuple[ServiceRow, int]:
    """A client that opens and at once closes so many; of these, `keeps` go into TIME_WAIT. And when the capture ends."""
    row, now = ServiceRow(), 0
    for seconds, per_s in stretches:
        for i in range(round(seconds * per_s)):
            start = now + i * S // per_s
            until = start + 60 * S if i % 10 < keeps * 10 else start
            row.starts.append(start)
            row.ports.append(32768 + len(row.starts) * 7919 % 28232)
            row.released.append(until)
            row.held.add(start, until)
            if until > start:
                row.waits.add(start, until)
        now += round(seconds * S)
    return row, now + round(silent_s * S)


@pytest.mark.parametrize(("stretches", "per_s", "over_s", "left_s"), [
    ([(10, 600)], 600, 10, 37),
    ([(300, 50)], None, None, None),
    ([(300, 50), (10, 1000)], 683, 15, 23),  # the average, 81, hides it
    ([(300, 50), (0.5, 2000)], None, None, None),  # a burst is no rate
    ([(20, 1000), (20, 100)], 550, 40, 11.33),  # slower of late: over all the time it still is too fast
])
def test_when_the_ports_run_out(stretches: list[Stretch], per_s: float | None, over_s: float | None, left_s: float | None) -> None:
    row, end_ns = filled(*stretches)
    ports = row.result(("10.0.0.1", "10.0.0.2", 80, None), LINUX, len(row.starts), end_ns).ports
    assert ports.exhaustion is None
    assert (ports.exhausted_in_ns is None) == (ports.filling_over_ns is None) == (left_s is None)
    if ports.exhausted_in_ns is not None and ports.filling_over_ns is not None:
        found = (ports.filling_per_s, ports.filling_over_ns / S, ports.exhausted_in_ns / S)
        assert found == pytest.approx((per_s, over_s, left_s), rel=0.03)
        assert ports.at_end + ports.exhausted_in_ns / S * (ports.filling_per_s or 0) == pytest.approx(ports.count, abs=1)


def test_only_those_that_keep_a_port_fill_the_range() -> None:
    row, end_ns = filled((20, 800), keeps=0.5)
    ports = row.result(("10.0.0.1", "10.0.0.2", 80, None), LINUX, len(row.starts), end_ns).ports
    assert ports.exhausted_in_ns is None
    row, end_ns = filled((20, 800), keeps=0.7)
    ports = row.result(("10.0.0.1", "10.0.0.2", 80, None), LINUX, len(row.starts), end_ns).ports
    assert ports.filling_per_s == pytest.approx(560, rel=0.01)


def test_what_has_stopped_does_not_go_on() -> None:
    row, end_ns = filled((20, 1000), silent_s=6)
    assert row.result(("10.0.0.1", "10.0.0.2", 80, None), LINUX, len(row.starts), end_ns).ports.exhausted_in_ns is None
