# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.facts.block cimport Block
from tcptrace_py.facts.table cimport Table
from tcptrace_py.findings.accounts cimport name_of
from tcptrace_py.model cimport columns, words
from tcptrace_py.model.live cimport Connection as Live
from tcptrace_py.model.live cimport Context, Segment, Side
from tcptrace_py.model.segments cimport local_port
from tcptrace_py.model.verdict cimport Close, ResetMarks, Verdict

# Names that this module only reads.
cdef long long ACK, CLOSED, COMPLETED, COPY, FOUR_WAY, HALF, LISTEN, MASK, MISSING, NONE, REFUSED, ROLE_BETWEEN, RST, SIMULTANEOUS, STRAY, SYN_SENT
cdef long long NEVER_NS
cdef Py_ssize_t _IPV6_KEY, _MOST_CLIENTS
cdef long long _ANY_FRAME
cdef Py_ssize_t AT_BY, AT_CLIENT_REPEATS, AT_ENDING, AT_LONG_CLOSES, AT_OUTCOME, AT_PATTERN, AT_RESET_COUNT, AT_RESETS, AT_SERVER_BYTES
cdef Py_ssize_t AT_SERVER_REPEATS, AT_SYN_REPEATS
cdef Py_ssize_t ACCOUNT, CLIENT_BYTES, CLIENT_FIN, CLIENT_ISN, CLIENT_NEXT, CLIENT_PACKETS, CLIENT_PORT, CLIENT_REPEATS
cdef Py_ssize_t CLIENT_STATE, CLIENT_TALKED_LAST, END, FIRST_ACK, FIRST_ASKED, FIRST_BY, FIRST_FIN, FIRST_FRAME, FIRST_SEQ, FIRST_WAITS_NARROW, FIRST_WAITS_WIDE
cdef Py_ssize_t HANDSHAKE, MIDSTREAM, NARROW_COLUMNS, OUTCOME, PATTERN, RESET_AT, RESET_BEHIND, RESET_BY, RESET_CAUSE
cdef Py_ssize_t RESET_CONFIDENCE, RESET_FRAME, RESET_GOES_ON, RESET_TTL, SERVER_BYTES, SERVER_FIN, SERVER_ISN, SERVER_NEXT
cdef Py_ssize_t AT_MISSING, CLIENT_SEEN, SERVER_SEEN
cdef Py_ssize_t SERVER_PACKETS, SERVER_REPEATS, SERVER_STATE, SMALL_COLUMNS, START, STREAM, SYNACK_REPEATS, SYN_REPEATS
cdef Py_ssize_t USUAL_TTL, VANTAGE, WIDE_COLUMNS
cdef long long[::1] COPIED_NARROW, COPIED_SMALL, COPIED_WIDE, WAITS_NARROW, WAITS_WIDE


cdef class Troubled:
    cdef public Table table
    cdef public list names
    cdef public dict numbers
    cdef public object bounds
    cdef public long long due, expected, last_frame, me, most, room

    @cython.locals(mine=cython.Py_ssize_t, table=Table, source=Table, size=cython.Py_ssize_t, theirs=cython.Py_ssize_t,
                   wide="long long[::1]", narrow="int[::1]", small="signed char[::1]", column=cython.Py_ssize_t,
                   client="long long", server="long long", of_wide="long long[::1]", of_narrow="int[::1]", copied="long long[::1]",
                   fin=Segment)
    cpdef add(self, bytes key, Block block, Py_ssize_t row, Live live, Verdict verdict)
    @cython.locals(row=cython.Py_ssize_t)
    cpdef add_unanswered(self, bytes name, Live live, int outcome)
    @cython.locals(row=cython.Py_ssize_t, wide="long long[::1]", size=cython.Py_ssize_t)
    cpdef add_attempt(
        self, bytes name, bytes key, long long start_ns, long long first_frame, long long stream, long long seq, int outcome)
    @cython.locals(row=cython.Py_ssize_t, table=Table, wide="long long[::1]", narrow="int[::1]", small="signed char[::1]",
                   size=cython.Py_ssize_t, column=cython.Py_ssize_t)
    cdef Py_ssize_t _silent(
        self, bytes name, bytes key, long long start_ns, long long first_frame, long long stream, long long packets, int outcome) except -1
    cpdef bint wants(self, long long first_frame) except -1
    @cython.locals(table=Table, row=cython.Py_ssize_t, size=cython.Py_ssize_t)
    cdef Py_ssize_t _row(self, bytes name) except -1
    @cython.locals(table=Table, size=cython.Py_ssize_t, count=cython.Py_ssize_t, frames="long long[::1]",
                   order="int[::1]", at=cython.Py_ssize_t, names=list)
    cpdef keep_first(self)
    cdef Py_ssize_t _next(self) except -1
    @cython.locals(table=Table, size=cython.Py_ssize_t, wide="long long[::1]", narrow="int[::1]", small="signed char[::1]",
                   of_wide="long long[::1]", of_narrow="int[::1]", of_small="signed char[::1]", place=cython.Py_ssize_t,
                   column=cython.Py_ssize_t)
    cdef _keep(self, int[::1] order, Py_ssize_t count)
    cpdef int _number(self, bytes name) except -1
    @cython.locals(table=Table, row=cython.Py_ssize_t, count=cython.Py_ssize_t, mine=cython.Py_ssize_t, size=cython.Py_ssize_t,
                   column=cython.Py_ssize_t, number=int, wide="long long[::1]", narrow="int[::1]", small="signed char[::1]",
                   of_wide="long long[::1]", of_narrow="int[::1]", of_small="signed char[::1]")
    cpdef take(self, tuple parcel)
    @cython.locals(table=Table, own=Side, other=Side, first=Segment, segment=Segment, wide="long long[::1]", size=cython.Py_ssize_t)
    cdef _write_numbers(self, Py_ssize_t row, Live live, long long client)
    @cython.locals(source=Table, resets=Table, table=Table, at=cython.Py_ssize_t, chosen=cython.Py_ssize_t, ending=cython.Py_ssize_t,
                   number=cython.Py_ssize_t, marks=ResetMarks, context=Context, reset=Segment, segment=Segment, size=cython.Py_ssize_t,
                   theirs=cython.Py_ssize_t, column=cython.Py_ssize_t)
    cdef _write_reset(self, Py_ssize_t mine, Block block, Py_ssize_t row, Live live, Verdict verdict)


cdef class Alike:
    cdef public object trouble
    cdef public bytes key
    cdef public Py_ssize_t size
    cdef public long long count, first_frame, stream, first_ns, last_ns
    cdef public dict clients

    cpdef bint takes(self, object trouble, bytes key) except -1
    cpdef add(self, bytes key, long long stream, long long first_frame, long long start_ns)


cdef long long _room(long long count)
@cython.locals(table=Table, small="signed char[::1]", narrow="int[::1]", size=cython.Py_ssize_t, outcome=int, pattern=int)
cdef bint _is_troubled(Block block, Py_ssize_t row, bint asks) except -1
cpdef bint is_unfinished(long long outcome, long long pattern, bint waits) except -1
