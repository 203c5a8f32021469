"""The captures of other stacks as they might have been recorded elsewhere: the same is said of them, and nothing untrue of parts."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcptrace_py.ladder import ladder
from tcptrace_py.model.reference import Reference
from tcptrace_py.outputs.explain.formats import write
from tcptrace_py.outputs.view import View
from tcptrace_py.pipeline import run
from tests.test_laws_of_captures import directions, is_plain, verdicts, without_neighbours
from tests.test_order import as_pcapng, rows_of
from tests.thorough import paired

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.test_laws_of_captures import Row

HERE = Path(__file__).parent
PLAIN = [path for path in sorted(HERE.glob("*.pcap")) if is_plain(without_neighbours(rows_of(path)))]


def with_other_ports(rows: list[Row]) -> list[Row]:
    """Others, that are ordered as those are: who has the lower one is taken for the server where no SYN was captured."""
    return [(time_ns, _with_ports(data), wire, link) for time_ns, data, wire, link in rows]


def _with_ports(data: bytes) -> bytes:
    at = 14 + (data[14] & 15) * 4
    ports = [port + 7 if port > 1024 else port + 300 for port in struct.unpack_from("!HH", data, at)]
    return data[:at] + struct.pack("!HH", *ports) + data[at + 4 :] if data[23] == 6 else data


def with_other_hosts(rows: list[Row]) -> list[Row]:
    """Addresses that begin with another byte."""
    return [(time_ns, data[:26] + b"\xac" + data[27:30] + b"\xac" + data[31:], wire, link) for time_ns, data, wire, link in rows]


def without_icmp(rows: list[Row]) -> list[Row]:
    """What ICMP quotes has the ports and addresses of before."""
    return [row for row in rows if row[1][23] == 6]


def much_later(rows: list[Row]) -> list[Row]:
    """Eleven days."""
    return [(time_ns + 10**15, *rest) for time_ns, *rest in rows]  # type: ignore[misc]


CHANGES: dict[str, tuple[Callable[[list[Row]], list[Row]], Callable[[list[Row]], list[Row]]]] = {
    "ports": (without_icmp, with_other_ports),
    "hosts": (without_icmp, with_other_hosts),
    "time": (list, much_later),
}


@pytest.mark.parametrize(("path", "change"), paired(PLAIN, CHANGES), ids=lambda one: getattr(one, "stem", one))
def test_recorded_elsewhere_they_say_the_same(tmp_path: Path, path: Path, change: str) -> None:
    prepare, made = CHANGES[change]
    rows = prepare(without_neighbours(rows_of(path)))
    other = run(str(as_pcapng(made(rows), tmp_path / "other.pcapng")))
    assert verdicts(other) == verdicts(run(str(as_pcapng(rows, tmp_path / "one.pcapng"))))


@pytest.mark.parametrize("path", PLAIN, ids=lambda path: path.stem)
def test_no_sentence_names_a_side_that_is_not_known(tmp_path: Path, path: Path) -> None:
    """Of each direction alone, and of what is left behind the handshake, in the middle, and of the last frames."""
    rows = without_neighbours(rows_of(path))
    for part in (*directions(rows), rows[3:], rows[len(rows) // 2 :], rows[-3:], rows[:-2]):
        capture = as_pcapng(part, tmp_path / "part.pcapng")
        found = run(str(capture))
        for connection in list(found.connections)[:3]:
            out = io.StringIO()
            made = ladder([capture], connection, Reference.of(connection).among(found.connections))
            write("ladder", connection, made, [], View(width=100), out=out, end_ns=found.capture.end_ns or 0)
            assert "None" not in out.getvalue()
