"""The second reading behind `diff --same-traffic`: the segments of each connection, which an analysis does not keep.

Memory grows with the segments of the connections that are asked for: about 60 bytes each.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from .capture import open_captures
from .decode import Decoder
from .ladder import key_of
from .model.path import CLIENT, SERVER, Columns, Point, Syn, Track
from .model.problems import Problems
from .model.segments import ACK, HEADER_CUT, QUOTED, SYN, reverse_key
from .model.seq import add, ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .model.frames import FrameBlock
    from .model.results import Analysis
    from .model.segments import SegmentBlock
    from .model.selection import Selection

Places = dict[bytes, list[tuple[Track, int]]]
SKIPPED = QUOTED | HEADER_CUT


def read_point(
    name: str,
    captures: Sequence[str],
    analysis: Analysis,
    *,
    selection: Selection,
    check_checksums: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> Point:
    """Read a capture again, for the segments of the connections that its analysis found.

    `captures`, `selection` and `check_checksums` are those of the analysis; its connections must be kept.
    """
    point = Point(name, analysis.capture)
    places: Places = {}
    for connection in analysis.connections:
        if connection.server_side is None:  # a self-connect goes nowhere
            continue
        track = Track(connection)
        point.tracks.append(track)
        key = key_of(connection.client, connection.server, connection.scope)
        places.setdefault(key, []).append((track, CLIENT))
        places.setdefault(reverse_key(key), []).append((track, SERVER))
    problems = Problems()  # they were reported with the analysis
    decoder = Decoder(problems, check_checksums=check_checksums)
    for frames in open_captures(list(captures), problems, progress=progress).blocks():
        _take(frames, decoder.decode(frames), places, point.columns, selection)
    return point


def _take(frames: FrameBlock, block: SegmentBlock, places: Places, columns: Columns, selection: Selection) -> None:
    timed = selection.from_ns is not None or selection.to_ns is not None
    for i in range(block.count):
        owners = places.get(block.key[i])
        if owners is None or block.notes[i] & SKIPPED or (timed and not selection.matches_time(block.time_ns[i])):
            continue
        track, side = owners[0] if len(owners) == 1 else _owner(owners, block, i)
        if block.flags[i] & SYN and track.syns[side] is None:
            track.syns[side] = _syn(frames, block, i)
        track.last_end[side] = add(block.seq[i], block.payload[i])
        track.rows[side].append(len(columns.frame))
        _append(columns, block, i)


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


def _owner(owners: list[tuple[Track, int]], block: SegmentBlock, i: int) -> tuple[Track, int]:
    """Which incarnation of a four-tuple a segment belongs to: of the last two begun, the one whose numbers are near."""
    frame = block.frame[i]
    newest = max(bisect_right(owners, frame, key=lambda owner: owner[0].connection.first_frame) - 1, 0)
    if newest == 0 or owners[newest][0].connection.first_frame == frame:
        return owners[newest]
    return min((owners[newest], owners[newest - 1]), key=lambda owner: _distance(owner[0], owner[1], block, i))


def _distance(track: Track, side: int, block: SegmentBlock, i: int) -> int:
    """How far a segment's numbers lie from where the connection stood; beyond 2^32 where nothing is known."""
    found = [1 << 33]
    if track.last_end[side] >= 0:
        found.append(abs(ahead(block.seq[i], track.last_end[side])))
    if track.last_end[1 - side] >= 0 and block.flags[i] & ACK:
        found.append(abs(ahead(block.ack[i], track.last_end[1 - side])))
    return min(found)


def _syn(frames: FrameBlock, block: SegmentBlock, i: int) -> Syn:
    return Syn(
        block.seq[i], block.options[i], _mss(frames, block, i), block.window_scale[i], block.ttl[i], block.ip_id[i],
        block.tsval[i],
    )  # fmt: skip


def _mss(frames: FrameBlock, block: SegmentBlock, i: int) -> int | None:
    """The MSS option of a SYN (RFC 9293 3.7.1); the block does not carry it.

    The header is found by its own ports and numbers, so that the link and the tunnels before it need not be known.
    """
    row, key = block.frame[i] - frames.first_frame, block.key[i]
    ports = key[8:12] if len(key) < 36 else key[32:36]
    begin = frames.offset[row]
    end = begin + frames.captured[row]
    head = ports + block.seq[i].to_bytes(4, "big") + block.ack[i].to_bytes(4, "big")
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



