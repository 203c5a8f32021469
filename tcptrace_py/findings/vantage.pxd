# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport words
from tcptrace_py.model.live cimport Connection, Segment, client_of
from tcptrace_py.model.seq cimport ahead
from tcptrace_py.model.verdict cimport View

cdef long long COPY, STRAY, IPV6_KEY, ACK, RST, SYN, CLEAR_RATIO, LOCAL_NS, MOST_LEG_NS, SAMPLES, PAIR_WORDS, NOWHERE, LOCAL, UNCLEAR, AT_SERVER, BETWEEN
cdef tuple FAR, NEAR


cdef class Legs:
    cdef public long long client, client_ttl, server_ttl, to_client_ns, to_server_ns


@cython.locals(own=Legs)
cdef Legs _legs_of(Segment syn, Segment synack, Segment answer)
@cython.locals(log=list, syn=Segment, synack=Segment, answer=Segment)
cpdef Legs legs(Connection connection)
@cython.locals(syn=Segment, synack=Segment, segment=Segment)
cdef Legs _searched_legs(Connection connection)
@cython.locals(segment=Segment)
cpdef int first_ttl(Connection connection, long long number) except -1
cdef bint _far_below(long long near_ns, long long far_ns) except -1
cpdef int place(Legs own)
cpdef int place_of(long long to_server_ns, long long to_client_ns)


cdef class Samples:
    cdef public long long[::1] rows
    cdef public Py_ssize_t used

    @cython.locals(at=cython.Py_ssize_t)
    cpdef Py_ssize_t place(self) except -1


cdef class Pair:
    cdef public Samples samples
    cdef public Py_ssize_t base
    cdef public long long count, latest, low_ns, high_ns
    cdef public tuple medians

    @cython.locals(rows="long long[::1]", at=cython.Py_ssize_t)
    cpdef learn(self, long long first_frame, long long low_ns, long long high_ns)
    @cython.locals(rows="long long[::1]", at=cython.Py_ssize_t)
    cdef _find_room(self)
    @cython.locals(rows="long long[::1]", last=cython.Py_ssize_t, at=cython.Py_ssize_t, before="long long")
    cpdef _drop_latest(self)


cdef class Vantages:
    cdef public dict pairs, ways
    cdef public Samples samples

    cpdef Pair pair(self, bytes one, bytes other)
    cpdef bint clear(self, Legs own)
    @cython.locals(to_a="long long", to_b="long long", a_ways=tuple, b_ways=tuple, size=cython.Py_ssize_t, legs_ns=tuple, at="long long")
    cpdef View view(self, Connection live, Legs own, bint settled=*)
    @cython.locals(address=bytes)
    cdef tuple _ways(self, bytes key, Py_ssize_t size)
    @cython.locals(source=bytes, target=bytes, pair=Pair, legs_ns=tuple)
    cdef tuple _legs_ns(self, Connection live, Py_ssize_t size)


cdef Py_ssize_t _address_bytes(Connection live) except -1
