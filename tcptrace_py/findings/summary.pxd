# cython: language_level=3, annotation_typing=False
from tcptrace_py.findings.percentiles cimport Values

cdef int COMPLETED, UNKNOWN


cdef class Totals:
    cdef public long long connections
    cdef public list outcomes, patterns, causes, latencies

    cpdef add(self, int outcome, int pattern, int cause, long long count)
    cpdef Values latencies_of(self, int outcome, int vantage)
