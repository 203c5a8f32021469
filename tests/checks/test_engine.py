"""How checks are run: scope, severity, what matches nothing, damage, and queries."""

import builtins
import os
import signal
import time
from types import SimpleNamespace
from typing import Any

import pytest

from samples.make import FOLDER
from tcptrace_py import analyze
from tcptrace_py.checks import config, engine, sql
from tcptrace_py.checks.rules.anomalies import ALL
from tcptrace_py.checks.rules.capture_quality import PROBLEMS
from tcptrace_py.checks.tables import TABLES
from tcptrace_py.cli.commands import query
from tcptrace_py.facts import arrow
from tcptrace_py.model.digest import broken
from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.report import Outcome, Report, Status
from tcptrace_py.model.results import Analysis
from tests.checks.scenes import scene
from tests.docs.codes import codes

MIXED = ["refused client=10.0.0.1 port=80", "refused client=10.0.0.2 port=443", "refused client=10.5.0.1 port=8080",
         "refused client=2001:db8::1 server=10.0.0.1 port=80"]  # fmt: skip


def offenders(scope: str, traffic: list[str] = MIXED) -> list[int]:
    checks = config.loads(f"[rules.refused-handshakes]\n{scope}\nallow_empty = true")
    measures = engine.run(scene(traffic), checks).outcomes[1].measures
    return [connection.id for measure in measures for connection in measure.worst]


@pytest.mark.parametrize(
    ("scope", "ids"),
    [
        ("", [0, 1, 2, 3]),
        ("hosts = '10.0.0.1'", [0, 3]),
        ("hosts = ['10.0.0.1', '10.5.0.1']", [0, 2, 3]),
        ("hosts = '10.0.0.1'\nrole = 'client'", [0]),
        ("hosts = '10.0.0.1'\nrole = 'server'", [3]),
        ("hosts = '2001:0db8:0::1'", [3]),
        ("nets = '10.0.0.0/16'", [0, 1, 3]),
        ("nets = ['2001:db8::/32', '10.5.0.0/24']", [2, 3]),
        ("nets = '10.5.0.0/24'\nhosts = '10.0.0.2'", [1, 2]),
        ("ports = 80", [0, 3]),
        ("ports = [80, '443-8080']", [0, 1, 2, 3]),
        ("ports = '81-8079'", [1]),
        ("ports = '444-8080'", [2]),
        ("ports = 40001", [1]),
        ("ports = 40001\nrole = 'server'", []),
        ("ports = 40001\nrole = 'client'", [1]),
        ("ports = 80\nhosts = '10.0.0.2'", []),
        ("from = '+1s'", [1, 2, 3]),
        ("to = '+1s'", [0]),
        ("from = '+1s'\nto = '+3s'", [1, 2]),
        ("from = 2026-03-01T10:00:02Z", [2, 3]),
        ("to = '2026-03-01T10:00:02Z'", [0, 1]),
    ],
)
def test_scopes(scope: str, ids: list[int]) -> None:
    assert offenders(scope) == ids


def test_roles_say_whose_states_are_looked_at() -> None:
    traffic = ["close-wait 9s client", "close-wait 9s server"]
    for scope, ids in (("role = 'client'", [0]), ("role = 'server'", [1]), ("hosts = '10.1.0.9'", [1]),
                       ("hosts = '10.1.0.9'\nrole = 'client'", []), ("nets = '10.1.0.0/24'", [0, 1])):  # fmt: skip
        checks = config.loads(f"[rules.close-wait]\nlimit = '1s'\nallow_empty = true\n{scope}")
        measures = engine.run(scene(traffic, end_s=60), checks).outcomes[1].measures
        assert [connection.id for measure in measures for connection in measure.worst] == ids, scope


def unmatched(scope: str, traffic: list[str]) -> Outcome:
    outcome = engine.run(scene(traffic), config.loads(f"[rules.refused-handshakes]\n{scope}", "t.toml")).outcomes[1]
    assert outcome.status is Status.UNMATCHED
    assert outcome.fails
    assert str(outcome.origin) == "t.toml:1"
    return outcome


