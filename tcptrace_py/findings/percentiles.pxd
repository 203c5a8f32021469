# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport columns

cdef long long PRECISION


cdef class Values:
    cdef public long long count, least, most
    cdef public long long[::1] exact
    cdef public Py_ssize_t kept
    cdef public dict rounded

    cpdef add(self, long long value)
    @cython.locals(rounded=dict, at=cython.Py_ssize_t, near="long long")
    cpdef _round_off(self)


@cython.locals(spare=int)
cpdef long long rough(long long value)
