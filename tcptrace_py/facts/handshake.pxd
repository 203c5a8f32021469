# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.facts.table cimport Table
from tcptrace_py.model.live cimport Segment
from tcptrace_py.model.verdict cimport Opening, Step, Verdict

cdef long long ACK, RST, NOWHERE, ESTABLISHED, MISSING
cdef Py_ssize_t HANDSHAKE, KIND, OUTCOME, SYN_REPEATS, SYN_TO_SYNACK, SYNACK_REPEATS, SYNACK_TO_ACK
cdef dict KINDS, OUTCOMES


@cython.locals(opening=Opening, first=Segment, last=Segment, synack=Segment, answer=Segment, answered=Segment, size=cython.Py_ssize_t,
               to_synack_ns="long long", to_ack_ns="long long", total_ns="long long")
cpdef write_handshake(Table table, Py_ssize_t row, Verdict verdict, list log, bint in_flight)
@cython.locals(opening=Opening)
cpdef kind(Verdict verdict)
@cython.locals(opening=Opening, path=list, start=Step)
cpdef outcome(Verdict verdict, list log, bint in_flight)
@cython.locals(segment=Segment)
cdef bint _acknowledges(list log, long long number) except -1
