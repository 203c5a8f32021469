"""`time-wait` for people, held against gold files (`pytest --update-gold`), and for programs, against its schema."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tcptrace_py.findings.occupancy import counts_at
from tcptrace_py.model.diagnosis import Series
from tcptrace_py.model.errors import TcpstatesError
from tcptrace_py.model.finding import ABOUT_TIME_WAIT
from tcptrace_py.outputs.time_wait import TABLES
from tcptrace_py.outputs.time_wait.advice import CODES, PAGE, words
from tcptrace_py.outputs.time_wait.document import document
from tcptrace_py.outputs.time_wait.formats import columns, write
from tcptrace_py.outputs.time_wait.picture import bars, curve
from tcptrace_py.outputs.view import View
from tests.buildups import NAMES, SAMPLES, analysis, diagnosis, largest_slow
from tests.outputs.test_documents import registry, schema, strict
from tests.thorough import every, large_ones_slow

if TYPE_CHECKING:
    from tcptrace_py.model.diagnosis import Diagnosis
    from tcptrace_py.model.results import Analysis
    from tests.conftest import GoldPart

GOLD = Path(__file__).parent / "gold" / "time-wait"
ROOT = Path(__file__).parents[2]
OTHERS = ["close-wait-never-closes.pcap", "simultaneous-close.pcap", "no-tcp.pcap", "pile-up-on-a-server.pcap.xz"]
S = 1_000_000_000


def found(name: str) -> tuple[Diagnosis, Analysis]:
    return diagnosis(name), replace_path(analysis(name), name)


def replace_path(result: Analysis, name: str) -> Analysis:
    """The same analysis, its file named as anywhere."""
    files = [replace(file, path=name) for file in result.capture.files]
    return replace(result, capture=replace(result.capture, files=files))


def printed(name: str, form: str = "table", width: int = 80, **options: Any) -> str:
    out = io.StringIO()
    write(form, *found(name), View(width=width, limit=options.pop("limit", None)), out, **options)
    return out.getvalue()


@pytest.mark.parametrize("name", largest_slow([*NAMES, *OTHERS]))
@pytest.mark.parametrize("width", [80, 120])
def test_page_is_as_it_was(name: str, width: int, request: pytest.FixtureRequest) -> None:
    text = printed(name, width=width)
    gold = GOLD / f"{name.partition('.pcap')[0]}-{width}.txt"
    if request.config.getoption("--update-gold"):
        gold.parent.mkdir(exist_ok=True)
        gold.write_text(text, "utf-8")
    assert text == gold.read_text("utf-8")
    assert [line for line in text.splitlines() if len(line) > width or line != line.rstrip()] == []


def every_sample() -> list[Path]:
    return sorted(path for path in SAMPLES.iterdir() if ".pcap" in path.name)


@pytest.mark.parametrize("path", large_ones_slow(every(4, every_sample(), 2)))
def test_every_sample_gives_a_page_and_a_document_of_the_schema(path: Path, gold_part: GoldPart) -> None:
    try:
        result = analysis(path.name)
    except TcpstatesError:
        pytest.skip("no capture at all")
    told = diagnosis(path.name)
    row = document(told, result)
    jsonschema.Draft202012Validator(strict_but_numbers(), registry=registry()).validate(json.loads(json.dumps(row)))
    assert row["time_wait"]["entered"] == result.summary.time_wait.entered
    assert row["time_wait"]["peak"] == result.summary.time_wait.peak
    for width in (60, 80):
        out = io.StringIO()
        write("table", told, result, View(width=width), out)
        assert out.getvalue()
    gold_part(GOLD / "sentences.txt", path.name, sentences_of(told, replace_path(result, path.name)))


def sentences_of(told: Diagnosis, result: Analysis) -> list[str]:
    """Verdict, advice, what states mean and how it is counted: a line each."""
    out = io.StringIO()
    write("markdown", told, result, View(), out)
    printed_text = out.getvalue().replace(f"{SAMPLES}/", "")
    lines = [" ".join(line.replace("\\", "").split()) for line in printed_text.splitlines() if not line.startswith("Model:")]
    return [line for line in lines if re.match(r"(\S+ ){5}", line) and line.endswith((".", ")"))]


@pytest.mark.parametrize(
    ("sample", "shown", "in_document"),
    [
        ("time-wait-refuses-syn.pcap", ["refused-by-time-wait"], ["refused-by-time-wait"]),
        # towards one service: the verdict says that the ports ran out
        ("buildup-database.client.pcap.xz", [], ["ports-exhausted", "time-wait-pileup"]),
        ("three-way-handshake.pcap", [], []),
    ],
)
def test_findings_that_concern_it_come_first(sample: str, shown: list[str], in_document: list[str]) -> None:
    result, told, out = analysis(sample), diagnosis(sample), io.StringIO()
    write("table", told, result, View(width=100), out)
    before_verdict = out.getvalue().partition("\nVerdict\n")[0]
    assert [code for code in ABOUT_TIME_WAIT if f" {code}" in before_verdict] == shown
    assert [row["code"] for row in document(told, result)["findings"] if row["severity"] != "note"][:2] == in_document


def strict_but_numbers() -> dict[str, Any]:
    """The schema, refusing keys that it does not describe; the names of an advice's numbers are open."""
    made: dict[str, Any] = strict(schema("time-wait-1.json"))
    made["$defs"]["advice"]["properties"]["numbers"]["additionalProperties"] = {"type": "number"}
    return made


