# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport words
from tcptrace_py.model.first_frames cimport FirstFrames

cdef long long ACK, IPV4_KEY, IPV6_KEY, SYN, MASK, KNOWN_LOW, KNOWN_HIGH, OVER, HIGH_HASH, STREAM, BASE_LOW, BASE_HIGH, KNOWN, SLOT_WORDS
cdef long long KNOWN_BITS, MANY, OPENED, _RESTING


cdef class StreamIndex:
    cdef public FirstFrames openers
    cdef public long long frame, count, tuples, moved_from
    cdef public object moved
    cdef long long _size
    cdef unsigned int[::1] _table

    @cython.locals(low=bytes, fingerprint="long long", slot="long long")
    cpdef long long slot(self, bytes key, bytes reverse)
    @cython.locals(name="long long")
    cpdef _open(self, long long slot)
    @cython.locals(table="unsigned int[::1]", known="unsigned int")
    cpdef _begin(self, long long slot, long long mine, long long mine_known, long long flags, long long seq)
    @cython.locals(table="unsigned int[::1]", last="long long", slot="long long", low="unsigned int", high="unsigned int")
    cpdef long long _find(self, long long fingerprint)
    @cython.locals(before="unsigned int[::1]", table="unsigned int[::1]", slots="long long", size="long long", old="long long",
                   low="long long", high="unsigned int", last="long long", slot="long long")
    cpdef _grow(self)
    @cython.locals(table="unsigned int[::1]", mine="long long", other="long long", mine_known="unsigned int",
                   other_known="unsigned int", known="unsigned int")
    cpdef long long note(self, long long slot, bytes key, long long flags, long long seq, long long ack)
    @cython.locals(mine="long long", mine_known="unsigned int")
    cpdef note_quoted(self, long long slot, bytes key, long long flags, long long seq)
    cpdef bint settled(self, long long slot)
    cpdef mark_over(self, long long slot)
    @cython.locals(known="unsigned int")
    cpdef lay_down(self, long long slot, long long number)
    @cython.locals(known="unsigned int")
    cpdef put_aside(self, long long slot, long long number)
    cpdef long long resting(self, long long slot)
    cpdef bint is_over(self, long long slot)
    cpdef long long stream(self, long long slot)


cpdef bint is_high(bytes key)
