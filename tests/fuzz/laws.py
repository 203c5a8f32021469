"""What holds of every analysis, whatever the capture was: checked on the results and on all that is printed."""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jsonschema
from referencing import Registry, Resource

from tcptrace_py.outputs.document import document
from tcptrace_py.outputs.registry import named
from tcptrace_py.outputs.view import SHOWS, View
from tcptrace_py.states.machine import TABLE
from tests.outputs.test_documents import schema, strict

if TYPE_CHECKING:
    from tcptrace_py.model.results import Analysis

ARROWS = {(row[0].name, row[2].name) for row in TABLE}
WIDTH = 100
DOCUMENT = jsonschema.Draft202012Validator(strict(schema("analysis-1.json")))
LINES = jsonschema.Draft202012Validator(
    schema("analysis-lines-1.json"),
    registry=Registry().with_resource("urn:tcpstates:analysis:1", Resource.from_contents(schema("analysis-1.json"))),
)
SEVERAL_SEGMENTS = {105, 119, 127, 163, 192}  # link types of which one frame may hold several (A-MSDU)


def check(analysis: Analysis, *, link: int = 1) -> dict[str, Any]:
    """Raise AssertionError for any law that does not hold; returns the document."""
    found = _printed(analysis)
    rows = found["connections"]
    _order(rows, found["capture"]["packets"])
    for row in rows:
        _connection(row)
    _sums(found, rows, link)
    return found


def _printed(analysis: Analysis) -> dict[str, Any]:
    """Print it in every format; the document, as read back from JSON."""
    found: dict[str, Any] = json.loads(_text("json", analysis))
    for error in DOCUMENT.iter_errors(found):
        raise AssertionError(f"not of the schema: {error.json_path}: {error.message}")
    assert found == document(analysis)
    lines = [json.loads(line) for line in _text("jsonl", analysis).splitlines()]
    assert [line["record"] for line in lines] == ["header", *["connection"] * (len(lines) - 2), "trailer"]
    for line in (lines[0], lines[-1], *lines[1:-1][:3]):
        for error in LINES.iter_errors(line):
            raise AssertionError(f"line not of the schema: {error.json_path}: {error.message}")
    assert [{**line, "record": 0} for line in lines[1:-1]] == [{**row, "record": 0} for row in found["connections"]]
    assert len(list(csv.reader(io.StringIO(_text("csv", analysis))))) == len(found["connections"]) + 1
    for name in ("table", "markdown"):
        text = _text(name, analysis)
        assert text.strip()
        text.encode()
    for line in _text("table", analysis).splitlines()[1:]:  # the first is the file's whole name
        assert len(line) <= WIDTH, f"wider than the page: {line}"
    assert _text("table", analysis, View(show=SHOWS[len(found["connections"]) % len(SHOWS)], width=WIDTH)).strip()
    return found


def _text(name: str, analysis: Analysis, view: View | None = None) -> str:
    out = io.StringIO()
    named(name).write(analysis, view or View(width=WIDTH), out)
    return out.getvalue()


def _order(rows: list[dict[str, Any]], packets: int) -> None:
    assert [row["id"] for row in rows] == list(range(len(rows)))
    firsts = [row["frames"][0] for row in rows]
    assert firsts == sorted(firsts)
    for row in rows:
        first, last = row["frames"]
        assert 1 <= first <= last <= packets
        assert row["stream"] is None or row["stream"] >= 0
        inside = [entry["frame"] for side in _sides(row) for entry in side["states"]]
        inside += [anomaly["frame"] for anomaly in row["anomalies"]] + [reset["frame"] for reset in row["resets"]]
        assert all(frame is None or 1 <= frame <= packets for frame in inside)
        assert row["start"] <= row["end"]


def _sides(row: dict[str, Any]) -> list[dict[str, Any]]:
    return [side for side in (row["client_side"], row["server_side"]) if side is not None]


