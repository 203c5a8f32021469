"""Files of rules: what they may say, and how every mistake is answered with its line and what would be right."""

from pathlib import Path

import pytest

from tcptrace_py.checks import config
from tcptrace_py.checks.engine import Check
from tcptrace_py.checks.locate import line_of
from tcptrace_py.checks.options import FORBIDDEN, from_options
from tcptrace_py.checks.shorthands import SHORTHANDS
from tcptrace_py.checks.sql import Query
from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.report import Severity

WRONG = {
    "unknown key at the top": ("rulez = 1", 1, "unknown key 'rulez'; did you mean 'rules'?"),
    "a rule at the top": ("\n[left-open]", 2, "a rule stands below rules: [rules.left-open]"),
    "unknown rule": ("[rules.port-budgt]", 1, "there is no rule 'port-budgt'; did you mean 'port-budget'?"),
    "unknown rule like none": ("[rules.xyzzy]", 1, "`tcpstates rules` lists them"),
    "a comparison of diff": ("[rules.TD502]", 1, "is a comparison of `tcpstates diff`"),
    "unknown key": ("[rules.resets]\nprots = 1", 2, "resets has no key 'prots'; did you mean 'ports'?"),
    "unknown key like none": ("[rules.resets]\nxyzzy = 1", 2, "it has max, max_share, causes, by, severity"),
    "rules is no table": ("rules = 1", 1, "rules must be a table: [rules.NAME]"),
    "a rule is no table": ("[rules]\nresets = 3", 2, "resets must be a table: [rules.resets]"),
    "a rule in an array is no table": ("[rules]\nresets = [\n 3]", 2, "resets must be a table"),
    "duration without unit": ("[rules.close-wait]\nlimit = 5", 2, 'a number needs a unit: "5ms"'),
    "no duration": ("[rules.close-wait]\nlimit = 'soon'", 2, '"soon" is not a duration with its unit'),
    "negative duration": ("[rules.close-wait]\nlimit = '-5s'", 2, '"-5s" is not a duration'),
    "missing limit": ("[rules.close-wait]", 1, "close-wait needs limit: a duration"),
    "no limit at all": ("\n\n[rules.handshake-latency]", 3, "handshake-latency needs a limit: p50, p90, p99, max"),
    "limits in the wrong order": ("[rules.TS101]\np99 = '5ms'\np50 = '9ms'", 1, "p50 cannot be exceeded before p99"),
    "a share in percent without the sign": ("[rules.resets]\nmax_share = 5", 2, 'did you mean "5%"?'),
    "a share beyond all": ("[rules.resets]\nmax_share = '101%'", 2, "shares go from 0 to 1"),
    "a negative share": ("[rules.resets]\nmax_share = -0.1", 2, "can be no share"),
    "no share": ("[rules.resets]\nmax_share = true", 2, "true is not a share of the whole"),
    "negative count": ("[rules.resets]\nmax = -1", 2, "-1 is not a whole number from 0 up"),
    "no whole count": ("[rules.resets]\nmax = 1.5", 2, "1.5 is not a whole number"),
    "no count": ("[rules.resets]\nmax = true", 2, "true is not a whole number"),
    "unknown word": ("[rules.resets]\ncauses = [\n'abort',\n'abort-unread']", 2, "did you mean 'abort-unread-data'?"),
    "empty words": ("[rules.teardown-pattern]\nallow = []", 2, "[] is not a list of some of"),
    "words of another kind": ("[rules.teardown-pattern]\nallow = 3", 2, "3 is not a list of some of"),
    "allowed and forbidden": ("[rules.teardown-pattern]\nallow = 'rst'\nforbid = 'none'", 1, "either allow or forbid"),
    "neither": ("[rules.teardown-pattern]\nmax = 3", 1, "either allow or forbid"),
    "impossible pair": ("[rules.TS404]\nmax = 2\nmax_at_once = 3", 1, "max_at_once cannot be exceeded before"),
    "no limit of two": ("[rules.connections-per-service]", 1, "needs a limit: max or max_at_once"),
    "severity": ("[rules.resets]\nseverity = 'eror'", 2, "did you mean 'error'?"),
    "allow_empty": ("[rules.resets]\nallow-empty = 'yes'", 2, "allow_empty is true or false"),
    "a host": ("[rules.resets]\nhosts = 'example.org'", 2, "hosts: 'example.org' is no IP address"),
    "a network as host": ("[rules.resets]\nhosts = ['10.0.0.1', '10.0.0.0/8']", 2, "a network is chosen by --net"),
    "a net": ("[rules.resets]\nnets = '10.0.0.0/99'", 2, "nets: '10.0.0.0/99' is no network"),
    "a host as number": ("[rules.resets]\nhosts = 10", 2, "10 must be text, in quotes"),
    "a port": ("[rules.resets]\nports = 70000", 2, "ports go from 0 to 65535"),
    "ports upside down": ("[rules.resets]\nports = '90-80'", 2, "80-90"),
    "a port of another kind": ("[rules.resets]\nports = true", 2, "True must be text"),
    "no ports": ("[rules.resets]\nports = []", 2, "ports is an empty list: leave it out"),
    "role": ("[rules.resets]\nrole = 'clint'", 2, "did you mean 'client'?"),
    "a time": ("[rules.resets]\nfrom = 'noon'", 2, '"+5s" for five seconds after the first frame'),
    "an offset": ("[rules.resets]\nfrom = '+5'", 2, '"5" is not a duration'),
    "an empty span": ("[rules.resets]\nfrom = '+5s'\nto = '+5s'", 3, "the span of time is empty"),
    "quality off": ("[rules.capture-quality]\nseverity = 'off'", 2, 'severity = "warning" only reports it'),
    "quality with a scope": ("[rules.capture-quality]\nports = 80", 2, "it has no scope"),
    "sql is no array": ("[sql]\nname = 'x'", 1, "sql must be an array of tables: [[sql]]"),
    "a query without name": ("[[sql]]\nquery = 'select 1'", 1, "a query needs name"),
    "a query without query": ("[[sql]]\nname = 'x'", 1, "a query needs query"),
    "a query's unknown key": ("[[sql]]\nname = 'x'\nquery = 'select 1'\nports = 3", 4, "a query has no key 'ports'"),
    "a query's max": ("[[sql]]\nname = 'x'\nquery = 'select 1'\nmax = '1'", 4, "max is a whole number"),
    "a query's column": ("[[sql]]\nname = 'x'\nquery = 'select strem from connections'", 3, '"stream"'),
    "a query that selects nothing": ("[[sql]]\nname = 'x'\nquery = 'drop table connections'", 3, "is one SELECT"),
    "two queries": ("[[sql]]\nname = 'x'\nquery = 'delete from hosts; select 1'", 3, "is one SELECT"),
    "no query at all": ("[[sql]]\nname = 'x'\nquery = '-- later'", 3, "is one SELECT"),
    "a query's grammar": ("[[sql]]\nname = 'x'\nquery = 'selekt 1'", 3, "syntax error"),
    "a query's table": ("[[sql]]\nname = 'x'\nquery = '''\nselect 1\nfrom connection'''", 3, "connections"),
    "a query that reads files": ("[[sql]]\nname = 'x'\nquery = \"from read_csv('/etc/passwd')\"", 3, "disabled"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_named_with_their_line_and_what_would_be_right(name: str) -> None:
    text, line, words = WRONG[name]
    with pytest.raises(UsageError) as error:
        config.loads(text, "tcp.toml")
    assert str(error.value).startswith(f"tcp.toml:{line}: ")
    assert words in str(error.value)
    assert "\ntcp.toml" not in str(error.value)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(UsageError) as error:
        config.loads("[rules.resets]\nmax = -1\nprots = 3\n[rules.nothing]\n[[sql]]\n", "t")
    assert [line.split(": ")[0] for line in str(error.value).splitlines()] == ["t:2", "t:3", "t:4", "t:5", "t:5"]


def test_mistakes_are_named_in_the_order_of_their_lines() -> None:
    with pytest.raises(UsageError) as error:
        config.loads("[rules.resets]\nhosts = 'x'\nmax = -1\nseverity = 'bad'\nprots = 3\n", "t")
    assert [line.split(": ")[0] for line in str(error.value).splitlines()] == ["t:2", "t:3", "t:4", "t:5"]


def test_what_is_no_toml() -> None:
    with pytest.raises(UsageError, match=r"tcp.toml:2: is not TOML: .*column 4"):
        config.loads("a = 1\nb =\n", "tcp.toml")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        config.load(tmp_path / "missing.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="is not TOML"):
        config.load(tmp_path / "bytes.toml")
    (tmp_path / "syntax.toml").write_text("a = 1\nb = ]\n")
    with pytest.raises(UsageError, match=r"syntax.toml:2: "):
        config.load(tmp_path / "syntax.toml")


def test_everything_that_may_be_said() -> None:
    checks = config.loads("""
        [rules.TS101]
        p99 = "1.5s"
        vantage = "client"
        severity = "note"
        hosts = ["10.0.0.1", "[2001:db8::1]"]
        nets = "10.1.2.3/16"
        ports = [80, "8000-8100"]
        role = "server"
        from = 2026-03-01T10:00:00Z
        to = "2026-03-01T10:00:05Z"
        allow-empty = true

        [[rules.resets]]
        max_share = 0.05

        [[rules.resets]]
        max-share = "5%"
        from = "+1min"

        [rules.left-open]
        severity = "off"

        [[sql]]
        name = "q"
        query = "SELECT 1"
        max = 3
        severity = "warning"
        message = "Says it."
    """)
    first, second, third, query = checks
    assert isinstance(first, Check)
    assert isinstance(second, Check)
    assert isinstance(third, Check)
    assert isinstance(query, Query)
    assert (first.limits.p99, first.limits.vantage, first.severity, first.allow_empty) == (
        1_500_000_000,
        "client",
        Severity.NOTE,
        True,
    )
    assert first.scope.hosts == ("10.0.0.1", "2001:db8::1")
    assert first.scope.nets == ("10.1.0.0/16",)
    assert first.scope.ports == ((80, 80), (8000, 8100))
    assert str(first.scope) == (
        "10.0.0.1, 2001:db8::1, 10.1.0.0/16, port 80, 8000-8100, as server, from 2026-03-01T10:00:00+00:00, to 2026-03-01T10:00:05Z"
    )
    assert second.limits == third.limits
    assert third.scope.begin is not None
    assert third.scope.begin.of(7) == 60_000_000_007
    assert (query.most, query.severity, query.message) == (3, Severity.WARNING, "Says it.")
    assert [check.origin.line for check in checks] == [2, 14, 17, 24]


def test_a_pyproject_holds_them_below_its_tool_table(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text("[project]\nname = 'x'\n\n[tool.tcpstates.rules.resets]\nmax = 1\n")
    (tmp_path / "below").mkdir()
    found = config.find_pyproject(tmp_path / "below")
    assert found == path
    assert config.load(path)[0].origin.line == 4
    path.write_text("[project]\nname = 'x'\n")
    assert config.load(path) == []
    assert config.find_pyproject(tmp_path / "below") != path
    path.write_text("[tool.tcpstates.rules.resets]\nmx = 1\n")
    with pytest.raises(UsageError, match=r"pyproject.toml:2: resets has no key 'mx'; did you mean 'max'"):
        config.load(path)


def test_a_mapping_says_the_same() -> None:
    (check,) = config.from_mapping({"handshake_latency": {"p99": "50ms"}})
    assert isinstance(check, Check)
    assert check.limits.p99 == 50_000_000
    with pytest.raises(UsageError, match="did you mean 'p99'"):
        config.from_mapping({"handshake_latency": {"p9": "50ms"}})


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a = 1\nb = 2\n", ("b",), 2),
        ("# a = 1\n\n  a = 1\n", ("a",), 3),
        ("a = [\n 1,\n 2,\n]\nb = 1\n", ("a",), 1),
        ("a = [\n 1,\n 2,\n]\nb = 1\n", ("b",), 5),
        ("a = '''\nb = 1\n'''\nb = 2\n", ("b",), 4),
        ("[x.y]\nz = 1\n", ("x", "y"), 1),
        ("[[x]]\na = 1\n[[x]]\na = 2\n", ("x", 1), 3),
        ("[[x]]\na = 1\n[[x]]\na = 2\n", ("x", 1, "a"), 4),
        ("x.y.z = 1\n", ("x", "y"), 1),
        ("a = 1\r\n\r\nb = 2", ("b",), 3),
        ("a = 1\n", ("b",), None),
        ("a = 1\n", ("a", "b"), None),
    ],
)
def test_lines_of_keys(text: str, path: tuple[str | int, ...], line: int | None) -> None:
    assert line_of(text, path) == line


def test_options_say_what_a_file_would() -> None:
    values = {"TIME": "50ms", "SHARE": "1%", "N": "3", "SIDE": "client"}
    for shorthand in SHORTHANDS:
        value = values[shorthand.metavar]
        (from_option,) = from_options({shorthand.option: value})
        written = value if value == "3" else f'"{value}"'
        (from_file,) = config.loads(f"[rules.{shorthand.rule}]\n{shorthand.limit} = {written}")
        assert isinstance(from_file, Check)
        assert (from_option.rule, from_option.limits) == (from_file.rule, from_file.limits)
        assert str(from_option.origin) == f"{shorthand.option} {value}"


def test_options_of_one_rule_are_one_check() -> None:
    (check,) = from_options({"--max-handshake-p99": "50ms", "--max-handshake-p50": "5ms"})
    assert (check.limits.p50, check.limits.p99) == (5_000_000, 50_000_000)


@pytest.mark.parametrize(("word", "rule"), [
    ("refused", "refused-handshakes"), ("half-open", "half-open-handshakes"), ("aborted", "aborted-handshakes"),
    ("unanswered", "unanswered-handshakes"), ("rst", "teardown-pattern"), ("half-closed", "teardown-pattern"),
    ("abort-unread-data", "resets"), ("late", "resets"), ("icmp-unreachable", "anomalies"),
    ("zero-window", "zero-windows"),
    ("refused-by-time-wait", "refused-by-time-wait"), ("open", "left-open"), ("stray-syn", "anomalies"),
])  # fmt: skip
def test_words_that_can_be_forbidden(word: str, rule: str) -> None:
    assert word in FORBIDDEN
    assert [check.name for check in from_options({}, (word,))] == [rule]


def test_every_word_that_is_offered_can_be_forbidden() -> None:
    assert len(from_options({}, FORBIDDEN)) == len(FORBIDDEN)


@pytest.mark.parametrize(("limits", "words", "message"), [
    ({"--max-handshake-p99": "50"}, (), '--max-handshake-p99: "50" is not a duration'),
    ({"--max-handshake-p99": "5ms", "--max-handshake-p50": "9ms"}, (), "p50 cannot be exceeded before p99"),
    ({"--closes-first": "servr"}, (), "did you mean 'server'?"),
    ({"--max-time-wait": "many"}, (), '"many" is not a whole number'),
    ({"--max-ports-used": "120%"}, (), "shares go from 0 to 1"),
    ({}, ("rts",), "did you mean 'rst'?"),
    ({}, ("xyzzy",), "one of refused, unanswered"),
])  # fmt: skip
def test_options_that_make_no_sense(limits: dict[str, str], words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as error:
        from_options(limits, words)
    assert message in str(error.value)


def test_numbers_of_options_are_text() -> None:
    (check,) = from_options({"--max-retransmissions": "0.05"}, ())
    assert check.limits.max_share == 0.05
    for option, text, words in (
        ("--max-retransmissions", "5", 'did you mean "5%"?'),
        ("--max-handshake-p99", "50", 'a number needs a unit: "50ms"'),
        ("--max-handshake-p99", "soon", "is not a duration"),
    ):
        with pytest.raises(UsageError, match=words.replace("?", r"\?")):
            from_options({option: text}, ())
