"""Where a segment may stand besides its own connection: under another of the four-tuple, as the network's late copies do, or of any."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.model.path import Columns, Point, Track

Name = tuple[int, ...]
NOTHING: dict[Name, list[int]] = {}


class Kin:
    """Looks segments up among all connections of a four-tuple, where there are several."""

    def __init__(self, point: Point) -> None:
        self._columns = point.columns
        self._tracks: dict[object, list[Track]] = {}
        for track in point.tracks:
            self._tracks.setdefault(_ends(track), []).append(track)
        self._known: dict[tuple[object, tuple[str, int]], dict[Name, list[int]]] = {}

    def segments(self, track: Track, side: int) -> dict[Name, list[int]]:
        """Rows of what a side sent, in any connection of its four-tuple; empty if there is but one."""
        tracks = self._tracks[_ends(track)]
        if len(tracks) < 2:
            return NOTHING
        sender = _sender(track, side)
        key = (_ends(track), sender)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = {}
            for each in tracks:
                for one in (0, 1):
                    for row in each.rows[one] if _sender(each, one) == sender else ():
                        known.setdefault(name_of(self._columns, row), []).append(row)
        return known


class Everywhere:
    """Looks segments up in all of a capture, under whatever addresses."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._rows: array[int] | None = None  # by sequence number

    def rows(self, name: Name) -> Iterator[int]:
        """Rows of segments of this name."""
        columns = self._columns
        if self._rows is None:
            self._rows = array("I", sorted(range(len(columns.seq)), key=columns.seq.__getitem__))
        at = bisect_left(self._rows, name[0], key=columns.seq.__getitem__)
        for row in islice(self._rows, at, None):
            if columns.seq[row] != name[0]:
                return
            if name_of(columns, row) == name:
                yield row


def name_of(columns: Columns, row: int) -> Name:
    """What a segment is known by."""
    return (columns.seq[row], columns.ack[row], columns.flags[row], columns.payload[row], columns.tsval[row],
            columns.tsecr[row], columns.ip_id[row])  # fmt: skip


def _sender(track: Track, side: int) -> tuple[str, int]:
    end = track.connection.server if side else track.connection.client
    return end.address, end.port


def _ends(track: Track) -> object:
    return frozenset((_sender(track, 0), _sender(track, 1))), track.connection.network
