"""Many described connections wait in a file, and nobody can tell."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path

import pytest

from tcptrace_py import analyze
from tcptrace_py.facts import store
from tcptrace_py.model.errors import CaptureError
from tcptrace_py.outputs.formats import json, jsonl
from tcptrace_py.outputs.view import View
from tcptrace_py.pipeline import collecting

SAMPLE = Path(__file__).parents[2] / "samples" / "buildup-health-checks.server.pcap.xz"


def printed(form: object) -> str:
    out = StringIO()
    form.write(analyze(SAMPLE), View(), out)  # type: ignore[attr-defined]
    return out.getvalue()


@pytest.mark.parametrize("has_places", [True, False])
@pytest.mark.parametrize("form", [json, jsonl], ids=["json", "jsonl"])
def test_a_file_changes_nothing(form: object, has_places: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    before = printed(form)
    monkeypatch.setattr(store, "HAS_PLACES", has_places)  # without them, as on Windows
    monkeypatch.setattr(store.Connections.__init__, "__defaults__", (1,))
    monkeypatch.setattr(collecting, "ROWS", 5)
    assert printed(form) == before


def test_they_can_be_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.Connections.__init__, "__defaults__", (1,))
    monkeypatch.setattr(collecting, "ROWS", 5)
    result = analyze(SAMPLE)
    assert [row.id for row in result] == [row.id for row in result] == list(range(len(result)))
    assert [row.first_frame for row in result] == sorted(row.first_frame for row in result)
    assert len(list(result.connections)) == len(result) > 10


def test_no_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(store.Connections.__init__, "__defaults__", (1,))
    monkeypatch.setattr(collecting, "ROWS", 5)
    monkeypatch.setattr("tempfile.tempdir", os.fspath(tmp_path / "gone"))
    with pytest.raises(CaptureError, match="no temporary file for this many connections: No such file"):
        analyze(SAMPLE)
