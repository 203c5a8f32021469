"""What commands that pick single connections share: which ones, of all that were analysed."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from tcptrace_py.model.state import State
from tcptrace_py.outputs.phrases import CAUSES, OUTCOMES, PATTERNS, ROLES
from tcptrace_py.outputs.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcptrace_py.model.reference import Reference

    Choices = click.Choice[str]
else:
    Choices = click.Choice  # not generic before click 8.2


class States(Choices):
    """Names of states, in any case, with hyphens or underscores."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read one."""
        return super().convert(value.replace("-", "_") if isinstance(value, str) else value, param, ctx)


STATES = States([state.name for state in State], case_sensitive=False)
NAMED = f"({', '.join(state.name for state in State)})"


@dataclass(frozen=True)
class Choice:
    """Words that connections are picked by; an empty set lets everything through."""

    outcomes: frozenset[str]
    patterns: frozenset[str]
    states: frozenset[str]
    final_states: frozenset[str]
    reset_by: frozenset[str]
    causes: frozenset[str]
    streams: frozenset[int]

    @property
    def which(self) -> list[Reference]:
        """The connections that are named one by one."""
        from tcptrace_py.model.reference import Reference

        return [Reference(stream=stream) for stream in sorted(self.streams)]

    def view(self, **page: Any) -> View:
        """The view of an analysis that shows these; `page` is what else it is made of."""
        return View(
            outcomes=self.outcomes,
            patterns=self.patterns,
            states=self.states,
            final_states=self.final_states,
            reset_by=self.reset_by,
            causes=self.causes,
            streams=self.streams,
            **page,
        )


def choosing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as one argument, `choice`."""

    @functools.wraps(command)
    def with_choice(**options: Any) -> Any:
        choice = Choice(**{name: frozenset(options.pop(name)) for name in Choice.__dataclass_fields__})
        return command(choice=choice, **options)

    decorated: Callable[..., Any] = with_choice
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


_OPTIONS = (
    click.option(
        "--outcome",
        "outcomes",
        type=click.Choice(list(OUTCOMES)),
        multiple=True,
        help="Only connections whose handshake ended so; may be repeated.",
    ),
    click.option(
        "--teardown",
        "patterns",
        type=click.Choice(list(PATTERNS)),
        multiple=True,
        help="Only connections with this teardown pattern; may be repeated.",
    ),
    click.option(
        "--state",
        "states",
        metavar="STATE",
        type=STATES,
        multiple=True,
        help=f"Only connections of which a side passed through this state; may be repeated. {NAMED}",
    ),
    click.option(
        "--final-state",
        "final_states",
        metavar="STATE",
        type=STATES,
        multiple=True,
        help="Only connections of which a side is in this state at the capture's end; may be repeated.",
    ),
    click.option(
        "--reset-by",
        "reset_by",
        type=click.Choice(list(ROLES)),
        multiple=True,
        help="Only connections with a reset of this sender; between: of neither side. May be repeated.",
    ),
    click.option(
        "--cause",
        "causes",
        metavar="CAUSE",
        type=click.Choice(list(CAUSES)),
        multiple=True,
        help="Only connections with a reset of this cause; with --reset-by, one reset must be both. May be repeated. "
        f"({', '.join(CAUSES)})",
    ),
    click.option(
        "--stream",
        "streams",
        metavar="N",
        type=click.IntRange(min=0),
        multiple=True,
        help="Only the connection with Wireshark's tcp.stream N; may be repeated.",
    ),
)
