"""`python -m samples.recorder SCENARIO... [--seed N] [--out DIR] [--list]`, from the checkout's root, as root."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from samples.recorder.scenarios import SCENARIOS
from samples.recorder.session import Session


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m samples.recorder", description="Records real TCP with the kernel's account of it."
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="names from --list, or all")
    parser.add_argument("--seed", type=int, default=1, help="what varies within a scenario (default 1)")
    parser.add_argument("--out", type=Path, help="directory for the files (default: a new temporary one)")
    parser.add_argument("--name", help="base name of the files, where it is not the scenario's")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    options = parser.parse_args()
    if options.list:
        for scenario in SCENARIOS.values():
            print(f"{scenario.name:26} {scenario.about}")
        return 0
    names = list(SCENARIOS) if options.scenarios == ["all"] else options.scenarios
    if not names or (unknown := set(names) - set(SCENARIOS)):
        parser.error(f"unknown scenarios: {sorted(unknown)}" if names else "no scenario given (see --list)")
    if os.geteuid() != 0:
        parser.error("root is needed: network namespaces and tracepoints")
    out = options.out or Path(tempfile.mkdtemp(prefix="recorded-"))
    trouble = 0
    for name in names:
        began = time.monotonic()
        session = Session(SCENARIOS[name], options.seed, out, options.name)
        entry = session.record()
        index = out / "index.json"
        entries = json.loads(index.read_text()) if index.exists() else {}
        entries[session.name] = entry
        index.write_text(json.dumps(entries, indent=1) + "\n")
        trouble += bool(entry["problems"])
        print(f"{session.name}: {entry['connections']} connections in {time.monotonic() - began:.1f} s -> {out}")
        for problem in entry["problems"][:20]:
            print(f"    {problem}")
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main())
