# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Connection, Segment, Side
from tcptrace_py.model.seq cimport ahead
from tcptrace_py.model.verdict cimport Close
from tcptrace_py.states.evidence cimport Evidence, Half, Happening, happened
from tcptrace_py.states.fins cimport closed_second, crossing_is_unseen, fin_accepted, fin_acknowledged, fin_taken, position, without_socket

cdef long long AHEAD, GAP, NEAR_BYTES, ACK, FIN, OPT_DSACK, OPT_TIMESTAMPS, RST, SYN, ASSUMED, NOWHERE, OBSERVED, GOT_ACK_OF_FIN, GOT_FIN, SENT_FIN


@cython.locals(a=Half, b=Half)
cpdef Close close_of(Evidence evidence)
@cython.locals(connection=Connection, fatal="long long", log=list, a=Side, b=Side, seen=Half, side=Side, last=Segment, closer=Half, silent=Side)
cpdef bint ending_is_unseen(Evidence evidence) except -1
@cython.locals(segment=Segment, mine=Half, fin=Segment)
cdef bint _closes_twice(Evidence evidence) except -1
@cython.locals(mine=Half, side=Side, peer=Side, i=cython.Py_ssize_t, segment=Segment)
cpdef bint may_hide_fin(Evidence evidence) except -1
@cython.locals(i=cython.Py_ssize_t)
cdef bint _is_acknowledged(Evidence evidence, Half mine, Half peer) except -1
@cython.locals(mine=Half, peer=Half, events=list, taken="long long", cover="long long", acknowledged="long long", got_fin=Happening,
               sent_fin=Happening, got_ack=Happening, second=bint, left="long long", segment=Segment)
cpdef list closing_events(Evidence evidence, long long number)
@cython.locals(i=cython.Py_ssize_t, segment=Segment)
cdef long long _fin_left(list log, Half mine) except -2
@cython.locals(segment=Segment)
cdef Happening _got_fin(Evidence evidence, Half mine, long long taken, long long cover)
@cython.locals(answer=Segment)
cdef bint _ack_before_fin(Evidence evidence, Half mine, Half peer, long long taken, long long acknowledged) except -1
@cython.locals(i=cython.Py_ssize_t, segment=Segment)
cdef bint _older_than_all(list log, Segment answer, list fins) except -1
@cython.locals(mine=Half, events=list, first="long long", i="long long", segment=Segment)
cdef list _own_closing(Evidence evidence)
