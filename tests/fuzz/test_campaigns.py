"""A small share of the long campaigns, and that their parts are the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import campaigns
from .trial import most

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random


def test_cases_follow_from_their_numbers() -> None:
    assert [campaigns.case("mutated", 1, number) for number in range(20)] == [campaigns.case("mutated", 1, number) for number in range(20)]
    assert campaigns.case("mutated", 1, 7) != campaigns.case("mutated", 2, 7)


def test_parts_are_summed_and_none_counts_twice(tmp_path: Path) -> None:
    judge = campaigns.Mutated(tmp_path).judge
    parts = [campaigns.campaign(judge, "mutated", 3, first, first + 10, tmp_path / f"{first}.json") for first in (10, 0)]
    assert campaigns.main(["sum", str(tmp_path / "0.json"), str(tmp_path / "10.json")]) == 0
    (line,) = campaigns.summed(parts)
    assert line.startswith("mutated, seed 3: 20 cases, ")
    with pytest.raises(ValueError, match="case 10 is in two parts"):
        campaigns.summed([*parts, parts[0]])


def test_what_fails_is_named_and_the_rest_goes_on(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def judge(data: bytes, _rng: Random) -> bool:
        if data == campaigns.case("mutated", 3, 4)[1]:
            raise AssertionError("no good")
        return True

    found = campaigns.campaign(judge, "mutated", 3, 0, 8, tmp_path / "part.json")
    assert (found["cases"], found["read"], [failure[0] for failure in found["failures"]]) == (8, 7, [4])
    assert campaigns.main(["sum", str(tmp_path / "part.json")]) == 1
    assert "case 4, " in capsys.readouterr().out


@pytest.mark.fuzz
def test_mutated_captures(tmp_path: Path) -> None:
    found = campaigns.campaign(campaigns.Mutated(tmp_path).judge, "mutated", campaigns.SEED, 0, most(1500), None)
    assert found["failures"] == []
    assert found["read"] > found["cases"] // 2
