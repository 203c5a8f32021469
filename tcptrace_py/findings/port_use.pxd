# cython: language_level=3, annotation_typing=False
import cython

cdef double FULL, DENSE
cdef long long SOON_NS, NOT_YET
cdef Py_ssize_t WORDS, STARTED, LEAD, MOST, LEAST, LOWEST, HIGHEST, OUTSIDERS, WATCHED, LOW, HIGH, WATCH_FROM, GIVEN, BEYOND


cdef class Filled:
    cdef public long long at_ns, full_ns, since_ns
    cdef public long long again, floor, into, least, started, threshold

    cpdef expect(self, long long count)
    cpdef rise(self, long long time_ns, long long level, long long started, long long again, long long into)
    cpdef go_on(self, long long time_ns, long long level)
    cpdef fall(self, long long time_ns, long long level)


cdef class Watched:
    cdef public Filled believed, by_parity, dense
    cdef public long long again, half_high, half_low, into


cdef class PortUse:
    cdef public int[::1] numbers
    cdef public Py_ssize_t accounts
    cdef public list watched
    cdef public object last_range
    cdef public dict outside, released
    cdef public long long limit

    @cython.locals(at=cython.Py_ssize_t, numbers="int[::1]")
    cpdef Py_ssize_t open(self, long long low, long long high, bint given) except -1
    @cython.locals(numbers="int[::1]", at=cython.Py_ssize_t, started=int, lead=int, low=int, high=int, turns=bint, wider=bint,
                   watched=Watched, released_ns="long long")
    cpdef hold(self, Py_ssize_t account, long long port, long long time_ns, long long level)
    @cython.locals(place=cython.Py_ssize_t, watched=Watched)
    cpdef give_back(self, Py_ssize_t account, long long port, long long time_ns, long long level)
    cpdef _hold_outside(self, Py_ssize_t account, long long port)
    @cython.locals(half="long long")
    cpdef _watch(self, Py_ssize_t at)
    cpdef _turn(self, Watched watched, long long low, long long high, long long level)


@cython.locals(at=cython.Py_ssize_t, low=int, high=int, given=bint)
cpdef believed(PortUse use, Py_ssize_t account)
@cython.locals(at=cython.Py_ssize_t)
cpdef long long believed_ports(PortUse use, Py_ssize_t account) except -1
@cython.locals(at=cython.Py_ssize_t)
cpdef bint is_ordinary(PortUse use, Py_ssize_t account)
