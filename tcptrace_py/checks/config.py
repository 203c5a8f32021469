"""What a TOML file asks to be checked: strict, and every complaint names file, line and what would have been right.

    [rules.handshake-latency]           # a rule by name or code; [[rules.NAME]] for several with other scopes
    p99 = "50ms"                        # its limits (`tcpstates rules NAME`)
    ports = [443, "8000-8100"]          # its scope: hosts, nets, ports, role, from, to
    severity = "warning"                # error (default), warning, note, off
    allow_empty = true                  # nothing matched is no failure

    [[sql]]                             # what rules do not cover: fails for each row
    name = "long-lived"
    query = "SELECT id FROM connections WHERE duration_s > 3600"

The same below `[tool.tcpstates]` in a pyproject.toml.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from operator import itemgetter
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from tcptrace_py.model.errors import UsageError, did_you_mean
from tcptrace_py.model.report import Origin, Severity

from . import scope
from .engine import QUALITY, Check
from .locate import line_of, unreadable
from .params import MOST_COUNT, params_of
from .registry import all_rules, find
from .sql import Query, verify_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .registry import Rule

TOP = ("rules", "sql")
COMMON = ("severity", "allow_empty", *scope.KEYS)
SQL_KEYS = ("name", "query", "max", "severity", "message")
SEVERITIES = (*(severity.value for severity in Severity), "off")
PYPROJECT = "pyproject.toml"
MOST_COMPLAINTS = 20
Place = tuple[str | int, ...]


class EnoughError(Exception):
    """There are MOST_COMPLAINTS."""


@dataclass
class _File:
    """A file under reading: its text, where its table begins, and the complaints so far."""

    name: str
    text: str
    root: Place
    complaints: list[tuple[int, str]]  # with their lines; 0: unknown

    def complain(self, place: Place, why: str) -> None:
        """Note what is wrong. Raises EnoughError where there is more of it than anybody reads."""
        line = line_of(self.text, (*self.root, *place))
        self.complaints.append((line or 0, f"{self.name}:{line}: {why}" if line else f"{self.name}: {why}"))
        if len(self.complaints) >= MOST_COMPLAINTS:
            raise EnoughError

    def refuse(self, place: Place, why: str) -> NoReturn:
        """Raise UsageError with this alone."""
        self.complain(place, why)
        raise UsageError(self.complaints[-1][1])

    def origin(self, place: Place) -> Origin:
        if not self.text:  # rules of a mapping stand in no file
            return Origin(f"{place[0]}: {place[1]}")
        line = line_of(self.text, (*self.root, *place))
        return Origin(f"{self.name}:{line}", self.name, line)


def load(path: str | PathLike[str]) -> list[Check | Query]:
    """Read the checks of a file: all of it, or of a pyproject.toml its table `[tool.tcpstates]`.

    Raises UsageError with every complaint, a line each.
    """
    name = fspath(path).encode(errors="backslashreplace").decode()  # bytes of it that are no UTF-8 are escaped
    try:
        text = Path(path).read_text("utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"{name}: {(error.strerror or str(error)).lower()}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(_not_toml(name, error)) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(_not_read(name, text, error)) from None
    root: Place = ("tool", "tcpstates") if Path(path).name == PYPROJECT else ()
    for at, key in enumerate(root):
        document = document.get(str(key), {})
        if not isinstance(document, dict):
            _File(name, text, (), []).refuse(root[: at + 1], f"{key} must be a table: [tool.tcpstates]")
    return read(document, _File(name, text, root, []))


def loads(text: str, name: str = "rules") -> list[Check | Query]:
    """Read the checks of TOML text. Raises UsageError."""
    try:
        return read(tomllib.loads(text), _File(name, text, (), []))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(_not_toml(name, error)) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(_not_read(name, text, error)) from None


def _not_read(name: str, text: str, error: Exception) -> str:
    """What the library cannot read though it is TOML: numbers of thousands of digits, thousands of brackets."""
    line, key = unreadable(text)
    why = "is nested too deep" if isinstance(error, RecursionError) else f"cannot be read: {str(error).partition(';')[0]}"
    return f"{name}:{line}: {key or 'the file'} {why}"


def _not_toml(name: str, error: Exception) -> str:
    """What is wrong, with its line where it is known: the error has it in words only (Python 3.11 to 3.13)."""
    what, at, place = str(error).rpartition(" (at line ")
    line, comma, column = place.rstrip(")").partition(", ")
    return f"{name}:{line}: is not TOML: {what} ({column})" if at and comma else f"{name}: is not TOML: {error}"


def from_mapping(rules: dict[str, Any]) -> list[Check | Query]:
    """Make checks of a mapping as TOML would hold it: rule -> its table, or a list of tables. Raises UsageError."""
    tables = {name.replace("_", "-"): table for name, table in rules.items()}
    return read({"rules": tables}, _File("rules", "", (), []))


def find_pyproject(start: Path) -> Path | None:
    """The pyproject.toml with a table for us, here or in a folder above."""
    for folder in (start, *start.parents):
        path = folder / PYPROJECT
        try:
            tool = tomllib.loads(path.read_text("utf-8")).get("tool", {})
            if isinstance(tool, dict) and "tcpstates" in tool:
                return path
        except (OSError, ValueError, RecursionError):
            continue
    return None


def read(document: dict[str, Any], file: _File) -> list[Check | Query]:
    """Make checks of a parsed document; see `load`."""
    checks: list[Check | Query] = []
    more = ""
    try:
        for key in document:
            if key not in TOP:
                hint = did_you_mean(key, TOP) or _misplaced(key)
                file.complain((key,), f"unknown key {key!r}{hint or '; there are ' + ' and '.join(TOP)}")
        checks += [*_rules(document.get("rules", {}), file), *_queries(document.get("sql", []), file)]
    except EnoughError:
        more = f"\n{file.name}: perhaps more: these are the first {MOST_COMPLAINTS}"
    if file.complaints:
        raise UsageError("\n".join(why for _, why in sorted(file.complaints, key=itemgetter(0))) + more)
    return checks


def _misplaced(key: str) -> str:
    known = any(key in (rule.NAME, rule.CODE) for rule in all_rules())
    return f"; a rule stands below rules: [rules.{key}]" if known else ""


def _rules(tables: Any, file: _File) -> Iterator[Check]:
    if not isinstance(tables, dict):
        file.complain(("rules",), "rules must be a table: [rules.NAME]")
        return
    for name, value in tables.items():
        try:
            rule = find(name)
        except UsageError as error:
            file.complain(("rules", name), str(error))
            continue
        several = isinstance(value, list)
        for index, table in enumerate(value if several else [value]):
            place: Place = ("rules", name, index) if several else ("rules", name)
            if not isinstance(table, dict):
                file.complain(place, f"{name} must be a table: [rules.{name}]")
                continue
            check = _rule(rule, table, place, file)
            if check is not None:
                yield check


def _rule(rule: Rule, raw: dict[str, Any], place: Place, file: _File) -> Check | None:
    """One rule of a file; None where it is turned off or wrong."""
    before = len(file.complaints)
    written = {key.replace("-", "_"): key for key in raw}
    table = {key: raw[was] for key, was in written.items()}
    values = _values(rule, table, written, place, file)
    severity = _severity(table, place, file)
    allow_empty = table.get("allow_empty", False)
    if not isinstance(allow_empty, bool):
        file.complain((*place, written["allow_empty"]), "allow_empty is true or false")
    chosen = _scope(table, place, file)
    if rule.NAME == QUALITY:
        _quality(written, severity, place, file)
    if len(file.complaints) > before:
        return None
    try:
        limits = rule.Limits(**values)
    except UsageError as error:
        file.complain(place, str(error))
        return None
    if severity == "off":
        return None
    return Check(rule, limits, chosen, Severity(severity), file.origin(place), allow_empty)


def _values(rule: Rule, table: dict[str, Any], written: dict[str, str], place: Place, file: _File) -> dict[str, Any]:
    """The limits that a table holds; `written` says how its keys were written."""
    params = params_of(rule.Limits)
    values: dict[str, Any] = {}
    for key, was in written.items():
        if key in COMMON:
            continue
        if key not in params:
            known = (*params, *COMMON)
            hint = did_you_mean(key, known) or f"; it has {', '.join(known)}"
            file.complain((*place, was), f"{rule.NAME} has no key {was!r}{hint}")
            continue
        try:
            values[key] = params[key].kind.read(table[key])
        except UsageError as error:
            file.complain((*place, was), f"{was}: {error}")
    missing = [name for name, param in params.items() if param.required and name not in written]
    if missing:
        file.complain(place, f"{rule.NAME} needs {', '.join(missing)}: {params[missing[0]].kind.says}")
    return values


def _quality(written: dict[str, str], severity: str, place: Place, file: _File) -> None:
    """The capture's quality has no scope and is always looked at."""
    for key in scope.KEYS:
        if key in written:
            file.complain((*place, written[key]), f"{QUALITY} is about the whole capture: it has no scope")
    if severity == "off":
        file.complain(
            (*place, "severity"),
            f'{QUALITY} cannot be off; allow = [...] accepts what you know of, and severity = "warning" only reports it',
        )


