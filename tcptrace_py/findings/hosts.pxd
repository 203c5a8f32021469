# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.findings.facts cimport Facts, StayFacts
from tcptrace_py.findings.population cimport Population


cdef class Row:
    cdef public long long as_client, as_server, closed_first, entered_as_client, entered_as_server, killed, restarted, reused
    cdef public Population stays


cdef class Hosts:
    cdef public dict rows

    @cython.locals(client=Row, server=Row, row=Row, stay=StayFacts)
    cpdef add(self, Facts facts)
    @cython.locals(row=Row)
    cpdef Row _row(self, bytes address, bytes scope)
