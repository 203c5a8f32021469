# cython: language_level=3, annotation_typing=False
from tcptrace_py.findings.percentiles cimport Values
from tcptrace_py.model.live cimport Connection as Live
from tcptrace_py.model.live cimport begins_with_syn, client_of
from tcptrace_py.model.segments cimport local_port


cdef class StayFacts:
    cdef public bint by_server, restarted
    cdef public long long entered_ns, end_ns
    cdef public int how


cdef class Facts:
    cdef public object cause, outcome, pattern, vantage
    cdef public long long announced, earliest_ns, first_fin, port, released_ns, start_ns, total_ns
    cdef public list stays


cdef class Outline:
    cdef public object shape
    cdef public long long ack, client, client_stay, client_tail, count, first_fin, first_syn, server_stay
    cdef public object cause, outcome, pattern, trouble, vantage
    cdef public Values latencies
    cdef public bint alike


cpdef long long port_to_count(Live live)
