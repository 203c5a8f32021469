"""One input file: what it is, and its blocks of frames."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.faults import NOWHERE, Faults
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.results import FileInfo
from tcptrace_py.model.urls import shown

from . import compression, pcap_walk, pcapng_walk, snoop, terminal
from .columns import reserve, rows_of
from .compression import DecompressedSource
from .damage import Damage
from .interfaces import Given, Numbers
from .looks_like import describe, is_foreign_capture
from .opening import open_source
from .pcap import PcapReader
from .pcapng import PcapngReader
from .section import TIME_MIN_NS
from .snoop import SnoopReader
from .source import HEAD_BYTES, PIECE_BYTES, STDIN, FileSource, Seekable, Source, SourceDamageError

MOST_DESCRIPTORS = 200  # of inputs that are open at once: with more of them, the others are opened for each piece
LAYERS = 2  # of compression: one may be inside another
MANY, SMALL_PIECE_BYTES = 16, 1 << 17  # with so many inputs open at once their buffers add up


class Opened:
    """How many inputs of a set are open: rotated files one or two at once, others all."""

    def __init__(self) -> None:
        self.count = 0

    @property
    def piece_bytes(self) -> int:
        """How much each reads at once."""
        return PIECE_BYTES if self.count < MANY else SMALL_PIECE_BYTES


class NotACaptureError(CaptureError):
    """The input could be read, and is something else or empty."""


class ForeignCaptureError(NotACaptureError):
    """The input is a capture of a kind that is not read."""


def holds_capture(path: str) -> bool:
    """Whether a regular file holds a capture of whatever kind, also where it is damaged or cannot be decompressed here."""
    try:
        source = open_capture(path).source
    except NotACaptureError as error:
        return isinstance(error, ForeignCaptureError)
    except CaptureError as error:
        return not isinstance(error.__cause__, OSError)  # what cannot be opened shows nothing
    source.close()
    return True


class Mark(NamedTuple):
    """A place between two records of a file: its byte, the number of the frame that follows, and what the reader knows there."""

    byte: int
    next_frame: int
    format: str
    state: tuple[Any, ...]


class Opening(NamedTuple):
    """A capture inside of what may be around it: where its bytes come from, its first ones, and what was undone on the way there."""

    source: Source
    data: bytes
    undone: tuple[tuple[str, str], ...] = ()  # codes of problems, and what is said of them


def open_capture(path: str) -> Opening:
    """Open a path down to the capture inside. Raises CaptureError, without the name of the file."""
    source: Source = open_source(path)
    try:
        data = _head(source)
        for _layer in range(LAYERS):
            kind = compression.recognise(data)
            if kind is None:
                break
            source = DecompressedSource(source, data, kind)
            data = _head(source)
        opening = _undo_terminal(source, data)
        _format_of(opening.data)
    except SourceDamageError as error:
        source.close()
        raise CaptureError(str(error)) from error
    except CaptureError:
        source.close()
        if source.interrupted:  # it is not known what would have followed
            raise KeyboardInterrupt from None
        raise
    except BaseException:
        source.close()
        raise
    return opening


def _undo_terminal(source: Source, data: bytes) -> Opening:
    undone = []
    text = b"" if terminal.is_capture(data) else terminal.text_before(data)
    if text:
        data = data[len(text) :]
        undone.append(("text-before-capture", f'text stands before the capture, "{terminal.in_words(text)}"; {terminal.ADVICE}'))
    if terminal.is_translated(data):
        source = terminal.TranslatedSource(source, data)
        data = source.head
        undone.append(("went-through-terminal", f"a terminal put a CR before each LF: read without them; {terminal.ADVICE}"))
    return Opening(source, data, tuple(undone))


def name_of(path: str) -> str:
    """How messages and documents call an input: bytes of its name that are no UTF-8 are escaped, secrets of a URL left out."""
    return "standard input" if path == STDIN else shown(path).encode(errors="backslashreplace").decode()


def _head(source: Source) -> bytes:
    data = b""
    try:
        while len(data) < HEAD_BYTES and len(longer := source.refill(data, HEAD_BYTES)) > len(data):
            data = longer
    except SourceDamageError:  # met again by whoever reads on
        if not data:
            raise
    return data


def _format_of(data: bytes) -> str:
    """Say pcap, pcapng or snoop, its header being whole. Raises CaptureError."""
    if not data:
        raise NotACaptureError("is empty")
    if pcap_walk.recognise(data):
        pcap_walk.parse_header(data)
        return "pcap"
    if data.startswith(pcapng_walk.SECTION_TYPE) and len(data) < pcapng_walk.SECTION_BYTES:
        raise CaptureError(f"ends inside its section header, after {len(data)} bytes")
    if pcapng_walk.recognise(data):
        return "pcapng"
    if data.startswith(snoop.MAGIC):
        snoop.parse_header(data)
        return "snoop"
    if compression.recognise(data):
        raise CaptureError(f"is compressed more than {LAYERS} times over")
    kind = ForeignCaptureError if is_foreign_capture(data) else NotACaptureError
    raise kind(f"is not a capture: {describe(data)}")


class CaptureFile:
    """One input: checked when made, read by `blocks`. Pipes stay open in between, files are opened again."""

    def __init__(self, path: str) -> None:
        """Open and recognise it. Raises CaptureError where it cannot be read at all."""
        self.path = path
        try:
            opening = open_capture(path)
        except CaptureError as error:
            raise type(error)(f"{name_of(path)}: {error}") from error
        source = opening.source
        self.info = FileInfo(name_of(path), _format_of(opening.data))
        self.size_bytes = source.size_bytes
        self.reopenable = source.reopenable
        self.compressed = isinstance(source, DecompressedSource)
        self.done_bytes = 0
        self.interrupted = source.interrupted
        self._opened: Opening | None = None if source.reopenable else opening
        if source.reopenable:
            source.close()

    def blocks(
        self,
        problems: Problems,
        numbers: Numbers,
        opened: Opened | None = None,
        faults: Faults | None = None,
        marks: list[Mark | None] | None = None,
    ) -> Iterator[FrameBlock]:
        """Give the frames, numbered from 1 within this file; once. Damage goes to `problems`, never up. `numbers`: of its interfaces.

        `opened`: of the set that it is one of; frame numbers are then the file's own. What the rest of the file raises goes to
        `faults`. `marks` gets the place behind each block, for `rows`; None where nobody can go on from there.
        """
        damage = Damage(problems, self.info, alone=opened is None)
        try:
            for block in self._read(damage, numbers, opened or Opened(), marks=marks):
                self.info.packets += block.count
                yield block
        except Exception as error:
            if faults is None:
                raise
            self.info.truncated = True
            faults.note(f"reading on in {self.info.path}", error, self.info.packets if opened is None else NOWHERE)
        numbers.end()

    def rows(self, first: int, end: int, mark: Mark | None, interfaces: Sequence[int], problems: Problems) -> Iterator[FrameBlock]:
        """The frames `first` to `end` (exclusive) by their numbers in this file, read from a mark on that is not behind them.

        Only what the file lacks by now, which once was read as a whole, becomes a problem.
        """
        damage = Damage(problems, FileInfo(self.info.path, self.info.format), alone=False)
        damage.only, following = ("read-error",), 1 if mark is None else mark.next_frame
        for block in self._read(damage, Given(interfaces), Opened(), mark):
            start, stop, following = max(first - block.first_frame, 0), end - block.first_frame, block.first_frame + block.count
            if start < block.count:  # whoever gets it may number it anew
                yield block if start == 0 and stop >= block.count else rows_of(block, start, min(stop, block.count))
            if stop <= block.count:
                return
        damage.broken_off("read-error", "is shorter than when it was looked at first", following - 1)

    def head_ns(self) -> int:
        """Time of the first frame, from a look at the first bytes; the least possible where that does not show it."""
        if self.reopenable:
            scratch = Damage(Problems(), FileInfo(self.path, self.info.format), alone=False)
            with suppress(Exception):  # met again by who reads it all
                for block in self._read(scratch, Given(()), None):
                    return block.time_ns[0]
        return TIME_MIN_NS

    def _read(
        self,
        damage: Damage,
        numbers: Numbers | Given,
        opened: Opened | None,
        mark: Mark | None = None,
        marks: list[Mark | None] | None = None,
    ) -> Iterator[FrameBlock]:
        """Blocks of frames from all bytes; from the first ones where it is not `opened` for more, from a mark on where there is one."""
        try:
            source, data, undone = self._opened or open_capture(self.path)
        except CaptureError as error:  # it could be read a moment ago
            damage.broken_off("read-error", str(error), 0)
            return
        if opened:
            opened.count += 1
            source.piece_bytes = opened.piece_bytes
            if opened.count > MOST_DESCRIPTORS and self.reopenable and isinstance(source, FileSource | DecompressedSource):
                source.spares_descriptors = True
        try:
            if isinstance(source, DecompressedSource):
                damage.unit = f" of the {source.kind} content"
            for code, said in undone:
                damage.add(code, said, 0, damaged=False)
                damage.unit = " of the capture itself"
            if self.interrupted:  # while it was recognised, of a stream that is kept
                damage.ended_by_hand()
            if isinstance(source, Seekable) and not undone:
                if mark is not None:
                    source.done_bytes = mark.byte
            else:
                mark = marks = None
            for block in _frames(source, data, numbers, damage, whole=opened is not None, mark=mark, marks=marks):
                self.done_bytes = source.done_bytes
                yield block
                if opened:
                    source.piece_bytes = opened.piece_bytes
            self.done_bytes = source.done_bytes
        finally:
            if opened:
                opened.count -= 1
            self.interrupted |= source.interrupted
            source.close()

    def close(self) -> None:
        """Close a pipe that was never read."""
        if self._opened:
            self._opened.source.close()


def _frames(
    source: Source,
    data: bytes,
    numbers: Numbers | Given,
    damage: Damage,
    *,
    whole: bool,
    mark: Mark | None = None,
    marks: list[Mark | None] | None = None,
) -> Iterator[FrameBlock]:
    """Window by window (`whole`: beyond `data`): what a window leaves over begins the next one."""
    if mark is None:
        reader = _reader(data, numbers, damage)
        position, base, next_frame = reader.first_byte, 0, 1
    else:
        reader = _READERS[mark.format].resumed(mark.state, numbers, damage)
        data, position, base, next_frame = b"", 0, mark.byte, mark.next_frame
    final = not whole and len(data) < HEAD_BYTES  # then it is all that there is (`_head`)
    if whole:
        with suppress(SourceDamageError):  # met again behind the frames that are here
            data = source.refill(data, 1)
    while True:
        block = reserve(data, next_frame, uniform=reader.uniform)
        position, need_bytes = reader.step(block, position, base, final)
        if block.count:
            reader.finish(block)
            next_frame += block.count
            if marks is not None:
                state = reader.state()
                marks.append(None if state is None else Mark(base + position, next_frame, reader.format, state))
            yield block
        if not need_bytes:
            continue
        if final or not whole:
            return
        rest, base, position = data[position:], base + position, 0
        data = _longer(source, rest, need_bytes, damage, next_frame - 1)
        final = len(data) == len(rest)


def _longer(source: Source, rest: bytes, need_bytes: int, damage: Damage, frame: int) -> bytes:
    """Get the next window; `rest` alone where the input ends or breaks off."""
    try:
        return source.refill(rest, need_bytes)
    except SourceDamageError as failure:
        if not source.interrupted:
            damage.broken_off(failure.code, str(failure), frame)
        return rest
    finally:
        if source.interrupted:
            damage.ended_by_hand()


def _reader(data: bytes, numbers: Numbers | Given, damage: Damage) -> PcapReader | PcapngReader | SnoopReader:
    if pcap_walk.recognise(data):
        header = pcap_walk.parse_header(data)
        return PcapReader(header, numbers.number(header.link), damage)
    if data.startswith(snoop.MAGIC):
        link = snoop.parse_header(data)
        return SnoopReader(link, numbers.number(link), damage)
    return PcapngReader(pcapng_walk.recognise(data) or "<", numbers, damage)


_READERS = {reader.format: reader for reader in (PcapReader, PcapngReader, SnoopReader)}
