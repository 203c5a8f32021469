# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Connection as Live
from tcptrace_py.model.live cimport Segment

cdef class StayFacts:
    cdef public bint by_server, restarted
    cdef public long long entered_ns, end_ns
    cdef public int how


cdef class Facts:
    cdef public object cause, outcome, pattern, vantage
    cdef public bytes client, server, scope
    cdef public long long first_fin, released_ns, server_port, start_ns, total_ns
    cdef public list stays


cdef class Outline:
    cdef public long long ack, client, client_tail, first_fin, first_syn
    cdef public object outcome, pattern, vantage
    cdef public list stays
    cdef public bint untroubled


@cython.locals(facts=Facts, log=list, index="long long", entered_ns="long long", stay_end="long long", how=int, by_server=bint, segment=Segment)
cpdef Facts from_outline(Live live, Outline outline, profiles, names, long long end_ns)
