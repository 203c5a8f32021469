# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport words
from tcptrace_py.model.live cimport Connection, Context, Segment, Side, hops
from tcptrace_py.model.seq cimport ahead
from tcptrace_py.model.verdict cimport View
from tcptrace_py.states.resets cimport answers, in_window

cdef long long ACK, FIN, OPT_DSACK, OPT_TIMESTAMPS, RST, SYN, NAMED, NOWHERE, MOST_LOGGED, WORDS, SEVERAL, PAYLOAD, COVERS, SECOND, KINDS
cdef unsigned int[::1] _NAME


cdef class Progress:
    cdef Side side
    cdef long long ack, cover, end, fin, first_stamp, hops, stamp


@cython.locals(progress=Progress)
cdef Progress _begun(Side side, Segment segment, long long ack)
@cython.locals(log=list, count=cython.Py_ssize_t, syn=Segment, synack=Segment, a=Progress, b=Progress, resets="long long", fins="long long",
               name="unsigned int[::1]", word="long long", before_ns="long long", index=cython.Py_ssize_t, segment=Segment, mine=Progress,
               theirs=Progress, letter="long long", covers=bint, crossing="long long", used=cython.Py_ssize_t, last=Segment, before=Segment,
               ender=Side)
cpdef bytes signature(Connection connection, View view)
@cython.locals(a=Side, b=Side, log=list, syn=Segment, synack=Segment)
cdef bint _is_opened(Connection connection) except -1
@cython.locals(stamp="long long", way="long long")
cdef bint _is_in_order(Segment segment, Progress mine) except -1
@cython.locals(reset=Segment, context=Context, segment=Segment)
cdef bint _obeyed(list log, Py_ssize_t index, Progress mine) except -1
@cython.locals(first=Progress, second=Progress)
cdef long long _crossing(list log, Progress a, Progress b) except -2
@cython.locals(answer=Segment, own=Segment, fin=Segment, older=bint)
cdef long long _answer(list log, Progress mine, Progress theirs) except -1
@cython.locals(marks=list, log=list, index=cython.Py_ssize_t, segment=Segment)
cpdef list marks_of(Connection connection)
