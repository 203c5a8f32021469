"""What `time-wait` says of local ports, sentence by sentence: when there is danger, when there is none, and when nothing is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.outputs.time_wait import verdict

if TYPE_CHECKING:
    from collections.abc import Callable


def danger(
    *, short: bool = False, range_from: str = "option", held: int = 100, per_s: float = 1.0, profile: str = "linux", stops: bool = True
) -> str:
    """What is said where at most so many of 1,000 ports were held; connections come at this rate, and each stays for 60 s."""
    ports = SimpleNamespace(peak_held=held, port_count=1000, connections_per_s=per_s, range_from=range_from)
    row = SimpleNamespace(ports=ports, time_wait_client=10, connections=10, span_ns=30 * SECOND_NS)
    host = SimpleNamespace(profile=profile, time_wait_ns=60 * SECOND_NS, last_ns=0 if stops else 100 * SECOND_NS, per_s=per_s, came_ns=0)
    told: Callable[..., str] = verdict._danger
    return told(row, host, SimpleNamespace(withheld={"time-wait"} if short else set(), end_ns=100 * SECOND_NS))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        pytest.param({}, ": no danger", id="known and seen"),
        pytest.param({"range_from": "traffic"}, ": no danger", id="the traffic shows the range"),
        pytest.param({"range_from": "profile"}, "", id="the range is an assumption"),
        pytest.param({"range_from": "unknown"}, "", id="the range is not known"),
        pytest.param({"short": True}, "", id="shorter than a stay"),
        pytest.param({"held": 501}, ": near the ceiling; from half of them on connect() takes longer to find one", id="many taken"),
        pytest.param({"held": 501, "profile": "windows"}, ": near the ceiling; from half of them on few are left", id="many, not Linux"),
        pytest.param({"held": 500}, ": no danger", id="half"),
        pytest.param({"per_s": 10.0}, "; its 10 a second lasted 30 s only", id="a rate that did not go on"),
        pytest.param({"per_s": 20.0}, "; its 20 a second, more than they carry, lasted 30 s only", id="more than they carry"),
    ],
)
def test_when_local_ports_are_in_danger(how: dict[str, Any], words: str) -> None:
    assert danger(**how) == words


def ran_out(
    *,
    before: float | None = None,
    after: float | None = None,
    again: int = 0,
    into: int = 0,
    whole: bool = False,
    range_from: str = "option",
    ceiling: float | None = None,
) -> str:
    """What is said where they ran out."""
    full = SimpleNamespace(at_ns=0, before_per_s=before, after_per_s=after, taken_again=again, into_time_wait=into)
    ports = SimpleNamespace(
        port_range=(100, 199), port_count=100, peak_held=100 if whole else 98, range_from=range_from, ceiling_per_s=ceiling
    )
    told: Callable[..., str] = verdict._ran_out
    return told(ports, full, SimpleNamespace(ports=ports), "10.0.0.2:80")


@pytest.mark.parametrize(
    ("how", "said", "unsaid"),
    [
        pytest.param({}, "on nearly all 100 of them (100-199) were open or in TIME_WAIT.", "at the peak all", id="nearly all"),
        pytest.param({"whole": True}, "on nearly all, at the peak all 100 of them", "fell", id="all"),
        pytest.param({"range_from": "traffic"}, "(100-199, as the capture shows)", "fell", id="the capture shows the range"),
        pytest.param({"before": 50.0, "after": 12.0}, "New connections fell from 50 a second to 12.", "carry", id="fewer opened"),
        pytest.param({"before": 50.0, "after": 46.0}, "connect() then fails", "fell", id="hardly fewer"),
        pytest.param({"again": 1}, " 1 later one took a port that had only just come free.", "SYN", id="one taken again"),
        pytest.param({"into": 2}, " 2 SYNs even went into a TIME_WAIT that was not over.", "later", id="into TIME_WAIT"),
        pytest.param({"ceiling": 1.6, "before": 50.0}, "100 ports carry 1.6 new connections a second; it opened 50.", "fell", id="ceiling"),
        pytest.param({"ceiling": 1.6}, "which no capture shows.", "carry", id="no rate"),
    ],
)
def test_how_local_ports_ran_out(how: dict[str, Any], said: str, unsaid: str) -> None:
    told = ran_out(**how)
    assert said in told
    assert unsaid not in told


@pytest.mark.parametrize(
    ("range_from", "words"),
    [
        ("option", ""),
        ("traffic", ""),
        ("profile", " (linux's default)"),
        ("unknown", " (all from 1,024 on: which it takes is not known)"),
    ],
)
def test_where_a_range_of_ports_is_from(range_from: str, words: str) -> None:
    told: Callable[..., str] = verdict._whose
    assert told(SimpleNamespace(range_from=range_from), SimpleNamespace(profile="linux")) == words
