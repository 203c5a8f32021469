# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.findings.facts cimport Facts, StayFacts
from tcptrace_py.findings.population cimport Population


cdef class Row:
    cdef public long long connections, first_ns, last_ns
    cdef public Population held, waits


cdef class Ports:
    cdef public object profiles
    cdef public dict rows

    @cython.locals(row=Row, stay=StayFacts)
    cpdef add(self, Facts facts)
