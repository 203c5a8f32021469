# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Segment, Side
from tcptrace_py.model.verdict cimport StayMarks, Step, step_to
from tcptrace_py.states.evidence cimport Evidence

cdef long long COPY, DELAYED, REFUSED, REPEAT, STRAY, ACK, FIN, OPT_TIMESTAMPS, RST, SYN, CLOSED, TIME_WAIT, MIRRORED_NS, ANSWER_NS, ENOUGH_OUTLIVED


@cython.locals(stay=StayMarks, outlived="long long", entry=Step, last=Step, log=list, peer=Side, entered_ns="long long", i=cython.Py_ssize_t, segment=Segment)
cpdef StayMarks find_stay(Evidence evidence, long long number, list path)
@cython.locals(late="long long", i=cython.Py_ssize_t, segment=Segment)
cdef bint _outlives(Evidence evidence, long long number, Py_ssize_t index) except -1
@cython.locals(segment=Segment)
cdef bint _restarts(Evidence evidence, Py_ssize_t index) except -1
@cython.locals(log=list, copy=Segment, i=cython.Py_ssize_t, answer=Segment)
cdef bint _answered_again(Evidence evidence, Py_ssize_t index) except -1
@cython.locals(copy=Segment, i=cython.Py_ssize_t, first=Segment)
cdef bint _by_network(list log, Py_ssize_t index) except -1
