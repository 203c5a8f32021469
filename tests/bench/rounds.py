"""Rounds: every tool once, in turn, over one capture; what they took, and how they compare within a round."""

import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from .captures.store import Capture
from .measure import Command, Memory, Run, memory, timed
from .tools import OURS, Tool

START_UP_RUNS = 10
Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """How much is run. `limit`: packets that slow tools read (None: all), in the first `slow_rounds` rounds only."""

    rounds: int
    slow_rounds: int
    limit: int | None

    def read_by(self, tool: Tool, packets: int) -> int:
        """How many packets a tool reads of a capture of so many."""
        return min(self.limit, packets) if tool.limited and self.limit else packets


@dataclass
class Series:
    """The runs of one tool over one capture: an entry for each round, None where it sat out."""

    tool: Tool
    whole: int
    packets: int
    start_s: float
    runs: list[Run | None] = field(default_factory=list)

    def at_whole(self, seconds: float) -> float:
        """What the whole capture would take, by what its first packets took: the start once, the rest in proportion."""
        if self.packets >= self.whole:
            return seconds
        return self.start_s + max(seconds - self.start_s, 0.0) * self.whole / self.packets

    @property
    def walls(self) -> list[float | None]:
        """Seconds for the whole capture, by round."""
        return [None if run is None else self.at_whole(run.wall_s) for run in self.runs]

    @property
    def done(self) -> list[Run]:
        """The runs that there were."""
        return [run for run in self.runs if run is not None]

    def times_as_long_as(self, other: "Series") -> float | None:
        """Median over the rounds of the ratio to another tool's seconds in the same round."""
        pairs = [mine / its for mine, its in zip(self.walls, other.walls, strict=True) if mine is not None and its]
        return round(statistics.median(pairs), 3) if pairs else None


def compare(capture: Capture, tools: Sequence[Tool], plan: Plan, start_s: Mapping[str, float], say: Say) -> dict[str, Any]:
    """Run the rounds, each beginning with another tool. `start_s`: seconds that a tool takes for next to nothing."""
    whole = capture.intent.packets
    series = [Series(tool, whole, plan.read_by(tool, whole), start_s.get(tool.name, 0.0)) for tool in tools]
    for number in range(plan.rounds):
        for one in turned(series, number):
            sits_out = one.tool.limited and number >= plan.slow_rounds
            one.runs.append(None if sits_out else run_once(timed, one.tool, capture, plan.limit))
        say(
            f"  round {number + 1} of {plan.rounds}: "
            + ", ".join(f"{one.tool.name} {one.runs[-1].wall_s:.2f} s" for one in series if one.runs[-1])
        )
    say("  memory")
    used = {one.tool.name: run_once(memory, one.tool, capture, plan.limit) for one in series}
    leaders = [one for one in series if one.tool.name.startswith(OURS)]
    return {
        **described(capture),
        "about": capture.kind.about,
        "file": capture.path.name,
        "size_bytes": capture.size_bytes,
        "results": [result(one, used[one.tool.name], leaders) for one in series],
    }


def result(one: Series, used: Memory, leaders: Sequence[Series]) -> dict[str, Any]:
    """A tool's figures over one capture: seconds for the whole of it, but those in `runs` as they were measured."""
    return {
        "tool": one.tool.name,
        "packets_read": one.packets,
        "extrapolated": one.packets < one.whole,
        "wall_s": spread([wall for wall in one.walls if wall is not None]),
        "cpu_s": round(one.at_whole(statistics.median(run.cpu_s for run in one.done)), 4),
        "memory": asdict(used),
        "times_as_long_as": {leader.tool.name: one.times_as_long_as(leader) for leader in leaders},
        "runs": [asdict(run) for run in one.done],
    }


def growth(captures: Sequence[Capture], tool: Tool, rounds: int, say: Say) -> list[dict[str, Any]]:
    """One tool over captures of one kind and growing length, the lengths in turn."""
    runs: dict[int, list[Run]] = {capture.intent.packets: [] for capture in captures}
    for number in range(rounds):
        for capture in turned(captures, number):
            runs[capture.intent.packets].append(run_once(timed, tool, capture, None))
        say(
            f"  round {number + 1} of {rounds}: "
            + ", ".join(f"{packets:,} packets {done[-1].wall_s:.2f} s" for packets, done in runs.items())
        )
    rows = []
    for capture in captures:
        done = runs[capture.intent.packets]
        wall_s = spread([run.wall_s for run in done])
        rows.append(
            {
                **described(capture),
                "wall_s": wall_s,
                "cpu_s": round(statistics.median(run.cpu_s for run in done), 4),
                "us_per_packet": round(wall_s["median"] / capture.intent.packets * 1e6, 4),
                "memory": asdict(run_once(memory, tool, capture, None)),
            }
        )
    return rows


def start_up(commands: Mapping[str, Command], runs: int = START_UP_RUNS) -> list[dict[str, Any]]:
    """Wall and CPU seconds of short commands."""
    rows = []
    for name, command in commands.items():
        timed(command)  # the first may have to write byte code
        done = [timed(command) for _ in range(runs)]
        rows.append({"command": name, "wall_s": spread([run.wall_s for run in done]), "cpu_s": spread([run.cpu_s for run in done])})
    return rows


def start_of(tool: Tool, tiny: Capture) -> float:
    """Seconds that a tool takes for ten packets, the least of three."""
    return min(run_once(timed, tool, tiny, None).wall_s for _ in range(3))


def described(capture: Capture) -> dict[str, Any]:
    """A capture in the document."""
    return {"name": capture.kind.name, "packets": capture.intent.packets, "connections": capture.intent.connections}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most."""
    return {"median": round(statistics.median(values), 4), "min": round(min(values), 4), "max": round(max(values), 4)}


def turned(items: Sequence[T], by: int) -> list[T]:
    """The items, beginning with another each time."""
    by %= len(items)
    return [*items[by:], *items[:by]]


def run_once(how: Callable[[Command], T], tool: Tool, capture: Capture, limit: int | None) -> T:
    """Time a tool over a capture or take its memory, with an empty folder for what it writes."""
    with tempfile.TemporaryDirectory(dir=capture.path.parent) as scratch:
        return how(tool.command(capture.path, Path(scratch), limit if tool.limited else None))