def test_a_rule_that_matches_nothing_fails_and_says_what_there_is() -> None:
    outcome = unmatched("ports = 8443", ["ok port=8080", "ok port=443", "midstream port=443"])
    assert outcome.message == (
        "no connection matches: port 8443; the capture holds connections to 10.1.0.9:8080, 10.1.0.9:443; did you mean '443'?"
    )
    assert "did you mean '10.1.0.9'" in unmatched("hosts = '10.1.0.99'", ["ok"]).message
    five = [f"ok port={port}" for port in range(100, 105)]
    assert "10.1.0.9:103, 10.1.0.9:104;" in unmatched("ports = 1", five).message
    assert "10.1.0.9:104, …" in unmatched("ports = 1", [*five, "ok port=105"]).message
    assert "no TCP connection at all" in unmatched("", []).message
    assert "1 connections are in scope" in unmatched("", ["midstream"]).message


def test_nothing_to_check_may_be_allowed() -> None:
    analysis = scene(["ok"])
    checks = config.loads("[rules.resets]\nports = 1\nallow_empty = true")
    assert engine.run(analysis, checks).verdict == "passed"
    checks = config.loads("[rules.resets]\nports = 1\n[[sql]]\nname = 'q'\nquery = 'SELECT 1 WHERE false'")
    assert engine.run(analysis, checks).verdict == "failed"
    assert engine.run(analysis, checks, allow_empty=True).verdict == "passed"
    assert engine.run(scene([]), checks).verdict == "failed"
    assert engine.run(scene([]), checks, allow_empty=True).verdict == "passed"


@pytest.mark.parametrize(("severity", "verdict"), [("error", "failed"), ("warning", "passed"), ("note", "passed")])
def test_only_errors_fail_a_run(severity: str, verdict: str) -> None:
    for rule in ("[rules.refused-handshakes]", "[rules.resets]\nports = 1", "[[sql]]\nname='q'\nquery='SELECT 1'"):
        report = engine.run(scene(["refused"]), config.loads(f"{rule}\nseverity = '{severity}'"))
        assert report.verdict == verdict
        assert report.outcomes[1].status in (Status.FAILED, Status.UNMATCHED)


def verdict(analysis: Analysis, rules: str = "[rules.refused-handshakes]", **allowed: Any) -> str:
    return engine.run(analysis, config.loads(rules), **allowed).verdict


def test_a_bad_capture_never_passes_unless_told_to() -> None:
    cut, lost = scene(["ok"], problems=["!cut-tail"]), scene(["ok"], problems=["acked-unseen"])
    assert verdict(cut) == "damaged"
    assert verdict(cut, allow_damaged=True) == "passed"
    assert verdict(cut, "[rules.resets]\nports = 1") == "failed"
    assert verdict(scene(["refused"], problems=["!cut-tail"])) == "failed"
    assert verdict(lost) == "failed"
    assert verdict(lost, allow=["one-sided"]) == "failed"
    assert verdict(lost, allow=["acked-unseen"]) == "passed"
    assert verdict(lost, "[rules.capture-quality]\nallow = 'acked-unseen'") == "passed"
    assert verdict(lost, "[rules.capture-quality]\nallow = 'one-sided'", allow=["acked-unseen"]) == "passed"
    assert verdict(lost, "[rules.capture-quality]\nseverity = 'warning'") == "passed"
    assert verdict(scene([])) == "failed"
    interrupted = scene(["ok"])
    interrupted.interrupted = True
    assert verdict(interrupted) == "interrupted"


DAMAGED = ("cut-tail.pcap", "cut-tail.pcap.gz", "cut-tail.pcapng", "cut-in-record-header.pcap", "corrupt-block.pcapng",
           "corrupt-record.pcap", "one-sided.pcap", "one-sided-server.pcap", "acknowledged-but-not-captured.pcap",
           "no-tcp.pcap", "unknown-link-type.pcap")  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_samples_that_are_damaged_one_sided_or_empty_never_pass(name: str) -> None:
    """A rule that holds of everything proves nothing on such a capture."""
    report = engine.run(analyze(FOLDER / name), config.loads("[rules.time-wait-count]\nmax = 1000000"))
    assert report.verdict in ("failed", "damaged")


@pytest.mark.slow
def test_every_anomaly_that_can_be_printed_can_be_forbidden() -> None:
    printed = {code for code, place in codes().items() if place.startswith("flows") or "anomalies" in place}
    assert printed <= set(ALL) <= set(codes())
    assert len(printed) > 10
    assert set(PROBLEMS) <= set(codes())


