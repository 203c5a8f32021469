# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Segment
from tcptrace_py.model.verdict cimport Opening, Step, Verdict

cdef long long ACK, RST, NOWHERE, ESTABLISHED


@cython.locals(opening=Opening, first=Segment, last=Segment, synack=Segment, answer=Segment, answered=Segment)
cpdef handshake(Verdict verdict, list log)
@cython.locals(opening=Opening)
cpdef kind(Verdict verdict)
@cython.locals(opening=Opening, path=list, start=Step)
cpdef outcome(Verdict verdict, list log)
@cython.locals(segment=Segment)
cdef bint _acknowledges(list log, long long number) except -1
