"""What a capture cannot tell, by name: what is withheld, and because of which problem of the capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.finding import Withheld

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.model.profiles import Profiles
    from tcptrace_py.model.results import CaptureInfo, PortBudgets, Summary

PRESSED = 0.5  # of the ports: the range matters from here on

# Problem of the capture -> what it hides, and why.
HIDDEN: dict[str, dict[str, str]] = {}


def withheld(capture: CaptureInfo, summary: Summary, ports: PortBudgets, profiles: Profiles) -> tuple[Withheld, ...]:
    """A row for each conclusion and each reason to withhold it."""
    return tuple(_rows(capture, summary, ports, profiles))


def _rows(capture: CaptureInfo, summary: Summary, ports: PortBudgets, profiles: Profiles) -> Iterator[Withheld]:
    if not summary.connections:
        return
    for problem in capture.problems:
        for what, why in HIDDEN.get(problem.code, {}).items():
            yield Withheld(what, problem.code, why)
    span_ns = (capture.end_ns or 0) - (capture.start_ns or 0)
    longest_ns = max(profile.time_wait_ns for profile in (profiles.default, *profiles.by_address.values()))
    if summary.time_wait.entered and span_ns < longest_ns:
        why = f"the capture is shorter than a stay in TIME_WAIT ({longest_ns / SECOND_NS:g} s): their number was still rising at its end"
        yield Withheld("time-wait", "short-capture", why)
        yield Withheld("port-budget", "short-capture", why)
    given = all(profile.ports_given for profile in (profiles.default, *profiles.by_address.values()))
    shown = [budget.range_from for budget in ports.near(PRESSED)]
    if not given and (not shown or "profile" in shown):
        yield Withheld("port-budget", "unknown-port-range",
                       "no range of local ports was given (--port-range), and the traffic shows none: the system's default is assumed")
