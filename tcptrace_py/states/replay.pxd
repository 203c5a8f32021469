# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Connection, Segment, Side
from tcptrace_py.model.seq cimport ahead
from tcptrace_py.model.verdict cimport StayMarks, Step, Verdict, View, step_to
from tcptrace_py.states.closing cimport close_of, closing_events, ending_is_unseen, may_hide_fin
from tcptrace_py.states.evidence cimport Evidence, Half, Happening
from tcptrace_py.states.fins cimport closed_second, find_fins
from tcptrace_py.states.opening cimport find_opening, opening_events
from tcptrace_py.states.resets cimport comes_before, fatal_reset, origin, refused_ack, reset_event, reset_marks, takes_effect
from tcptrace_py.states.time_wait cimport find_stay

cdef long long ACK, RST, SYN, MASK, ASSUMED, BETWEEN, INFERRED, NOWHERE, CLOSED, CLOSING, ESTABLISHED, LISTEN, SYN_SENT, EVENTS
cdef long long GOT_ACK_OF_FIN, GOT_ACK_OF_SYN, GOT_SYN_ACK, SENT_FIN, SENT_RST, SENT_SYN_ACK
cdef tuple NEXT, REASONS
cdef dict GIVING_UP
cdef str BEFORE


@cython.locals(evidence=Evidence, verdict=Verdict, number="long long", path=list, stay=StayMarks, unseen=bint)
cpdef Verdict judge(Connection connection, View view, bint resets=*)
@cython.locals(opening=list, here=Step, happening=Happening, event="long long", state="long long", following="long long")
cdef _walk(Evidence evidence, long long number, Verdict verdict, list path)
@cython.locals(first=Happening, connection=Connection, mine=Half, side=Side, peer=Side, open_before=bint)
cdef Step _start(Evidence evidence, long long number, list opening)
@cython.locals(peer=Side, i=cython.Py_ssize_t, segment=Segment)
cdef bint _answered(Evidence evidence, long long number) except -1
@cython.locals(closing=list, events=list, reset=Happening, position="long long", before=list, happening=Happening)
cdef list _in_order(Evidence evidence, long long number, list opening)
@cython.locals(mine=Half, segment=Segment)
cdef bint _fin_on_synack(Evidence evidence, long long number) except -1
@cython.locals(last=Happening, happening=Happening)
cdef bint _closed_before_open(Evidence evidence, long long number, list opening, list closing) except -1
