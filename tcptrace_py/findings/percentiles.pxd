# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport columns

cdef long long PRECISION
cdef double STEADY


cdef class Values:
    cdef public long long count, least, most
    cdef public long long[::1] exact
    cdef public Py_ssize_t kept
    cdef public dict rounded

    cpdef add(self, long long value)
    cdef _keep(self, long long value)
    @cython.locals(at=cython.Py_ssize_t)
    cpdef merge(self, Values other)
    @cython.locals(rounded=dict, at=cython.Py_ssize_t, near="long long")
    cpdef _round_off(self)


@cython.locals(spare=int)
cpdef long long rough(long long value)

@cython.locals(count=cython.Py_ssize_t, at=cython.Py_ssize_t, longer_ones=cython.Py_ssize_t, near=cython.Py_ssize_t,
               values_ns="long long[::1]", middle_ns="long long", most_ns="long long")
cpdef long long steady_ns(long long[::1] times_ns, Py_ssize_t lag, long long least_ns, long long within_percent) except -1
