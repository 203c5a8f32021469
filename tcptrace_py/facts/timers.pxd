# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Connection, Rare, Segment, Side
from tcptrace_py.model.verdict cimport Close, Opening, Verdict

cdef long long COPY, STRAY, FIN, RST, SYN, MISSING, NEVER_NS, LATE, ROUND_TRIPS, FARTHEST_NS
cdef long long SYN_SENT, SYN_RECEIVED, ESTABLISHED, CLOSE_WAIT, FIN_WAIT_1, CLOSING, LAST_ACK


@cython.locals(side=Side, wait_ns="long long", due_ns="long long", successor=Connection)
cpdef long long gives_up_ns(Connection live, Verdict verdict, long long number, long long known_ns) except? -1
cpdef long long due_until_ns(long long last_ns, long long wait_ns) except? -1
cpdef long long overdue_ns(long long last_ns, long long wait_ns) except? -1
@cython.locals(state="long long", side=Side, peer=Side, rare=Rare)
cpdef bint waits(Connection live, Verdict verdict, long long number) except -1
cpdef bint is_in_flight(Connection live, Verdict verdict, long long known_ns) except -1
@cython.locals(number="long long", state="long long")
cpdef bint is_attempt_in_flight(Connection live, Verdict verdict, long long known_ns) except -1
@cython.locals(side=Side)
cdef bint _is_side_in_flight(Connection live, Verdict verdict, long long number, long long known_ns) except -1
cpdef bint is_close_in_flight(Connection live, Verdict verdict, long long known_ns) except -1
@cython.locals(close=Close)
cpdef bint is_close_incomplete(Verdict verdict) except -1
@cython.locals(number="long long", state="long long")
cpdef bint may_be_in_flight(Verdict verdict) except -1
@cython.locals(side=Side, state="long long", first_ns="long long", widest_ns="long long")
cdef long long _repeat_ns(Connection live, Verdict verdict, long long number) except? -1
@cython.locals(rare=Rare, doublings="long long", whole_ns="long long", before_ns="long long", widest_ns="long long", begins="long long", segment=Segment)
cdef long long _widest_ns(Connection live, Side side, long long state) except? -1
@cython.locals(opening=Opening, log=list, syn=Segment, synack=Segment, answered=Segment, answer=Segment, there_ns="long long",
               back_ns="long long")
cdef long long _first_ns(Connection live, Verdict verdict) except? -1