SQL_TRAFFIC = ["ok 10ms", "server-first", "refused", "ok 30ms client=10.0.0.2 vni=7", "midstream"]


def rows(statement: str, traffic: list[str] = SQL_TRAFFIC) -> list[tuple[Any, ...]]:
    return sql.Database(scene(traffic)).query(statement).rows


def test_tables() -> None:
    assert rows("SELECT count(*), count(handshake_ms), max(handshake_ms) FROM connections") == [(5, 3, 30.0)]
    assert rows("SELECT id, reset_cause, reset_by FROM connections WHERE outcome = 'refused'") == [(2, "refused", "server")]
    assert rows("SELECT scope, midstream FROM connections WHERE id >= 3 ORDER BY id") == [
        ("vni 7", False),
        (None, True),
    ]
    assert rows("SELECT epoch_ns(started) FROM connections WHERE id = 1") == [(1_772_359_201_000_000_000,)]
    assert rows("SELECT address, time_wait_entered FROM hosts ORDER BY address") == [
        ("10.0.0.2", 1),
        ("10.1.0.7", 2),
        ("10.1.0.9", 1),
    ]
    assert rows(
        "SELECT state, frame, duration_s FROM transitions WHERE id = 0 AND side = 'client' AND number IN (0, 1, 5) ORDER BY number"
    ) == [("CLOSED", None, None), ("SYN_SENT", 1, 0.001), ("TIME_WAIT", 5, None)]
    assert rows("SELECT host, port, side, ended_by FROM time_wait WHERE id = 1") == [("10.1.0.9", 80, "server", "capture-end")]
    assert rows("SELECT count(*) FROM ports") == [(0,)]
    assert rows("SELECT server_packets FROM connections", ["self-connect"]) == [(None,)]
    assert rows("SELECT count(*) FROM connections", []) == [(0,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM Connections",
        'SELECT count(*) FROM "connections"',
        "SELECT count(*) FROM memory.main.connections",
        "WITH c AS (FROM connections) SELECT count(*) FROM c",
        "SELECT (SELECT count(*) FROM connections)",
        "SELECT count(*) FROM query('SELECT * FROM ' || 'connections')",
        "SELECT count(*) FROM query_table(['connections'])",
        "SELECT 1; SELECT count(*) FROM connections",
        "SELECT estimated_size FROM duckdb_tables() WHERE table_name = 'connections'",
        "WITH t AS (FROM duckdb_tables()) SELECT max(estimated_size) FROM t, hosts WHERE table_name = 'connections'",
    ],
)
def test_a_table_is_filled_however_a_statement_names_it(statement: str) -> None:
    assert rows(statement) == [(5,)]


def test_tables_are_filled_one_after_the_other() -> None:
    database = sql.Database(scene(SQL_TRAFFIC))
    for _ in range(2):
        assert database.query("SELECT count(*) FROM hosts").rows == [(3,)]
        assert database.query("SELECT count(*) FROM connections JOIN hosts ON client = address").rows == [(5,)]


def test_every_column_holds_what_its_type_says() -> None:
    for name in ("several-handshakes-ipv6", "syn-refused", "self-connect", "reset-forged"):
        result = analyze(FOLDER / f"{name}.pcap")
        database = sql.Database(result)
        sides = [side for connection in result for side in (connection.client_side, connection.server_side) if side is not None]
        counts = {
            "connections": len(result),
            "hosts": len(result.hosts),
            "ports": len(result.ports),
            "transitions": sum(len(side.states) for side in sides),
            "time_wait": sum(len(connection.time_wait) for connection in result),
            "findings": len(result.findings),
            "intervals": len(result.intervals.connections) if result.intervals else 0,
            "broken": len(broken(result)),
        }
        for table in TABLES:
            found = database.query(f"SELECT * FROM {table.name}")
            assert found.columns == [column.name for column in table.columns]
            assert len(found.rows) == counts[table.name]