def _severity(table: dict[str, Any], place: Place, file: _File) -> str:
    value = table.get("severity", "error")
    if value not in SEVERITIES:
        file.complain(
            (*place, "severity"),
            f"severity: {value!r} is not one of {', '.join(SEVERITIES)}{did_you_mean(value, SEVERITIES)}",
        )
        return "error"
    return str(value)


def _scope(table: dict[str, Any], place: Place, file: _File) -> scope.Scope:
    try:
        return scope.read(table)
    except scope.KeyedError as error:
        file.complain((*place, error.key), f"{error.key}: {error}")
        return scope.Scope()


def _queries(tables: Any, file: _File) -> Iterator[Query]:
    if not isinstance(tables, list):
        file.complain(("sql",), "sql must be an array of tables: [[sql]]")
        return
    for index, table in enumerate(tables):
        place: Place = ("sql", index)
        if not isinstance(table, dict):
            file.complain(place, "sql must be an array of tables: [[sql]]")
            continue
        wrong = [key for key in table if key not in SQL_KEYS]
        for key in wrong:
            file.complain(
                (*place, key),
                f"a query has no key {key!r}{did_you_mean(key, SQL_KEYS) or '; it has ' + ', '.join(SQL_KEYS)}",
            )
        for key in ("name", "query"):
            if not isinstance(table.get(key), str):
                file.complain(place, f"a query needs {key}, a text")
                wrong.append(key)
        most, severity = table.get("max", 0), _severity(table, place, file)
        if not isinstance(most, int) or isinstance(most, bool) or not 0 <= most <= MOST_COUNT:
            file.complain((*place, "max"), f"max is a whole number from 0 up, and at most {MOST_COUNT}")
            wrong.append("max")
        if not wrong and severity != "off":
            query = Query(
                table["name"],
                table["query"],
                most,
                str(table.get("message", "")),
                Severity(severity),
                file.origin(place),
            )
            try:
                verify_rule(query.query)
            except UsageError as error:
                file.complain((*place, "query"), f"{query.name}: {error}")
                continue
            yield query
