"""Captures that went through a terminal: text in front of them, and a CR put before each LF. Both can be undone."""

from tcptrace_py.model.errors import CaptureError

from . import pcap_walk, pcapng_walk, snoop
from .looks_like import TEXT
from .source import Source, SourceDamageError

ADVICE = "record without one: tcpdump -w FILE, or ssh -T, docker exec and kubectl exec without -t, and 2>/dev/null"
SHOWN = 60  # characters of the text that are shown
TRANSLATED_PCAPNG = pcapng_walk.SECTION_TYPE.replace(b"\n", b"\r\n")


def text_before(data: bytes) -> bytes:
    """Lines of text before a capture, as programs write them on standard error; none where none stand there."""
    at = data.find(b"\n") + 1
    while at:
        if is_capture(data[at:]):
            return data[:at] if TEXT.issuperset(data[:at]) else b""
        at = data.find(b"\n", at) + 1
    return b""


def is_capture(data: bytes) -> bool:
    """Whether a capture begins with these bytes, or one did before a terminal had them."""
    begins = pcap_walk.recognise(data) or pcapng_walk.recognise(data) or data.startswith((snoop.MAGIC, TRANSLATED_PCAPNG))
    return bool(begins)


def in_words(text: bytes) -> str:
    """What stood before a capture, shortened to a line."""
    words = " ".join(text.decode(errors="replace").split())
    return words if len(words) <= SHOWN else f"{words[:SHOWN]}…"


def is_translated(data: bytes) -> bool:
    """Whether each LF of a capture has a CR before it, and records make sense only without these: that is what a terminal makes of one."""
    if data.startswith(TRANSLATED_PCAPNG):
        return True
    if not pcap_walk.recognise(data) or b"\n" not in data or data.count(b"\n") != data.count(b"\r\n"):
        return False
    return not _has_records(data) and _has_records(data.replace(b"\r\n", b"\n"))


def _has_records(data: bytes) -> bool:
    """Whether everything behind the header of a pcap is records, as far as these bytes go."""
    try:
        header = pcap_walk.parse_header(data)
    except CaptureError:
        return False
    at, count = pcap_walk.FILE_HEADER_BYTES, 0
    while at + header.record_bytes <= len(data):
        _seconds, fraction, captured, wire = pcap_walk.record(header, data, at)
        if fraction >= pcap_walk.NS_PER_S or not 0 < captured <= wire <= pcap_walk.WIRE_MAX or captured > pcap_walk.CAPTURED_MAX:
            return False
        at += header.record_bytes + captured
        count += 1
    return count > 0


class TranslatedSource:
    """The capture that a terminal put a CR before each LF of: what it gives is without these."""

    def __init__(self, source: Source, data: bytes) -> None:
        """Take over a source of which `data` was read."""
        self.size_bytes, self.reopenable, self.piece_bytes = source.size_bytes, source.reopenable, source.piece_bytes
        self._source = source
        self._held = b""  # a CR whose next byte is not known yet
        self.head = self._without(data)

    @property
    def interrupted(self) -> bool:
        """See Source."""
        return self._source.interrupted

    @property
    def done_bytes(self) -> int:
        """See Source."""
        return self._source.done_bytes

    def refill(self, rest: bytes, need_bytes: int) -> bytes:
        """See Source."""
        self._source.piece_bytes = self.piece_bytes
        parts, size = [rest], len(rest)
        while size < max(need_bytes, len(rest) + 1):
            try:
                more = self._source.refill(self._held, max(need_bytes - size, 1) + len(self._held))
            except SourceDamageError:  # met again behind what is here
                if len(parts) == 1:
                    raise
                break
            if len(more) == len(self._held):
                parts.append(self._held)
                self._held = b""
                break
            part = self._without(more)
            parts.append(part)
            size += len(part)
        return b"".join(parts)

    def close(self) -> None:
        """See Source."""
        self._source.close()

    def _without(self, data: bytes) -> bytes:
        self._held = b"\r" if data.endswith(b"\r") else b""
        return data.removesuffix(self._held).replace(b"\r\n", b"\n")
