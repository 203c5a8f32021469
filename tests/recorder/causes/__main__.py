"""`python -m tests.recorder.causes [NAME...]`, as root: records tests/findings/recorded/NAME.pcap.xz and NAME.not.pcap.xz."""

from __future__ import annotations

import argparse
import lzma
import sys
import time
from pathlib import Path

from .recordings import RECORDINGS

KEPT = Path(__file__).resolve().parents[2] / "findings" / "recorded"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.recorder.causes", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all; {', '.join(RECORDINGS)}")
    parser.add_argument("--out", type=Path, default=KEPT, help="directory for the captures (default: those that are committed)")
    parser.add_argument("--only", choices=("shows", "not"), help="only what shows the cause, or only what nearly does")
    options = parser.parse_args()
    options.out.mkdir(exist_ok=True)
    for name in options.names or RECORDINGS:
        recording, number = RECORDINGS[name], list(RECORDINGS).index(name) + 1
        plays = {"": (recording.play, recording.numbers), ".not": recording.nearly}
        for suffix, (play, numbers) in plays.items():
            if options.only == ("not" if not suffix else "shows"):
                continue
            began, target = time.monotonic(), options.out / f"{name}{suffix}.pcap"
            recording.record(number, play, numbers, target)
            packed = target.with_suffix(".pcap.xz")
            packed.write_bytes(lzma.compress(target.read_bytes(), preset=9 | lzma.PRESET_EXTREME))
            target.unlink()
            print(f"{packed.name}: {packed.stat().st_size} bytes in {time.monotonic() - began:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
