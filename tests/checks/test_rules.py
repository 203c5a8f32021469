"""Every rule over its cases: what is measured, whether it holds, which connections are named."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tcptrace_py.checks import config, engine
from tcptrace_py.checks.engine import Check
from tcptrace_py.checks.registry import all_rules, doc_of
from tcptrace_py.model.finding import Finding, Withheld
from tcptrace_py.model.report import Measure, Outcome, Status, Unit
from tcptrace_py.model.results import Connection, ProfileRow
from tests.checks.scenes import scene, with_ports

TABLES: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "cases.toml").read_text("utf-8"))
CASES = [
    pytest.param(rule.split()[1], case, id=f"{rule.split()[0]}-{name}") for rule, table in TABLES.items() for name, case in table.items()
]


def outcome_of(name: str, case: dict[str, Any]) -> Outcome:
    """Run one rule over the case's traffic."""
    checks = config.loads(f"[rules.{name}]\n{case.get('rule', '')}")
    analysis = scene(case["traffic"], end_s=case.get("end_s"), problems=case.get("problems"))
    if "ports" in case:
        analysis.profiles[0].ephemeral_ports = tuple(case["ports"])
        analysis.profiles[0].ports_given = True
    analysis.findings = tuple(finding(told, list(analysis.connections)) for told in case.get("findings", ()))
    report = engine.run(with_ports(analysis), checks)
    return next(outcome for outcome in report.outcomes if outcome.name == name)


def finding(told: str, connections: list[Connection]) -> Finding:
    """A finding, told as "CODE SEVERITY ID...": of these connections, at the service that they go to."""
    code, severity, *ids = told.split()
    frames = tuple(connections[int(identifier)].first_frame for identifier in ids)
    return Finding(code, severity, "high", None, "10.1.0.9", 80, len(ids), len(connections), None, None, None, "", {}, "", (), frames)


def number(measure: Measure) -> float:
    return measure.value / 1e6 if measure.unit is Unit.NS else round(measure.value, 6)


@pytest.mark.parametrize(("name", "case"), CASES)
def test_rule(name: str, case: dict[str, Any]) -> None:
    outcome = outcome_of(name, case)
    expected = (
        Status.UNMATCHED
        if case.get("unmatched")
        else Status.DAMAGED
        if case.get("damaged")
        else Status.PASSED
        if case["passes"]
        else Status.FAILED
    )
    assert outcome.status is expected, outcome
    assert [number(measure) for measure in outcome.measures] == case.get("measured", [])
    if "worst" in case:
        assert [connection.id for measure in outcome.measures for connection in measure.worst] == case["worst"]
    if "notes" in case:
        assert [measure.note for measure in outcome.measures] == case["notes"]
    if "subjects" in case:
        assert [measure.subject for measure in outcome.measures] == case["subjects"]


def test_every_rule_has_cases_that_pass_and_fail() -> None:
    assert [f"{rule.CODE} {rule.NAME}" for rule in all_rules()] == list(TABLES)
    for name, table in TABLES.items():
        assert {case.get("passes") for case in table.values()} >= {True, False}, name


def test_rules_only_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rule on the same facts says the same again."""
    for name, case in ((name.split()[1], case) for name, table in TABLES.items() for case in table.values()):
        assert outcome_of(name, case) == outcome_of(name, case)


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.NAME)
def test_every_rule_is_documented_with_an_example_that_works(rule: Any) -> None:
    doc = doc_of(rule)
    assert doc.title.endswith(".")
    assert doc.breaks
    assert doc.fix
    checks = config.loads(doc.example)
    assert [check.rule for check in checks if isinstance(check, Check)] == [rule]


def test_codes_and_names_are_unique_and_say_where_they_belong() -> None:
    rules = all_rules()
    assert len({rule.CODE for rule in rules}) == len({rule.NAME for rule in rules}) == len(rules)
    for rule in rules:
        assert rule.__name__.rpartition(".")[2] == rule.NAME.replace("-", "_")  # type: ignore[attr-defined]


def test_many_hosts_that_fail_are_listed_up_to_a_limit() -> None:
    outcome = outcome_of("time-wait-count", {"traffic": [f"waits 0s 1s client=10.0.0.{i}" for i in range(30)]})
    assert len(outcome.measures) == 20
    assert all(not measure.holds for measure in outcome.measures)


def test_the_worst_are_five_and_the_rest_is_counted() -> None:
    traffic = ["4 x refused port=80", "6 x refused port=81", "refused port=82", "refused port=83"]
    measure = outcome_of("refused-handshakes", {"traffic": traffic}).measures[0]
    assert [connection.id for connection in measure.worst] == [0, 1, 2, 3, 4]
    assert measure.offenders == 12
    assert measure.groups == (("10.1.0.9:81", 6), ("10.1.0.9:80", 4), ("10.1.0.9:82", 1))


@pytest.mark.parametrize(
    ("name", "rule", "words"),
    [
        ("resets", "", "connections reset"),
        ("resets", "causes = ['abort', 'late']", "connections reset (abort, late)"),
        ("anomalies", "", "connections with anomalies"),
        ("anomalies", "forbid = 'stray-syn'", "connections with anomalies (stray-syn)"),
    ],
)
def test_what_was_asked_for_is_named(name: str, rule: str, words: str) -> None:
    assert outcome_of(name, {"rule": rule, "traffic": ["ok"]}).measures[0].what == words


@pytest.mark.parametrize(
    ("withheld", "because", "measured"),
    [("times", "coarse-clock", 0), ("times", "filtered", 1), ("handshake-latency", "coarse-clock", 1)],
)
def test_stays_are_measured_unless_the_clock_does_not_tell(withheld: str, because: str, measured: int) -> None:
    """What a filter by flags lets pass begins and ends a state."""
    analysis = scene(["close-wait 9s client"])
    analysis.withheld = (Withheld(withheld, because, ""),)
    checks = config.loads("[rules.close-wait]\nlimit = '1s'")
    assert len(engine.run(with_ports(analysis), checks).outcomes[1].measures) == measured


def test_ports_are_those_of_the_hosts_profile() -> None:
    analysis = scene(["no-wait 1s"])
    analysis.profiles.append(ProfileRow(("10.1.0.8", "10.1.0.7"), "narrow", 60.0, (1000, 1001)))
    checks = config.loads("[rules.port-budget]\nmax_used = '60%'")
    assert engine.run(with_ports(analysis), checks).outcomes[1].measures[0].value == 0.5
    analysis.profiles[1] = ProfileRow(("10.1.0.8",), "narrow", 60.0, (1000, 1001))
    assert engine.run(with_ports(analysis), checks).outcomes[1].measures[0].value == 1 / 28232


@pytest.mark.parametrize(
    ("vantages", "words"),
    [
        (("server", "server"), "2 of them, captured at the server: the SYN's way there is not in it"),
        (("client", "client"), "2 of them, captured at the client"),
        (("client", "server"), "2 of them"),
        (("unknown", "unknown"), "2 of them"),
    ],
)
def test_latency_says_where_it_was_taken(vantages: tuple[str, ...], words: str) -> None:
    case = {"rule": "max = '1s'", "traffic": [f"ok vantage={vantage}" for vantage in vantages]}
    assert outcome_of("handshake-latency", case).measures[0].note == words
