"""json, jsonl and csv say what the analysis says, in the shape of the schemas."""

import csv
import io
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from tcptrace_py.api import analyze
from tcptrace_py.facts.fields import CONNECTIONS, Field
from tcptrace_py.model.endpoints import scope_text
from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.results import Analysis, Anomaly, Delivery, Endpoint, Scope, TwoScopes
from tcptrace_py.model.state import State
from tcptrace_py.outputs import formats
from tcptrace_py.outputs.document import document
from tcptrace_py.outputs.foreign import cell
from tcptrace_py.outputs.registry import named
from tcptrace_py.outputs.units import decimal
from tcptrace_py.outputs.view import View
from tests.thorough import every, some

from . import factory

SAMPLES = sorted(path for path in (Path(__file__).parents[2] / "samples").iterdir() if ".pcap" in path.name)

CASES = [factory.one, factory.few, factory.busy, factory.empty]


def printed(name: str, analysis: Analysis, view: View | None = None) -> str:
    out = io.StringIO()
    named(name).write(analysis, view or View(), out)
    return out.getvalue()


def schema(name: str) -> dict[str, Any]:
    text = files("tcptrace_py").joinpath("schema", name).read_text("utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


def strict(node: Any) -> Any:
    """The same schema, refusing keys that it does not describe: what we print is all described."""
    if isinstance(node, dict):
        closed = {key: strict(value) for key, value in node.items()}
        if "properties" in node and node.get("type") == "object":
            closed["additionalProperties"] = False
        return closed
    return [strict(item) for item in node] if isinstance(node, list) else node


@pytest.mark.parametrize("make", CASES)
def test_json_is_the_document_and_holds_to_its_schema(make: Callable[[], Analysis]) -> None:
    analysis = make()
    found = json.loads(printed("json", analysis))
    jsonschema.Draft202012Validator(strict(schema("analysis-1.json"))).validate(found)
    assert found == document(analysis)
    assert len(found["connections"]) == analysis.summary.connections


def registry() -> Registry[Any]:
    """Where the other schemas find what they share with that of an analysis."""
    shared: Registry[Any] = Registry().with_resource("urn:tcpstates:analysis:1", Resource.from_contents(schema("analysis-1.json")))
    return shared


@pytest.mark.parametrize("make", CASES)
def test_jsonl_holds_to_its_schema_and_says_what_json_says(make: Callable[[], Analysis]) -> None:
    analysis = make()
    lines = [json.loads(line) for line in printed("jsonl", analysis).splitlines()]
    validator = jsonschema.Draft202012Validator(schema("analysis-lines-1.json"), registry=registry())
    for line in lines:
        validator.validate(line)
    whole: dict[str, Any] = {"connections": []}
    for line in lines:
        if line.pop("record") == "connection":
            whole["connections"].append(line)
        else:
            whole |= line
    assert whole | {"schema": "tcpstates/analysis/1"} == document(analysis)


def test_the_schemas_are_schemas_and_refuse_what_is_wrong() -> None:
    for name in ("analysis-1.json", "analysis-lines-1.json"):
        jsonschema.Draft202012Validator.check_schema(schema(name))
    found = document(factory.one())
    found["connections"][0]["start"] = "yesterday"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema("analysis-1.json")).validate(found)
    assert {state.name for state in State} == set(schema("analysis-1.json")["$defs"]["state"]["enum"])


def test_self_connect_and_unknown_times_are_null() -> None:
    one = factory.connection(server_side=None, server=Endpoint("10.1.0.7", 40000), total_ns=None)
    row = json.loads(printed("json", factory.analysis([one])))["connections"][0]
    assert row["server_side"] is None
    assert row["handshake"]["total_ms"] is None
    assert row["client_side"]["states"][0] == {"state": "CLOSED", "at": None, "frame": None, "basis": "inferred"}
    cells = next(csv.DictReader(io.StringIO(printed("csv", factory.analysis([one])))))
    assert (cells["server_states"], cells["server_packets"], cells["handshake_ms"]) == ("", "", "")


@pytest.mark.parametrize("name", ["json", "jsonl"])
def test_texts_are_escaped_as_json_has_them(name: str) -> None:
    said = 'a "quoted" \\ line\n\x7f of caf\u00e9 \U0001f600'
    one = factory.connection(anomalies=(Anomaly(said, 7, said),), history=said)
    text = printed(name, factory.analysis([one]))
    assert text.isascii()
    assert text.count(json.dumps(said)) == 3
    row = json.loads(text)["connections"][0] if name == "json" else json.loads(text.splitlines()[1])
    assert (row["history"], row["anomalies"]) == (said, [{"code": said, "frame": 7, "explanation": said}])


@pytest.mark.parametrize("said", ["a,b", 'a "b" c', '"', ",", "a\nb,c", "é", "'a'", "a b"])
def test_a_reader_of_csv_finds_the_text_that_was_written(said: str) -> None:
    text = printed("csv", factory.analysis([factory.connection(history=said)]))
    assert [row["history"] for row in csv.DictReader(io.StringIO(text))] == [cell(said)]
    again = io.StringIO()
    csv.writer(again, lineterminator="\n").writerows(csv.reader(io.StringIO(text)))
    assert again.getvalue() == text


