"""The second reading behind `explain`: a result does not hold its segments, so the capture is read once more."""

import os
import socket
from collections.abc import Callable, Iterator, Sequence

from .capture import open_captures
from .decode import Decoder
from .findings.rungs import rungs
from .findings.runs import folded
from .model.ladder import Run, Rung, Sent
from .model.problems import Problems
from .model.results import Connection, Endpoint, Scope
from .model.segments import (
    ACK,
    HEADER_CUT,
    OPT_TIMESTAMPS,
    QUOTED,
    SCOPE_TEID,
    SCOPE_VNI,
    SegmentBlock,
    reverse_key,
    scope_bytes,
)
from .model.seq import ahead

NEAR = 1 << 16


def ladder(
    captures: Sequence[str | os.PathLike[str]],
    connection: Connection,
    others: Sequence[Connection] = (),
    *,
    check_checksums: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[Rung]:
    """Return the connection's segments in capture order, each with what it is.

    `captures` and `check_checksums` are those of the analysis that `connection` comes from; `others` are the other
    connections on its four-tuple, whose frames may lie between its own. Standard input cannot be read a second time.
    """
    return list(rungs(segments_of(captures, connection, others, check_checksums=check_checksums, progress=progress)))


def folded_ladder(
    captures: Sequence[str | os.PathLike[str]],
    connection: Connection,
    others: Sequence[Connection] = (),
    *,
    check_checksums: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[Rung | Run]:
    """Return the same as `ladder`, long plain runs as their sums: memory does not grow with the connection's length."""
    sides = [side for side in (connection.client_side, connection.server_side) if side is not None]
    decided = {entry.frame for side in sides for entry in side.states if entry.frame is not None}
    decided |= {reset.frame for reset in connection.resets}
    segments = segments_of(captures, connection, others, check_checksums=check_checksums, progress=progress)
    return folded(rungs(segments), frozenset(decided))


def segments_of(
    captures: Sequence[str | os.PathLike[str]],
    connection: Connection,
    others: Sequence[Connection] = (),
    *,
    check_checksums: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> Iterator[Sent]:
    """Yield the connection's segments in capture order."""
    key = key_of(connection.client, connection.server, connection.scope)
    both = frozenset((key, reverse_key(key)))
    first, last = connection.first_frame, connection.last_frame
    apart = Incarnations(connection, others)
    problems = Problems()  # they were reported with the analysis
    decoder = Decoder(problems, check_checksums=check_checksums)
    for frames in open_captures(list(captures), problems, progress=progress).blocks():
        if frames.first_frame > last:
            break
        block = decoder.decode(frames)  # even before the first frame: fragments may begin there
        keys = block.key
        for i in range(block.count):
            if keys[i] in both and first <= block.frame[i] <= last and not block.notes[i] & QUOTED:
                sent = _sent(block, i, from_client=keys[i] == key)
                if apart.is_ours(sent):
                    yield sent


def key_of(client: Endpoint, server: Endpoint, scope: Scope | None) -> bytes:
    """Four-tuple as the client's segments carry it (`segments.SegmentBlock.key`)."""
    ends = client.port.to_bytes(2, "big") + server.port.to_bytes(2, "big")
    key = _packed(client.address) + _packed(server.address) + ends
    if scope is not None and scope.vni is not None:
        key += scope_bytes(SCOPE_VNI, scope.vni)
    if scope is not None and scope.teid is not None:
        key += scope_bytes(SCOPE_TEID, 0)
    return key


def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def _sent(block: SegmentBlock, i: int, *, from_client: bool) -> Sent:
    return Sent(
        block.frame[i],
        block.time_ns[i],
        from_client,
        block.flags[i] & 0xFF,
        block.seq[i],
        block.ack[i],
        block.payload[i],
        block.window[i],
        block.ip_id[i],
        block.tsval[i] if block.options[i] & OPT_TIMESTAMPS else None,
        block.interface[i],
        bool(block.notes[i] & HEADER_CUT),
    )


class Incarnations:
    """Tells the connection's segments from those of others on its four-tuple whose frames lie between its own.

    Within another's frames a segment is ours only where its number lies close to where its side stood: initial
    numbers of incarnations lie further apart than that.
    """

    def __init__(self, connection: Connection, others: Sequence[Connection]) -> None:
        self.inner = [
            other
            for other in others
            if other.id != connection.id
            and other.scope == connection.scope
            and connection.first_frame < other.last_frame
            and other.first_frame <= connection.last_frame
        ]
        self.first_frame = connection.first_frame
        self.ends: dict[bool, int] = {}

    def is_ours(self, sent: Sent) -> bool:
        """Whether this segment is the connection's own; asked in capture order."""
        claimed = any(other.first_frame <= sent.frame <= other.last_frame for other in self.inner)
        if claimed and sent.frame != self.first_frame and not self._goes_on(sent):
            return False
        self.ends[sent.from_client] = sent.end
        return True

    def _goes_on(self, sent: Sent) -> bool:
        """Whether it lies close behind its side's numbers or, first of its side, acknowledges the other's."""
        own, others = self.ends.get(sent.from_client), self.ends.get(not sent.from_client)
        if own is not None:
            return abs(ahead(sent.seq, own)) <= NEAR
        return others is not None and bool(sent.flags & ACK) and abs(ahead(sent.ack, others)) <= NEAR
