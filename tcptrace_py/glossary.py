"""What every word that is printed means: gathered from where each is defined, for `tcpstates help`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .checks.diff.compare import COMPARISONS
from .checks.diff.held import HELD
from .checks.registry import all_rules
from .checks.registry import doc_of as rule_doc
from .checks.tables import TABLES
from .findings.naming import doc_of as cause_doc
from .model.diagnosis import PATTERNS as USES
from .model.explained import ADVICE, ANOMALIES, DAMAGE, PROPERTIES
from .model.finding import Code
from .outputs import phrases
from .states.diagram import EVENTS, MEANINGS
from .states.machine import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .model.explained import Explained

_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
_MARKED = re.compile(r"\*+([^*]+)\*+")
_SOURCES = re.compile(r" \(\*\*[A-Z]\*\*(, \*\*[A-Z]\*\*)*\)")  # where a statement is from, as docs/time-wait.md marks it
NEAREST = 4  # suggestions for a word that is not there


class Kind(NamedTuple):
    """A kind of words: its name, that of several, what such words are, and where they come from."""

    name: str
    plural: str
    about: str
    words: Callable[[str], Iterable[Entry]]

    def entries(self) -> list[Entry]:
        """All words of the kind."""
        return list(self.words(self.name))


@dataclass(frozen=True, slots=True)
class Entry:
    """A word, the name of its kind, what it means, and more paragraphs with a label each; `also`: other names of it."""

    word: str
    kind: str
    meaning: str
    more: tuple[tuple[str, str], ...] = ()
    also: tuple[str, ...] = ()


def entries() -> list[Entry]:
    """All words, by kind."""
    return [entry for kind in KINDS for entry in kind.entries()]


def look_up(word: str) -> list[Entry]:
    """What has this name: case, hyphens and underscores make no difference."""
    asked = _plain(word)
    return [entry for entry in entries() if asked in map(_plain, (entry.word, *entry.also))]


def kind_of(word: str) -> Kind | None:
    """The kind that has this name, for one or for several; None for any other word."""
    asked = _plain(word)
    return next((kind for kind in KINDS if asked in (_plain(kind.name), _plain(kind.plural))), None)


def nearest(word: str, others: tuple[str, ...] = ()) -> list[str]:
    """Words like one that is not there; `others` may be meant as well."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    names = {_plain(name): name for entry in entries() for name in (entry.word, *entry.also)}
    names |= {_plain(name): name for kind in KINDS for name in (kind.name, kind.plural)} | {name: name for name in others}
    asked = _plain(word)
    inside = sorted(name for plain, name in names.items() if len(asked) > 2 and asked in plain)
    near = [names[plain] for plain in get_close_matches(asked, list(names), n=NEAREST, cutoff=0.6)]
    return list(dict.fromkeys([*near, *inside]))[:NEAREST]


def _plain(word: str) -> str:
    return word.strip().casefold().replace("_", "-").replace(" ", "-")


def _prose(text: str) -> str:
    """Markdown as plain text."""
    return _MARKED.sub(r"\1", _LINK.sub(r"\1", _SOURCES.sub("", text)))


def _words(of: Mapping[str, str]) -> Callable[[str], Iterator[Entry]]:
    return lambda kind: (Entry(word, kind, meaning) for word, meaning in of.items())


def _explained(*tables: Mapping[str, Explained]) -> Callable[[str], Iterator[Entry]]:
    return lambda kind: (
        Entry(code, kind, _prose(row.meaning), (("What to do", _prose(row.remedy)),)) for table in tables for code, row in table.items()
    )


def _rules(kind: str) -> Iterator[Entry]:
    for rule in all_rules():
        doc = rule_doc(rule)
        about = (("", "\n".join(" ".join(part.split()) for part in doc.about.split("\n\n"))),) if doc.about else ()
        more = (*about, ("Breaks it", doc.breaks), ("What to do", doc.fix), ("Limits and an example", f"tcpstates rules {rule.NAME}"))
        yield Entry(rule.NAME, kind, doc.title, more, (rule.CODE,))


