"""lwIP on a TAP device, held against its own account: every state that it entered is told, in order and in time."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py import analyze
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.state import State
from tests.kernel import needs_recording
from tests.recorder import lwip
from tests.test_laws_of_captures import hangs_together

if TYPE_CHECKING:
    from tcptrace_py.model.results import Analysis, Connection, Side

LATE_NS = 50_000_000  # a state is looked at with every frame and callback, and every 10 ms
BEFORE = (State.CLOSED, State.LISTEN)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Analysis, dict[tuple[int, int], list[lwip.Entered]]]:
    """What is said of the capture, as of lwIP, and its own account by both ports."""
    needs_recording("tcpdump")
    if reason := lwip.lacking():
        pytest.skip(f"needs {reason}")
    capture, account = lwip.record(tmp_path_factory.mktemp("lwip"))
    by_ports = defaultdict(list)
    for entered in account:
        by_ports[entered.port, entered.kernel_port].append(entered)
    return analyze([capture], profiles=Profiles.named("linux", {lwip.LWIP: "lwip"})), dict(by_ports)


def its_side(connection: Connection) -> tuple[tuple[int, int], Side]:
    """LwIP's port and the kernel's, and its side of a connection."""
    client, server = connection.client, connection.server
    assert connection.server_side is not None
    if client.address == lwip.LWIP:
        return (client.port, server.port), connection.client_side
    return (server.port, client.port), connection.server_side


def told(side: Side) -> list[tuple[str, int]]:
    """The states of a path with their times, as lwIP has them: it has none where a FIN comes on the ACK of its own."""
    states = list(side.states)
    return [
        (entry.state.name, entry.at_ns or 0)
        for entry, following in zip(states, [*states[1:], None], strict=True)
        if not (entry.state in BEFORE and entry.at_ns is None)
        and not (entry.state == State.FIN_WAIT_2 and following is not None and following.frame == entry.frame)
    ]


@pytest.mark.kernel
def test_every_state_is_that_of_its_own_account(recorded: Any) -> None:
    analysis, account = recorded
    seen = set()
    for connection in analysis.connections:
        ports, side = its_side(connection)
        if connection.handshake.outcome not in ("refused", "refused-by-time-wait"):
            seen.add(ports)
            own = account[ports]
            assert [state for state, _ in told(side)] == [entered.state for entered in own], connection
            assert max(abs(at_ns - entered.at_ns) for (_, at_ns), entered in zip(told(side), own, strict=True)) < LATE_NS
    assert seen == set(account)


@pytest.mark.kernel
def test_what_became_of_each_is_told(recorded: Any) -> None:
    analysis, _ = recorded
    assert hangs_together(analysis) == []
    outcomes = Counter(connection.handshake.outcome for connection in analysis.connections)
    assert outcomes == {"completed": 7 * lwip.TIMES + 1, "refused": lwip.TIMES, "refused-by-time-wait": 1}
    of_port = defaultdict(set)
    for connection in analysis.connections:
        if connection.handshake.outcome == "completed":
            reset = connection.teardown.reset
            of_port[connection.server.port].add((connection.teardown.pattern, connection.teardown.first_fin, reset and reset.by))
    assert of_port == {
        lwip.FIRST_CLOSER: {("four-way", "server", None)},
        lwip.SECOND: {("four-way", "client", None), ("rst", None, "client")},
        lwip.ABORTS: {("rst", None, "server")},
        lwip.SAYS_MORE: {("four-way", "client", None)},
        lwip.WAITS: {("four-way", "client", None)},
        lwip.CLOSES: {("four-way", "server", None)},
    }


@pytest.mark.kernel
def test_a_time_wait_that_takes_no_syn_is_held(recorded: Any) -> None:
    """LwIP's own account ends in it: the SYNs and RSTs from the same port changed nothing."""
    analysis, account = recorded
    (refused,) = [row for row in analysis.connections if row.handshake.outcome == "refused-by-time-wait"]
    (old,) = [
        row
        for row in analysis.connections
        if row.client == refused.client and row is not refused and row.server == refused.server and row.handshake.outcome == "completed"
    ]
    assert account[old.server.port, old.client.port][-1].state == "TIME_WAIT"
    assert [(stay.side, stay.ended_by) for stay in old.time_wait] == [("server", "capture-end")]
    assert "refused-by-time-wait" in [finding.code for finding in analysis.findings]
