# cython: language_level=3, annotation_typing=False
from tcptrace_py.findings.percentiles cimport Values
from tcptrace_py.model.live cimport Connection as Live
from tcptrace_py.model.live cimport begins_with_syn, client_of
from tcptrace_py.model.segments cimport local_port


cdef class Outline:
    cdef public object shape
    cdef public long long ack, client, client_stay, client_tail, count, first_syn, server_stay
    cdef public int cause, first_fin, outcome, pattern, vantage
    cdef public object trouble
    cdef public Values latencies
    cdef public bint alike, censored
    cdef public int[::1] fins


cpdef long long port_to_count(Live live)
