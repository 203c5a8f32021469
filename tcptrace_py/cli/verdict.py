"""What commands that give a verdict share: its format, where it goes, and the reports beside it."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from tcptrace_py.model.errors import UsageError
from tcptrace_py.outputs import verdicts
from tcptrace_py.writing import check_apart

from . import codes, page
from .destination import Destination, output_options, output_to

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tcptrace_py.model.report import Report
    from tcptrace_py.writing import Output


@dataclass(frozen=True)
class VerdictOutput:
    """A format and where to print it, and further formats with their files."""

    form: str
    destination: Destination
    colour: bool | None
    also: tuple[tuple[str, str], ...]

    @property
    def tells_all(self) -> bool:
        """Whether a person at a terminal reads everything there is to say."""
        return self.form == "text" and self.destination.path is None and sys.stdout.isatty()

    def outputs(self, inputs: Sequence[str]) -> list[Output]:
        """Where everything goes, the reports first, of a command that reads `inputs`.

        Raises UsageError where something cannot be written, so ask before anything is read.
        """
        outputs = [
            output_to(path, inputs, force=self.destination.force) for path in (*(file for _, file in self.also), self.destination.path)
        ]
        check_apart(outputs)
        return outputs

    def write(self, report: Report, outputs: Sequence[Output]) -> None:
        """Write the reports, then print the verdict. Raises UsageError where a file cannot be written."""
        from tcptrace_py.outputs.view import View

        path = self.destination.path
        for (name, _), output in zip(self.also, outputs, strict=False):
            _write(report, name, output, View(width=page.UNKNOWN_WIDTH))
        _write(report, self.form, outputs[-1], View(width=page.width(), colour=page.takes_colour(self.colour, path)))


def exit_code(report: Report, of_reading: int) -> int:
    """70 for an error of our own; 1 for a check that failed, whatever was read; else what reading says."""
    if any(outcome.internal for outcome in report.outcomes):
        return codes.INTERNAL
    return codes.CHECK_FAILED if report.failed and of_reading not in (codes.INTERRUPTED, codes.INTERNAL) else of_reading


def verdict_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as one argument, `verdict`."""

    @functools.wraps(command)
    def with_verdict(
        *, format_name: str | None, destination: Destination, reports: Sequence[str], colour: bool | None, **options: Any
    ) -> Any:
        also = tuple(_report(text) for text in reports)
        form = page.format_for(destination.path, format_name, verdicts.names(), "text")
        return command(verdict=VerdictOutput(form, destination, colour, also), **options)

    decorated: Callable[..., Any] = output_options(with_verdict)
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


_OPTIONS = (
    click.option(
        "--format",
        "format_name",
        type=click.Choice(verdicts.names()),
        help="How to print the verdict. Default: by the ending of --output's FILE (.txt, .md, .json, .xml, .sarif), else text.",
    ),
    click.option(
        "--report", "reports", metavar="FORMAT=FILE", multiple=True, help="Write the verdict to FILE in FORMAT as well; may be repeated."
    ),
    click.option(
        "--colour/--no-colour",
        "--color/--no-color",
        "colour",
        default=None,
        help="Colour or none. Default: on a terminal, unless NO_COLOR is set.",
    ),
)


def _report(text: str) -> tuple[str, str]:
    name, equals, file = text.partition("=")
    if not equals or name not in verdicts.names() or not file:
        raise UsageError(f"--report {text}: write FORMAT=FILE, FORMAT one of {', '.join(verdicts.names())}")
    return name, file


def _write(report: Report, name: str, output: Output, view: Any) -> None:
    page.emit(lambda out: verdicts.named(name).write(report, view, out), output)
