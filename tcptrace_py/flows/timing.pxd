# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Connection, Rare, Side, begins_with_syn
from tcptrace_py.model.segments cimport Columns
from tcptrace_py.model.seq cimport ahead

cdef long long ACK, FIN, OPT_DSACK, OPT_SACK, RST, SYN, MOST_LARGEST, PROBE, REPEAT


@cython.locals(connection=Connection, flags="long long", payload="long long", time_ns="long long", silent_ns="long long",
               left="long long", advanced=bint, rare=Rare)
cpdef course(Side side, Side peer, Columns columns, Py_ssize_t i, long long end, long long marks, long long had_bytes,
             long long had_ack)
cpdef progress(Connection connection, long long time_ns, long long frame)
@cython.locals(connection=Connection)
cpdef speak(Side side, Side peer, long long silent_ns)
@cython.locals(connection=Connection)
cpdef talk(Side side, long long time_ns, long long payload)
@cython.locals(rare=Rare, payload="long long")
cdef _send_again(Side side, Side peer, Columns columns, Py_ssize_t i)
@cython.locals(rare=Rare, connection=Connection)
cpdef answer(Side side, long long time_ns)
cdef bint waits_for_nothing(Side side) except -1
