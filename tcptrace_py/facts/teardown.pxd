# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.facts.block cimport Block
from tcptrace_py.facts.table cimport Table
from tcptrace_py.model.live cimport Connection, Segment
from tcptrace_py.model.seq cimport ahead
from tcptrace_py.model.verdict cimport Close, Opening, ResetMarks, Step, Verdict

cdef long long ACK, ALIKE, CLOSED, FIN, FIN_WAIT_2, TIME_WAIT, MISSING
cdef Py_ssize_t CENSORED, CLOSE, ENDING_RESET, FIRST_FIN, PATTERN, RESET_FRAME, RESETS, RESETS_AT, SEGMENTS
cdef dict PATTERNS


@cython.locals(log=list, segment=Segment, table=Table, narrow="int[::1]", small="signed char[::1]", size=cython.Py_ssize_t, first="long long")
cpdef write_teardown(Block block, Py_ssize_t row, Connection live, Verdict verdict, bint in_flight)
@cython.locals(table=Table, resets=Table, at=cython.Py_ssize_t, reset=cython.Py_ssize_t)
cdef Py_ssize_t _reset_of(Block block, Py_ssize_t row, long long frame) except -2
@cython.locals(first="long long", marks=ResetMarks, reset=Segment, earliest=Segment)
cdef long long _first_abort(Verdict verdict, list log) except -2
cdef long long _left_ns(Verdict verdict, Segment segment) except? -1
@cython.locals(close=Close)
cpdef pattern(Verdict verdict)
@cython.locals(log=list, close=Close, one="long long", other="long long", number="long long")
cpdef long long first_fin(Connection live, Verdict verdict) except -2
@cython.locals(first=Segment, second=Segment, opening=Opening, syn=Segment, synack=Segment, asked=Segment, answer=Segment, apart_ns="long long",
               to_server_ns="long long", to_client_ns="long long", skew_ns="long long", unsure_ns="long long", answered_ns="long long")
cdef long long _left_first(Verdict verdict, list log, Py_ssize_t one, Py_ssize_t other) except -2
@cython.locals(synack=Segment, answer=Segment)
cdef bint _shows_legs(Opening opening, list log) except -1
@cython.locals(segment=Segment)
cdef long long _answered_ns(list log, Segment fin, Segment later) except? -1
cdef int _segments(Verdict verdict, long long first) except -1
@cython.locals(starts="long long", begin_ns="long long", done_ns="long long", number="long long", index="long long", segment=Segment,
               done=bint, path=list, place=cython.Py_ssize_t, step=Step)
cdef long long _duration_ns(Verdict verdict, list log) except? -1
