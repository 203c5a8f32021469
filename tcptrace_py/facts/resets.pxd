# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.facts.block cimport Block
from tcptrace_py.facts.table cimport Table
from tcptrace_py.model.live cimport Connection, Context, Segment, hop_bit, hops
from tcptrace_py.model.seq cimport ahead
from tcptrace_py.model.verdict cimport Opening, ResetMarks, Step, Verdict, View

cdef long long COPY, STRAY, ACK, FIN, RST, SYN, ANSWERED_NS, BETWEEN, NAMED, SOON_NS, ESTABLISHED
cdef Py_ssize_t ENDING_RESET, RESET_AT, RESET_BY, RESET_CAUSE, RESET_CONFIDENCE, RESET_EVIDENCE, RESET_FRAME
cdef dict CAUSES, CONFIDENCES, ROLES


@cython.locals(marks=ResetMarks)
cpdef write_resets(Block block, Connection live, Verdict verdict)
@cython.locals(segment=Segment, context=Context, proof=list, ttl=int, goes_on=bint, others="long long", table=Table, row=cython.Py_ssize_t, size=cython.Py_ssize_t)
cdef _write(Block block, Connection live, Verdict verdict, ResetMarks marks)
@cython.locals(table=Table, resets=Table, at=cython.Py_ssize_t)
cpdef int ending_cause(Block block, Py_ssize_t row) except -2
cdef _ways(long long bits)
@cython.locals(log=list, i=cython.Py_ssize_t, segment=Segment)
cdef int _usual_ttl(Connection live, long long number) except -1
@cython.locals(log=list, reset=Segment, i=cython.Py_ssize_t, segment=Segment)
cdef bint _goes_on(Connection live, ResetMarks marks) except -1
@cython.locals(number="long long", opening=Opening, own_fin="long long", received="long long")
cdef _cause(Connection live, Verdict verdict, ResetMarks marks, Segment segment, Context context)
@cython.locals(path=list, step=Step)
cdef bint _was_established(Verdict verdict, long long number) except -1
@cython.locals(reset=Segment, answered=Segment)
cdef bint _answers_synack(Connection live, ResetMarks marks) except -1
@cython.locals(log=list, reset=Segment, i=cython.Py_ssize_t, segment=Segment)
cdef bint _owes_ack(Connection live, ResetMarks marks, Context context) except -1
@cython.locals(log=list, segment=Segment, fin=Segment, i=cython.Py_ssize_t, other=Segment, crossed=bint, answered=Segment, before=Segment)
cdef _after_own_fin(Connection live, Verdict verdict, ResetMarks marks, long long own_fin, Context context)
@cython.locals(what=Segment, answers="long long", since_ns="long long", at_its_end=bint, had_left=bint, own_end=bint)
cdef _without_ack(Connection live, Verdict verdict, ResetMarks marks, Segment segment, Context context)
