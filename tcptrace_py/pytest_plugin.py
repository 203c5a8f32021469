"""The pytest plugin: captures are analysed and held against rules inside tests.

    def test_the_client_reuses_connections(assert_capture):
        assert_capture("run.pcap", "tcpstates.toml", connections_per_service={"max": 10}, forbid=["rst"])

    def test_nobody_is_refused(tcpstates):
        traffic = tcpstates("run.pcap")
        assert not list(traffic.where(outcome="refused"))
        traffic.assert_holds(handshake_latency={"p99": "50ms"})

A check that does not hold fails the test with the page that `tcpstates check` prints: what was measured against which
limit, the worst connections, where to look. Installed by the entry point `pytest11`; it loads nothing until it is used.
"""

from __future__ import annotations

import warnings
from os import PathLike
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tcptrace_py.api import Result
    from tcptrace_py.model.report import Outcome, Report
    from tcptrace_py.model.results import Connection

    Path = str | PathLike[str]

WIDTH = 100


class TrafficWarning(UserWarning):
    """A check of severity warning or note that does not hold."""


class Traffic:
    """An analysed capture: the `Result` of `tcptrace_py.analyze`, and what may be asserted of it."""

    def __init__(self, result: Result) -> None:
        self.result = result

    def __iter__(self) -> Iterator[Connection]:
        return iter(self.result)

    def __len__(self) -> int:
        return len(self.result)

    def __repr__(self) -> str:
        return repr(self.result)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.result, name)

    def assert_holds(self, files: Path | Sequence[Path] = (), **checks: Any) -> Report:
        """Hold the capture against files of rules, rules by name, and words that are forbidden.

        `checks` are rules as in a file, with underscores: `resets={"max": 3, "ports": 443}`, or a list of such tables;
        and the options of `tcpstates check`: `forbid` and `allow` (lists of words), `allow_damaged`, `allow_empty`,
        `allow_unmeasurable`.
        Gives the report where all checks hold.

        Raises AssertionError with the verdict where one does not, UsageError for rules that make no sense.
        """
        __tracebackhide__ = True
        return _hold(self.result, files, **checks)


def load(captures: Path | Sequence[Path], **options: Any) -> Traffic:
    """Analyse captures; `options` are those of `tcptrace_py.analyze`."""
    from tcptrace_py.api import analyze  # noqa: PLC0415 - only who uses the plugin pays for it
    from tcptrace_py.model.errors import TcpstatesError  # noqa: PLC0415

    __tracebackhide__ = True
    try:
        return Traffic(analyze(captures, **options))
    except TcpstatesError as error:  # raised again from here, so that the test's own line is what pytest shows
        raise type(error)(str(error)) from None


def hold(
    captures: Path | Sequence[Path],
    files: Path | Sequence[Path] = (),
    *,
    options: Mapping[str, Any] | None = None,
    **checks: Any,
) -> Traffic:
    """Analyse captures (with these `options` of `analyze`) and hold them against rules: see `assert_holds`."""
    __tracebackhide__ = True
    traffic = load(captures, **(options or {}))
    _hold(traffic.result, files, **checks)
    return traffic


def _hold(
    result: Result,
    files: Path | Sequence[Path],
    *,
    forbid: Sequence[str] = (),
    allow: Sequence[str] = (),
    allow_damaged: bool = False,
    allow_empty: bool = False,
    allow_unmeasurable: bool = False,
    **rules: Any,
) -> Report:
    from tcptrace_py.checks import config, engine, options  # noqa: PLC0415 - as above
    from tcptrace_py.model.errors import UsageError  # noqa: PLC0415

    __tracebackhide__ = True
    if not (files or rules or forbid):
        raise UsageError("nothing to check: name a file of rules, a rule, or what to forbid")
    paths = [files] if isinstance(files, str | PathLike) else list(files)
    try:
        checks = [check for path in paths for check in config.load(path)]
        checks += [*config.from_mapping(rules), *options.from_options({}, tuple(forbid))]
        allowed = options.accepted(tuple(allow))
        report = engine.run(
            result, checks, allow=allowed, allow_damaged=allow_damaged, allow_empty=allow_empty, allow_unmeasurable=allow_unmeasurable
        )
    except UsageError as error:
        raise UsageError(str(error)) from None  # as above
    if report.verdict != "passed":
        raise AssertionError(_page(report))
    for outcome in report.outcomes:
        if outcome.status != "passed":
            warnings.warn(_sentence(outcome), TrafficWarning, stacklevel=3)
    return report


def _sentence(outcome: Outcome) -> str:
    from tcptrace_py.outputs.verdicts._phrases import sentences  # noqa: PLC0415

    return f"{outcome.code} {outcome.name}: {'; '.join(sentences(outcome))}"


def _page(report: Report) -> str:
    from io import StringIO  # noqa: PLC0415

    from tcptrace_py.outputs import verdicts  # noqa: PLC0415
    from tcptrace_py.outputs.view import View  # noqa: PLC0415

    out = StringIO()
    verdicts.named("text").write(report, View(width=WIDTH), out)
    return out.getvalue()


@pytest.fixture
def tcpstates() -> Callable[..., Traffic]:
    """Analyse a capture: `tcpstates(captures, **options of analyze)` gives its connections and `assert_holds`."""
    return load


@pytest.fixture
def assert_capture() -> Callable[..., Traffic]:
    """Assert that captures keep rules: `assert_capture(captures, "rules.toml", forbid=["rst"], resets={"max": 0})`."""
    return hold
