"""The command: see `python -m tests.bench --help` and docs/benchmark.md."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .captures.store import KINDS, TINY_PACKETS, Capture, Kind, ready, warm
from .machine import machine
from .measure import BenchmarkError
from .report import markdown
from .rounds import Plan, compare, growth, start_of, start_up
from .tools import DPKT, PEERS, Tool, ours, peers
from .tools import start_up as start_up_commands

SCHEMA = "tcpstates/benchmark/1"
SLICE_PACKETS = 300_000
QUICK_PACKETS = 100_000
SLOW_ROUNDS = 3
GROWTH_PACKETS = (1_000_000, 2_500_000, 5_000_000, 10_000_000)
GROWTH_KINDS = ("short", "bulk")


def options(args: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=(
            "Make large captures, run tcpstates and every peer found on this machine over them in turn, and print a "
            "Markdown table of medians, ratios and peak memory. Run it from the root of the checkout, on a quiet machine."
        ),
    )
    add = parser.add_argument
    add(
        "--only",
        type=_names(KINDS),
        default=tuple(KINDS),
        metavar="NAMES",
        help=f"captures, separated by commas: {', '.join(KINDS)} (default: all)",
    )
    add(
        "--peers",
        type=_names([*PEERS, DPKT, "none"]),
        metavar="NAMES",
        help=f"peers, separated by commas: {', '.join([*PEERS, DPKT])}, or none (default: all that are found)",
    )
    add("--rounds", type=int, default=5, help="rounds in which each tool runs once (default: 5)")
    add("--scale", type=float, default=1.0, help="factor for the number of packets (default: 1: 5, 10 and 1.5 million)")
    add("--quick", action="store_true", help=f"{QUICK_PACKETS:,} packets each and one round: a test, not a measurement")
    add("--growth", action="store_true", help="also run tcpstates over captures of 1 to 10 million packets (times --scale)")
    add("--whole", action="store_true", help=f"slow peers (tshark, dpkt) read whole captures, not the first {SLICE_PACKETS:,} packets")
    add("--interpreted", action="store_true", help="run the interpreted form of tcpstates, whichever is installed")
    add(
        "--data",
        type=Path,
        default=Path(tempfile.gettempdir()) / "tcpstates-bench",
        metavar="DIR",
        help="where the captures are kept; made when missing, 3.3 GB in all (default: %(default)s)",
    )
    add("--json", type=Path, metavar="FILE", help="also write all figures as JSON")
    chosen = parser.parse_args(args)
    if chosen.rounds < 1 or chosen.scale <= 0:
        parser.error("--rounds and --scale must be positive")
    return chosen


def _names(known: Sequence[str] | dict[str, Any]) -> Any:
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if unknown := set(names) - set(known):
            bad, good = ", ".join(sorted(unknown)), ", ".join(known)
            raise argparse.ArgumentTypeError(f"no such name: {bad}; there are {good}")
        return names

    return parse


def measured(chosen: argparse.Namespace, interpreted_in: Path | None) -> dict[str, Any]:
    """Run all that was chosen."""
    host = machine()
    mine, others = ours(interpreted_in), peers(None if chosen.peers is None else set(chosen.peers))
    rounds = 1 if chosen.quick else chosen.rounds
    plan = Plan(rounds, min(rounds, SLOW_ROUNDS), None if chosen.whole else SLICE_PACKETS)
    tiny = ready(KINDS["short"], TINY_PACKETS, chosen.data)
    chosen_kinds = [KINDS[name] for name in chosen.only]
    start_s = {tool.name: start_of(tool, tiny) for tool in others if tool.limited}
    return {
        "schema": SCHEMA,
        "machine": host,
        "settings": {"rounds": rounds, "scale": chosen.scale, "quick": chosen.quick, "interpreted": chosen.interpreted},
        "tools": [{"name": tool.name, "about": tool.about} for tool in (*mine, *others)],
        "captures": [
            compare(_capture(kind, _packets(kind, chosen), chosen.data), (*mine, *others), plan, start_s, say) for kind in chosen_kinds
        ],
        "growth": _growth(chosen, mine[0], rounds) if chosen.growth else [],
        "start_up": start_up(start_up_commands(mine[0], tiny.path)),
    }


def _packets(kind: Kind, chosen: argparse.Namespace) -> int:
    return QUICK_PACKETS if chosen.quick else max(round(kind.packets * chosen.scale), TINY_PACKETS)


def _growth(chosen: argparse.Namespace, tool: Tool, rounds: int) -> list[dict[str, Any]]:
    rows = []
    for name in (name for name in GROWTH_KINDS if name in chosen.only):
        lengths = {max(round(packets * chosen.scale), TINY_PACKETS) for packets in GROWTH_PACKETS}
        say(f"growth, {name}")
        rows += growth([_capture(KINDS[name], packets, chosen.data) for packets in sorted(lengths)], tool, rounds, say)
    return rows


def _capture(kind: Kind, packets: int, folder: Path) -> Capture:
    say(f"{kind.name}, {packets:,} packets")
    capture = ready(kind, packets, folder)
    warm(capture)
    return capture


def say(text: str) -> None:
    """Progress, beside the result."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def main(args: Sequence[str] | None = None) -> int:
    """Measure and print."""
    chosen = options(args)
    try:
        with tempfile.TemporaryDirectory() as folder:
            document = measured(chosen, Path(folder) if chosen.interpreted else None)
    except BenchmarkError as error:
        say(f"benchmark: {error}")
        return 1
    if chosen.json:
        chosen.json.write_text(json.dumps(document, indent=1) + "\n")
    sys.stdout.write(markdown(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
