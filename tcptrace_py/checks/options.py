"""The commonest limits as options of the command line: a word or a number for what a rule in a file would say."""

from __future__ import annotations

from typing import Any

from tcptrace_py.model.errors import UsageError, did_you_mean
from tcptrace_py.model.report import Origin

from .engine import Check
from .params import params_of
from .registry import find
from .rules.anomalies import ALL as ANOMALIES
from .rules.capture_quality import PROBLEMS
from .rules.resets import CAUSES
from .rules.teardown_pattern import PATTERNS
from .shorthands import SHORTHANDS

# What --forbid takes: a word of the analysis, and the rule that forbids it. Of equal words the first counts.
_OUTCOMES = {name: f"{name}-handshakes" for name in ("refused", "unanswered", "half-open", "aborted")}
_BARE = {
    **_OUTCOMES,
    "refused-by-time-wait": "refused-by-time-wait",
    "zero-window": "zero-windows",
    "open": "left-open",
    "syn-retransmission": "syn-retransmissions",
}
FORBIDDEN = tuple(dict.fromkeys((*_BARE, *(pattern for pattern in PATTERNS if pattern != "none"), *CAUSES, *ANOMALIES)))


def from_options(limits: dict[str, str], forbidden: tuple[str, ...] = ()) -> list[Check]:
    """Make checks of options: `limits` by option as it was typed, and the words of --forbid. Raises UsageError."""
    by_rule: dict[str, tuple[list[str], dict[str, Any]]] = {}
    for shorthand in SHORTHANDS:
        if (value := limits.get(shorthand.option)) is not None:
            options, values = by_rule.setdefault(shorthand.rule, ([], {}))
            options.append(f"{shorthand.option} {value}")
            try:
                values[shorthand.limit] = params_of(find(shorthand.rule).Limits)[shorthand.limit].kind.read(value)
            except UsageError as error:
                raise UsageError(f"{shorthand.option}: {error}") from None
    return [_check(rule, values, " ".join(options)) for rule, (options, values) in by_rule.items()] + [
        _check(*_forbid(word), f"--forbid {word}") for word in forbidden
    ]


def accepted(codes: tuple[str, ...]) -> tuple[str, ...]:
    """The words of --allow: problems of the capture that are accepted. Raises UsageError for others."""
    for code in codes:
        if code not in PROBLEMS:
            raise UsageError(f"--allow: {code!r} is not one of {', '.join(PROBLEMS)}{did_you_mean(code, PROBLEMS)}")
    return codes


def _check(rule: str, values: dict[str, Any], text: str) -> Check:
    found = find(rule)
    try:
        return Check(found, found.Limits(**values), origin=Origin(text))
    except UsageError as error:
        raise UsageError(f"{text}: {error}") from None


def _forbid(word: str) -> tuple[str, dict[str, Any]]:
    if word in _BARE:
        return _BARE[word], {}
    if word in PATTERNS and word != "none":
        return "teardown-pattern", {"forbid": (word,)}
    if word in CAUSES:
        return "resets", {"causes": (word,)}
    if word in ANOMALIES:
        return "anomalies", {"forbid": (word,)}
    hint = did_you_mean(word, FORBIDDEN) or f"; one of {', '.join(FORBIDDEN)}"
    raise UsageError(f"--forbid: nothing is called {word!r}{hint}")
