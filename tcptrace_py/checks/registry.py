"""The rules: every module in `rules` is one, found by its file; nothing else has to know it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from tcptrace_py.model.errors import UsageError, did_you_mean

from . import rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.model.report import Measure

    from .facts import Facts

_COMPARED = re.compile(r"TD\d{3}")
_PART = re.compile(r"^(Breaks|Fix|TOML):[ \n]", re.MULTILINE)


class Rule(Protocol):
    """What a module in `rules` offers.

    Its docstring is its documentation: a first line that says what holds if all is well, what it is about, then
    `Breaks:`, `Fix:` and `TOML:` (an example). `Limits` is a frozen dataclass of parameters (see `params`); it raises
    UsageError for limits that make no sense together. `check` is a pure function: it yields no measure where nothing
    was there to be measured. `NEEDS` (none without it) names conclusions, as in `Analysis.withheld`, without which it proves
    nothing; it holds `IN_SPITE_OF` some reasons to withhold them. What a rule that is `SURE` finds is there even so.
    """

    __doc__: str | None
    CODE: str
    NAME: str
    Limits: type[Any]

    def check(self, facts: Facts, limits: Any) -> Iterator[Measure]:
        """Measure what is in scope against the limits."""


@dataclass(frozen=True)
class Doc:
    """A rule's docstring in its parts; `example` is TOML."""

    title: str
    about: str
    breaks: str
    fix: str
    example: str


def doc_of(rule: Rule) -> Doc:
    """Take a rule's docstring apart. Raises ValueError where a part is missing."""
    head, *parts = _PART.split(cleandoc(rule.__doc__ or ""))
    title, _, about = head.strip().partition("\n")
    found = dict(zip(parts[::2], (part.strip("\n") for part in parts[1::2]), strict=True))
    if set(found) != {"Breaks", "Fix", "TOML"}:
        raise ValueError(f"{rule.NAME}: its docstring needs Breaks, Fix and TOML")
    return Doc(title, about.strip(), found["Breaks"].strip(), found["Fix"].strip(), cleandoc("\n" + found["TOML"]))


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule, by code."""
    names = sorted(path.stem for path in Path(rules.__path__[0]).glob("[a-z]*.py"))
    found = (cast("Rule", import_module(f"{rules.__name__}.{name}")) for name in names)
    return tuple(sorted(found, key=lambda rule: rule.CODE))


def find(name: str) -> Rule:
    """The rule of this name or code. Raises UsageError where there is none, with the nearest."""
    for rule in all_rules():
        if name in (rule.NAME, rule.CODE) or name.upper() == rule.CODE:
            return rule
    if _COMPARED.fullmatch(name.upper()):
        raise UsageError(f"{name} is a comparison of `tcpstates diff`, no rule: its verdict says what to look at")
    names = [rule.NAME for rule in all_rules()]
    hint = did_you_mean(name, names + [rule.CODE for rule in all_rules()])
    raise UsageError(f"there is no rule {name!r}{hint or '; `tcpstates rules` lists them'}")
