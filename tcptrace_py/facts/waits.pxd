# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.facts.table cimport Table
from tcptrace_py.model.closed cimport Closed
from tcptrace_py.model.live cimport Connection, Rare, Segment, Side
from tcptrace_py.model.seq cimport ahead
from tcptrace_py.model.verdict cimport Close, Verdict

# Names that this module only reads: as C numbers they cost nothing.
cdef long long LONG_CLOSE_NS, MOST_LARGEST, MISSING
cdef Py_ssize_t ANSWER, CLIENT_CLOSED, CLIENT_LARGEST, CLIENT_LONG_CLOSES, CLIENT_LOST, CLIENT_MISSING, CLIENT_UNACKNOWLEDGED
cdef Py_ssize_t CLIENT_UNANSWERED, CLIENT_UNANSWERED_NS, ENDING_RESET, EXCHANGES, FINAL_IDLE, STALL, SURVIVED, WAIT, WAIT_FRAME


@cython.locals(client=Side, server=Side, wide="long long[::1]", narrow="int[::1]", size=cython.Py_ssize_t, wait_ns="long long",
               frame="long long", unanswered="long long", idle_ns="long long", fin_ns="long long")
cpdef write_waits(Table table, Py_ssize_t row, Connection live, Verdict verdict)
@cython.locals(wide="long long[::1]", size=cython.Py_ssize_t, times_ns="long long[::1]", wait_ns="long long", fin_ns="long long",
               at=cython.Py_ssize_t)
cpdef write_waits_like(Table table, Py_ssize_t row, int[::1] begins, Closed closed)
@cython.locals(wide="long long[::1]", narrow="int[::1]", size=cython.Py_ssize_t)
cdef _all_arrived(Table table, Py_ssize_t row, int role, int largest)
@cython.locals(size=cython.Py_ssize_t)
cdef _write(Table table, Py_ssize_t row, int exchanges, long long answer_ns, long long survived_ns)
cpdef int largest_of(Side side, Side peer) except -2
cpdef int exchanges_of(Connection live, int client) except -1
cdef int _exchanges(int turns, bint server_last) except -1
@cython.locals(wide="long long[::1]", narrow="int[::1]", size=cython.Py_ssize_t, rare=Rare, closed_ns="long long", long_closes="long long",
               unanswered="long long", unanswered_ns="long long", lost="long long", missing="long long", unseen=bint,
               bytes_left="long long")
cdef long long _side(Table table, Py_ssize_t row, int role, Connection live, Side side, Side peer) except -1
@cython.locals(left="long long")
cdef long long _unacknowledged(Side side, Side peer) except -1
@cython.locals(close=Close, side=int, at=cython.Py_ssize_t, segment=Segment, first_ns="long long", time_ns="long long")
cdef long long _fin_ns(Connection live, Verdict verdict) except? -1
