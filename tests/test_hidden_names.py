"""Names that are C numbers of a compiled module are hidden from Python: nobody but that module and its `.pxd`'s users may ask for them.

The interpreted form has them all, so that only this tells before a build does.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import tcptrace_py

ROOT = Path(tcptrace_py.__file__).parent
HIDDEN = re.compile(r"^cdef (?:long long|Py_ssize_t|unsigned \w+|int|double|bint|tuple|dict|list) ([\w, ]+)$", re.MULTILINE)


def hidden() -> dict[str, set[str]]:
    """Hidden names by module."""
    return {
        module_of(path): {name.strip() for names in HIDDEN.findall(path.read_text()) for name in names.split(",")}
        for path in ROOT.rglob("*.pxd")
    }


def module_of(path: Path) -> str:
    return ".".join(("tcptrace_py", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def asked(path: Path) -> Iterator[tuple[str, str]]:
    """Modules and names that a file asks them for, by import or by attribute."""
    tree, here, modules = ast.parse(path.read_text()), module_of(path).split("."), dict[str, str]()
    package = here if path.name == "__init__.py" else here[:-1]
    own_pxd = path.with_suffix(".pxd")
    cimported = own_pxd.read_text() if own_pxd.exists() else ""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for name in node.names:
                yield module, name.name
                if not re.search(rf"cimport .*\b{name.name}\b", cimported):
                    modules[name.asname or name.name] = f"{module}.{name.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield modules[node.value.id], node.attr


def test_nobody_asks_for_a_hidden_name() -> None:
    names = hidden()
    assert any("NEVER_NS" in found for found in names.values())
    wrong = [
        f"{path.relative_to(ROOT)}: {module}.{name}"
        for path in ROOT.rglob("*.py")
        for module, name in asked(path)
        if name in names.get(module, ())
    ]
    assert wrong == []


def test_what_has_types_of_c_is_compiled() -> None:
    """A class or function that others call as C must be of a compiled module; functions that are inline are with whoever calls."""
    hot = re.search(r"^HOT = (\(.*?^\))", (ROOT / "_build.py").read_text(), re.MULTILINE | re.DOTALL)
    assert hot is not None
    modules = ast.literal_eval(hot[1])
    kept = [pxd for pxd in ROOT.rglob("*.pxd") if pxd.with_suffix(".py").exists() and module_of(pxd).partition(".")[2] not in modules]
    assert len(kept) > 3
    for pxd in kept:
        assert not re.search(r"^(cdef class|cpdef)", pxd.read_text(), re.MULTILINE), pxd
