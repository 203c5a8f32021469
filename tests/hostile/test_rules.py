"""Whatever a file of rules holds: exit code 2 with file, line and key, and no more complaints than anybody reads."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tcptrace_py.checks import config, registry
from tcptrace_py.checks.locate import line_of
from tcptrace_py.checks.params import params_of
from tcptrace_py.cli import main
from tcptrace_py.model.errors import UsageError
from tests.thorough import examples

from .test_inputs import INPUTS

SAMPLE = str(Path(__file__).parents[2] / "samples" / "syn-refused.pcap")


@pytest.mark.parametrize(
    ("name", "line", "key"),
    [
        ("06a-sql-of-texts.toml", 1, "sql"),
        ("06b-list-in-id.toml", 1, "query"),
        ("06c-big-int.toml", 2, "max"),
        ("06d-big-duration.toml", 2, "p99"),
        ("06e-nested.toml", 1, "x"),
    ],
)
def test_inputs(name: str, line: int, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(INPUTS / name)
    assert main.main(["check", SAMPLE, "--rules", path]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{path}:{line}: " in err
    assert key in err
    assert all(len(text) < 400 for text in err.splitlines())


@pytest.mark.parametrize(("text", "line"), [("tool = 1", 1), ("[tool]\ntcpstates = 1", 2), ("[tool]\ntcpstates = [{}]", 2)])
def test_a_pyproject_of_another_shape(
    text: str, line: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    assert main.main(["check", SAMPLE, "--rules", str(path)]) == 2
    assert f"{path}:{line}: " in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    assert main.main(["check", SAMPLE, "--forbid", "rst"]) in (1, 2)


def test_thousands_of_unknown_rules_end_after_twenty_complaints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "many.toml"
    path.write_text("".join(f"[rules.no-such-rule-{number}]\nmax = 1\n" for number in range(6_000)))
    started = time.process_time()
    assert main.main(["check", SAMPLE, "--rules", str(path)]) == 2
    assert time.process_time() - started < 20
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 21
    assert f"{path}:39: " in lines[19]


def test_lines_of_many_rules_are_found_in_one_go() -> None:
    text = "".join(f"[[rules.resets]]\nmax = {number}\n\n" for number in range(3000))
    started = time.process_time()
    checks = config.loads(text)
    assert [check.origin.line for check in checks] == [3 * number + 1 for number in range(3000)]
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ('a = """\n[b]\n"""\n[c]\nd = 1', ("c", "d"), 5),
        ("a = [ # ]\n1,\n2]\nb = 1", ("b",), 4),
        ("a = '''\n'\n'''\nb = 1", ("b",), 4),
        ("[[a.b]]\nc = 1\n[[a.b]]\nc = 2\n[a.b.d]\ne = 1", ("a", "b", 1, "d", "e"), 6),
        ('"[x" = 1\n[y]\n"z.z" = "]"\nw = 2', ("y", "w"), 4),
        ("a.b.c = 1\na.b.d = 2", ("a", "b", "d"), 2),
        ("a = { b = 1, c = 2 }", ("a", "c"), 1),
    ],
)
def test_lines(text: str, path: tuple[str | int, ...], line: int) -> None:
    assert line_of(text, path) == line


scalars = st.one_of(
    st.booleans(),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["50ms", "5%", "error", "off", "9" * 400 + "h", "10.0.0.0/8", "8000-1", "\x1b[31m\n::error::x"]),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6
)
limits = {name for rule in registry.all_rules() for name in params_of(rule.Limits)}
keys = st.sampled_from(sorted({*config.COMMON, *config.SQL_KEYS, *limits}))
tables = st.dictionaries(keys | st.text(max_size=6), values, max_size=5)
names = st.sampled_from([rule.NAME for rule in registry.all_rules()]) | st.text(max_size=6)
documents = st.fixed_dictionaries(
    {},
    optional={
        "rules": st.dictionaries(names, tables | st.lists(tables, max_size=2) | values, max_size=3) | values,
        "sql": st.lists(tables, max_size=2) | values,
        "x": values,
    },
)


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(documents)
def test_any_document_is_rules_or_a_usage_error(document: dict[str, Any]) -> None:
    said = ""
    try:
        config.read(document, config._File("rules", "", (), []))
    except UsageError as error:
        said = str(error)
    assert len(said) < 20_000