def test_the_schema_is_one_and_refuses_what_is_wrong() -> None:
    jsonschema.Draft202012Validator.check_schema(schema("time-wait-1.json"))
    row = document(*found(NAMES[0]))
    row["hosts"][0]["population"]["start"] = "yesterday"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema("time-wait-1.json"), registry=registry()).validate(row)


@pytest.mark.parametrize("table", TABLES)
def test_csv_says_what_json_says(table: str) -> None:
    name = "close-wait-never-closes.pcap" if table == "neighbours" else "buildup-crawler.server.pcap.xz"
    rows = list(csv.DictReader(io.StringIO(printed(name, "csv", table=table))))
    told = document(*found(name))
    if table == "population":
        assert sum(int(row["time_wait"]) for row in rows) == sum(sum(h["population"]["counts"]) for h in told["hosts"])
        return
    assert len(rows) == len(told[table])
    for flat, row in zip(rows, told[table], strict=True):
        for key in ("address", "client", "connections", "entered", "count", "longest_ms", "pattern"):
            if key in row:
                assert flat[key] == str(row[key])
    if table == "services":
        assert rows[0]["closed_first_server"] == str(told["services"][0]["closed_first"]["server"])
        assert rows[0]["ports_range"] == "32768-60999"


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", largest_slow([*NAMES, *OTHERS, "vxlans-with-the-same-tuple.pcap"]))
def test_csv_has_the_same_columns_whatever_is_in_it(table: str, name: str) -> None:
    rows = list(csv.reader(io.StringIO(printed(name, "csv", table=table))))
    assert rows[0] == columns(table)
    assert {len(row) for row in rows} == {len(rows[0])}
    for row in document(*found(name))[table] if table != "population" else ():
        assert {key for key, value in row.items() if not isinstance(value, dict) and value is not None} <= set(rows[0])


def test_markdown_says_what_the_page_says() -> None:
    name = "buildup-database.client.pcap.xz"
    plain, marked = printed(name), printed(name, "markdown")
    assert "```text" in marked
    assert "\n1. Reuse connections" in marked
    assert "THE LOCAL PORTS RAN OUT" in marked
    assert marked.count("docs/time-wait.md#") == plain.count("docs/time-wait.md#")


