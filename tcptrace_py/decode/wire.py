"""Fixed header fields, read at an offset in one call each: (buffer, offset) -> tuple of numbers.

Kept apart from the loop that uses them because this is what a compiler does differently: `struct` is the quickest that
an interpreter has, a `.pxd` beside this file may name inline C functions with the same results (called through the
module, as Cython does not let one name be imported and cimported).
All raise struct.error where the buffer ends too early; callers look at the captured length first.
"""

from struct import Struct

from tcptrace_py.model import words

# RFC 791 section 3.1 and RFC 9293 section 3.1, where there are no IP options: version and header length, total length,
# identification, fragment, TTL, protocol; TCP's sequence, acknowledgment, offset and flags, window, checksum.
ipv4_tcp = Struct("!BxHHHBB10x4xIIHHH").unpack_from

# The same of an Ethernet frame: before it the frame's type, behind it what are TCP's timestamps if the first number says so.
ethernet_tcp = Struct("!12xHBxHHHBB10x4xIIHHH2xIII").unpack_from

# RFC 8200 section 3: version and class, payload length, next header, hop limit.
ipv6 = Struct("!BxxxHBB").unpack_from

# RFC 9293 section 3.1: sequence, acknowledgment, offset and flags, window, checksum.
tcp = Struct("!4xIIHHH").unpack_from

# RFC 7323 appendix A, the layout of nearly all segments: NOP NOP and head of the option as one number, TSval, TSecr.
timestamps = Struct("!III").unpack_from


def key(data: bytes, start: int, stop: int, recent: list[bytes]) -> bytes:  # noqa: ARG001 - for the compiled form
    """Bytes of a four-tuple's key. `recent` has `words.RECENT` entries for whoever knows how to make use of them."""
    return data[start:stop]


bucket = words.bucket_at  # of the four-tuple whose key begins at an offset, with addresses of so many bytes


# Two numbers of 32 bits: TSval and TSecr, or the edges of a SACK block (RFC 2018 section 3).
pair = Struct("!II").unpack_from
