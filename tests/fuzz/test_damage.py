"""Captures cut or altered anywhere: problems with names, never a traceback, and what is told holds together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .damage import several
from .material import LARGEST_BYTES, captures, content, edges
from .trial import campaign, most, random_for, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

    from .trial import Case

pytestmark = pytest.mark.fuzz

WHOLLY_BYTES = 1000  # captures up to this are cut at every byte, and each of their bytes is changed
AROUND = (-1, 0, 1, 8, 15, 16, 17, 30, 54)


def small() -> list[Path]:
    return [path for path in captures() if 0 < len(content(path)) <= WHOLLY_BYTES]


def test_all_captures_as_they_are(tmp_path: Path) -> None:
    cases = ((path.name, content(path)) for path in captures())
    assert campaign(cases, tmp_path, limit_s=600) == len(captures())


def test_small_captures_cut_at_every_byte(tmp_path: Path) -> None:
    rng = random_for("cuts")
    cases = [(path, at) for path in small() for at in range(len(content(path)))]
    rng.shuffle(cases)
    campaign(
        ((f"{path.name} cut at {at}", content(path)[:at]) for path, at in cases[: most(10**9)]),
        tmp_path,
        limit_s=seconds(20),
    )


def test_small_captures_with_every_byte_changed(tmp_path: Path) -> None:
    rng = random_for("every byte")
    places = [(path, at) for path in small() for at in range(len(content(path)))]
    rng.shuffle(places)
    campaign(_changed(rng, places[: most(10**9)]), tmp_path, limit_s=seconds(20))


def _changed(rng: Random, places: list[tuple[Path, int]]) -> Iterator[Case]:
    for path, at in places:
        data = content(path)
        value = rng.choice((0, 0xFF, data[at] ^ 1, data[at] ^ 0x80, rng.randrange(256)))
        yield f"{path.name}, byte {at} = {value}", data[:at] + bytes([value]) + data[at + 1 :]


def test_large_captures_cut_near_the_edges_of_records_and_anywhere(tmp_path: Path) -> None:
    rng = random_for("edges")
    large = [path for path in captures() if len(content(path)) > WHOLLY_BYTES]
    campaign(_edges(rng, large), tmp_path, limit_s=seconds(20))


def _edges(rng: Random, paths: list[Path]) -> Iterator[Case]:
    for _ in range(most(10**9)):
        path = rng.choice(paths)
        data = content(path)
        at = rng.choice(edges(data)) + rng.choice(AROUND) if rng.random() < 0.7 else rng.randrange(len(data))
        yield f"{path.name} cut at {at}", data[: max(at, 0)]


def test_random_damage(tmp_path: Path) -> None:
    campaign(_damaged(random_for("damage")), tmp_path, limit_s=seconds(30))


def _damaged(rng: Random) -> Iterator[Case]:
    paths = captures()
    for number in range(most(10**9)):
        path, other = rng.choice(paths), rng.choice(paths)
        name, data = several(rng, content(path), content(other))
        yield f"{number}: {path.name} {name} ({other.name})", data[: 2 * LARGEST_BYTES]