def _connection(row: dict[str, Any]) -> None:
    for side in _sides(row):
        names = [entry["state"] for entry in side["states"]]
        assert names, "a path without states"
        assert side["final_state"] == (None if row["teardown"]["pattern"] == "unknown" else names[-1])
        for step in pairwise(names):
            assert step in ARROWS, f"{step} is no row of the table"
        times = [entry["at"] for entry in side["states"] if entry["at"] is not None]
        assert times == sorted(times), f"times go back: {times}"
        assert 0 <= side["fin_retransmissions"] <= side["retransmissions"] <= side["packets"]
        assert side["payload_bytes"] >= 0
    for stay in row["time_wait"]:
        side = row[f"{stay['side']}_side"]
        assert "TIME_WAIT" in [entry["state"] for entry in side["states"]]
        assert stay["entered"] <= (stay["ended_at"] or stay["expires"]) <= stay["expires"]
        assert stay["censored"] == (stay["ended_at"] is None) == (stay["ended_by"] == "capture-end")
    assert len(row["time_wait"]) == sum("TIME_WAIT" in [e["state"] for e in side["states"]] for side in _sides(row))
    shake, tear = row["handshake"], row["teardown"]
    assert (tear["reset"] is not None) == (tear["pattern"] == "rst")
    assert (tear["segments"] is not None) == (tear["pattern"] == "four-way")
    for value in (shake["synack_to_ack_ms"], shake["total_ms"], shake["syn_to_synack_ms"], tear["duration_ms"]):
        assert value is None or value >= 0, f"a negative duration: {value}"


def _sums(found: dict[str, Any], rows: list[dict[str, Any]], link: int) -> None:
    capture, summary = found["capture"], found["summary"]
    assert capture["packets"] == sum(file["packets"] for file in capture["files"])
    if link not in SEVERAL_SEGMENTS:
        assert capture["segments"] <= capture["packets"]
    problems = {problem["code"]: problem["count"] for problem in capture["problems"]}
    for problem in capture["problems"]:
        assert problem["count"] > 0
        assert problem["first_frame"] is None or 1 <= problem["first_frame"] <= capture["packets"] + 1
    counted = sum(side["packets"] for row in rows for side in _sides(row)) + capture["duplicates"]
    counted += problems.get("stragglers", 0)
    strays = [_stray_syns(row) for row in rows]
    assert counted <= capture["segments"], (capture["segments"], counted)
    if all(finding["code"] != "seen-twice" for finding in found["findings"]):  # those behind the translation are in no row
        assert capture["segments"] - sum(strays) <= counted, (capture["segments"], sum(strays), counted)
    number = len(rows)
    assert summary["connections"] == number
    assert sum(summary["handshake"]["outcomes"].values()) == number
    assert sum(summary["teardown"].values()) == number
    ending = [row["teardown"]["reset"] for row in rows if row["teardown"]["pattern"] == "rst"]
    assert len(ending) == summary["teardown"]["rst"]
    for cause, count in summary["reset_causes"].items():
        assert sum(reset["cause"] == cause for reset in ending) == count
    assert all((reset["cause"] is None) == (reset["by"] == "between") for reset in ending)
    assert summary["handshake"]["latency_ms"]["count"] <= summary["handshake"]["outcomes"]["completed"]
    assert summary["segments"] == sum(side["packets"] for row in rows for side in _sides(row))
    assert sum(host["connections_as_client"] for host in found["hosts"]) == number
    assert {host[at] for host in found["hosts"] for at in ("first_at", "last_at")} <= {row["start"] for row in rows}
    assert sum(host["connections_as_server"] for host in found["hosts"]) == number
    assert sum(port["connections"] for port in found["ports"]) == number
    stays = sum(len(row["time_wait"]) for row in rows)
    assert summary["time_wait"]["entered"] == stays == sum(host["time_wait"]["entered"] for host in found["hosts"])
    for waits in (summary["time_wait"], *(host["time_wait"] for host in found["hosts"])):
        assert 0 <= waits["at_end"] <= waits["peak"] <= waits["entered"]
        assert (waits["peak_at"] is None) == (waits["peak"] == 0)


def _stray_syns(row: dict[str, Any]) -> int:
    """How many segments of a connection are named as SYNs that belong to none; the last one told says how many came later."""
    named = [anomaly["explanation"] for anomaly in row["anomalies"] if anomaly["code"] == "stray-syn"]
    later = [re.search(r"; (\d+) more of them", explanation) for explanation in named]
    return len(named) + sum(int(found[1]) for found in later if found)
