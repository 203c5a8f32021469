"""Every word that documents hold can be looked up, and says something of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tcptrace_py
from tcptrace_py import glossary
from tcptrace_py.checks.registry import all_rules
from tcptrace_py.findings import withholding
from tcptrace_py.findings.withholding import HIDDEN
from tcptrace_py.model.finding import Code, Gravity
from tcptrace_py.model.state import Basis, State
from tcptrace_py.model.vocabulary import Cause, Confidence, EndedBy, Kind, Outcome, Pattern, Role, Vantage
from tcptrace_py.outputs.time_wait import advice

from .docs.codes import codes

NOT_TO_DO = ("tcp_tw_recycle", "tcp_fin_timeout", "tcp_max_tw_buckets", "so_linger", "tcp_tw_reuse_without_timestamps")
REASONS = re.findall(r'yield Withheld\(\s*"[a-z-]+",\s*"([a-z-]+)"', Path(str(withholding.__file__)).read_text("utf-8"))
WORDS = {
    "finding": [*Code],
    "rule": [rule.NAME for rule in all_rules()],
    "outcome": [*Outcome],
    "handshake": [*Kind],
    "teardown": [*Pattern],
    "cause": [*Cause],
    "state": [state.name for state in State],
    "basis": [*Basis],
    "role": [*Role],
    "vantage": [*Vantage],
    "end": [*EndedBy],
    "advice": [code for code in advice.CODES if code not in ("check-less-often", *NOT_TO_DO)],
    "reason": REASONS,
    "severity": [*Gravity],
    "confidence": [*Confidence],
    "withheld": sorted({what for hidden in HIDDEN.values() for what in hidden} | {"port-budget"}),
}


@pytest.mark.parametrize("kind", WORDS)
def test_every_word_of_a_kind_is_explained(kind: str) -> None:
    explained = {entry.word for entry in glossary.entries() if entry.kind == kind}
    assert set(map(str, WORDS[kind])) <= explained


def test_reasons_are_found_where_they_are_given() -> None:
    assert len(set(REASONS)) == 2
    assert not glossary.look_up("no-such-reason")


def test_every_code_is_explained() -> None:
    explained = {entry.word for entry in glossary.entries() if entry.kind in ("problem", "anomaly")}
    assert set(codes()) <= explained


def test_every_code_of_a_verdict_is_explained() -> None:
    package = Path(tcptrace_py.__file__).parent / "checks"
    found = {code for path in package.rglob("*.py") for code in re.findall(r'"(T[SD]\d{3})"', path.read_text("utf-8"))}
    assert len(found) > 40
    assert not [code for code in sorted(found) if not glossary.look_up(code)]


def test_what_a_word_means_is_not_the_word() -> None:
    for entry in glossary.entries():
        assert entry.meaning, entry
        assert entry.meaning.strip(" .").casefold() != entry.word.replace("-", " ").casefold(), entry
        assert "](" not in entry.meaning, entry


@pytest.mark.parametrize(
    ("word", "kinds"),
    [
        ("TIME_WAIT", {"state", "withheld", "comparison"}),
        ("time-wait", {"state", "withheld", "comparison"}),
        ("refused", {"outcome", "cause"}),
        ("ts302", {"rule"}),
        ("Zero-Window", {"anomaly"}),
        ("no-such-word", set()),
    ],
)
def test_words_are_found_however_they_are_written(word: str, kinds: set[str]) -> None:
    assert {entry.kind for entry in glossary.look_up(word)} >= kinds
    assert bool(glossary.look_up(word)) == bool(kinds)


@pytest.mark.parametrize(("word", "kind"), [("finding", "finding"), ("anomalies", "anomaly"), ("bases", "basis"), ("TIME_WAIT", None)])
def test_kinds_have_names_for_one_and_for_several(word: str, kind: str | None) -> None:
    found = glossary.kind_of(word)
    assert (found and found.name) == kind


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("port-exhausted", "ports-exhausted"), ("TIMEWAIT", "TIME_WAIT"), ("anomalie", "anomalies"), ("extrakt", "extract")],
)
def test_misspelt_words_get_suggestions(wrong: str, meant: str) -> None:
    assert meant.casefold() in [near.casefold().replace("time-wait", "time_wait") for near in glossary.nearest(wrong, ("extract",))]
