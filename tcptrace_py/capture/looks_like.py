"""What a file is that is no capture we read: for the message, by its first bytes."""

SIGNATURES = (
    (b"btsnoop\0", "a btsnoop capture"),
    (b"\x54\x52\x53\x4e\x49\x46\x46\x20", "a Sniffer capture; editcap converts it"),
    (b"TRSNIFF data", "a Sniffer capture; editcap converts it"),
    (b"XCP\0", "a NetXRay capture; editcap converts it"),
    (b"GMBU", "a Microsoft Network Monitor capture; editcap converts it"),
    (b"RTSS", "a Microsoft Network Monitor capture; editcap converts it"),
    (b"ElfFile\0", "a Windows event log"),
    (b"\xd0\xcf\x11\xe0", "an OLE document"),
    (b"PK\x03\x04", "a zip archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"LZIP", "compressed with lzip; decompress it first"),
    (b"\x1f\x9d", "compressed with compress; decompress it first"),
    (b"\x02\x21\x4c\x18", "compressed with lz4's old format; decompress it first"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"SQLite format 3\0", "an SQLite database"),
)
TAR_AT, TAR = 257, b"ustar"
TEXT = frozenset(range(0x20, 0x7F)) | frozenset(b"\t\n\r\f\x1b") | frozenset(range(0x80, 0x100))


def describe(data: bytes) -> str:
    """Show the first bytes in hex, and what they look like where that is clear."""
    shown = f"begins with {data[:8].hex(' ')}"
    guess = _guess(data)
    return f"{shown}, looks like {guess}" if guess else shown


def is_foreign_capture(data: bytes) -> bool:
    """Whether it looks like a capture of a kind that is not read."""
    return " capture" in (_guess(data) or "")


def _guess(data: bytes) -> str | None:
    for signature, name in SIGNATURES:
        if data.startswith(signature):
            return name
    if data[TAR_AT : TAR_AT + len(TAR)] == TAR:
        return "a tar archive; unpack it first"
    if _is_erf(data):
        return "an ERF capture; editcap converts it"
    if not data.strip(b"\0"):
        return "nothing but zeros"
    if TEXT.issuperset(data[:512]):
        return "text"
    return None


def _is_erf(data: bytes) -> bool:
    """Endace ERF has no magic number: two record headers in a row whose lengths fit (as wiretap/erf.c does)."""
    place = 0
    for _record in range(2):
        if len(data) < place + 16 or not 1 <= data[place + 8] & 0x7F <= 48:
            return False
        length = int.from_bytes(data[place + 10 : place + 12], "big")
        wire = int.from_bytes(data[place + 14 : place + 16], "big")
        if length < 16 or wire == 0 or data[place + 7] == 0:
            return False
        place += length
    return True
