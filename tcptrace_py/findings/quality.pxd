# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport columns
from tcptrace_py.model.live cimport Connection, Segment

cdef long long AHEAD


cdef class Quality:
    cdef public dict counts, first
    cdef public object latest_ns

    @cython.locals(segment=Segment)
    cpdef add(self, Connection live)
    cdef bint _expects_answer(self, Connection live)
