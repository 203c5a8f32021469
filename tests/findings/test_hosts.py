"""What is told of addresses, beside what the laws hold of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.ladder import CLIENT, CLOSE, HANDSHAKE, START_NS, ladder, play


@pytest.mark.parametrize("begin_ns", [-5_000_000_000_000, -1, 0, 1, START_NS])
def test_their_connections_may_have_begun_before_1970(begin_ns: int) -> None:
    segments = [replace(segment, time_ns=segment.time_ns - START_NS + begin_ns) for segment in ladder(HANDSHAKE + CLOSE)]
    host = play(segments).hosts[CLIENT]
    assert (host.first_ns, host.last_ns) == (begin_ns, begin_ns)
