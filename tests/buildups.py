"""The recorded build-ups, analysed once for all tests that look at them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py import analyze
from tcptrace_py.findings.diagnosis import diagnose

if TYPE_CHECKING:
    from tcptrace_py.model.diagnosis import Diagnosis
    from tcptrace_py.model.results import Analysis

SAMPLES = Path(__file__).parents[1] / "samples"
NAMES = sorted(path.name for path in SAMPLES.glob("buildup-*.pcap.xz"))
MANY_BYTES = 200_000  # larger ones take seconds


def largest_slow(names: list[str]) -> list[object]:
    """All of these samples, the largest as slow tests."""
    return [pytest.param(name, marks=[pytest.mark.slow] * ((SAMPLES / name).stat().st_size > MANY_BYTES), id=name) for name in names]


@cache
def analysis(name: str) -> Analysis:
    """The analysis of a sample, by its file's name; nobody may change it."""
    return analyze(SAMPLES / name)


@cache
def diagnosis(name: str) -> Diagnosis:
    """What time-wait says of it."""
    return diagnose(analysis(name))


def counts(name: str) -> dict[str, Any]:
    """What sock_diag counted while it was recorded."""
    found = json.loads((SAMPLES / "truth" / f"{name.partition('.')[0]}.counts.json").read_text())
    assert isinstance(found, dict)
    return found
