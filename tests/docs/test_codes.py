"""Every code that a problem or an anomaly can have is explained in docs/problems.md, and no other."""

from __future__ import annotations

import re

import pytest

from samples.make import FOLDER, stories
from tcptrace_py import CaptureError, analyze
from tests.thorough import every

from .codes import _in, codes
from .pages import ROOT

PAGE = ROOT / "docs" / "problems.md"
EXPLAINED = set(re.findall(r"^\| `([a-z0-9-]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE))


def test_every_code_is_explained() -> None:
    missing = {code: file for code, file in codes().items() if code not in EXPLAINED}
    assert missing == {}


def test_no_code_is_explained_that_nothing_prints() -> None:
    assert EXPLAINED - set(codes()) == set()


@pytest.mark.parametrize("name", every(4, sorted(told.file for told in stories() if told.theme != "pileups")))
def test_what_samples_print_is_explained(name: str) -> None:
    try:
        result = analyze(FOLDER / name)
    except CaptureError:
        return
    printed = {problem.code for problem in result.capture.problems}
    printed |= {anomaly.code for connection in result for anomaly in connection.anomalies}
    assert printed <= EXPLAINED


def test_codes_are_found_where_they_are_named() -> None:
    source = 'problems.add("snapped", text)\nfound.append(("bad-flags", "why"))\nX = {"midstream": "it began before"}\n'
    assert set(_in(source)) == {"snapped", "bad-flags", "midstream"}
    assert set(_in('seen.add("not a code")\nY = {"a": 1}\n')) == set()
