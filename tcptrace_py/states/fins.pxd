# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Segment, Side
from tcptrace_py.model.seq cimport ahead
from tcptrace_py.states.evidence cimport Evidence, Half

cdef long long AHEAD, GAP, REPEAT, SKIPPED, MOST_SKIPPED, ACK, FIN, OPT_DSACK, OPT_TIMESTAMPS, RST, SYN, NOWHERE, BEFORE_WINDOW, UNASKED, RESENT_NS, DELAYED_ACK_NS


@cython.locals(a=Half, b=Half)
cpdef find_fins(Evidence evidence)
@cython.locals(i=cython.Py_ssize_t, segment=Segment, side=Side)
cdef _find_own(Evidence evidence, Half mine)
@cython.locals(i=cython.Py_ssize_t)
cdef long long _first_cover(Evidence evidence, Half mine, Half peer) except -2
@cython.locals(i=cython.Py_ssize_t)
cdef long long _first_covering(Evidence evidence, Half mine) except -2
cpdef bint closed_second(Evidence evidence, Half mine) except -1
@cython.locals(peer=Half, cover="long long", fin_at="long long", cover_at="long long", segment=Segment, repeats="long long",
               i=cython.Py_ssize_t)
cdef bint _closed_second(Evidence evidence, Half mine) except -1
@cython.locals(a=Half, b=Half)
cpdef bint crossing_is_unseen(Evidence evidence) except -1
cdef bint _seems_lost(Half mine) except -1
@cython.locals(segment=Segment, acknowledged=Segment, answer=Segment)
cdef bint _lacks_frames(Evidence evidence, Half peer) except -1
@cython.locals(segment=Segment, fin=Segment, nearest="long long", i=cython.Py_ssize_t)
cdef bint _skips(Evidence evidence, Half mine) except -1
@cython.locals(i=cython.Py_ssize_t, segment=Segment)
cpdef bint without_socket(Evidence evidence, Half mine, Segment answer) except -1
@cython.locals(fin="long long", i=cython.Py_ssize_t, segment=Segment)
cdef bint _was_overtaken(Evidence evidence, Half closer, Py_ssize_t before) except -1
@cython.locals(place=cython.Py_ssize_t, at="long long")
cpdef long long position(list order, long long index) except -2
@cython.locals(cover="long long", theirs=list, round_trip_ns="long long", answer=Segment, waited_ns="long long")
cdef bint _sent_again_alone(Evidence evidence, Half mine, Half peer) except -1
cpdef long long fin_taken(Evidence evidence, Half mine) except -2
@cython.locals(log=list, peer=Half, cover="long long", arrived=list, i=cython.Py_ssize_t, answer=Segment, last="long long", soonest_ns="long long")
cdef long long _fin_taken(Evidence evidence, Half mine) except -2
@cython.locals(first="long long", last="long long", i=cython.Py_ssize_t, segment=Segment)
cdef long long _named_fin(list log, list arrived, Segment answer) except -2
@cython.locals(least="long long", i="long long")
cdef long long _least(list indices) except -2
@cython.locals(peer=Half, taken="long long", cover="long long", log=list, first="long long", gap=bint, answer=Segment, segment=Segment,
               later=list, i="long long", last="long long", stamped=bint, place=cython.Py_ssize_t)
cpdef long long fin_accepted(Evidence evidence, Half mine) except -2
@cython.locals(i="long long", segment=Segment)
cdef bint _waits_for_data(Evidence evidence, Half peer, long long fin) except -1
@cython.locals(segment=Segment)
cdef bint _is_filtered(Evidence evidence) except -1
@cython.locals(fins=list, fatal="long long", first="long long", segment=Segment, reset=Segment, gap=bint)
cdef long long _uncovered_fin(Evidence evidence, Half mine, Half peer) except -2
@cython.locals(most="long long", i="long long")
cdef long long _most(list indices) except -2
@cython.locals(log=list, peer=Half, covering=list, i=cython.Py_ssize_t, segment=Segment)
cpdef long long fin_acknowledged(Evidence evidence, Half mine) except -2
@cython.locals(place=cython.Py_ssize_t, i="long long", segment=Segment)
cdef bint _repeats_unknowing(Evidence evidence, Half mine, long long received) except -1
