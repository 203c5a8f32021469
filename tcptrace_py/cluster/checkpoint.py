"""What is done of a run, so that another one goes on from there: the ranges that were decoded.

A checkpoint is a folder, or a URL: `plan.json` says of which captures it is, `decoded-N.json` what came out of range N; the
segments themselves lie beside it, as they do without a checkpoint. Nothing in it is more than numbers and words: what does not fit is
an error, and never run.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode, b64encode
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tcptrace_py import __version__
from tcptrace_py.decode.fragments import MAX_PACKET_BYTES, Seen, name_of, packet_of, parts_of
from tcptrace_py.findings.quality import Quality
from tcptrace_py.model.errors import CaptureError, UsageError
from tcptrace_py.model.faults import Fault, Faults
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.results import CaptureInfo
from tcptrace_py.pipeline.scratch import Piece
from tcptrace_py.pipeline.stages import Decoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tcptrace_py.pipeline.distributed import Plan
    from tcptrace_py.pipeline.scratch import Folder
    from tcptrace_py.pipeline.stages import Work

SCHEMA = "tcpstates/checkpoint/1"
PLAN = "plan.json"
OURS = re.compile(r"plan\.json|decoded-\d+\.json|(?:segments|rows|waited)-\d+-[0-9a-f]{16}")  # names of files
OF_QUALITY = ("counts", "first", "latest_ns", "is_plain", "kinds", "frame_count", "first_frame", "base_ns", "unit_ns")


class Checkpoint:
    """The checkpoint of one run."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def begin(self, plan: Plan, work: Work) -> dict[int, Decoded]:
        """Begin a run, or go on with it: what was decoded already, by the range's number.

        Raises UsageError where the folder holds something else, or the checkpoint of another run.
        """
        mine = {"schema": SCHEMA, "version": __version__, "run": _name_of(plan, work)}
        if not self._folder.has(PLAN):
            if self._folder.names():
                raise UsageError(f"{self._folder} is no checkpoint, and not empty: name a folder of its own")
            self._folder.write(PLAN, json.dumps(mine, indent=1).encode())
            return {}
        if _parsed(self._folder, PLAN) != mine:
            raise UsageError(
                f"{self._folder} is the checkpoint of another run (other captures, options or version): name another folder, or remove it"
            )
        return dict(self._done(len(plan.ranges), work.partitions))

    def _done(self, ranges: int, partitions: int) -> Iterator[tuple[int, Decoded]]:
        names = set(self._folder.names())
        for number in range(ranges):
            if _name(number) in names:
                try:
                    decoded = decoded_of(_parsed(self._folder, _name(number)))
                except (AttributeError, KeyError, TypeError, ValueError) as error:
                    raise CaptureError(f"{self._folder}: {_name(number)} is damaged: {type(error).__name__}: {error}") from None
                if decoded.name in names and len(decoded.pieces) == partitions:
                    yield number, decoded

    def done(self, number: int, decoded: Decoded) -> None:
        """A range was decoded."""
        self._folder.write(_name(number), json.dumps(plain(decoded), separators=(",", ":")).encode())


def _name(number: int) -> str:
    return f"decoded-{number:06}.json"


def _name_of(plan: Plan, work: Work) -> str:
    """What two runs have in common that may share what was decoded."""
    files = [
        (head.path, head.size_bytes, head.info.packets, head.least_ns.tolist()[:1], head.latest_ns.tolist()[-1:]) for head in plan.heads
    ]
    spans = [(span.first_frame, span.frames, [(one.path, one.first, one.end) for one in span.slices]) for span in plan.ranges]
    told = json.dumps([files, spans, plan.partitions, work.check_checksums])
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def _parsed(folder: Folder, name: str) -> Any:
    try:
        return json.loads(folder.read_all(name))
    except (ValueError, RecursionError) as error:
        raise CaptureError(f"{folder}: {name} is damaged: {error}") from None


def plain(decoded: Decoded) -> dict[str, Any]:
    """What came out of a range as what JSON has."""
    info, faults = decoded.info, decoded.faults
    return {
        "name": decoded.name,
        "pieces": [[(piece.at, piece.size, piece.digest.hex()) for piece in pieces] for pieces in decoded.pieces],
        "info": [info.packets, info.start_ns, info.end_ns],
        "quality": {name: getattr(decoded.quality, name) for name in OF_QUALITY},
        "problems": [asdict(row) for row in decoded.problems.rows()],
        "faults": [faults.count, faults.first],
        "seen": None if decoded.seen is None else _plain_names(decoded.seen),
        "packets": None if decoded.packets is None else [_shown(parts) for parts in parts_of(decoded.packets)],
    }


def decoded_of(row: dict[str, Any]) -> Decoded:
    """And back. Raises ValueError, TypeError, KeyError or AttributeError for what is none."""
    quality, problems, faults = Quality(), Problems(), Faults()
    for name in OF_QUALITY:
        setattr(quality, name, row["quality"][name])
    for problem in row["problems"]:
        problems.add(
            str(problem["code"]),
            str(problem["explanation"]),
            frame=problem["first_frame"],
            count=int(problem["count"]),
            damaged=bool(problem["damaged"]),
        )
    faults.count, faults.first = int(row["faults"][0]), [Fault(*fault) for fault in row["faults"][1]]
    info = CaptureInfo(files=[])
    info.packets, info.start_ns, info.end_ns = row["info"]
    pieces = [[_piece(*piece) for piece in pieces] for pieces in row["pieces"]]
    packets = None if row["packets"] is None else dict(packet_of(_read(parts)) for parts in row["packets"])
    name = str(row["name"])
    if "/" in name or "\\" in name:
        raise ValueError(f"{name!r} is no file of the folder")
    return Decoded(name, pieces, info, quality, problems, faults, packets, None if row["seen"] is None else _names(**row["seen"]))


def _plain_names(seen: Seen) -> dict[str, Any]:
    return {"names": None if seen.names is None else [_shown(name) for name in sorted(seen.names)], "most_bytes": seen.most_bytes}


def _names(names: list[list[Any]] | None, most_bytes: int) -> Seen:
    return Seen(None if names is None else {name_of(_read(name)) for name in names}, int(most_bytes))


def _piece(at: int, size: int, digest: str) -> Piece:
    if at < 0 or size < 0:
        raise ValueError("a piece of a file that ends before it begins")
    return Piece(int(at), int(size), bytes.fromhex(digest))


def _shown(parts: Sequence[Any]) -> list[Any]:
    return [{"bytes": b64encode(part).decode()} if isinstance(part, bytes) else part for part in parts]


def _read(parts: Sequence[Any]) -> list[Any]:
    found = [b64decode(part["bytes"]) if isinstance(part, dict) else part for part in parts]
    if any(isinstance(part, bytes) and len(part) > MAX_PACKET_BYTES for part in found):
        raise ValueError("a packet larger than any is")
    return found
