# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.findings.facts cimport Facts, StayFacts
from tcptrace_py.findings.percentiles cimport Values
from tcptrace_py.findings.population cimport Population


cdef class Totals:
    cdef public long long connections
    cdef public dict outcomes, patterns, causes, latencies
    cdef public Population stays

    @cython.locals(stay=StayFacts, values=Values)
    cpdef add(self, Facts facts)
