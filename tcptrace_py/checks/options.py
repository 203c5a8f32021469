"""The commonest limits as options of the command line: a word or a number for what a rule in a file would say."""

from __future__ import annotations

from typing import Any, NamedTuple

from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.report import Origin

from .engine import Check
from .params import did_you_mean, params_of
from .registry import find
from .rules.anomalies import ALL as ANOMALIES
from .rules.resets import CAUSES
from .rules.teardown_pattern import PATTERNS


class Shorthand(NamedTuple):
    """An option: which rule's which limit it sets."""

    option: str
    metavar: str
    rule: str
    limit: str
    meaning: str


SHORTHANDS = (
    Shorthand("--max-handshake-p50", "TIME", "handshake-latency", "p50",
              "Half of the handshakes complete within this time (5ms)."),
    Shorthand("--max-handshake-p90", "TIME", "handshake-latency", "p90",
              "Nine in ten handshakes do."),
    Shorthand("--max-handshake-p99", "TIME", "handshake-latency", "p99",
              "99 in a hundred handshakes do (50ms)."),
    Shorthand("--max-handshake", "TIME", "handshake-latency", "max",
              "All handshakes do."),
    Shorthand("--max-syn-retransmissions", "SHARE", "syn-retransmissions", "max_share",
              "So many of the handshakes may need a SYN or SYN/ACK sent again (1%)."),
    Shorthand("--max-retransmissions", "SHARE", "data-retransmissions", "max_share",
              "So many of the segments may repeat data (1%)."),
    Shorthand("--max-resets", "N", "resets", "max",
              "So many connections may be cut off by a reset."),
    Shorthand("--closes-first", "SIDE", "closes-first", "side",
              "This side closes first: client or server."),
    Shorthand("--max-time-wait", "N", "time-wait-peak", "max",
              "So many TIME_WAIT at once on any host."),
    Shorthand("--max-ports-used", "SHARE", "port-budget", "max_used",
              "So many of a client's local ports towards a service (50%)."),
    Shorthand("--max-connections", "N", "connections-per-service", "max",
              "So many connections from one client to one service."),
    Shorthand("--max-close-wait", "TIME", "close-wait", "limit",
              "Nobody stays longer in CLOSE_WAIT (5s)."),
    Shorthand("--max-fin-wait-2", "TIME", "fin-wait-2", "limit",
              "Nobody stays longer in FIN_WAIT_2."),
    Shorthand("--max-last-ack", "TIME", "last-ack", "limit",
              "Nobody stays longer in LAST_ACK."),
    Shorthand("--max-left-open", "N", "left-open", "max",
              "So many connections may be open at the end of the capture."),
)  # fmt: skip

# What --forbid takes: a word of the analysis, and the rule that forbids it. Of equal words the first counts.
_OUTCOMES = {name: f"{name}-handshakes" for name in ("refused", "unanswered", "half-open", "aborted")}
_BARE = {**_OUTCOMES, "zero-window": "zero-windows", "open": "left-open", "syn-retransmission": "syn-retransmissions"}
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
