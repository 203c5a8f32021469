# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.facts.table cimport Table
from tcptrace_py.model.live cimport Connection, Segment, refused_by_time_wait
from tcptrace_py.model.verdict cimport Opening, Step, Verdict

cdef long long ACK, RST, NOWHERE, ESTABLISHED, MISSING
cdef Py_ssize_t HANDSHAKE, KIND, OUTCOME, SYN_REPEATS, SYN_TO_SYNACK, SYNACK_REPEATS, SYNACK_TO_ACK
cdef dict KINDS, OUTCOMES


@cython.locals(opening=Opening, log=list, first=Segment, last=Segment, synack=Segment, answer=Segment, answered=Segment, size=cython.Py_ssize_t,
               to_synack_ns="long long", to_ack_ns="long long", total_ns="long long")
cpdef write_handshake(Table table, Py_ssize_t row, Connection live, Verdict verdict, bint in_flight)
@cython.locals(opening=Opening)
cpdef kind(Verdict verdict)
@cython.locals(opening=Opening, log=list, path=list, start=Step, refused_in="long long")
cpdef outcome(Connection live, Verdict verdict, bint in_flight)
@cython.locals(segment=Segment)
cdef bint _acknowledges(list log, long long number) except -1
