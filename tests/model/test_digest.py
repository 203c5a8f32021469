"""What the overview keeps of many connections."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.model import digest as module
from tcptrace_py.model.digest import Digest
from tcptrace_py.model.results import Service
from tcptrace_py.model.trouble import TROUBLES

REFUSED = TROUBLES["refused"]
MOST = 4


def groups(frames: list[int], ports: dict[int, int]) -> list[tuple[int, int, int]]:
    """Port, first frame and count of each group, of refused connections that come in this order."""
    digest = Digest()
    for frame in frames:
        digest.add_trouble(REFUSED, ("10.0.0.1", "10.0.0.2", ports[frame]), frame, frame, frame)
    assert digest.troubled == len(frames)
    return [(group.port, group.first_frame, group.count) for group in digest.groups()]


@given(st.permutations(range(1, 40)))
def test_a_scan_lists_the_first_services_in_whatever_order_they_end(frames: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_GROUPS", MOST)
        assert groups(frames, {frame: frame for frame in frames}) == [(frame, frame, 1) for frame in range(1, MOST + 1)]


@given(st.permutations(range(1, 9)), st.integers(0, 8))
def test_a_group_tells_from_when_until_when_however_it_is_split(times_ns: list[int], cut: int) -> None:
    parts = Digest(), Digest()
    for number, time_ns in enumerate(times_ns):
        parts[number >= cut].add_trouble(REFUSED, ("10.0.0.1", "10.0.0.2", 80), time_ns, time_ns, time_ns)
    parts[0].merge(parts[1])
    (group,) = parts[0].groups()
    assert (group.first_at_ns, group.last_at_ns, group.first_frame, group.count) == (1, 8, 1, 8)


def test_the_largest_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_GROUPS", MOST)
    ports = {frame: 80 if frame in (3, 5, 9) else frame for frame in range(1, 20)}
    assert groups(list(ports), ports) == [(80, 3, 3), (1, 1, 1), (2, 2, 1), (4, 4, 1)]


@given(st.permutations(range(1, 40)))
def test_the_busiest_services_are_listed_in_whatever_order_they_were_counted(ports: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_GROUPS", MOST)
        digest = Digest()
        digest.list_services(Service("10.0.0.2", port, connections=port % 9) for port in ports)
    kept = sorted(range(1, 40), key=lambda port: (-(port % 9), port))[:MOST]
    assert [service.port for service in digest.busiest()] == kept
    assert digest.left_out == sum(port % 9 for port in range(1, 40)) - sum(port % 9 for port in kept)
