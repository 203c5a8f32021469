# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Connection, Segment, Side
from tcptrace_py.model.verdict cimport Close, ResetMarks, Step, Verdict

cdef long long CLOSED, FIN_WAIT_2, TIME_WAIT
cdef tuple SIDES


@cython.locals(log=list, segment=Segment)
cpdef teardown(Connection live, Verdict verdict, list resets)
@cython.locals(first="long long", marks=ResetMarks, reset=Segment, earliest=Segment)
cdef long long _first_abort(Verdict verdict, list log) except -2
cdef long long _left_ns(Verdict verdict, Segment segment) except? -1
@cython.locals(close=Close)
cpdef pattern(Verdict verdict)
@cython.locals(log=list, close=Close, one="long long", other="long long", number="long long", silent=Side)
cpdef first_fin(Connection live, Verdict verdict)
cdef int _segments(Verdict verdict, long long first) except -1
@cython.locals(starts="long long", begin_ns="long long", done_ns="long long", number="long long", index="long long", segment=Segment,
               done=bint, path=list, place=cython.Py_ssize_t, step=Step)
cdef _duration(Verdict verdict, list log)
