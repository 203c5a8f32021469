"""What a partition tells as it is replayed, in its file: reports as in `jobs`, and the frames that begin connections and streams.

A report is numbers and names of accounts, as columns. Whoever adds up reads the reports of all partitions side by side, that of the
partition next which is behind the others, and settles what all have told (`Sums.hear`): what it keeps does not grow with the time that
the capture spans.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, pairwise
from struct import Struct
from typing import NamedTuple

from .jobs import Report, Sums
from .scratch import Piece, ScratchError

HEAD = Struct("=q14q")  # up to when all is told; the bytes of each column
COLUMNS = "BBBqqqqqIIIBqq"  # of what type they are: lengths of names, names, what each counts; numbers; facts like names; numbers
NO_REPORT = "scratch files: there are reports that no stage wrote so"


class Told(NamedTuple):
    """A report, and the first frames of connections and of streams that were opened."""

    report: Report
    connections: "array[int]"
    streams: "array[int]"


def packed(told: Told) -> bytes:
    """A report of a partition as bytes."""
    assert told.report.told is not None
    names, counted, events, (four, sixteen, facts) = told.report.told
    columns = [bytes(map(len, names)), b"".join(names), bytes(counted)]
    columns += [column.tobytes() for column in (*events, four, sixteen, array("I", map(len, facts)))]
    columns += [b"".join(facts), told.connections.tobytes(), told.streams.tobytes()]
    return b"".join([HEAD.pack(told.report.until_ns, *map(len, columns)), *columns])


def unpacked(data: bytes) -> Told:
    """And back. Raises ScratchError for what is none."""
    if len(data) < HEAD.size:
        raise ScratchError(NO_REPORT)
    until_ns, *sizes = HEAD.unpack_from(data)
    ends = list(accumulate(sizes, initial=HEAD.size))
    if min(sizes) < 0 or ends[-1] != len(data) or any(size % array(kind).itemsize for size, kind in zip(sizes, COLUMNS, strict=True)):
        raise ScratchError(NO_REPORT)
    columns = [array(kind, data[begin:end]) for kind, (begin, end) in zip(COLUMNS, pairwise(ends), strict=True)]
    (
        lengths,
        joined,
        counted,
        begins_ns,
        begin_whats,
        ends_ns,
        end_whats,
        early,
        four,
        sixteen,
        facts_lengths,
        facts,
        connections,
        streams,
    ) = columns
    names = _cut(joined, lengths)
    if len(names) != len(counted):
        raise ScratchError(NO_REPORT)
    told = names, bytearray(counted), (begins_ns, begin_whats, ends_ns, end_whats, early), (four, sixteen, _cut(facts, facts_lengths))
    return Told(Report(told, until_ns), connections, streams)


def _cut(joined: "array[int]", lengths: "array[int]") -> list[bytes]:
    """Texts of these lengths that stand one behind the other. Raises ScratchError where these are not theirs."""
    if sum(lengths) != len(joined):
        raise ScratchError(NO_REPORT)
    text = joined.tobytes()
    return [text[begin:end] for begin, end in pairwise(accumulate(lengths, initial=0))]


def take(sums: Sums, whose: int, told: Told) -> None:
    """Take in a report of a partition."""
    sums.part.collector.first_frames.add_all(told.connections)
    sums.part.openers.add_all(told.streams)
    sums.hear(whose, told.report)


def take_all(sums: Sums, parts: Iterable[tuple[int, Callable[[Piece], bytes], Iterable[Piece]]]) -> None:
    """Take in all reports of several partitions: of each its name among the sums, how its file is read, and where its reports stand."""
    coming: dict[int, Iterator[Told]] = {whose: map(unpacked, map(read, reports)) for whose, read, reports in parts}
    while coming:
        whose = min(coming, key=sums.until_ns.__getitem__)
        told = next(coming[whose], None)
        if told is None:
            del coming[whose]
        else:
            take(sums, whose, told)
