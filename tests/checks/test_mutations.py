"""The cases of the rules are sharp: whichever comparison of a rule is turned into its neighbour, some case breaks.

Comparisons are changed one at a time, in the running code of the rule or of what rules share; then the cases run.
"""

from __future__ import annotations

import ast
import inspect
import sys
from contextlib import contextmanager
from functools import cached_property, partial
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py.checks import facts, lingering, measure, rows, waiting
from tcptrace_py.checks.registry import all_rules
from tests.checks import test_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

pytestmark = pytest.mark.slow

NEIGHBOURS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
SHARED = (measure, facts, lingering, rows, waiting)
# Comparisons whose neighbour says the same: the line's text, and why no case can tell.
SAME: dict[str, str] = {}


def comparisons(module: ModuleType) -> list[tuple[int, str]]:
    """Place among the module's comparisons (operators one by one), and the line that it stands in."""
    source = inspect.getsource(module)
    lines = source.splitlines()
    return [(at, lines[node.lineno - 1].strip()) for at, node in enumerate(_nodes(ast.parse(source)))
            if lines[node.lineno - 1].strip() not in SAME]  # fmt: skip


def _nodes(tree: ast.AST) -> list[ast.Compare]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return [node for function in functions for node in ast.walk(function)
            if isinstance(node, ast.Compare) and len(node.ops) == 1]  # fmt: skip


@contextmanager
def mutated(module: ModuleType, at: int) -> Iterator[None]:
    """Run the module's code with one comparison changed."""
    tree = ast.parse(inspect.getsource(module))
    node = _nodes(tree)[at]
    node.ops = [NEIGHBOURS[type(node.ops[0])]()]
    codes = dict(_codes(compile(tree, str(module.__file__), "exec", dont_inherit=True, flags=ANNOTATIONS), ""))
    functions = list(_functions(module))
    before = [function.__code__ for function in functions]
    for function in functions:
        function.__code__ = codes[function.__qualname__]
    try:
        yield
    finally:
        for function, code in zip(functions, before, strict=True):
            function.__code__ = code


ANNOTATIONS = 0x1000000  # from __future__ import annotations, as the modules have


def _codes(code: CodeType, prefix: str) -> Iterator[tuple[str, CodeType]]:
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield prefix + const.co_name, const
            yield from _codes(const, f"{prefix}{const.co_name}.")


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    for value in list(vars(module).values()):
        if getattr(value, "__module__", None) != module.__name__:
            continue
        for each in [value, *(vars(value).values() if isinstance(value, type) else ())]:
            function = each.fget if isinstance(each, property) else each.func if isinstance(each, cached_property) else each
            if isinstance(function, FunctionType) and function.__code__.co_filename == module.__file__:
                yield function


def broken(cases: list[Any]) -> bool:
    """Whether some case fails; an exception is a failure too."""
    runs: list[Callable[..., None]] = [partial(test_rules.test_rule, name, case) for name, case in cases]
    for run in (*runs, *WORDS):
        try:
            run()
        except Exception:  # noqa: BLE001 - whatever breaks, breaks
            return True
    return False


WORDS: list[Callable[..., None]] = [
    test_rules.test_ports_are_those_of_the_hosts_profile,
    *(partial(test, *arguments)
      for test in (
          test_rules.test_what_was_asked_for_is_named,
          test_rules.test_latency_says_where_it_was_taken,
          test_rules.test_stays_are_measured_unless_the_clock_does_not_tell,
      )
      for arguments in vars(test)["pytestmark"][0].args[1]),
]  # fmt: skip
CASES = [(name.split()[1], case) for name, table in test_rules.TABLES.items() for case in table.values()]


def survivors(module: ModuleType, cases: list[Any]) -> list[str]:
    found = []
    for at, line in comparisons(module):
        with mutated(module, at):
            if not broken(cases):
                found.append(line)
    return found


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.NAME)
def test_every_comparison_of_a_rule_matters(rule: Any) -> None:
    assert survivors(rule, [case for case in CASES if case[0] == rule.NAME]) == []


@pytest.mark.parametrize("module", SHARED, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_comparison_that_rules_share_matters(module: ModuleType) -> None:
    assert survivors(module, CASES) == []


def test_there_is_something_to_change() -> None:
    assert sum(len(comparisons(sys.modules[rule.Limits.__module__])) for rule in all_rules()) > 30
    assert not broken(CASES)
