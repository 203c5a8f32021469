# cython: boundscheck=False, wraparound=False
# (compiled: rows are counted, and the area is looked at before each row)
"""Segments to the process that replays their connection: a block's rows told apart by four-tuple, packed, unpacked.

All segments of a four-tuple in any scope go the same way: stream numbers do not look at the scope.
"""


from typing import TYPE_CHECKING

from tcptrace_py.model import words
from tcptrace_py.model.segments import IPV4_KEY, IPV6_KEY, SegmentBlock
from tcptrace_py.model.seq import MASK

if TYPE_CHECKING:
    from array import array

ROW_WORDS = 15
KEY_MOST = 60  # bytes; an IPv6 key with two scopes has 46
ROW_MOST_BYTES = 4 * ROW_WORDS + KEY_MOST


class AreaFullError(Exception):
    """The rows do not fit into the area."""


def tell_owners(block: SegmentBlock, owner_of: "array[int]", me: int) -> None:
    """Complete the block's column `owner` for the process `me`; `owner_of` has words.BUCKETS entries."""
    keys, owners = block.key, block.owner
    foreign = 0
    for i in range(block.count):
        if owners[i] < 0:
            key = keys[i]
            owners[i] = owner_of[words.bucket(key, 4 if len(key) < IPV6_KEY else 16)]
        foreign += owners[i] != me
    block.me, block.foreign = me, foreign


def pack(block: SegmentBlock, to: int, area: memoryview, at: int) -> tuple[int, int]:
    """Write the rows of one process into its area from byte `at` on: (how many, the byte behind them).

    Raises AreaFullError; a number that does not fit its place raises it too.
    """
    keys, data, key_ats, owners = block.key, block.data, block.key_at, block.owner
    (frames, times, seqs, acks, all_flags, windows, payloads) = (
        block.frame, block.time_ns, block.seq, block.ack, block.flags, block.window, block.payload)
    all_options, tsvals, tsecrs, ttls = block.options, block.tsval, block.tsecr, block.ttl
    notes, interfaces, ip_ids, scales, vlans, teids = (
        block.notes, block.interface, block.ip_id, block.window_scale, block.vlan, block.teid)
    out, limit = area, len(area) - ROW_MOST_BYTES
    rows = 0
    for i in range(block.count):
        if owners[i] != to:
            continue
        key = keys[i]
        size = len(key) or (IPV4_KEY if key_ats[i] > 0 else IPV6_KEY)
        if at > limit or size > KEY_MOST or interfaces[i] > 0xFFFF or vlans[i] > 0xFFFE:
            raise AreaFullError
        words.put(out, at, times[i] & MASK)
        words.put(out, at + 4, times[i] >> 32 & MASK)
        words.put(out, at + 8, frames[i] & MASK)
        words.put(out, at + 12, frames[i] >> 32 & MASK)
        words.put(out, at + 16, seqs[i])
        words.put(out, at + 20, acks[i])
        words.put(out, at + 24, payloads[i] & MASK)
        words.put(out, at + 28, tsvals[i])
        words.put(out, at + 32, tsecrs[i])
        words.put(out, at + 36, windows[i] & MASK)
        words.put(out, at + 40, all_flags[i] | notes[i] << 16)
        words.put(out, at + 44, ip_ids[i] + 1 | all_options[i] << 20)
        words.put(out, at + 48, interfaces[i] | vlans[i] + 1 << 16)
        words.put(out, at + 52, teids[i] & MASK)
        words.put(out, at + 56, ttls[i] | scales[i] + 1 << 8 | (teids[i] < 0) << 20 | size << 24)
        if key:
            words.put_bytes(out, at + 60, key)
        else:
            words.put_key(out, at + 60, data, abs(key_ats[i]), size)
        at += 60 + (size + 3 & ~3)
        rows += 1
    return rows, at


def unpack(area: memoryview, at: int, rows: int, block: SegmentBlock, recent: list[bytes]) -> int:
    """Fill an empty block with so many rows from byte `at` of an area on; give the byte behind them."""
    keys = block.key
    (frames, times, seqs, acks, all_flags, windows, payloads) = (
        block.frame, block.time_ns, block.seq, block.ack, block.flags, block.window, block.payload)
    all_options, tsvals, tsecrs, ttls = block.options, block.tsval, block.tsecr, block.ttl
    notes, interfaces, ip_ids, scales, vlans, teids = (
        block.notes, block.interface, block.ip_id, block.window_scale, block.vlan, block.teid)
    source, odd = area, False
    for i in range(rows):
        times[i] = words.get(source, at) | words.get(source, at + 4) << 32
        frames[i] = words.get(source, at + 8) | words.get(source, at + 12) << 32
        seqs[i] = words.get(source, at + 16)
        acks[i] = words.get(source, at + 20)
        payloads[i] = words.get(source, at + 24)
        tsvals[i] = words.get(source, at + 28)
        tsecrs[i] = words.get(source, at + 32)
        windows[i] = words.get(source, at + 36)
        packed = words.get(source, at + 40)
        all_flags[i] = packed & 0xFFFF
        notes[i] = packed >> 16
        packed = words.get(source, at + 44)
        ip_ids[i] = (packed & 0xFFFFF) - 1
        all_options[i] = packed >> 20
        packed = words.get(source, at + 48)
        interfaces[i] = packed & 0xFFFF
        vlans[i] = (packed >> 16) - 1
        packed = words.get(source, at + 56)
        ttls[i] = packed & 0xFF
        scales[i] = (packed >> 8 & 0xFFF) - 1
        teids[i] = -1 if packed >> 20 & 1 else words.get(source, at + 52)
        odd = odd or vlans[i] >= 0 or teids[i] >= 0
        size = packed >> 24
        words.set_key(keys, i, words.get_key(source, at + 60, size, recent))
        at += 60 + (size + 3 & ~3)
    block.count, block.odd = rows, odd
    return at
