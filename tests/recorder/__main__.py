"""`python -m tests.recorder SCENARIO... [--seed N] [--out DIR] [--list]`, from the checkout's root, as root."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.recorder.scenarios import SCENARIOS
from tests.recorder.scenarios.small import SAMPLES
from tests.recorder.session import Session

SAMPLES_FOLDER = Path(__file__).resolve().parents[2] / "samples"


def commit_samples(names: list[str]) -> int:
    """Record samples into samples/recorded-*.pcap, with samples/truth/recorded-*.truth.jsonl beside them."""
    chosen = {n: s for n, s in SAMPLES.items() if not names or n in names or n.removeprefix("recorded-") in names}
    truths = SAMPLES_FOLDER / "truth"
    truths.mkdir(exist_ok=True)
    nets = {name: i + 1 for i, name in enumerate(SAMPLES)}  # the same addresses every time
    trouble = 0
    for name, sample in chosen.items():
        with tempfile.TemporaryDirectory() as folder:
            entry = Session(sample.scenario, 1, Path(folder), net=nets[name]).record()
            trouble += bool(entry["problems"])
            (capture,) = Path(folder).glob(f"{name}.{sample.point}.pcap*")
            (truth,) = Path(folder).glob(f"{name}.truth.jsonl*")
            for stale in (*SAMPLES_FOLDER.glob(f"{name}.pcap*"), *truths.glob(f"{name}.truth.jsonl*")):
                stale.unlink()
            kept = SAMPLES_FOLDER / capture.name.replace(f".{sample.point}.pcap", ".pcap")
            kept.write_bytes(capture.read_bytes())
            (truths / truth.name).write_bytes(truth.read_bytes())
        print(
            f"{kept.name}: {entry['connections']} connections, {kept.stat().st_size} bytes",
            *entry["problems"],
            sep="\n    ",
        )
    return 1 if trouble else 0


def note(index: Path, name: str, entry: dict[str, Any]) -> None:
    """Add an entry to an index that another recorder may be writing too."""
    with index.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        entries = json.loads(file.read() or "{}") | {name: entry}
        file.seek(0)
        file.truncate()
        file.write(json.dumps(entries, indent=1) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.recorder", description="Records real TCP with the kernel's account of it.")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="names from --list, or all")
    parser.add_argument("--seed", type=int, default=1, help="what varies within a scenario (default 1)")
    parser.add_argument("--out", type=Path, help="directory for the files (default: a new temporary one)")
    parser.add_argument("--name", help="base name of the files, where it is not the scenario's")
    parser.add_argument("--snaplen", type=int, help="keep this many bytes of each frame (default: the scenario's)")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    parser.add_argument("--samples", action="store_true", help="record the committed samples (all, or those named)")
    options = parser.parse_args()
    if options.list:
        for scenario in [s.scenario for s in SAMPLES.values()] if options.samples else SCENARIOS.values():
            print(f"{scenario.name:40} {scenario.about}")
        return 0
    if options.samples:
        return commit_samples(options.scenarios)
    names = list(SCENARIOS) if options.scenarios == ["all"] else options.scenarios
    if not names or (unknown := set(names) - set(SCENARIOS)):
        parser.error(f"unknown scenarios: {sorted(unknown)}" if names else "no scenario given (see --list)")
    if os.geteuid() != 0:
        parser.error("root is needed: network namespaces and tracepoints")
    out = options.out or Path(tempfile.mkdtemp(prefix="recorded-"))
    trouble = 0
    for name in names:
        began = time.monotonic()
        scenario = SCENARIOS[name]
        if options.snaplen is not None:
            scenario = replace(scenario, snaplen=options.snaplen)
        session = Session(scenario, options.seed, out, options.name)
        entry = session.record()
        note(out / "index.json", session.name, entry)
        trouble += bool(entry["problems"])
        print(f"{session.name}: {entry['connections']} connections in {time.monotonic() - began:.1f} s -> {out}")
        for problem in entry["problems"][:20]:
            print(f"    {problem}")
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
