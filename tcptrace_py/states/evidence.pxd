# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Connection, Segment, client_of
from tcptrace_py.model.seq cimport ahead
from tcptrace_py.model.verdict cimport Opening, View

cdef long long NOWHERE, COPY, STRAY, ACK, OPT_MSS, OPT_SACK_OK, OPT_TIMESTAMPS, RST, SYN


@cython.no_gc
@cython.freelist(64)
cdef class Happening:
    cdef public int basis, event
    cdef public long long index


@cython.locals(happening=Happening)
cpdef Happening happened(int event, long long index, int basis)


cdef class Half:
    cdef public bint near
    cdef public long long acknowledged, beyond_fin, closed_second, cover, fin_end, fin_taken, number
    cdef public list fins, indices, sent, syns


cdef class Evidence:
    cdef public Half a, b
    cdef public Connection connection
    cdef public View view
    cdef public Opening opening
    cdef public list log, resets
    cdef public long long client, fatal
    cdef public bint fatal_by_third, self_connect

    cdef _begin(self, Connection connection, View view)
    @cython.locals(log=list, firsts=list, seconds=list, i=cython.Py_ssize_t, segment=Segment, mine=Half)
    cdef _read(self)
    cpdef Half half(self, long long number)
    @cython.locals(log=list, indices=list, base="long long", latest="long long", before="long long", stamp="long long", ordered=bint,
                   place=cython.Py_ssize_t, segment=Segment)
    cdef list _in_order_of_sending(self, Half mine)
    @cython.locals(order=list, pair=tuple, latest="long long", stamp="long long", i=cython.Py_ssize_t, segment=Segment)
    cdef list _by_timestamps(self, list indices, long long base)
    @cython.locals(segment=Segment)
    cpdef long long time(self, Py_ssize_t index) except? -1
    @cython.locals(sender=Half)
    cpdef bint covers(self, Segment segment, Half closer) except -1
    @cython.locals(at=cython.Py_ssize_t)
    cdef bint _is_before(self, Segment segment, Py_ssize_t index) except -1
    cpdef bint not_crossing(self, Py_ssize_t received, Py_ssize_t repeated) except -1
    @cython.locals(mine=Segment, theirs=Segment)
    cpdef bint sent_knowing(self, Py_ssize_t later, Py_ssize_t received) except -1
    @cython.locals(i=cython.Py_ssize_t, earlier=Segment)
    cdef bint _stamped_before(self, Segment segment, Py_ssize_t index) except -1
    @cython.locals(i=cython.Py_ssize_t, segment=Segment)
    cpdef long long first_with(self, list indices, long long flags, long long among) except -2
    @cython.locals(i=cython.Py_ssize_t, segment=Segment, found=list)
    cpdef list all_with(self, list indices, long long flags, long long among)
    cpdef bint says_nothing_more(self, Half mine, Py_ssize_t index) except -1
    @cython.locals(place=cython.Py_ssize_t, i=cython.Py_ssize_t, segment=Segment)
    cpdef bint refuses_at(self, Half mine, Py_ssize_t index) except -1
    @cython.locals(segment=Segment)
    cpdef bint both_send_sack(self) except -1
    @cython.locals(segment=Segment)
    cpdef bint may_send_sack(self) except -1
