"""Two captures, compared, in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samples.path.way import Way
from tcptrace_py import analyze
from tcptrace_py.findings.path.compare import compare
from tcptrace_py.points import read_point
from tcptrace_py.second_reading import Options

if TYPE_CHECKING:
    from pathlib import Path

    from tcptrace_py.model.path import PathFacts, Point


def point(path: Path | str) -> Point:
    return read_point(str(path), [str(path)], analyze(path), Options())


def compared(a: Path | str, b: Path | str) -> PathFacts:
    return compare(point(a), point(b))


def of_way(way: Way, folder: Path) -> PathFacts:
    paths = (folder / "a.pcap", folder / "b.pcap")
    for path, content in zip(paths, way.pcaps(), strict=True):
        path.write_bytes(content)
    return compared(*paths)


def strangers(folder: Path) -> PathFacts:
    """Captures that have nothing in common but a server."""
    way = Way()
    for points, port in (("A", 1), ("B", 2)):
        with way.seen(points):
            talk = way.talk(client=f"192.0.2.10:{port}", isn=(port * 1000, port * 77777))
            talk.open()
            talk.close()
    return of_way(way, folder)
