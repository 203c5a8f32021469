# cython: boundscheck=False, wraparound=False
# (compiled: rows are counted, and the area is looked at before each row)
"""Segments to the process that replays their connection: a block's rows told apart by four-tuple, packed, unpacked.

All segments of a four-tuple in any scope go the same way: stream numbers do not look at the scope.
"""

from array import array

from tcptrace_py.model import words
from tcptrace_py.model.segments import IPV6_KEY, SegmentBlock
from tcptrace_py.model.seq import MASK

BUCKETS = 64  # four-tuples are dealt out by bucket
ROW_WORDS = 15
KEY_MOST = 60  # bytes; an IPv6 key with two scopes has 46
ROW_MOST_BYTES = 4 * ROW_WORDS + KEY_MOST


class AreaFullError(Exception):
    """The rows do not fit into the area."""


def owners(block: SegmentBlock, owner_of: "array[int]") -> "array[int]":
    """For each row the number of the process that it belongs to. `owner_of` has BUCKETS entries."""
    count = block.count
    keys = block.key
    found = array("i", bytes(4 * count))
    column = found
    mask = BUCKETS - 1
    for i in range(count):
        key = keys[i]
        column[i] = owner_of[words.bucket(key, 4 if len(key) < IPV6_KEY else 16) & mask]
    return found


def keep(block: SegmentBlock, owner: "array[int]", me: int) -> None:
    """Drop all rows but mine."""
    keys = block.key
    (frames, times, seqs, acks, all_flags, windows, payloads) = (
        block.frame, block.time_ns, block.seq, block.ack, block.flags, block.window, block.payload)
    all_options, tsvals, tsecrs, ttls = block.options, block.tsval, block.tsecr, block.ttl
    notes, interfaces, ip_ids, scales, vlans, teids = (
        block.notes, block.interface, block.ip_id, block.window_scale, block.vlan, block.teid)
    n = 0
    for i in range(block.count):
        if owner[i] != me:
            continue
        if i != n:
            keys[n] = keys[i]
            frames[n] = frames[i]
            times[n] = times[i]
            seqs[n] = seqs[i]
            acks[n] = acks[i]
            all_flags[n] = all_flags[i]
            windows[n] = windows[i]
            payloads[n] = payloads[i]
            all_options[n] = all_options[i]
            tsvals[n] = tsvals[i]
            tsecrs[n] = tsecrs[i]
            ttls[n] = ttls[i]
            notes[n] = notes[i]
            interfaces[n] = interfaces[i]
            ip_ids[n] = ip_ids[i]
            scales[n] = scales[i]
            vlans[n] = vlans[i]
            teids[n] = teids[i]
        n += 1
    block.count = n


def pack(block: SegmentBlock, owner: "array[int]", to: int, area: memoryview, at: int) -> tuple[int, int]:
    """Write the rows of one process into its area from byte `at` on: (how many, the byte behind them).

    Raises AreaFullError; a number that does not fit its place raises it too.
    """
    keys = block.key
    (frames, times, seqs, acks, all_flags, windows, payloads) = (
        block.frame, block.time_ns, block.seq, block.ack, block.flags, block.window, block.payload)
    all_options, tsvals, tsecrs, ttls = block.options, block.tsval, block.tsecr, block.ttl
    notes, interfaces, ip_ids, scales, vlans, teids = (
        block.notes, block.interface, block.ip_id, block.window_scale, block.vlan, block.teid)
    out, limit = area, len(area) - ROW_MOST_BYTES
    rows = 0
    for i in range(block.count):
        if owner[i] != to:
            continue
        key = keys[i]
        size = len(key)
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
        words.put_bytes(out, at + 60, key)
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
    source = area
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
        size = packed >> 24
        keys[i] = words.get_key(source, at + 60, size, recent)
        at += 60 + (size + 3 & ~3)
    block.count = rows
    return at
