"""What commands that write have in common: where to (-o), and over what (--force)."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from tcptrace_py.writing import STDOUT, Output

from .terminate import all_is_said

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FORCE = "Write over FILE although it holds a capture. What the command reads is never written over."


@dataclass(frozen=True)
class Destination:
    """A file (`path`; None: standard output), and whether it may take the place of a capture."""

    path: str | None
    force: bool

    def output(self, inputs: Sequence[str], *, over_captures: bool = False) -> Output:
        """The output of a command that reads these. Raises UsageError, before anything is read, where it cannot be written."""
        output = output_to(self.path, inputs, force=self.force or over_captures)
        output.check()
        return output


def output_to(path: str | None, inputs: Sequence[str], *, force: bool) -> Output:
    """An output that, once it is whole, is put in place whatever Ctrl-C says: the exit code speaks of it."""
    return Output(STDOUT if path is None else path, tuple(inputs), over_captures=force, when_whole=all_is_said)


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add -o and --force to a command, which gets them as one argument, `destination`."""

    @functools.wraps(command)
    def with_destination(*, output: str | None, force: bool, **options: Any) -> Any:
        return command(destination=Destination(None if output == STDOUT else output, force), **options)

    decorated: Callable[..., Any] = with_destination
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


FORCE_OPTION = click.option("--force", is_flag=True, help=FORCE)
_OPTIONS = (
    click.option("-o", "--output", metavar="FILE", type=click.Path(), help="Write to FILE, a path or a URL, instead of standard output."),
    FORCE_OPTION,
)
