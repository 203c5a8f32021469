"""Imports go downwards only: the layers of the design, read from the source of every module."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import tcptrace_py

ROOT = Path(tcptrace_py.__file__).parent
NAME = ROOT.name

# layer -> layers of ours that it may import besides itself; "" is the package's own __init__ (its version)
STAGES = ("capture", "decode", "flows", "states", "facts", "findings")
STAGE = {"model"}
ALLOWED = {
    "model": set[str](),
    "capture": STAGE,
    "decode": STAGE,
    "flows": STAGE,
    "states": STAGE,
    "facts": STAGE,
    "findings": {"model", "facts"},
    "pipeline": {"model", *STAGES},
    "cluster": {"", "model", "capture", "decode", "findings", "pipeline"},
    "checks": {"", "model", "facts", "pipeline"},
    "outputs": {"", "model", "facts", "pipeline"},
    "api": {"model", "facts", "pipeline", "outputs", "dataset", "cluster"},
    "second_reading": {"model", "capture", "decode", "flows", "pipeline"},
    "dataset": {"", "model", "capture", "facts", "checks", "outputs", "writing"},
    "glossary": {"model", "states", "findings", "checks", "outputs"},
    "ladder": {"model", "findings", "second_reading"},
    "points": {"model", "second_reading"},
    "span": {"model", "capture", "checks"},
    "writing": {"model", "capture"},
    "extraction": {"model", "capture", "second_reading", "writing"},
    "cli": {
        "",
        "model",
        *STAGES,
        "pipeline",
        "second_reading",
        "glossary",
        "ladder",
        "points",
        "span",
        "writing",
        "extraction",
        "checks",
        "dataset",
        "cluster",
        "outputs",
        "api",
    },
    "pytest_plugin": {"", "model", "checks", "outputs", "api"},
    "": {"api", "model"},
    "__main__": {"cli"},
}
ONLY_IN = {"dpkt": {"decode"}, "click": {"cli"}, "tabulate": {"outputs"}, "pytest": {"pytest_plugin"}}
EXTRAS = {
    "zstandard",
    "lz4",
    "duckdb",
    "pandas",
    "pyarrow",
    "jsonschema",
    "plotille",
    "fsspec",
    "distributed",
}  # may be missing: imported when needed

Import = tuple[str, bool]  # module's full name, whether it is imported whenever its importer is


def layer_of(module: str) -> str:
    """The layer of one of our modules, by its full name."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def name_of(path: Path) -> str:
    parts = (NAME, *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, module: str, *, package: bool) -> list[Import]:
    """Whatever a module imports, full names; relative ones resolved, `from . import x` as x."""
    found: list[Import] = []

    def visit(node: ast.AST, at_once: bool) -> None:
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            for child in node.body:
                visit(child, False)
            node = ast.Module(node.orelse, [])
        if isinstance(node, ast.Import):
            found.extend((alias.name, at_once) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: None if package else -1]
            base = base[: len(base) - node.level + 1] if node.level else []
            source = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            found.extend((f"{source}.{alias.name}", at_once) for alias in node.names)
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.iter_child_nodes(node):
            visit(inner, at_once and not inside)

    visit(tree, True)
    return found


def _is_type_checking(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def faults(source: str, module: str, *, package: bool = False) -> list[str]:
    """What is wrong with a module's imports, in words."""
    layer, wrong = layer_of(module), []
    for name, at_once in imports(ast.parse(source), module, package=package):
        top = name.split(".")[0]
        if top == NAME:
            target = layer_of(name)
            if target not in ALLOWED:  # a name of the package itself, such as __version__
                target = ""
            if target != layer and target not in ALLOWED[layer]:
                wrong.append(f"{module} imports {name}")
        elif top not in sys.stdlib_module_names:
            if top in EXTRAS:
                wrong += [f"{module} needs the extra {top} to be imported at all"] if at_once else []
            elif layer not in ONLY_IN.get(top, set()):
                wrong.append(f"{module} imports {top}")
    return wrong


# The build runs before there is a package, with setuptools and Cython, and nothing imports it.
MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py")) if path.name != "_build.py"}


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_downwards(module: str) -> None:
    path = MODULES[module]
    assert faults(path.read_text(), module, package=path.name == "__init__.py") == []


def test_every_layer_is_known() -> None:
    assert {layer_of(module) for module in MODULES} <= set(ALLOWED)
    assert {"model", "capture", "decode", "flows", "states", "facts", "findings"} <= {layer_of(module) for module in MODULES}


@pytest.mark.parametrize(
    ("source", "module", "wrong"),
    [
        ("from ..states.replay import judge", "tcptrace_py.flows.table", True),
        ("from ..model.live import Side", "tcptrace_py.flows.table", False),
        ("from . import streams", "tcptrace_py.flows.table", False),
        ("from tcptrace_py.flows import table", "tcptrace_py.states.replay", True),
        ("from ..decode import Decoder", "tcptrace_py.model.live", True),
        ("from ..pipeline import run", "tcptrace_py.findings.hosts", True),
        ("from ..facts.arrow import Stream", "tcptrace_py.findings.hosts", False),
        ("from ..facts.arrow import Stream", "tcptrace_py.states.replay", True),
        ("from ..findings import hosts", "tcptrace_py.facts.arrow", True),
        ("from ..flows.table import FlowTable", "tcptrace_py.outputs.document", True),
        ("from .. import __version__", "tcptrace_py.outputs.document", False),
        ("def f():\n    from ..flows import table", "tcptrace_py.checks.engine", True),
        ("import dpkt", "tcptrace_py.flows.table", True),
        ("import dpkt", "tcptrace_py.decode.links", False),
        ("import click", "tcptrace_py.outputs.document", True),
        ("def f():\n    import tabulate", "tcptrace_py.cli.main", True),
        ("import zstandard", "tcptrace_py.capture.codecs", True),
        ("def f():\n    import zstandard", "tcptrace_py.capture.codecs", False),
        ("if TYPE_CHECKING:\n    import zstandard", "tcptrace_py.capture.codecs", False),
        ("try:\n    import lz4.frame\nexcept ImportError:\n    pass", "tcptrace_py.capture.codecs", True),
        ("import numpy", "tcptrace_py.findings.hosts", True),
        ("import socket, array", "tcptrace_py.model.addresses", False),
    ],
)
def test_the_check_can_fail(source: str, module: str, wrong: bool) -> None:
    assert bool(faults(source, module)) == wrong


def test_relative_imports_in_a_package_resolve_to_it() -> None:
    assert imports(ast.parse("from .reader import f\nfrom . import g"), "tcptrace_py.capture", package=True) == [
        ("tcptrace_py.capture.reader.f", True),
        ("tcptrace_py.capture.g", True),
    ]