def test_json_is_written_as_it_is_read() -> None:
    analysis = factory.busy()
    rows = list(analysis.connections)
    alive = []
    out = io.StringIO()

    def stream() -> Any:
        for row in rows:
            alive.append(out.getvalue().count('"history"'))
            yield row

    analysis.connections = stream()
    named("json").write(analysis, View(), out)
    assert alive == list(range(len(rows)))


def test_csv_has_a_line_for_each_connection() -> None:
    rows = list(csv.DictReader(io.StringIO(printed("csv", factory.few()))))
    assert [field.name for field in CONNECTIONS.columns] == list(rows[0])
    assert len(rows) == 5
    assert rows[0]["handshake_ms"] == "0.31"
    assert rows[0]["client_states"].split() == list(factory.CLIENT_PATH)
    assert (rows[3]["reset_by"], rows[3]["reset_cause"]) == ("server", "abort")
    assert rows[4]["scope"] == "vni 4096"


def at(row: Any, path: str) -> Any:
    """What a row of the document has at a path of a field: the texts of a list with spaces between, None where a part is absent."""
    for place, key in enumerate(path.split(".")):
        if key == "*":
            rest = path.split(".")[place + 1]
            return (
                None
                if row is None
                else " ".join(dict.fromkeys(item[rest] for item in row) if rest == "side" else [item[rest] for item in row])
            )
        if row is None:
            return None
        row = row[int(key)] if key.isdigit() else row[key]
    return row


def as_cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return decimal(value) if isinstance(value, float) else "" if value is None else str(value)


def expected(field: Field, row: dict[str, Any], *, timed: bool) -> str:
    if field.name == "scope":
        if isinstance(row["scope"], list):
            client, server = (each and Scope(**each) for each in row["scope"])
            return scope_text(TwoScopes(client, server))
        return scope_text(row["scope"] and Scope(**row["scope"]))
    if field.name == "duration_s" and not timed:
        return ""  # as each time that the document withholds
    if field.name == "duration_s":
        begin, end = (
            Decimal(row[key][17:-1])
            + 60 * int(row[key][14:16])
            + 3600 * int(row[key][11:13])
            + 86400 * date.fromisoformat(row[key][:10]).toordinal()
            for key in ("start", "end")
        )
        return decimal(float(end - begin))
    return as_cell(at(row, field.path))


def test_a_field_is_the_same_in_csv_as_where_it_is_in_json() -> None:
    """Every field, on every sample: the description says where json has it, and both have the same value there."""
    lost = replace(factory.connection().server_side, delivery=Delivery(455, 3, 1_400_000_000, None, 1448, 2896))  # type: ignore[type-var]
    analyses = [factory.analysis([factory.connection(server_side=lost)])]
    for path in every(3, some(SAMPLES)):
        with suppress(CaptureError):  # two of them are no captures
            analyses.append(analyze(path))
    given: set[str] = set()
    for analysis in analyses:
        document = json.loads(printed("json", analysis))
        rows, withheld = document["connections"], [(row["what"], row["because"]) for row in document["withheld"]]
        timed = ("times", "coarse-clock") not in withheld
        lines = list(csv.DictReader(io.StringIO(printed("csv", analysis))))
        assert len(rows) == len(lines)
        for row, line in zip(rows, lines, strict=True):
            assert {field.name: expected(field, row, timed=timed) for field in CONNECTIONS.columns} == line
            given |= {name for name, text in line.items() if text}
    assert given == {field.name for field in CONNECTIONS.columns}


@pytest.mark.parametrize(
    ("view", "streams"),
    [
        (View(), [0, 1, 2, 3, 4]),
        (View(extent="none"), []),
        (View(extent="notable"), [1, 2, 3]),
        (View(patterns=frozenset({"rst"})), [1, 3]),
        (View(outcomes=frozenset({"refused", "unanswered"})), [1, 2]),
        (View(states=frozenset({"TIME_WAIT"})), [0, 4]),
        (View(final_states=frozenset({"ESTABLISHED"})), []),
        (View(final_states=frozenset({"TIME_WAIT"}), streams=frozenset({4, 1})), [4]),
        (View(patterns=frozenset({"rst"}), extent="notable", streams=frozenset({0, 1})), [1]),
    ],
)
def test_filters_choose_what_is_listed_and_leave_the_summary(view: View, streams: list[int]) -> None:
    analysis = factory.few()
    found = json.loads(printed("json", analysis, view))
    assert [row["stream"] for row in found["connections"]] == streams
    assert found["summary"] == document(analysis)["summary"]
    assert [json.loads(line)["stream"] for line in printed("jsonl", analysis, view).splitlines()[1:-1]] == streams
    assert [int(row["stream"]) for row in csv.DictReader(io.StringIO(printed("csv", analysis, view)))] == streams


def test_each_file_in_formats_is_a_format() -> None:
    assert formats.names() == ["csv", "json", "jsonl", "markdown", "parquet", "table"]
    for name in formats.names():
        assert named(name).SUMMARY
        if named(name).BINARY:  # tests/outputs/test_parquet.py
            continue
        assert printed(name, factory.few()).endswith("\n")
