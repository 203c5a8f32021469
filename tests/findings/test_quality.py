"""What limits a capture's conclusions, in words: which segments alone were captured, and how coarse the clock is."""

from __future__ import annotations

import pytest

from tcptrace_py.findings.quality import Quality
from tests.ladder import ladder, segment_block

SYN_FIN = "0 C S\n0.1 S SA\n1 C FA\n1.1 S FA"
RESETS = "0 C R seq=1\n0.1 S RA\n"


@pytest.mark.parametrize(
    ("text", "connections", "lack", "words"),
    [
        pytest.param(SYN_FIN, 1, False, "SYN, FIN and RST", id="SYN, FIN and RST"),
        pytest.param(SYN_FIN + "\n2 C R", 1, False, "SYN, FIN and RST", id="with a RST"),
        pytest.param("0 C S\n0.1 C2 S", 2, True, "SYNs", id="SYNs"),
        pytest.param("0 C S\n0.1 C2 S", 2, False, "", id="SYNs that are sent again"),
        pytest.param("0 C S\n0.1 S SA", 1, True, "segments that open or reset", id="SYN/ACKs as well"),
        pytest.param("0 C S\n0.1 S RA", 1, True, "segments that open or reset", id="RSTs as well"),
        pytest.param(RESETS, 2, False, "RSTs", id="RSTs"),
        pytest.param(RESETS, 1, False, "", id="RSTs of one connection"),
        pytest.param(SYN_FIN + "\n1.2 C A", 1, False, "", id="one ACK is enough"),
        pytest.param("", 0, False, "", id="nothing"),
    ],
)
def test_what_alone_was_captured(text: str, connections: int, lack: bool, words: str) -> None:
    quality = Quality()
    if text:
        quality.segments(segment_block(ladder(text)))
    assert quality.filtered(connections, answers_lack=lambda: lack) == words
