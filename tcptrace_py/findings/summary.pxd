# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.findings.facts cimport Facts
from tcptrace_py.findings.percentiles cimport Values


cdef class Totals:
    cdef public long long connections
    cdef public dict outcomes, patterns, causes, latencies

    @cython.locals(values=Values)
    cpdef add(self, Facts facts)
