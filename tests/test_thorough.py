"""What the plain tests try of sweeps, and how many processes share them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests import thorough
from tests.conftest import MOST_PROCESSES, pytest_cmdline_main, pytest_xdist_auto_num_workers

PLAIN = "not slow"


@pytest.mark.parametrize(("is_thorough", "expected"), [(False, "be"), (True, "abcdef")])
def test_every_nth_begins_where_it_is_told(is_thorough: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thorough, "THOROUGH", is_thorough)
    assert thorough.every(3, "abcdef", 1) == list(expected)


def test_each_comes_with_one_way_in_turn_or_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thorough, "THOROUGH", False)
    assert thorough.paired("abc", "xy") == [("a", "x"), ("b", "y"), ("c", "x")]
    monkeypatch.setattr(thorough, "THOROUGH", True)
    assert thorough.paired("ab", "xy") == [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]


@pytest.mark.parametrize(
    ("source", "marks", "gold", "workers"),
    [
        ("TESTPATHS", PLAIN, False, None),  # as pytest-xdist itself counts the cores
        ("ARGS", PLAIN, False, 0),
        ("TESTPATHS", "kernel", False, 0),
        ("TESTPATHS", PLAIN, True, 0),  # two processes would write one file
    ],
)
def test_only_plain_tests_that_are_not_named_share_the_cores(source: str, marks: str, gold: bool, workers: int | None) -> None:
    config: Any = SimpleNamespace(
        args_source=pytest.Config.ArgsSource[source],
        option=SimpleNamespace(markexpr=marks),
        getini=lambda _name: ["-q", "-m", PLAIN],
        getoption=lambda _name: gold,
    )
    assert pytest_xdist_auto_num_workers(config) == workers


@pytest.mark.parametrize(
    ("there", "asked", "inside", "taken"),
    [(True, None, False, "auto"), (True, 3, False, 3), (False, None, False, None), (True, None, True, None)],
    ids=["plain", "as many as wanted", "without xdist", "one of these processes"],
)
def test_one_process_alone_starts_others(
    there: bool, asked: int | None, inside: bool, taken: int | str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    if inside:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    option = SimpleNamespace(numprocesses=asked, maxprocesses=None, dist="no")
    config: Any = SimpleNamespace(pluginmanager=SimpleNamespace(hasplugin=lambda _name: there), option=option)
    pytest_cmdline_main(config)
    assert option.numprocesses == taken
    assert option.maxprocesses == (MOST_PROCESSES if taken == "auto" else None)
