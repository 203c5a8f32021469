"""Headers of records, read at an offset in one call.

Of pcap: seconds, fraction, captured and wire length. Of pcapng, an enhanced packet block: type, total length, interface, ticks
(high, low), captured and wire length; and its total length once more, which stands alone behind it.

Kept apart from the walks that use it for the same reason as `decode.wire`: a `.pxd` beside this file names inline C
functions with the same results. All raise struct.error where the buffer ends too early.
"""

from struct import Struct

little = Struct("<IIII").unpack_from
big = Struct(">IIII").unpack_from
little_packet = Struct("<IIIIIII").unpack_from
big_packet = Struct(">IIIIIII").unpack_from
_LITTLE, _BIG = Struct("<I").unpack_from, Struct(">I").unpack_from


def little_word(data: bytes, at: int) -> int:
    """One number."""
    return int(_LITTLE(data, at)[0])


def big_word(data: bytes, at: int) -> int:
    """One number."""
    return int(_BIG(data, at)[0])
