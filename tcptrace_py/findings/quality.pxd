# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport columns
from tcptrace_py.model.live cimport Connection, Segment

cdef long long AHEAD, ACK, ANSWERED, FIN, FINE_NS, SHAPE


cdef class Quality:
    cdef public dict counts, first
    cdef public object latest_ns
    cdef public bint is_plain
    cdef public long long kinds, frame_count, first_frame, base_ns, unit_ns

    @cython.locals(i=cython.Py_ssize_t, unit_ns="long long", apart_ns="long long")
    cdef _clock(self, long long[::1] times_ns, Py_ssize_t count)
    @cython.locals(flags="unsigned int[::1]", i=cython.Py_ssize_t, kind="long long")
    cpdef segments(self, block)

    @cython.locals(segment=Segment)
    cpdef add(self, Connection live)
    cdef bint _expects_answer(self, Connection live)
