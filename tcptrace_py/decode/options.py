# cython: boundscheck=False, wraparound=False
# (compiled: nothing is read at or behind `stop`, which lies within the data)
"""TCP options, read as Linux reads them (net/ipv4/tcp_input.c, tcp_parse_options)."""

from tcptrace_py.model.segments import (
    OPT_DSACK,
    OPT_FAST_OPEN,
    OPT_MSS,
    OPT_SACK,
    OPT_SACK_OK,
    OPT_TIMESTAMPS,
    OPT_WSCALE,
)

from . import wire

NEGATIVE = 1 << 31  # of a difference of 32 bits
MOST_SCALE = 14  # larger ones mean this (RFC 7323 2.3)


def parse_options(data: bytes, at: int, stop: int, ack: int) -> tuple[int, int, int, int, int, int]:
    """Read the options in data[at:stop]: bits, window scale, TSval, TSecr, left and right edge of the first SACK block.

    Reading ends at the first option that is malformed or runs over `stop` (a cut does the same). Options of a wrong
    length are passed over; of repeated ones the last counts. `ack` is the segment's: a first SACK block below it, or
    inside the second block, reports a duplicate (RFC 2883 section 4).
    """
    bits = tsval = tsecr = left = right = 0
    window_scale = -1
    while at < stop:
        kind = data[at]
        if kind == 1:  # no operation
            at += 1
            continue
        if kind == 0 or at + 1 >= stop:  # end of the list
            break
        size = data[at + 1]
        if size < 2 or at + size > stop:
            break
        if kind == 8 and size == 10:
            bits |= OPT_TIMESTAMPS
            tsval, tsecr = wire.pair(data, at + 2)
        elif kind == 5 and size >= 10 and size % 8 == 2:
            bits = (bits | OPT_SACK) & ~OPT_DSACK
            left, right = wire.pair(data, at + 2)
            if (left - ack) & NEGATIVE:
                bits |= OPT_DSACK
            elif size >= 18:
                outer_left, outer_right = wire.pair(data, at + 10)
                if not ((left - outer_left) | (outer_right - right)) & NEGATIVE:
                    bits |= OPT_DSACK
        elif kind == 2 and size == 4:
            bits |= OPT_MSS
        elif kind == 3 and size == 3:
            bits |= OPT_WSCALE
            window_scale = min(data[at + 2], MOST_SCALE)
        elif kind == 4 and size == 2:
            bits |= OPT_SACK_OK
        elif kind == 34 or (kind >= 253 and kind < 255 and size >= 4 and data[at + 2] == 0xF9 and data[at + 3] == 0x89):
            bits |= OPT_FAST_OPEN  # RFC 7413 section 4.1.1, and the experimental form of RFC 6994 with its magic number
        at += size
    return bits, window_scale, tsval, tsecr, left, right
