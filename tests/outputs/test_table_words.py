"""What the tables of `time-wait` say: each note stands where the capture shows it, and goes where that is changed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py.cli import main
from tcptrace_py.outputs.blocks import Note
from tcptrace_py.outputs.time_wait import tables
from tcptrace_py.outputs.view import View
from tests.flows.forms import later
from tests.ladder import PORT, ladder
from tests.wire import write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ladder import Seg

OPENED = "0 C S\n0.01 S SA\n0.02 C A\n"
CLOSED = OPENED + "0.1 C FA\n0.11 S FA\n0.12 C A\n"
CROSSED = OPENED + "0.1 C FA\n0.101 S FA ack=1\n0.12 C A\n0.121 S A ack=2\n"
NOTES = {
    "CLOSE_WAIT: the other side has closed, the program here has not. If it never does, it leaks: no timer ends it.": OPENED
    + "0.1 C FA\n0.11 S A\n",
    "FIN_WAIT_2: this host has closed and waits for the other side to close. On Linux tcp_fin_timeout ends orphaned ones.": OPENED
    + "0.1 C FA\n0.11 S A\n",
    "FIN_WAIT_1: this host has closed, and its FIN is not acknowledged.": OPENED
    + "0.1 C FA\n1.1 C FA seq=1\n3.1 C FA seq=1\n7 C FA seq=1\n",
    "CLOSING: both closed at once, and this host's FIN is not acknowledged.": OPENED
    + "0.1 C FA\n0.101 S FA ack=1\n0.12 C A\n1.1 C FA seq=1\n3.1 C FA seq=1\n7 C FA seq=1\n",
    "LAST_ACK: this host's FIN, the second, is not acknowledged.": OPENED
    + "0.1 C FA\n0.11 S A\n0.12 S FA\n1.1 S FA seq=1\n3 S FA seq=1\n7 S FA seq=1\n",
    "SYN_RECEIVED: the ACK of the SYN/ACK is missing, or the accept queue is full.":
    "0 C S\n0.01 S SA\n1 S SA seq=0\n3 S SA seq=0\n7 S SA seq=0\n",
    "SYN_SENT: no answer to the SYN reaches this host.": "0 C S\n1 C S seq=0\n3 C S seq=0\n7 C S seq=0\n",
}  # fmt: skip


def page(capsys: pytest.CaptureFixture[str], folder: Path, text: str) -> str:
    """What is printed of such connections, of which the capture holds a few, and one that is closed in the end."""
    segments: list[Seg] = ladder(CLOSED, port=PORT + 9)
    for number in range(3):
        segments += ladder(text, port=PORT + number)
    path = write(folder / "a.pcap", sorted([*segments, *later(ladder(CLOSED, port=PORT + 8), 8.2)], key=lambda segment: segment.time_ns))
    assert main.main(["time-wait", str(path)]) == 0
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("note", NOTES)
def test_a_state_is_explained_where_sides_stay_in_it(note: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert note in page(capsys, tmp_path, NOTES[note])
    assert note.partition(":")[0] + ":" not in page(capsys, tmp_path, CLOSED)


def _notes(blocks: Any) -> list[str]:
    return [block.text for block in blocks if isinstance(block, Note)]


def _server(pattern: str, time_wait: int, *, client: int = 0, server: int = 0, both: int = 0) -> Any:
    return SimpleNamespace(pattern=pattern, time_wait=time_wait, client_first=client, server_first=server, both_at_once=both)


@pytest.mark.parametrize(
    ("totals", "said"),
    [
        ([_server("short", 30, client=30)], []),  # one cause, one closer
        ([_server("short", 30, client=30), _server("reused", 10, client=10)],
         ["By pattern: no keep-alive 75 %, not kept 25 % of TIME_WAIT."]),
        ([_server("short", 40, client=30, server=10)], ["By who closed first: the client 75 %, the server 25 % of these closes."]),
        ([_server("short", 40, client=30, both=10)], ["By who closed first: the client 75 %, both at once 25 % of these closes."]),
        ([_server("short", 1000, client=995, server=5)], []),  # less than one in a hundred
    ],
)  # fmt: skip
def test_shares_are_told_where_there_are_several(totals: list[Any], said: list[str]) -> None:
    assert _notes(tables._shares(totals, sum(total.time_wait for total in totals))) == said


def _service(held: int, *, of: int = 1000, waits: int = 1, alarming: bool = False) -> Any:
    ports = SimpleNamespace(peak_held=held, port_count=of, used_ratio=held / of, is_alarming=alarming)
    return SimpleNamespace(time_wait_client=waits, ports=ports)


@pytest.mark.parametrize(
    ("services", "said"),
    [
        ([_service(9), _service(4)], ["No client took more than 0.9 % of its local ports towards one service."]),
        ([_service(1, of=28232), _service(1, of=28232)], ["No client took even 0.1 % of its local ports towards one service."]),
        ([_service(9)], []),  # one service: its sentence says it
        ([_service(9), _service(4, waits=0)], []),
    ],
)
def test_local_ports_that_hardly_anybody_takes(services: list[Any], said: list[str]) -> None:
    assert _notes(tables.port_budgets(SimpleNamespace(services=services), View())) == said  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"client_first": 10}, "client"),
        ({"server_first": 10}, "server"),
        ({"both_at_once": 10}, "both"),
        ({"resets": 10}, "reset"),
        ({"client_first": 6, "server_first": 4}, "client 60 %, server 40 %"),
        ({"client_first": 9, "resets": 1}, "client 90 %, reset 10 %"),
        ({"client_first": 5}, "client 50 %"),  # the others are open
        ({}, "-"),
    ],
)
def test_who_closed_first_in_a_cell(row: dict[str, int], words: str) -> None:
    counts = {"client_first": 0, "server_first": 0, "both_at_once": 0, "resets": 0, "connections": 10}
    assert tables.closers(SimpleNamespace(**counts | row)) == words  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pattern", "period_ns", "burst", "words"),
    [
        ("short", None, None, "no keep-alive"),
        ("health-check", 2_000_000_000, 1, "check every 2 s"),
        ("health-check", 2_000_000_000, 3, "3 checks every 2 s"),
        ("bursts", 60_000_000_000, 40, "bursts every 60 s"),
    ],
)
def test_a_pattern_in_a_cell(pattern: str, period_ns: int | None, burst: int | None, words: str) -> None:
    assert tables._pattern(SimpleNamespace(pattern=pattern, period_ns=period_ns, burst=burst)) == words  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("as_client", "as_server", "words"),
    [(4, 0, "client"), (0, 4, "server"), (3, 1, "client 75 %, server 25 %"), (1, 3, "server 75 %, client 25 %")],
)
def test_the_roles_of_a_host(as_client: int, as_server: int, words: str) -> None:
    host = SimpleNamespace(entered=4, entered_as_client=as_client, entered_as_server=as_server)
    assert tables._roles(host) == words  # type: ignore[arg-type]
