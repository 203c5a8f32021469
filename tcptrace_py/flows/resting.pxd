# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport words
from tcptrace_py.model.closed cimport Closed
from tcptrace_py.model.segments cimport Columns

# Names that only this module and textbook.py read: as C numbers they cost nothing.
cdef long long HEAD_WORDS, SIDES_WORDS, LOG_WORDS, LOGGED, WHOLE, START, END, FIRST_FRAME, SIGNATURE
cdef long long STATE, BUDGET_LEFT, STREAM, VLAN_SCALES, TEID, LAST_FRAME, HISTORY, HAS_TEID, SIDE_WIDE, SIDE_DATA, SIDE_PACKETS, PAYLOAD_MASK
cdef long long OPT_TIMESTAMPS, PAUSE_NS, SURVIVED_NS, ANSWER_NS, TURNS, WAIT_FRAME, LARGEST

cpdef long long logged(bytes record)
cpdef Py_ssize_t log_at(bytes record, Py_ssize_t index)
cpdef bytes key(bytes record)
cpdef long long start_ns(bytes record)
cpdef long long end_ns(bytes record)
cpdef long long first_frame(bytes record)
cpdef long long signature(bytes record)
@cython.locals(at=cython.Py_ssize_t, low="long long", high="long long")
cpdef long long time_ns(bytes record, Py_ssize_t index)
cpdef long long packets(bytes record)
cpdef long long survived_ns(bytes record)
cpdef long long answer_ns(bytes record)
@cython.locals(turns="long long")
cpdef long long exchanges(bytes record)
cpdef long long largest(bytes record)
@cython.locals(index=cython.Py_ssize_t)
cpdef long long asked_ns(bytes record)
cpdef long long ttl(bytes record, Py_ssize_t index)
cpdef long long sender(bytes record, Py_ssize_t index)
@cython.locals(count="long long", first="long long", last="long long", packets="long long", payloads="long long", stamped="long long",
               own_payloads="long long", index="long long", at="long long", low="long long", high="long long", packed="long long",
               side="long long")
cpdef read(bytes record, Closed into)

cdef long long MASK
cdef Py_ssize_t LONE_TIME, LONE_FRAME, LONE_STREAM, LONE_SEQ, LONE_ACK, LONE_FLAGS, LONE_WINDOW, LONE_PAYLOAD, LONE_OPTIONS, LONE_TSVAL
cdef Py_ssize_t LONE_TSECR, LONE_TTL, LONE_NOTES, LONE_INTERFACE, LONE_ID, LONE_SCALE, LONE_VLAN, LONE_SACK, LONE_WORDS
@cython.locals(time_ns="long long", frame="long long")
cpdef bytes lone(Columns columns, Py_ssize_t i, long long stream, unsigned int[::1] out, bytes key)
cpdef bytes lone_key(bytes record)
cpdef long long lone_ns(bytes record)
cpdef long long lone_stream(bytes record)
@cython.locals(ip_id="long long", scale="long long", vlan="long long")
cpdef read_lone(bytes record, Columns columns)

cdef long long ATTEMPT_START, ATTEMPT_FRAME, ATTEMPT_STREAM, ATTEMPT_WORDS, ATTEMPT_VLAN, ATTEMPT_SEQ, ATTEMPT_TSVAL, ATTEMPT_LOOK, ATTEMPT_ID
cpdef bytes attempt_key(bytes record)
cpdef long long attempt_start_ns(bytes record)
cpdef long long attempt_frame(bytes record)
cpdef long long attempt_stream(bytes record)
cpdef long long attempt_seq(bytes record)
cpdef read_attempt(bytes record, Closed into)
