"""The second reading behind `diff --same-traffic`: the segments of each connection, which an analysis does not keep.

Memory grows with the segments of the connections that are asked for: about 60 bytes each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .model.addresses import key_of
from .model.path import CLIENT, SERVER, Columns, Point, Syn, Track
from .model.segments import HEADER_CUT, QUOTED, SYN, plain_key, reverse_key
from .second_reading import Options, observe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .model.frames import FrameBlock
    from .model.live import Side
    from .model.results import Analysis, Connection
    from .model.segments import SegmentBlock

SKIPPED = QUOTED | HEADER_CUT


def read_point(
    name: str,
    captures: Sequence[str],
    analysis: Analysis,
    options: Options,
    *,
    progress: Callable[[int, int | None], None] | None = None,
) -> Point:
    """Read a capture again, for the segments of the connections that its analysis found.

    `captures` and `options` are those of the analysis; its connections must be kept.
    """
    point = Point(name, analysis.capture)
    tracks = _Tracks(point, analysis.connections)
    for frames in observe(captures, None, tracks, options, progress=progress):
        tracks.complete(frames)
    return point


class _Tracks:
    """Observes a flow table, and puts the segments of all connections into a point's columns."""

    def __init__(self, point: Point, connections: Iterable[Connection]) -> None:
        self.columns = point.columns
        self.places: dict[bytes, dict[int, tuple[Track, int]]] = {}  # of a direction's connections, by their first frames
        self.latest: dict[bytes, int] = {}  # first frame of the latest
        self.syns: list[tuple[Syn, bytes, int, int]] = []  # of this block of frames: with the key, the acknowledgement, the frame
        for connection in connections:
            if connection.server_side is None:  # a self-connect goes nowhere
                continue
            track = Track(connection)
            point.tracks.append(track)
            key = key_of(connection.client, connection.server, connection.scope)
            self.places.setdefault(key, {})[connection.first_frame] = track, CLIENT
            self.places.setdefault(reverse_key(key), {})[connection.first_frame] = track, SERVER

    def __call__(self, side: Side | None, block: SegmentBlock, i: int, _marks: int) -> None:
        """Take in a row. What belongs to no connection, a straggler or a stray SYN, goes to the tuple's latest.

        What lives beside another on its four-tuple, and is not counted, is the same connection with other numbers.
        """
        key = block.key[i] if side is None else side.key
        places = self.places.get(key)
        if places is None and side is not None:  # in a tunnel, of what was captured outside as well
            key = plain_key(key)
            places = self.places.get(key)
            if places is not None and side.connection.first_frame not in places:
                return
        if places is None or block.notes[i] & SKIPPED:
            return
        if side is not None and side.connection.split and side.connection.first_frame not in places:
            return
        latest = self.latest.get(key, 0)
        if side is not None and side.connection.first_frame != latest and side.connection.first_frame in places:
            latest = self.latest[key] = self.latest[reverse_key(key)] = side.connection.first_frame
        if not latest:
            return
        track, number = places[latest]
        if block.flags[i] & SYN and track.syns[number] is None:
            syn = track.syns[number] = Syn(block.seq[i], block.options[i], None, block.window_scale[i], block.ttl[i], block.ip_id[i],
                                           block.tsval[i])  # fmt: skip
            self.syns.append((syn, key, block.ack[i], block.frame[i]))
        track.rows[number].append(len(self.columns.frame))
        _append(self.columns, block, i)

    def complete(self, frames: FrameBlock) -> None:
        """Give the SYNs of a block of frames what their segments do not tell."""
        for syn, key, ack, frame in self.syns:
            syn.mss = _mss(frames, key, syn.seq, ack, frame)
        self.syns.clear()


def _append(columns: Columns, block: SegmentBlock, i: int) -> None:
    columns.time_ns.append(block.time_ns[i])
    columns.frame.append(block.frame[i])
    columns.seq.append(block.seq[i])
    columns.ack.append(block.ack[i])
    columns.payload.append(block.payload[i])
    columns.window.append(block.window[i])
    columns.tsval.append(block.tsval[i])
    columns.tsecr.append(block.tsecr[i])
    columns.sack.append(block.sack_left[i])
    columns.ip_id.append(block.ip_id[i])
    columns.flags.append(block.flags[i] & 0x3F)  # without the bits of ECN, which routers may clear
    columns.interface.append(block.interface[i] & 0xFFFF)
    columns.ttl.append(block.ttl[i])


def _mss(frames: FrameBlock, key: bytes, seq: int, ack: int, frame: int) -> int | None:
    """The MSS option of a SYN (RFC 9293 3.7.1); the block does not carry it.

    The header is found by its own ports and numbers, so that the link and the tunnels before it need not be known.
    """
    row = frames.frame.index(frame) if frames.frame else frame - frames.first_frame
    ports = key[8:12] if len(key) < 36 else key[32:36]
    begin = frames.offset[row]
    end = begin + frames.captured[row]
    head = ports + seq.to_bytes(4, "big") + ack.to_bytes(4, "big")
    at = frames.data.find(head, begin, end)
    if at < 0 or at + 20 > end:
        return None
    stop = min(at + (frames.data[at + 12] >> 4 << 2), end)
    at += 20
    while at + 3 < stop and frames.data[at]:
        kind, size = frames.data[at], frames.data[at + 1]
        if kind == 2 and size == 4:
            return frames.data[at + 2] << 8 | frames.data[at + 3]
        at += 1 if kind == 1 else max(size, 2)
    return None
