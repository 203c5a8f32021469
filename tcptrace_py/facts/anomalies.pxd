# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Connection, Rare, Segment, Side
from tcptrace_py.model.seq cimport ahead
from tcptrace_py.model.verdict cimport Opening, ResetMarks, Step, Verdict

cdef long long AHEAD, COPY, DELAYED, REFUSED, STRAY, ACK, FIN, RST, SYN, CLOSED


@cython.locals(found=list, index=cython.Py_ssize_t, segment=Segment, rare=Rare)
cpdef list anomalies(Connection live, Verdict verdict)
cdef _count_more(list found, str code, long long more)
@cython.locals(flags="long long", frame="long long", marks="long long")
cdef _of_segment(list found, Connection live, Verdict verdict, Py_ssize_t index, Segment segment)
@cython.locals(side=Side, peer=Side)
cdef _of_stray(Connection live, Segment segment)
@cython.locals(path=list, last=Step, closing=Segment)
cdef _after_close(list found, Connection live, Verdict verdict, Py_ssize_t index, Segment segment)
@cython.locals(frame="long long", marks=ResetMarks, mark=ResetMarks)
cdef _of_reset(list found, Connection live, Verdict verdict, Py_ssize_t index, Segment segment)
@cython.locals(side=Side)
cdef bint _is_answer_of_none(Connection live, Verdict verdict, Py_ssize_t index, Segment segment) except -1
@cython.locals(side=Side, opening=Opening)
cdef bint _is_repeated_late(Connection live, Verdict verdict, Py_ssize_t index, Segment segment) except -1
@cython.locals(fins=list, fin=Segment)
cdef bint _after_own_fin(Connection live, Verdict verdict, Segment segment) except -1
@cython.locals(reset=Segment, grace_ns="long long")
cdef bint _knew_of_reset(Connection live, Verdict verdict, Segment segment) except -1
