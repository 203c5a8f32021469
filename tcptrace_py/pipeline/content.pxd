# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Connection, Context, Rare, Segment, Side
from tcptrace_py.model.segments cimport reverse_key

cdef int LAST
cdef Py_ssize_t MOST_BYTES, ROOM
cdef unsigned long long LOW
cdef long long ACK, OPENING


cdef class Carrier:
    cdef bytearray _written
    cdef bint _reads
    cdef bytes _data
    cdef Py_ssize_t _at, _end, _mask_at
    cdef int _bit, _mask

    cdef long long number(self, long long value, long long usual) except? -1
    @cython.locals(bit=int)
    cdef bint flag(self, bint value) except -1
    @cython.locals(code="unsigned long long")
    cdef _put(self, long long difference)
    cdef _make_room(self, Py_ssize_t count)
    cdef bytes all_written(self)
    @cython.locals(code="unsigned long long", byte="unsigned long long", shift=int, difference="long long")
    cdef long long _difference(self) except? -1
    @cython.locals(high="unsigned long long", low="unsigned long long")
    cdef unsigned long long word(self, unsigned long long value) except? 1
    cdef long long time(self, long long value, long long start_ns) except? -1
    @cython.locals(length=cython.Py_ssize_t)
    cdef bytes raw(self, bytes value)
    cdef thing(self, value)


@cython.locals(key=bytes, other=bytes, carrier=Carrier, segment=Segment, after=Connection)
cpdef bytes content(Connection live)
@cython.locals(key=bytes, other=bytes, carrier=Carrier, segment=Segment, start_ns="long long", first_frame="long long",
               after_ns="long long", after_frame="long long", live=Connection)
cpdef Connection connection(bytes content)
cpdef bytes first_key(bytes content)
cpdef Segment blank_segment()
@cython.locals(side=Side, segment=Segment, time_ns="long long", frame="long long")
cdef _carry(Carrier carrier, Connection live)
cdef _carry_connection(Carrier carrier, Connection live, long long start_ns)
cdef _carry_side(Carrier carrier, Side side, long long start_ns)
cdef _carry_rare(Carrier carrier, Rare rare, long long start_ns)
@cython.locals(sender=Side)
cdef _carry_segment(Carrier carrier, Segment segment, long long time_ns, long long frame, Connection live)
cdef _carry_context(Carrier carrier, Context context, long long time_ns, long long frame)
