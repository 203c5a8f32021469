"""Long campaigns whose parts are run apart and summed: each case follows from the seed and its number alone.

    python -m tests.fuzz.campaigns mutated --cases 0:100000 --to part-0.json
    python -m tests.fuzz.campaigns differential --cases 0:5000 --other COPY --to part-1.json
    python -m tests.fuzz.campaigns sum part-*.json

`mutated` analyses a capture of which segments or bytes were altered: no exception, no `internal-error`, a document; each fiftieth is
held to all laws. `differential` wants one answer of such a capture read as it is, in pieces of few frames, by two or three processes,
as several files, and by the other form of the package, of which COPY is a folder. What was done so far is written every few seconds.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from itertools import groupby
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import pytest

import tcptrace_py
from tcptrace_py import CaptureError, analyze
from tcptrace_py.outputs.document import document
from tcptrace_py.pipeline import run

from .alter import ETHERNET, altered
from .damage import several
from .laws import check
from .material import PCAP, as_pcap, captures, content, records
from .trial import TooSlowError, in_memory, in_time, link_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

SEED = 20261130
MOST_S = 60  # wall clock, on a machine that may have other work
MEMORY_BYTES = 2 << 30
EACH_LAWFUL = 50
MOST_BYTES = 20_000  # of a capture that is altered
RECORDS = 60
SAVED_EACH_S = 5.0
MOST_FRAMES = 7  # of a piece
EACH_COLLECTED = {"mutated": 500, "differential": 20}  # cases, after which memory is given back

ROOT = Path(__file__).parents[2]
ASKED = "import sys; from tests.fuzz.campaigns import answer; answer(sys.stdin, sys.stdout)"


def case(kind: str, seed: int, number: int) -> tuple[str, bytes]:
    """What was done to which sample, and the capture that it gave."""
    rng = random.Random(f"{seed} {kind} {number}")
    small = _small()
    path, other = rng.choice(small), rng.choice(small)
    if rng.random() < 0.3:
        plain = _plain()
        path = rng.choice(list(plain))
        rows = plain[path]
        start = rng.randrange(len(rows)) if len(rows) > RECORDS else 0
        return f"{path.name} altered", as_pcap(ETHERNET, altered(rng, rows[start : start + RECORDS]), rng.choice("<>"))
    name, data = several(rng, content(path), content(other))
    return f"{path.name} {name} ({other.name})", data[: 3 * MOST_BYTES]


def _small() -> list[Path]:
    if not _SMALL:
        _SMALL.extend(path for path in captures() if 0 < len(content(path)) < MOST_BYTES)
    return _SMALL


def _plain() -> dict[Path, list[Any]]:
    if not _PLAIN:
        for path in sorted(_small()):
            data = content(path)
            if data[:4] in PCAP and len(data) >= 24 and (found := records(data))[0] == ETHERNET and found[1]:
                _PLAIN[path] = found[1]
    return _PLAIN


_SMALL: list[Path] = []
_PLAIN: dict[Path, list[Any]] = {}


def said(paths: Sequence[Path], jobs: int = 1) -> str:
    """All that an analysis of these says, `generator` and the files apart, as a digest; why there is none."""
    try:
        analysis = run([str(path) for path in paths], keep_rows=True, jobs=jobs)
    except CaptureError as error:
        return f"unreadable: {str(error).replace(str(paths[0]), 'it')}" if len(paths) == 1 else "unreadable"
    found = document(analysis)
    del found["generator"], found["capture"]["files"]
    digest = analysis.digest
    totals = repr((digest.slowest(), digest.busiest(), digest.timed)) if digest is not None else ""
    return hashlib.sha256((json.dumps(found) + totals).encode()).hexdigest()


def answer(asked: IO[str], told: IO[str]) -> None:
    """Say of each path on a line what the form of the package that is loaded here says of it."""
    print(tcptrace_py._compiled(), file=told, flush=True)
    for line in asked:
        try:
            found = said([Path(line.rstrip("\n"))])
        except Exception as error:  # noqa: BLE001 - it is what is looked for
            found = f"raises {error!r}"
        print(json.dumps(found), file=told, flush=True)


class Other:
    """The other form of the package, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", ASKED],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},  # these tests, and the package of there
        )
        self.compiled = self._line() == "True"

    def says(self, path: Path) -> str:
        """Its answer."""
        assert self._process.stdin is not None
        print(path, file=self._process.stdin, flush=True)
        return cast("str", json.loads(self._line()))

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class Mutated:
    """A capture that is analysed."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "case.pcap"
        self._cases = 0

    def judge(self, data: bytes, _rng: Random) -> bool:
        """Whether it can be read at all. Raises what went wrong."""
        self._path.write_bytes(data)
        self._cases += 1
        try:
            result = analyze(self._path)
        except CaptureError:
            return False
        found = result.to_document()
        assert all(problem["code"] != "internal-error" for problem in found["capture"]["problems"]), "internal-error"
        json.dumps(found)
        if self._cases % EACH_LAWFUL == 1:
            check(result, link=link_of(data))
        return True


class Differential:
    """A capture that is analysed in several ways."""

    def __init__(self, folder: Path, other: Path) -> None:
        self._folder, self._path = folder, folder / "case.pcap"
        self._other = Other(other)
        if self._other.compiled == tcptrace_py._compiled():
            raise SystemExit(f"{other}: the same form of the package as this one")

    def judge(self, data: bytes, rng: Random) -> bool:
        """Whether it can be read at all. Raises where the answers differ."""
        self._path.write_bytes(data)
        one = said([self._path])
        assert self._other.says(self._path) == one, "compiled and interpreted differ"
        if one.startswith("unreadable"):
            return False
        most, count = rng.randint(1, MOST_FRAMES), rng.choice((2, 3))
        with pytest.MonkeyPatch.context() as patch:
            from tests.pieces import read_in_small_pieces, share_in_pieces

            share_in_pieces(patch, lambda: most)
            if rng.random() < 0.5:
                read_in_small_pieces(patch)
            assert said([self._path]) == one, f"pieces of up to {most} frames differ"
            assert said([self._path], count) == one, f"{count} processes, pieces of up to {most} frames, differ"
        return True


def campaign(judge: Callable[[bytes, Random], bool], kind: str, seed: int, first: int, end: int, to: Path | None) -> dict[str, Any]:
    """Try the cases of these numbers, and go on after failures: what was done, as it is written to a file now and then."""
    found: dict[str, Any] = {"kind": kind, "seed": seed, "first": first, "cases": 0, "read": 0, "cpu_s": 0.0, "failures": []}
    saved = time.monotonic()
    for number in range(first, end):
        name, data = case(kind, seed, number)
        try:
            with in_time(MOST_S):
                found["read"] += judge(data, random.Random(f"{seed} ways of {number}"))
        except (Exception, TooSlowError) as failure:  # noqa: BLE001 - it is what is looked for
            found["failures"].append([number, name, f"{type(failure).__name__}: {failure}"[:500]])
        found["cases"] += 1
        if not found["cases"] % EACH_COLLECTED[kind]:
            gc.collect()  # what processes share is address space, and no reason for Python to look for garbage
            gc.freeze()  # or each look would go through all modules again
        found["cpu_s"] = round(time.process_time(), 1)
        if to is not None and (time.monotonic() - saved > SAVED_EACH_S or number + 1 == end):
            to.with_suffix(".new").write_text(json.dumps(found))
            to.with_suffix(".new").replace(to)
            saved = time.monotonic()
    return found


def summed(parts: Sequence[dict[str, Any]]) -> list[str]:
    """Lines that say what these parts tried in all. Raises ValueError where two of them tried the same cases."""
    lines = []
    ordered = sorted(parts, key=lambda part: (part["kind"], part["seed"], part["first"]))
    for (kind, seed), group in groupby(ordered, key=lambda part: (part["kind"], part["seed"])):
        several_parts, end = list(group), 0
        for part in several_parts:
            if part["first"] < end:
                raise ValueError(f"{kind}, seed {seed}: case {part['first']} is in two parts")
            end = part["first"] + part["cases"]
        cases, read, cpu_s = (sum(part[name] for part in several_parts) for name in ("cases", "read", "cpu_s"))
        failures = [failure for part in several_parts for failure in part["failures"]]
        lines.append(f"{kind}, seed {seed}: {cases:,} cases, {read:,} of them readable, {len(failures)} failed, {cpu_s:,.0f} s")
        lines += [f"  case {number}, {name}: {what}" for number, name, what in failures]
    return lines


def main(args: Sequence[str] | None = None) -> int:
    """Run a part, or sum parts up; 1 where something failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz.campaigns", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="kind", required=True)
    for kind in ("mutated", "differential"):
        one = commands.add_parser(kind)
        one.add_argument("--seed", type=int, default=SEED)
        one.add_argument("--cases", default="0:1000", metavar="FIRST:END")
        one.add_argument("--to", type=Path)
        if kind == "differential":
            one.add_argument("--other", type=Path, required=True)
    commands.add_parser("sum").add_argument("parts", type=Path, nargs="+")
    chosen = parser.parse_args(args)
    if chosen.kind == "sum":
        found = [json.loads(path.read_text()) for path in chosen.parts]
    else:
        first, end = map(int, chosen.cases.split(":"))
        with tempfile.TemporaryDirectory() as name, in_memory(MEMORY_BYTES):
            folder = Path(name)
            judge = (Mutated(folder) if chosen.kind == "mutated" else Differential(folder, chosen.other)).judge
            found = [campaign(judge, chosen.kind, chosen.seed, first, end, chosen.to)]
    sys.stdout.write("\n".join((*summed(found), "")))
    return int(any(part["failures"] for part in found))


if __name__ == "__main__":
    raise SystemExit(main())
