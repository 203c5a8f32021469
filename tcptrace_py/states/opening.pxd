# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Segment, Side
from tcptrace_py.model.seq cimport ahead
from tcptrace_py.model.verdict cimport Opening
from tcptrace_py.states.evidence cimport Evidence, Half, Happening, happened

cdef long long ACK, COPY, FIN, RST, SYN, MASK, ASSUMED, NOWHERE, OBSERVED, GOT_ACK_OF_SYN, GOT_RST, GOT_SYN_ACK, SENT_SYN, SENT_SYN_ACK


@cython.locals(opening=Opening, log=list, client="long long", caller=Half, callee=Half, syns=list, own_answers=list, answers=list,
               theirs=list, good=list, synack=Segment, before="long long", i=cython.Py_ssize_t, index=cython.Py_ssize_t,
               number="long long")
cpdef Opening find_opening(Evidence evidence)
@cython.locals(first=Segment, isn="long long", end="long long", most="long long", i=cython.Py_ssize_t, syn=Segment, synack=Segment,
               good=list)
cdef list _answers_of(list log, list syns, list answers)
@cython.locals(i=cython.Py_ssize_t, synack=Segment, side=Side)
cdef long long _answer_that_counts(Evidence evidence, list answers) except -2
@cython.locals(last="long long", i=cython.Py_ssize_t, syn=Segment)
cdef long long _last_until(list log, list syns, long long time_ns) except -2
@cython.locals(i=cython.Py_ssize_t, syn=Segment)
cdef bint _accepts_data(list log, list syns, Segment synack) except -1
@cython.locals(log=list, synack=Segment, want="long long", caller=Half, i=cython.Py_ssize_t, segment=Segment)
cdef long long _ack_of_synack(Evidence evidence, Opening opening) except -2
@cython.locals(first=Segment, last="long long", i=cython.Py_ssize_t, segment=Segment)
cdef long long _last_synack_before(list log, Opening opening) except -2
@cython.locals(i=cython.Py_ssize_t, at=cython.Py_ssize_t, reset=Segment, syn=Segment)
cdef long long _refusal(Evidence evidence, Half callee, list syns) except -2
@cython.locals(log=list, opening=Opening, mine=Half, syn="long long", synack="long long", answered_by="long long", segment=Segment,
               events=list, index="long long", arrival=Happening)
cpdef list opening_events(Evidence evidence, long long number)
@cython.locals(want="long long", i=cython.Py_ssize_t, segment=Segment)
cdef long long _first_knowing(Evidence evidence, Half mine, long long syn, long long synack) except -2
@cython.locals(log=list, peer=Half, segment=Segment, want="long long", peer_acks=list, i=cython.Py_ssize_t, first="long long",
               spoke="long long", repeats=list, arrival="long long", count="long long", last="long long")
cdef Happening _syn_acknowledged(Evidence evidence, Half mine, long long synack, bint active)
cdef Happening _assumed(long long index)
@cython.locals(first="long long", i=cython.Py_ssize_t, again=cython.Py_ssize_t, repeated=bint)
cdef long long _before_words(Evidence evidence, list peer_acks, list repeats, long long spoke) except -2
@cython.locals(words="long long", i=cython.Py_ssize_t, segment=Segment)
cdef long long _first_words(Evidence evidence, Half mine, long long acknowledged, long long first_ack) except -2
@cython.locals(peer=Half, opener=Side, i="long long", segment=Segment)
cdef long long _words_behind(Evidence evidence, Half mine, long long first_ack) except -2
@cython.locals(count="long long", i=cython.Py_ssize_t, segment=Segment)
cdef bint _is_sent_again(Evidence evidence, Half opener, Py_ssize_t before) except -1
@cython.locals(sender=Side, peer=Side, i=cython.Py_ssize_t, reset=Segment)
cdef bint _is_refused(Evidence evidence, Segment answer) except -1
@cython.locals(i=cython.Py_ssize_t, segment=Segment)
cdef bint _sends_data(Evidence evidence, Half peer) except -1
