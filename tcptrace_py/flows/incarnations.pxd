# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Connection, Rare, Segment, Side, begins_with_syn
from tcptrace_py.model.segments cimport Columns
from tcptrace_py.model.seq cimport ahead

cdef long long ACK, FIN, HEADER_CUT, OPT_TIMESTAMPS, RST, SYN, STRAY, BUDGET
cdef long long NEAR_BYTES, A_FEW_BYTES, LEAST_WINDOW, PASSES_NS, TOO_MANY_BYTES

@cython.locals(tsval="long long")
cpdef bint acceptable(Side side, Columns columns, Py_ssize_t i, tuple states) except -1
@cython.locals(one=int, other=int)
cpdef bint are_over(tuple states) except -1
cpdef bint answers_as_before(Side side, Columns columns, Py_ssize_t i) except -1
@cython.locals(segment=Segment)
cpdef bint is_answered(Side side, long long after, long long behind) except -1
@cython.locals(log=list, segment=Segment)
cpdef bint refuses_another(Connection connection, long long after, long long behind) except -1
@cython.locals(connection=Connection, isn=bytes, rows=bytes, at=cython.Py_ssize_t)
cpdef bint is_of_earlier(Side side, Columns columns, Py_ssize_t i) except -1
cpdef bint is_rewritten(Side side, Columns columns, Py_ssize_t i) except -1
@cython.locals(log=list, i=cython.Py_ssize_t, segment=Segment)
cpdef long long latest_tsval(Connection connection, long long number) except? -1

cpdef long long room(Side side, long long scale) except -1
@cython.locals(connection=Connection, peer=Side, flags="long long", seq="long long", ack="long long", isn="long long", rows=bytes,
               at=cython.Py_ssize_t, answers=bint)
cpdef bint is_foreign(Side side, Columns columns, Py_ssize_t i) except -1
@cython.locals(end="long long")
cpdef bint is_passed(Side side, Columns columns, Py_ssize_t i) except -1
cdef bint _is_far_behind_fin(Side side, long long number) except -1
@cython.locals(beyond="long long")
cdef bint _is_outside(Side side, long long number) except -1
cpdef bint is_impossible(Side side, Columns columns, Py_ssize_t i) except -1
cdef bint _is_never_sent(Side side, long long number) except -1
cpdef bint waits_for_second(Connection connection) except -1
@cython.locals(a=Side, seq="long long", ack="long long")
cpdef bint goes_on(Connection waiting, Side side, Columns columns, Py_ssize_t i) except -1
@cython.locals(end="long long", tsval="long long")
cpdef bint confirms(Connection waiting, Side side, Columns columns, Py_ssize_t i) except -1
@cython.locals(first=Side, segment=Segment, rare=Rare)
cpdef give_back(Connection connection, Connection waiting, long long most)
