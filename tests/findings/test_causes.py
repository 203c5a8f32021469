"""Causes: what shows one, what nearly does and must not, and what is left when the evidence is cut away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcptrace_py import analyze
from tcptrace_py.findings import causes, docs
from tcptrace_py.findings.naming import doc_of
from tcptrace_py.model.finding import Code
from tests.ladder import CLIENT, CLIENT_ISN, PORT, SERVER, SERVICE, key_of, ladder, play

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tcptrace_py.model.finding import Finding
    from tests.ladder import Seg

HERE = Path(__file__).parent / "causes"
OTHER = "10.0.0.99"


def only(segments: Iterable[Seg], code: str, *, end_s: float | None = None) -> Finding | None:
    """The only finding of a code, None where there is none; the overview says the same as where all rows are kept."""
    kept = sorted(segments, key=lambda segment: segment.time_ns)
    found = [finding for finding in play(kept, end_s=end_s).findings if finding.code == code]
    assert found == [finding for finding in play(kept, end_s=end_s, keep_rows=False).findings if finding.code == code]
    assert len(found) < 2
    return found[0] if found else None


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_file_that_explains_it(code: Code) -> None:
    doc = doc_of(code)
    assert doc.title.endswith(".")
    assert doc.shows
    assert doc.look_alikes
    assert doc.remedy


def test_every_file_is_a_code() -> None:
    files = {path.stem.replace("_", "-") for path in Path(causes.__file__).parent.glob("[a-z]*.py")}
    assert files == set(map(str, Code))
    assert (Path(__file__).parents[2] / "docs" / "findings.md").read_text("utf-8") == docs.page()


@pytest.mark.parametrize(
    ("name", "code", "connections", "details"),
    [
        ("half-translated-synack", "half-translated", 4, {"asked": "10.96.0.29:7800", "answered_from": "10.244.1.189:7800"}),
        ("half-translated-data", "half-translated", 3, {"asked": "10.96.0.50:6379", "answered_from": "10.244.3.9:6379"}),
        ("injected-reset", "injected-reset", 1, {"sender_ttl": 60, "reset_ttl": 128}),
    ],
)
def test_recorded_captures_show_their_cause(name: str, code: str, connections: int, details: dict[str, object]) -> None:
    (path,) = HERE.glob(f"{name}.pcap*")
    (finding,) = [finding for finding in analyze([path]).findings if finding.severity == "problem"]
    assert (finding.code, finding.connections, finding.details, finding.confidence) == (code, connections, details, "high")
    assert finding.first_frame is not None
    assert str(finding.first_frame) != ""


# -- half-translated ------------------------------------------------------------------------------------------------------------------

ASKED = ladder("0 C S\n1 C S seq=0\n3 C S seq=0")


def answered(isn: int = CLIENT_ISN, *, reset: bool = True, port: int = PORT) -> list[Seg]:
    """A SYN/ACK from another address to the same port, and the client's RST."""
    answer = ladder("0.01 S SA\n0.02 C R seq=1" if reset else "0.01 S SA", server=OTHER, isns=(isn, 7000), port=port)
    return [replace(answer[0], ack=(isn + 1) % 2**32), *answer[1:]]


def test_an_answer_from_another_address_with_fitting_numbers_is_half_translated() -> None:
    finding = only([*ASKED, *answered()], "half-translated", end_s=20)
    assert finding is not None
    assert (finding.client, finding.server, finding.server_port, finding.connections) == (CLIENT, SERVER, SERVICE, 1)
    assert finding.details == {"asked": f"{SERVER}:{SERVICE}", "answered_from": f"{OTHER}:{SERVICE}"}


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param([*ASKED, *answered(isn=CLIENT_ISN + 1000)], id="other numbers"),
        pytest.param([*ASKED, *answered(port=PORT + 1)], id="another port"),
        pytest.param(ASKED, id="no answer captured"),
        pytest.param([*ladder("0 C S\n0.01 S SA\n0.02 C A\n1 C R seq=1"), *answered()], id="the client was answered as well"),
        pytest.param(
            [*ASKED, *(replace(segment, key=key_of(CLIENT, PORT, OTHER, SERVICE) if segment.key[:4] == key_of(CLIENT, 1, SERVER, 1)[:4]
                               else key_of(OTHER, SERVICE, CLIENT, PORT)) for segment in ladder("0 C S\n0.01 S SA\n0.02 C A"))],
            id="both sides of a NAT",
        ),
    ],
)
def test_what_only_looks_half_translated_is_not(segments: list[Seg]) -> None:
    assert only(segments, "half-translated", end_s=20) is None


# -- injected-reset -------------------------------------------------------------------------------------------------------------------

OPEN = """
    0 C S ttl=64
    0.01 S SA ttl=52
    0.02 C A ttl=64
    0.10 C PA len=100 ttl=64
    0.11 S A ttl=52
    0.12 S PA len=50 ttl=52
    0.13 C A ttl=64
"""


def test_a_reset_with_another_ttl_whose_sender_goes_on_is_injected() -> None:
    finding = only(ladder(OPEN + "0.2 S R ttl=61\n0.25 S PA len=50 ttl=52"), "injected-reset")
    assert finding is not None
    assert (finding.details, finding.confidence) == ({"sender_ttl": 52, "reset_ttl": 61}, "high")


@pytest.mark.parametrize("end", ["0.2 S R ttl=52", "0.2 S RA ttl=52", "0.2 C R ttl=64"])
def test_a_reset_of_the_side_itself_is_not(end: str) -> None:
    assert only(ladder(OPEN + end), "injected-reset") is None


def test_where_the_reset_is_all_there_is_nothing_is_said() -> None:
    assert only(ladder("0.2 S R seq=5 ttl=61"), "injected-reset") is None


