# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport words

cdef long long ACK, IPV4_KEY, IPV6_KEY, SYN, MASK, KNOWN_LOW, KNOWN_HIGH, OVER


cdef class StreamIndex:
    cdef public long long count, tuples
    cdef long long _size
    cdef long long[::1] _hashes
    cdef unsigned int[::1] _stream, _base_low, _base_high, _resting
    cdef unsigned char[::1] _known

    @cython.locals(low=bytes, fingerprint="long long", slot="long long")
    cpdef long long slot(self, bytes key, bytes reverse)
    @cython.locals(mask="long long", slot="long long", hashes="long long[::1]")
    cpdef long long _find(self, long long fingerprint)
    @cython.locals(mine="unsigned int[::1]", other="unsigned int[::1]", mine_known=int, other_known=int, known=int)
    cpdef long long note(self, long long slot, bytes key, long long flags, long long seq, long long ack)
    cpdef bint settled(self, long long slot)
    cpdef mark_over(self, bytes key, bytes reverse)
    @cython.locals(slot="long long")
    cpdef lay_down(self, bytes key, bytes reverse, long long number)
    cpdef long long resting(self, long long slot)
    cpdef bint is_over(self, bytes key, bytes reverse)
    cpdef long long stream(self, long long slot)


cpdef bint is_high(bytes key)
