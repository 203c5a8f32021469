"""At which rate the ports of a client fill, and whether that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tcptrace_py.facts import block as at
from tcptrace_py.facts.block import Block
from tcptrace_py.facts.table import MISSING
from tcptrace_py.facts.time_wait import EXPIRED
from tcptrace_py.findings.accounts import Accounts
from tcptrace_py.findings.ports import budgets
from tcptrace_py.findings.vantage import Vantages
from tcptrace_py.model.profiles import Profiles
from tests.ladder import CLIENT, SERVER, pack

if TYPE_CHECKING:
    from collections.abc import MutableSequence

    from tcptrace_py.model.results import PortBudget

S = 1_000_000_000
Stretch = tuple[float, int]  # seconds, connections a second


def closed_at(time_ns: int, *, waits: bool) -> Block:
    """One connection that its client opened and closed at once, with or without a stay in TIME_WAIT."""
    block = Block(1)
    assert block.connections.row() == 0
    put(block.connections.wide, {at.START: time_ns, at.END: time_ns, at.RELEASED: time_ns + waits * 60 * S})
    put(block.connections.small, {at.FIRST_FIN: 0, at.STAYS: waits})
    if waits:
        block.stays.row()
        put(block.stays.wide, {at.STAY_ENTERED: time_ns, at.STAY_EXPIRES: time_ns + 60 * S, at.STAY_ENDED: MISSING})
        put(block.stays.small, {at.STAY_SIDE: 0, at.STAY_ENDED_BY: EXPIRED})
    return block


def put(columns: MutableSequence[int], values: dict[int, int]) -> None:
    """Write values into the only row of a table."""
    for column, value in values.items():
        columns[column] = value


def filled(*stretches: Stretch, silent_s: float = 0, keeps: float = 1) -> PortBudget:
    """Ports of a client that opens and at once closes so many; of these, `keeps` go into TIME_WAIT.

    Linux: 28,232 ports, 60 s, 470 a second.
    """
    accounts = Accounts(Profiles(), Vantages())
    account = accounts.named(pack(CLIENT) + pack(SERVER) + (80).to_bytes(2))
    now = number = 0
    for seconds, per_s in stretches:
        for i in range(round(seconds * per_s)):
            start = now + i * S // per_s
            number += 1
            accounts.add(account, closed_at(start, waits=i % 10 < keeps * 10), 0, 32768 + number * 7919 % 28232, -1)
        now += round(seconds * S)
    accounts.close(now + round(silent_s * S))
    (found,) = budgets(accounts)
    return found


@pytest.mark.parametrize(
    ("stretches", "per_s", "over_s", "left_s"),
    [
        ([(10, 600)], 600, 10, 37),
        ([(300, 50)], None, None, None),
        ([(300, 50), (10, 1000)], 683, 15, 23),  # the average, 81, hides it
        ([(300, 50), (0.5, 2000)], None, None, None),  # a burst is no rate
        ([(20, 1000), (20, 100)], 550, 40, 11.33),  # slower of late: over all the time it still is too fast
    ],
)
def test_when_the_ports_run_out(stretches: list[Stretch], per_s: float | None, over_s: float | None, left_s: float | None) -> None:
    ports = filled(*stretches)
    assert ports.exhaustion is None
    assert (ports.exhausted_in_s is None) == (ports.filling_over_ns is None) == (left_s is None)
    if ports.exhausted_in_s is not None and ports.filling_over_ns is not None:
        found = (ports.filling_per_s, ports.filling_over_ns / S, ports.exhausted_in_s)
        assert found == pytest.approx((per_s, over_s, left_s), rel=0.03)
        assert ports.held_at_end + ports.exhausted_in_s * (ports.filling_per_s or 0) == pytest.approx(ports.port_count, abs=1)


def test_only_those_that_keep_a_port_fill_the_range() -> None:
    assert filled((20, 800), keeps=0.5).exhausted_in_s is None
    assert filled((20, 800), keeps=0.7).filling_per_s == pytest.approx(560, rel=0.01)


def test_what_has_stopped_does_not_go_on() -> None:
    assert filled((20, 1000), silent_s=6).exhausted_in_s is None
