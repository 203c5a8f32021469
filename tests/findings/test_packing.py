"""Accounts of one connection are packed, and nobody can tell: of any capture, in one process and in several."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tcptrace_py import analyze
from tcptrace_py.findings import accounts, occupancy
from tcptrace_py.pipeline import run
from tests import wire
from tests.captures import CAPTURES, facts
from tests.flows.forms import later
from tests.hostile.generators import capture
from tests.ladder import ladder, play
from tests.pieces import share_in_pieces
from tests.thorough import every, paired

if TYPE_CHECKING:
    from pathlib import Path

FLOODS = ("flood", "flood6", "half open", "silent", "answers", "lone resets", "lone acks", "lone fins", "refused", "reused", "one address")

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="several processes are used on Linux only")


def hold_alike(path: Path, patch: pytest.MonkeyPatch, *, keep_rows: bool, most: int = occupancy.MANY) -> None:
    """Nobody can tell. Of more than `most` intervals some are settled before the end."""
    patch.setattr(occupancy, "MANY", most)
    share_in_pieces(patch, lambda: 20)
    packed = facts(run(path, keep_rows=keep_rows)), facts(run(path, keep_rows=keep_rows, jobs=2))
    patch.setattr(accounts, "PACKS", False)
    whole = facts(run(path, keep_rows=keep_rows))
    assert packed == (whole, whole)


@pytest.mark.parametrize("path", every(12, CAPTURES, 2), ids=lambda path: path.name)
def test_samples(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hold_alike(path, monkeypatch, keep_rows=len(path.name) % 2 == 0)


@pytest.mark.parametrize(("kind", "keep_rows"), paired(FLOODS, [True, False]))
def test_floods(kind: str, keep_rows: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "flood.pcap"
    path.write_bytes(capture(kind, 150))
    hold_alike(path, monkeypatch, keep_rows=keep_rows)


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("keep_rows", [True, False])
@pytest.mark.parametrize("others", ["", "0 C S\n0.1 S SA\n0.2 C A\n0.3 C R"])
def test_who_refused_is_told_of_packed_ones_too(
    others: str, keep_rows: bool, again: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the hops of what else came from the port: a RST that came over fewer is from between. Some accounts have another one."""
    segments = list(ladder(others, client="10.2.0.1")) if others else []
    for n in range(60):
        text = f"0 C S\n0.1 S RA ttl={60 if n % 3 else 63}"
        segments += later(ladder(text, client=f"10.1.0.{n}"), n)
        if again and n % 4 == 0:
            segments += later(ladder(text, client=f"10.1.0.{n}", port=40009), n + 0.5)
    path = wire.write(tmp_path / "refused.pcap", sorted(segments, key=lambda segment: segment.time_ns))
    hold_alike(path, monkeypatch, keep_rows=keep_rows)
    senders = {reset.by for connection in analyze(path) for reset in connection.resets}
    assert senders == ({"server", "between", "client"} if others else {"server"})


@pytest.mark.parametrize(
    "text", ["0 C S", "0 C S\n0.1 S RA", "0 C S\n0.1 S SA", "0 S SA", "0 C R seq=1", "0 C FA seq=1 ack=1", "0 C S\n0.1 S SA\n0.2 C R seq=1"]
)
def test_one_connection_each_is_no_object(text: str) -> None:
    """But of those that both sides spoke in, for the way that their segments came."""
    segments = [segment for n in range(40) for segment in later(ladder(text, client=f"10.1.0.{n}"), n)]
    accounts = play(segments, cuts=range(1, len(segments)), keep_rows=False).collector.accounts
    assert (len(accounts.rows), accounts.singles.alive) == (0, 40)


@pytest.mark.parametrize(
    "text", ["0 C R seq=1", "0 C FA seq=1 ack=1", "0 C A seq=1 ack=1\n0.5 C A seq=1 ack=1", "0 C S\n0.1 S SA", "0 S SA"]
)
@pytest.mark.parametrize("most", [occupancy.MANY, 15], ids=["settled at the end", "settled before"])
def test_what_waited_in_a_process_that_had_told_of_it(text: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its port counts as held until its last segment where it was told of; some accounts have another connection there."""
    segments = []
    for n in range(60):
        for again in range(1 + (n % 3 == 0) + (n % 9 == 0)):
            segments += later(ladder(text, client=f"10.1.0.{n}", port=40000 + 7 * again), n + 40 * again)
    path = wire.write(tmp_path / "waits.pcap", sorted(segments, key=lambda segment: segment.time_ns))
    for keep_rows in (True, False):
        with monkeypatch.context() as patch:
            if most == occupancy.MANY:
                hold_alike(path, patch, keep_rows=keep_rows)
                continue
            patch.setattr(occupancy, "MANY", most)  # what is packed is told in time, and an object's interval late
            share_in_pieces(patch, lambda: 20)
            assert facts(run(path, keep_rows=keep_rows)) == facts(run(path, keep_rows=keep_rows, jobs=2))
