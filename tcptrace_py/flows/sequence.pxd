# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.flows.incarnations cimport latest_tsval, room
from tcptrace_py.model.live cimport Connection, Rare, Segment, Side
from tcptrace_py.model.segments cimport Columns
from tcptrace_py.model.seq cimport ahead

cdef long long ACK, FIN, OPT_TIMESTAMPS, RST, SYN, MASK, AHEAD, CLOSING, GAP, OPENING, PROBE, REPEAT, STRAY
cdef long long COPY_NS, MOST_HOLES, MOST_SCALE, PLAUSIBLE_BYTES


@cython.locals(flags="long long", seq="long long", beyond="long long", before_opening=bint, rare=Rare,
               tsval="long long")
cpdef bint is_stray(Side side, Side peer, Columns columns, Py_ssize_t i, long long end) except -1
@cython.locals(ack="long long")
cpdef long long unseen(Side peer, Columns columns, Py_ssize_t i) except -1
@cython.locals(connection=Connection, rare=Rare, log=list, at=cython.Py_ssize_t, segment=Segment)
cdef _adopt(Side side)
@cython.locals(flags="long long", seq="long long", payload="long long", marks="long long", rare=Rare)
cpdef long long advance(Side side, Side peer, Columns columns, Py_ssize_t i, long long end) except -1
@cython.locals(segment=Segment)
cdef _take_answer(Side side, long long ack)
@cython.locals(log=list, number="long long", found=bint, segment=Segment)
cdef bint _goes_on_elsewhere(Side side, long long seq) except -1
@cython.locals(flags="long long", seq="long long", ack="long long", marks="long long", rare=Rare)
cdef long long _synchronize(Side side, Side peer, Columns columns, Py_ssize_t i, long long end) except -1
@cython.locals(anomaly=tuple)
cdef _probe(Side side, Side peer, long long frame)
cdef _add_hole(Side side, long long seq)
@cython.locals(beyond="long long", fresh="long long", filled="long long", fresh_payload="long long", new_fin=bint, rare=Rare)
cdef long long _coverage(Side side, Side peer, long long seq, long long payload, long long end, long long flags) except -1
@cython.locals(filled="long long", kept=list, hole=tuple, left="long long", right="long long", low="long long", high="long long",
               before="long long", behind="long long")
cdef long long _fill(Side side, long long start, long long end) except -1
@cython.locals(rare=Rare, log=list, late=list, segment=Segment, at=cython.Py_ssize_t, place=cython.Py_ssize_t)
cpdef put_before_early(Side side, Side peer, long long time_ns)
