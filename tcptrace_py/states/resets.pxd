# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Connection, Context, Segment, Side, hop_bit, hops
from tcptrace_py.model.seq cimport ahead
from tcptrace_py.states.evidence cimport Evidence, Half, Happening, happened

cdef long long COPY, REPEAT, STRAY, ACK, FIN, OPT_TIMESTAMPS, RST, SYN, ASSUMED, BETWEEN, NAMED, NOWHERE, OBSERVED, UNTOLD
cdef long long LOST_IN_A_ROW, RESENT_NS
cdef long long GOT_ACK_OF_FIN, GOT_FIN, GOT_RST, SENT_RST


@cython.locals(i=cython.Py_ssize_t)
cpdef long long fatal_reset(Evidence evidence) except -2
@cython.locals(marks=list, index=cython.Py_ssize_t, late=bint)
cpdef list reset_marks(Evidence evidence)
@cython.locals(reset=Segment, i=cython.Py_ssize_t, segment=Segment)
cpdef long long answers(list log, Py_ssize_t index) except -2

@cython.locals(reset=Segment, mine=Half, theirs=Half, sender=Side, receiver=Side, peer_ack="long long", own_next="long long",
               sacked_end="long long", context=Context, near=bint)
cdef bint _acceptable(Evidence evidence, Py_ssize_t index) except -1
@cython.locals(i=cython.Py_ssize_t, segment=Segment)
cdef bint _acknowledges(list log, Half mine, long long number) except -1
@cython.locals(receiver=Side, room="long long")
cpdef bint in_window(Connection connection, Segment reset) except -1
@cython.locals(i=cython.Py_ssize_t, segment=Segment)
cdef bint _heard_before(Evidence evidence, Py_ssize_t index, Half mine, Half theirs) except -1
@cython.locals(log=list, reset=Segment, sender=Side, answered_later=bint, i=cython.Py_ssize_t, segment=Segment)
cdef bint _ends_nothing(Evidence evidence, Py_ssize_t index) except -1
@cython.locals(reset=Segment, i=cython.Py_ssize_t, segment=Segment)
cdef bint _answered_anew(Evidence evidence, Py_ssize_t index) except -1
@cython.locals(reset=Segment, mine=Half, usual="long long", own="long long", others="long long", at_port="long long", goes_on=bint,
               i=cython.Py_ssize_t, segment=Segment)
cpdef long long origin(Evidence evidence, Py_ssize_t index) except -1
cpdef long long origin_of_lone(long long own, long long others, long long at_port) except -1
@cython.locals(reset=Segment, segment=Segment, alike=bint)
cpdef bint asks_others(Connection connection) except -1
@cython.locals(lost="long long", reset=Segment, late="long long", sends_on=bint, repeats=bint, i=cython.Py_ssize_t,
               at=cython.Py_ssize_t, segment=Segment)
cdef long long _arrived(Evidence evidence, Half mine) except -2
@cython.locals(reset=Segment, log=list, late="long long", receiver=Side, sender=Side, receiver_on=bint, sender_on=bint,
               i=cython.Py_ssize_t, segment=Segment)
cdef bint _went_on(Evidence evidence, Py_ssize_t index) except -1
@cython.locals(reset=Segment, log=list, sent="long long", i=cython.Py_ssize_t, segment=Segment, first=Segment)
cdef bint _is_answered_behind(Evidence evidence, Py_ssize_t index) except -1
@cython.locals(reset=Segment, mine=Half, theirs=Half)
cdef bint _is_late(Evidence evidence, Py_ssize_t index) except -1

@cython.locals(reset=Segment, own="long long", index="long long")
cpdef Happening reset_event(Evidence evidence, long long number)
@cython.locals(mine=Half, late="long long", position="long long", i=cython.Py_ssize_t, segment=Segment)
cpdef long long takes_effect(Evidence evidence, long long number, Happening reset) except -2
@cython.locals(late="long long", i=cython.Py_ssize_t, reset=Segment)
cdef long long _own_abort(Evidence evidence, Half mine) except -2
@cython.locals(fatal=Segment)
cpdef bint comes_before(Evidence evidence, long long number, Happening happening, long long position) except -1
@cython.locals(log=list, segment=Segment, fatal=Segment, i=cython.Py_ssize_t, other=Segment)
cdef bint _met_no_socket(Evidence evidence, long long number, Py_ssize_t index) except -1
@cython.locals(segment=Segment, i=cython.Py_ssize_t, reset=Segment)
cdef bint _answered_by_reset(Evidence evidence, Py_ssize_t index, long long until_ns) except -1
@cython.locals(from_fin=bint, mine=Half, segment=Segment)
cdef bint _known_to_resetter(Evidence evidence, Happening happening, Segment fatal) except -1
@cython.locals(log=list, segment=Segment, i=cython.Py_ssize_t, answer=Segment)
cpdef bint refused_ack(Evidence evidence, long long number, Py_ssize_t index) except -1
