"""The benchmark's captures as files: made when missing, kept for the next time."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from . import bulk, short
from .records import Intent

SNAPLEN = 96


@dataclass(frozen=True)
class Kind:
    """A sort of capture, how to write one of about so many packets, and what it then holds."""

    name: str
    about: str
    packets: int
    write: Callable[[IO[bytes], int], None]
    intent: Callable[[int], Intent]


@dataclass(frozen=True)
class Capture:
    """A capture on disk."""

    kind: Kind
    path: Path
    intent: Intent

    @property
    def size_bytes(self) -> int:
        """Length of the file."""
        return self.path.stat().st_size


def _write_cut(file: IO[bytes], packets: int) -> None:
    bulk.write(file, packets, SNAPLEN)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("short", "connections of ten packets", 5_000_000, short.write, short.intent),
        Kind("bulk", f"200 long transfers, cut at {SNAPLEN} bytes", 10_000_000, _write_cut, bulk.intent),
        Kind("full", "200 long transfers, full frames of 1514 bytes", 1_500_000, bulk.write, bulk.intent),
    )
}
TINY_PACKETS = 10


def ready(kind: Kind, packets: int, folder: Path) -> Capture:
    """The capture of about `packets` packets; a change of the generators' source makes it anew."""
    folder.mkdir(parents=True, exist_ok=True)
    intent = kind.intent(packets)
    path = folder / f"{kind.name}-{intent.packets}-{_fingerprint()}.pcap"
    if not path.exists():
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            kind.write(file, packets)
        partial.replace(path)
    return Capture(kind, path, intent)


def warm(capture: Capture) -> None:
    """Read the file once, so that all who are measured find it in the page cache."""
    with capture.path.open("rb") as file, Path("/dev/null").open("wb") as nowhere:
        shutil.copyfileobj(file, nowhere, 1 << 20)


@cache
def _fingerprint() -> str:
    """Eight digits that change with the generators."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:8]
