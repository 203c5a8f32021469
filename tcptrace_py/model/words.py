"""Bytes taken apart and put together in one call each; `words.pxd` has the same inline in C for whom it is compiled with."""

from array import array
from collections.abc import Callable, Iterable
from operator import itemgetter
from struct import Struct

RECENT = 1 << 12  # keys that are remembered
BUCKETS = 64  # four-tuples are dealt out by bucket
_WORD = Struct("=I").unpack_from
_ENDS, _ENDS_16 = Struct("!IIHH").unpack_from, Struct("!12xI12xIHH").unpack_from
_KEY = Struct("12s")  # as nearly all are: IPv4 without a scope


def word(record: bytes, index: int) -> int:
    """The word at this index, unsigned."""
    return int(_WORD(record, index << 2)[0])


def wide(record: bytes, index: int) -> int:
    """A non-negative number of 64 bits in two words, the lower one first."""
    return int(_WORD(record, index << 2)[0] | _WORD(record, (index + 1) << 2)[0] << 32)


def joined(record: "array[int]", count: int, tail: bytes) -> bytes:
    """The first `count` words as bytes, and other bytes behind them."""
    return record[:count].tobytes() + tail


def taken(record: "array[int]", at: int, count: int) -> bytes:
    """So many words from this index on as bytes."""
    return record[at : at + count].tobytes()


def same(record: "array[int]", at: int, other: int, count: int) -> bool:
    """Whether so many words of a record at one place are those at another."""
    return record[at : at + count] == record[other : other + count]


def swapped(key: bytes, size: int) -> bytes:
    """Key of a four-tuple with addresses of `size` bytes, seen from the other side."""
    ports = 2 * size
    return key[size:ports] + key[:size] + key[ports + 2 : ports + 4] + key[ports : ports + 2] + key[ports + 4 :]


def within(key: bytes, at: int, count: int) -> bytes:
    """So many bytes from there on."""
    return key[at : at + count]


def without(key: bytes, at: int, count: int) -> bytes:
    """All but `count` bytes in the middle."""
    return key[:at] + key[at + count :]


def padded(data: bytes, more: int) -> bytes:
    """Bytes, and so many zeros behind them."""
    return data + bytes(more)


def same_target(key: bytes, other: bytes, size: int) -> bool:
    """Whether two keys of one length, with addresses of `size` bytes, have the same target: its address and its port."""
    ports = 2 * size
    return len(key) == len(other) and key[size:ports] == other[size:ports] and key[ports + 2 : ports + 4] == other[ports + 2 : ports + 4]


def behind(record: bytes, at: int) -> bytes:
    """All bytes from there on."""
    return record[at:]


def is_high(key: bytes, size: int) -> bool:
    """Whether the key seen from the other side sorts before this one."""
    ports = 2 * size
    source, target = key[:size], key[size:ports]
    return source > target if source != target else key[ports : ports + 2] > key[ports + 2 : ports + 4]


def bucket(key: bytes, size: int) -> int:
    """A number below BUCKETS that both directions of a four-tuple share; it spreads them well. The scope is not looked at."""
    return bucket_at(key, 0, size)


def bucket_at(data: bytes, at: int, size: int) -> int:
    """The same of the key that begins there."""
    source, target, source_port, target_port = _ENDS(data, at) if size == 4 else _ENDS_16(data, at)
    one = source * 0x9E3779B1 + source_port * 0x85EBCA6B  # numbers of hosts and ports often count up together
    other = target * 0x9E3779B1 + target_port * 0x85EBCA6B
    mixed: int = (one ^ other) & 0xFFFFFFFF
    return mixed * 0xC2B2AE35 >> 26 & BUCKETS - 1


def set_key(keys: list[bytes], at: int, key: bytes) -> None:
    """Put a key into its place of a list that is long enough."""
    keys[at] = key


Picker = Callable[["array[int]"], Iterable[int]]


def picker(rows: "array[int]") -> Picker:
    """What `gather` needs to know of the rows that it is to write."""
    return itemgetter(*rows) if len(rows) > 1 else lambda column: [column[row] for row in rows]


def gather(column: "array[int]", pick: Picker, area: memoryview, at: int) -> int:
    """Write picked rows of a column into an area from byte `at` on; give the byte behind them."""
    data = array(column.typecode, pick(column)).tobytes()
    area[at : at + len(data)] = data
    return at + len(data)


def scatter(area: memoryview, at: int, column: "array[int]", count: int) -> int:
    """Read so many numbers from byte `at` of an area on into the first rows of a column; give the byte behind them."""
    end = at + count * column.itemsize
    column[:count] = array(column.typecode, bytes(area[at:end]))
    return end


def put_frames(area: memoryview, at: int, data: bytes, offsets: "array[int]", lengths: "array[int]", count: int) -> None:
    """Write so many pieces of `data` into an area that is large enough, close together from byte `at` on."""
    packed = b"".join([data[offset : offset + length] for offset, length in zip(offsets[:count], lengths[:count], strict=True)])
    area[at : at + len(packed)] = packed


def put_keys(area: memoryview, at: int, keys: list[bytes], key_ats: "array[int]", data: bytes, rows: "array[int]") -> int:
    """Write the keys of these rows into an area from byte `at` on, their lengths first: the byte behind them, -1 if they do not fit.

    A row without a key has it in `data`, from byte `key_ats[row]` on where it is one of IPv4, minus that where one of IPv6.
    """
    found = [
        keys[row] or (data[key_ats[row] : key_ats[row] + 12] if key_ats[row] > 0 else data[-key_ats[row] : 36 - key_ats[row]])
        for row in rows
    ]
    packed = bytes(map(len, found)) + b"".join(found)
    if at + len(packed) > len(area):
        return -1
    area[at : at + len(packed)] = packed
    return at + len(packed)


def get_keys(area: memoryview, at: int, keys: list[bytes], count: int, recent: list[bytes]) -> int:  # noqa: ARG001 - for the compiled form
    """Read so many keys from byte `at` of an area on into the first rows of a list; give the byte behind them.

    `recent` has RECENT entries for whoever knows how to make use of them.
    """
    start, at = at, at + count
    if bytes(area[start:at]).count(_KEY.size) == count:
        end = at + count * _KEY.size
        keys[:count] = [key for (key,) in _KEY.iter_unpack(area[at:end])]
        return end
    for row in range(count):
        size = area[start + row]
        keys[row] = bytes(area[at : at + size])
        at += size
    return at