def test_the_output_alone_names_cause_and_cure() -> None:
    told = " ".join(printed("buildup-database.client.pcap.xz").split())
    for words_ in (
        "THE LOCAL PORTS RAN OUT towards 10.77.5.2:5432",
        "32768-34815",
        "EADDRNOTAVAIL",
        "connections are short (median 3.17 ms) and not kept open",
        "would replace 2,450 connections from 10.77.5.1 to 10.77.5.2:5432 by about 6",
        "tcp_tw_reuse=1 on 10.77.5.1",
    ):
        assert words_ in told
    told = " ".join(printed("buildup-crawler.server.pcap.xz").split())
    assert "normally harmless" in told
    assert "RAN OUT" not in told
    assert "limit requests for each address" in told


def test_every_reason_has_its_section() -> None:
    """Links lead to headings of the page, by the anchors that GitHub makes of them."""
    headings = [line.lstrip("# ") for line in (ROOT / PAGE).read_text("utf-8").splitlines() if line.startswith("#")]
    anchors = {"".join(c for c in h.lower().replace(" ", "-") if c.isalnum() or c in "-_") for h in headings}
    codes = set()
    for name in NAMES:
        for advice in (*diagnosis(name).advice, *diagnosis(name).dont):
            codes.add(advice.code)
            assert words(advice).anchor in anchors
    assert codes <= CODES
    source = (ROOT / "tcptrace_py" / "outputs" / "time_wait" / "advice.py").read_text("utf-8")
    for anchor in ("spread-over-addresses", "limit-requests", "shorten-time-wait", "what-not-to-do"):
        assert f'"{anchor}"' in source
        assert anchor in anchors


def climbing(count: int) -> Series:
    moments = range(0, count * S // 100 + 1, S // 20)
    begins = [i * S // 100 for i in range(count)]
    return Series(0, count * S // 100, S // 20, tuple(counts_at(moments, begins, [10**18] * count)))


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
@pytest.mark.parametrize("ceiling", [None, 100, 1100, 2000, 1_000_000])
def test_pictures_keep_to_the_page(width: int, ceiling: int | None) -> None:
    lines = bars(climbing(1000), ceiling, "ports", width)
    assert len(lines) == 10
    assert max(map(len, lines)) <= width
    reached = ceiling is not None and ceiling <= 2500
    ruled = any("┄" in line for line in lines)
    assert not ruled or reached
    assert ruled or not reached or ceiling == 100  # so low that the bars hide it


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("ceiling", [None, 1100, 1_000_000])
def test_a_fine_curve_keeps_to_the_page_too(width: int, ceiling: int | None) -> None:
    pytest.importorskip("plotille")
    lines = curve(climbing(1000), ceiling, width)
    assert len(lines) == 14
    assert max(map(len, lines)) <= width
    assert any("1,100 ports" in line for line in lines) == (ceiling == 1100)
    dotted = sum(any("\u2800" < letter <= "\u28ff" for letter in line) for line in lines)
    assert dotted == 12 if ceiling == 1_000_000 or ceiling is None else dotted >= 10


@pytest.mark.parametrize(("picture", "letter"), [("bars", "█"), ("curve", "⠊"), ("none", "")])
def test_pictures_are_chosen(picture: str, letter: str) -> None:
    pytest.importorskip("plotille")
    out = io.StringIO()
    write("table", *found("buildup-database.client.pcap.xz"), View(width=80, picture=picture), out)
    assert letter in out.getvalue()
    assert ("TIME_WAIT at 10.77.5.1" in out.getvalue()) == (picture != "none")


def test_nothing_to_draw() -> None:
    assert bars(Series(0, S, S, (0, 0)), 100, "ports", 80) == ()


def test_a_terminal_without_blocks_gets_plain_letters() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, "ascii", write_through=True)
    write("table", *found("buildup-database.client.pcap.xz"), View(width=80), out)
    text = raw.getvalue().decode("ascii")
    assert "####" in text
    assert "-- 2,048 ports --" in text
