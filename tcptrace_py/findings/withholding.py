"""What a capture cannot tell, by name: what is withheld, and because of which problem of the capture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.finding import Withheld
from tcptrace_py.model.results import Latency
from tcptrace_py.model.vocabulary import Outcome, numbers

from . import trouble_columns as column

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tcptrace_py.model.profiles import Profiles
    from tcptrace_py.model.results import CaptureInfo, PortBudgets, Summary

    from .troubled import Troubled

OUTCOMES = numbers(Outcome)
UNANSWERED, HALF_OPEN = OUTCOMES["unanswered"], OUTCOMES["half-open"]
RETRIED_NS = 4 * SECOND_NS  # within this every stack sends an unanswered SYN or SYN/ACK again (RFC 6298: 1 s, before it 3 s)
PRESSED = 0.5  # of the ports: the range matters from here on

# Problem of the capture -> what it hides, and why.
HIDDEN: dict[str, dict[str, str]] = {
    "filtered": {
        "handshake-latency": "the ACKs that complete handshakes were not captured",
        "times": "data and acknowledgements were not captured",
        "teardown": "the ACKs that complete closes were not captured",
        "handshake-outcome": "neither a FIN nor data shows which handshakes were completed",
        "time-wait": "no FIN shows who closed",
    },
    "sampled": {
        "teardown": "FINs and their ACKs may have been left out",
        "time-wait": "FINs may have been left out",
        "handshake-outcome": "SYN/ACKs and ACKs may have been left out",
    },
    "coarse-clock": {
        "handshake-latency": "handshakes take less than the clock tells apart",
        "times": "the clock does not tell apart what is measured",
    },
    "one-sided": {
        "handshake-outcome": "one direction was captured only: how a SYN was answered is known only where an acknowledgement proves it",
        "teardown": "one direction was captured only: how those connections ended and who closed first is not known",
        "time-wait": "one direction was captured only: who entered TIME_WAIT of those connections is not known",
    },
}
PROVED_BY_FINS = ("handshake-outcome", "time-wait")  # of a filtered capture


def withheld(
    capture: CaptureInfo,
    summary: Summary,
    ports: PortBudgets,
    profiles: Profiles,
    *,
    shows_fins: bool = True,
) -> tuple[Withheld, ...]:
    """A row for each conclusion and each reason to withhold it. `shows_fins`: a filtered capture holds FINs."""
    return tuple(_rows(capture, summary, ports, profiles, shows_fins=shows_fins))


def _rows(capture: CaptureInfo, summary: Summary, ports: PortBudgets, profiles: Profiles, *, shows_fins: bool) -> Iterator[Withheld]:
    if not summary.connections:
        return
    for problem in capture.problems:
        for what, why in HIDDEN.get(problem.code, {}).items():
            if problem.code == "one-sided" and problem.count * 2 < summary.connections:
                continue  # the few that are say it themselves
            if problem.code != "filtered" or not shows_fins or what not in PROVED_BY_FINS:
                yield Withheld(what, problem.code, why)
    span_ns = (capture.end_ns or 0) - (capture.start_ns or 0)
    longest_ns = max(profile.time_wait_ns for profile in (profiles.default, *profiles.by_address.values()))
    if summary.time_wait.entered and span_ns < longest_ns:
        why = f"the capture is shorter than a stay in TIME_WAIT ({longest_ns / SECOND_NS:g} s): their number was still rising at its end"
        yield Withheld("time-wait", "short-capture", why)
        yield Withheld("port-budget", "short-capture", why)
    given = all(profile.ports_given for profile in (profiles.default, *profiles.by_address.values()))
    shown = [budget.range_from for budget in ports.near(PRESSED)]
    if not given and (not shown or {"profile", "unknown"}.intersection(shown)):
        yield Withheld(
            "port-budget",
            "unknown-port-range",
            "no range of local ports was given (--port-range), and the traffic shows none: the system's default is assumed",
        )


def without_withheld(summary: Summary, rows: Iterable[Withheld]) -> Summary:
    """The summary without the numbers that are withheld."""
    if any(row.what == "handshake-latency" for row in rows):
        for service in summary.services:
            service.handshake = Latency(0)
        return replace(summary, latency=Latency(0), latency_by_vantage={})
    return summary


def answers_lack(troubled: Troubled, end_ns: int) -> bool:
    """Whether a SYN or SYN/ACK that nobody answered was not sent again either, though there was time: its answer was not captured."""
    table = troubled.table
    for row in range(table.count):
        outcome = table.small[column.OUTCOME * table.capacity + row]
        late = end_ns - table.wide[column.START * table.capacity + row] > RETRIED_NS
        repeats = column.SYN_REPEATS if outcome == UNANSWERED else column.SYNACK_REPEATS
        if late and outcome in (UNANSWERED, HALF_OPEN) and not table.narrow[repeats * table.capacity + row]:
            return True
    return False