def _comparisons(kind: str) -> Iterator[Entry]:
    for row in (*COMPARISONS, *HELD):
        yield Entry(row.name, kind, row.title, (("What to do", row.remedy),), (row.code,))


def _findings(kind: str) -> Iterator[Entry]:
    for code in sorted(Code, key=str):
        doc = cause_doc(code)
        yield Entry(
            str(code),
            kind,
            " ".join(doc.title.split()),
            (("What shows it", doc.shows), ("What else could look so", doc.look_alikes), ("What to do", doc.remedy)),
        )


def _advice(kind: str) -> Iterator[Entry]:
    for code, row in ADVICE.items():
        yield Entry(code, kind, _prose(row.text), (("Price", _prose(row.price)),))


def _states(kind: str) -> Iterator[Entry]:
    for state, meaning in MEANINGS.items():
        left = "\n".join(f"{following.name}: {why} (RFC 9293, {section})" for at, _, following, section, why in TABLE if at == state)
        yield Entry(state.name, kind, meaning, (("What it goes on to", left),))


def _events(kind: str) -> Iterator[Entry]:
    return (Entry(event.name, kind, meaning) for event, meaning in EVENTS.items())


def _columns(kind: str) -> Iterator[Entry]:
    """Columns of the tables of SQL, of which one is csv's; the same name with the same meaning is one."""
    found: dict[tuple[str, str], list[str]] = {}
    for table in TABLES:
        where = f"query, table {table.name}" + (", and csv" if table.name == "connections" else "")
        for row in table.columns:
            found.setdefault((row.name, row.meaning), []).append(where)
    for (name, meaning), places in found.items():
        yield Entry(name, kind, meaning, (("Where", "; ".join(places)),))


KINDS = (
    Kind("finding", "findings", "causes that analyze names", _findings),
    Kind("rule", "rules", "what check can check", _rules),
    Kind("comparison", "comparisons", "what diff compares", _comparisons),
    Kind("problem", "problems", "what limits the conclusions from a capture", _explained(DAMAGE, PROPERTIES)),
    Kind("anomaly", "anomalies", "segments that are out of the ordinary in their connection", _explained(ANOMALIES)),
    Kind("outcome", "outcomes", "what came of a handshake", _words(phrases.OUTCOME_MEANINGS)),
    Kind("handshake", "handshakes", "kinds of handshakes", _words(phrases.KINDS)),
    Kind("teardown", "teardowns", "how a connection ended", _words(phrases.PATTERNS)),
    Kind("cause", "causes", "why a reset was sent", _words(phrases.CAUSES)),
    Kind("state", "states", "states of RFC 9293", _states),
    Kind("event", "events", "what moves a side from state to state", _events),
    Kind("basis", "bases", "how firmly a change of state is known", _words(phrases.BASES)),
    Kind("pattern", "patterns", "how a client uses its connections to a service (time-wait)", _words(USES)),
    Kind("advice", "advice", "what to do about TIME_WAIT, in this order", _advice),
    Kind("role", "roles", "sides of a connection, and who sent a reset", _words(phrases.ROLES)),
    Kind("vantage", "vantages", "where a capture was taken", _words(phrases.VANTAGES)),
    Kind("end", "ends", "how a stay in TIME_WAIT ended", _words(phrases.ENDED_BY)),
    Kind("withheld", "withheld", "conclusions that a capture may not allow", _words(phrases.SUBJECTS)),
    Kind("reason", "reasons", "why a conclusion is withheld, besides problems of the capture", _words(phrases.REASONS)),
    Kind("severity", "severities", "how bad a finding is", _words(phrases.SEVERITIES)),
    Kind("confidence", "confidences", "how sure a judgement is", _words(phrases.CONFIDENCES)),
    Kind("column", "columns", "columns of csv and of the tables of query", _columns),
)