def test_tables_beyond_the_limit_are_in_a_file_and_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    analysis, whole = scene(["6000 x ok 10ms"]), "SELECT (SELECT sum(hash(t)) FROM transitions t), (SELECT sum(hash(c)) FROM connections c)"
    expected = sql.Database(analysis).query(whole)
    monkeypatch.setattr(arrow, "MOST_MB", 12)
    database = sql.Database(analysis)
    assert database.query(whole) == expected
    ((kept, written),) = database.query("SELECT sum(memory_usage_bytes), sum(temporary_storage_bytes) FROM duckdb_memory()").rows
    assert kept <= 12e6
    assert written > 0


def test_a_statement_that_needs_more_than_the_limit_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "MOST_MB", 4)
    database = sql.Database(scene(SQL_TRAFFIC))
    for _ in range(2):
        assert database.query("SELECT len(list(i)), count(*) FROM range(3000000) r(i), hosts WHERE i < 1000000").rows == [(3_000_000,) * 2]


def queried(rules: str, traffic: list[str] = SQL_TRAFFIC) -> Outcome:
    return engine.run(scene(traffic), config.loads("[[sql]]\nname = 'q'\n" + rules, "t.toml")).outcomes[-1]


@pytest.mark.slow
def test_a_query_fails_for_each_row() -> None:
    assert queried("query = 'SELECT id FROM connections WHERE id < 0'").status is Status.PASSED
    outcome = queried("query = 'SELECT id, outcome FROM connections WHERE id IN (1, 2)'\nmessage = 'No such.'")
    assert outcome.status is Status.FAILED
    assert outcome.title == "No such."
    assert outcome.measures[0].value == 2
    assert [connection.id for connection in outcome.measures[0].worst] == [1, 2]
    assert outcome.measures[0].note == "id 1, outcome completed; id 2, outcome refused"
    by_stream = queried("query = 'SELECT stream FROM connections WHERE id = 3'")
    assert [connection.id for connection in by_stream.measures[0].worst] == [3]
    assert queried("query = 'SELECT client FROM connections'").measures[0].worst == ()
    assert queried("query = 'SELECT id FROM connections'\nmax = 5").status is Status.PASSED
    assert queried("query = 'SELECT id FROM connections'\nmax = 4").status is Status.FAILED


def test_a_query_that_fails_on_the_data_names_its_line() -> None:
    with pytest.raises(UsageError, match=r"t.toml:1: q: .*Conversion"):
        queried("query = 'SELECT CAST(client AS INTEGER) FROM connections'")


def test_without_duckdb_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "duckdb":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"pip install 'tcptrace-py\[sql\]'"):
        sql.verify("SELECT 1")


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("SELECT id FROM connections", None),
        ("SELECT nothing FROM connections", 'column "nothing" not found'),
        ("SELEC 1", "syntax error"),
        ("COPY hosts TO '/tmp/x'", "disabled by configuration"),
    ],
)
def test_a_statement_is_looked_at_alike_in_a_process_of_its_own(statement: str, complaint: str | None) -> None:
    said = []
    for look in (sql.verify, sql.verify_apart):
        try:
            look(statement)
        except UsageError as error:
            said.append(str(error))
    assert said == [] if complaint is None else len(said) == 2 and said[0] == said[1] and complaint in said[0]


@pytest.mark.parametrize(("least", "loaded", "apart"), [(0, False, True), (0, True, False), (1 << 40, False, False)])
def test_a_statement_is_looked_at_apart_where_captures_are_large(
    least: int, loaded: bool, apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "APART_BYTES", least)
    monkeypatch.setattr(query, "sys", SimpleNamespace(platform="linux", modules={"duckdb": None} if loaded else {}))
    monkeypatch.setattr(query, "threading", SimpleNamespace(active_count=lambda: 1))
    assert query._is_apart([__file__]) == apart


def test_ctrl_c_ends_a_process_that_looks_at_a_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it does with other signals: amid a statement no handler of Python's runs."""

    def endless(_statement: str) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sql, "verify", endless)
    before, started = signal.signal(signal.SIGALRM, interrupt), time.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            sql.verify_apart("SELECT 1")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - started < 30


def test_a_process_that_ends_without_a_word_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "verify", lambda _statement: os._exit(3))
    with pytest.raises(UsageError, match="ended early"):
        sql.verify_apart("SELECT 1")


def test_reports_say_how_they_went() -> None:
    empty = Report(scene(["ok"]).capture, 1, ())
    assert (empty.failed, empty.damaged, empty.verdict) == (False, False, "passed")
