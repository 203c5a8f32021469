# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Segment, Side
from tcptrace_py.model.segments cimport Columns
from tcptrace_py.model.seq cimport ahead

cdef long long ACK, COPY, DELAYED, FIN, HEADER_CUT, MASK, MIRROR_NS, MOST_BEHIND, OPT_TIMESTAMPS, RESENT_SYN_NS, RST, STRAY, SYN, _COPY_NS


@cython.locals(seq="long long", ip_id="long long", ack="long long", flags="long long", payload="long long", window="long long",
               tsval="long long", end="long long", recent_ids="long long", log=list, at=cython.Py_ssize_t, segment=Segment)
cpdef long long copy_marks(Side side, Columns columns, Py_ssize_t i, long long joined) except -1
@cython.locals(peer=Side, flags="long long", gap_ns="long long", answered=bint)
cdef bint _same_again(Side side, Columns columns, Py_ssize_t i, long long before_ns, long long interface, long long joined) except -1
@cython.locals(log=list, at=cython.Py_ssize_t, segment=Segment)
cdef bint _acknowledged_last(Side side, long long ack) except -1
@cython.locals(ids="unsigned long long", last="long long", before="long long", third="long long")
cdef bint _ids_tell(Side side) except -1
cdef bint _has_copies(Side side) except -1
@cython.locals(last="long long", before="long long", third="long long")
cdef bint _is_old_id(unsigned long long recent_ids, long long ip_id, bint carries) except -1
@cython.locals(least="unsigned long long")
cpdef bint skipped(unsigned long long recent_ids, long long ip_id) except -1
