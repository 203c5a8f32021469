"""Connections of one four-tuple: the network's late copies of a segment may stand under another of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


def name_of(columns: Columns, row: int) -> Name:
    """What a segment is known by."""
    return (columns.seq[row], columns.ack[row], columns.flags[row], columns.payload[row], columns.tsval[row],
            columns.tsecr[row], columns.ip_id[row])  # fmt: skip


def _sender(track: Track, side: int) -> tuple[str, int]:
    end = track.connection.server if side else track.connection.client
    return end.address, end.port


def _ends(track: Track) -> object:
    scope = track.connection.scope
    return frozenset((_sender(track, 0), _sender(track, 1))), scope.vni if scope else None
