# cython: language_level=3, annotation_typing=False, boundscheck=False, wraparound=False
import cython

from tcptrace_py.facts.anomalies cimport anomalies
from tcptrace_py.facts.block cimport Block
from tcptrace_py.facts.handshake cimport write_handshake
from tcptrace_py.facts.resets cimport write_resets
from tcptrace_py.facts.table cimport Table
from tcptrace_py.facts.teardown cimport write_teardown
from tcptrace_py.facts.time_wait cimport released_ns, write_stays
from tcptrace_py.facts.timers cimport gives_up_ns, is_attempt_in_flight, is_close_in_flight, may_be_in_flight, overdue_ns
from tcptrace_py.facts.waits cimport write_waits, write_waits_like
from tcptrace_py.model cimport words
from tcptrace_py.model.closed cimport Closed
from tcptrace_py.model.live cimport Connection as Live
from tcptrace_py.model.live cimport Rare, Segment
from tcptrace_py.model.live cimport Side as LiveSide
from tcptrace_py.model.verdict cimport StayMarks, Step, Verdict

# Names that this module only reads: as C numbers they cost nothing.
cdef long long STRAY, HALF, IPV6_KEY, MASK, OPT_TIMESTAMPS, RST, NOWHERE, MISSING, NEVER_NS, FIRST_REPEAT_NS
cdef int UNANSWERED
cdef Py_ssize_t START, END, FIRST_FRAME, LAST_FRAME, SYN_TO_SYNACK, SYNACK_TO_ACK, HANDSHAKE, CLOSE, CLIENT_PACKETS, SERVER_PACKETS
cdef Py_ssize_t STREAM, CLIENT, SERVER, CLIENT_PORT, SERVER_PORT, SCOPE, HISTORY, SYN_REPEATS, SYNACK_REPEATS, CLIENT_REPEATS
cdef Py_ssize_t SERVER_REPEATS, CLIENT_PATH, SERVER_PATH, ENTRIES_AT, STAYS_AT, RESETS_AT, RESETS, ANOMALIES_AT, ANOMALIES, ENDING_RESET
cdef Py_ssize_t CENSORED, VANTAGE, MIDSTREAM, TIMESTAMPS, KIND, OUTCOME, PATTERN, SEGMENTS, FIRST_FIN, STAYS
cdef Py_ssize_t ENTERED, ENTRY_FRAME, STAY_ENTERED, STAY_EXPIRES, STAY_ENDED, STAY_RESTARTS, STAY_SIDE, STAY_BASIS, STAY_ENDED_BY

cdef int EXPIRED, CAPTURE_END, _TIME_WAIT
cdef Py_ssize_t RELEASED
cdef dict _VANTAGES
cdef tuple ENDINGS
cdef Py_ssize_t ANOMALY_FRAME, ANOMALY_CODE, ANOMALY_EXPLANATION


cdef class _Path:
    cdef public int[::1] indices
    cdef public list steps
    cdef public Step expired
    cdef public bint closes, gives_up
    cdef public long long named_in, number, expired_number


cdef class Shape:
    cdef public int vantage, midstream, kind, outcome, pattern, segments, first_fin, first_syn, last_syn, synack, ack, ack_of, stay_side
    cdef public int basis
    cdef public bint timed
    cdef public unsigned long long letters
    cdef public long long history, named_in
    cdef public int[::1] begins, completes
    cdef public _Path client_path, server_path


cdef class Writer:
    cdef public object profiles
    cdef tuple _histories
    cdef long long _blocks
    cdef public Block block
    cdef public long long one_profile_ns
    cdef bint _one_is_immune
    cdef long long _client_gave_up_ns, _server_gave_up_ns

    @cython.locals(block=Block, table=Table, row=cython.Py_ssize_t, size=cython.Py_ssize_t, at=cython.Py_ssize_t, client=int,
                   wide="long long[::1]", narrow="int[::1]", small="signed char[::1]", own=LiveSide, other=LiveSide, in_flight=bint)
    cpdef Py_ssize_t write(self, Live live, Verdict verdict, long long end_ns) except -1
    @cython.locals(table=Table, entries=Table, narrow="int[::1]", size=cython.Py_ssize_t)
    cpdef write_course(self, Live live, Verdict verdict, Py_ssize_t row)
    @cython.locals(block=Block, table=Table, row=cython.Py_ssize_t, size=cython.Py_ssize_t, wide="long long[::1]", narrow="int[::1]",
                   small="signed char[::1]", times_ns="long long[::1]")
    cpdef Py_ssize_t write_like(self, Shape shape, Closed closed, long long end_ns) except -1
    @cython.locals(begin_ns="long long", end_ns="long long", at=cython.Py_ssize_t)
    cdef long long _close_ns(self, Shape shape, long long[::1] times_ns) except? -1
    @cython.locals(path=_Path, entries=Table, latest_ns="long long", frame="long long", expires_ns="long long", table=Table,
                   wide="long long[::1]", small="signed char[::1]", size=cython.Py_ssize_t, at=cython.Py_ssize_t, index=int)
    cdef long long _steps(self, Shape shape, Closed closed, Py_ssize_t row, int role, long long end_ns) except -1
    @cython.locals(table=Table)
    cdef _release(self, Py_ssize_t row, int role, long long time_ns)
    @cython.locals(steps=bytearray, step=Step, known="long long")
    cdef long long _named(self, _Path path, bint expired) except -1
    @cython.locals(named=dict)
    cdef long long _history(self, unsigned long long letters, int client) except -1
    cdef long long _length_ns(self, bytes key, int role) except -1
    cdef bint _is_immune(self, bytes key, int role) except -1
    @cython.locals(block=Block, length=cython.Py_ssize_t, ports=cython.Py_ssize_t)
    cdef _ends(self, bytes key, int vlan, long long teid, int[::1] narrow, Py_ssize_t size, Py_ssize_t row)
    @cython.locals(rare=Rare)
    cdef _counts(self, LiveSide side, long long[::1] wide, int[::1] narrow, Py_ssize_t size, Py_ssize_t row, Py_ssize_t packets,
                 Py_ssize_t repeats)
    @cython.locals(block=Block, entries=Table, log=list, segment=Segment, steps=bytearray, latest_ns="long long", at_ns="long long",
                   frame="long long", step=Step, number=int, gave_up_ns="long long")
    cdef long long _path(self, Live live, Verdict verdict, int role) except -1
    @cython.locals(table=Table, size=cython.Py_ssize_t, at=cython.Py_ssize_t, stay=cython.Py_ssize_t, marks=StayMarks)
    cdef _leave_time_wait(self, bytearray steps, Live live, Verdict verdict, int role)
    cdef _name(self, bytearray steps, Step step)
    @cython.locals(row=cython.Py_ssize_t)
    cdef _entry(self, Table entries, long long at_ns, long long frame)
    @cython.locals(table=Table, row=cython.Py_ssize_t)
    cdef _anomaly(self, anomaly)


@cython.locals(first=int, second=int, segment=Segment)
cdef int _timestamps(Live live) except -2
