# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.flows.streams cimport StreamIndex
from tcptrace_py.flows.textbook cimport Textbook
from tcptrace_py.model.live cimport Connection, Context, Rare, Segment, Side
from tcptrace_py.model.segments cimport Columns, reverse_key

# Names that this module only reads: as C numbers they cost nothing. What others import from here stays a Python object.
cdef long long ACK, FIN, HARMLESS, HEADER_CUT, OPT_TIMESTAMPS, QUOTED, RST, SHORT_HEADER, SYN, MASK, HALF, SECOND_NS
cdef long long LAST_IDS, BUDGET, SILENCE_NS, NONE, AHEAD, CLOSING, COPY, DELAYED, GAP, OPENING, PROBE, QUIET, REFUSED, REPEAT, SKIPPED, STRAY


cdef class FlowTable:
    cdef public object states_of, retire, retire_records, retire_gathered, selection
    cdef public long long linger_ns, idle_ns, segments, duplicates, stragglers, first_straggler, clock_ns, last_ns, now_ns
    cdef public bint by_the_book, takes_all, timed
    cdef public object gathered
    cdef public dict sides, deadlines
    cdef public list closed
    cdef public StreamIndex streams
    cdef public Textbook textbook

    @cython.locals(columns=Columns, textbook=Textbook, side=Side, i=cython.Py_ssize_t)
    cpdef feed(self, block)
    @cython.locals(
        key=bytes, peer=Side, connection=Connection, segment=Segment, place="long long", flags="long long", seq="long long",
        ack="long long", payload="long long", time_ns="long long", ip_id="long long", tsval="long long", silent_ns="long long",
        fresh="long long", end="long long", letter=int, covers_fin=bint)
    cpdef take(self, Columns columns, block, Py_ssize_t i, Side side)
    @cython.locals(textbook=Textbook, reverse=bytes, slot="long long", connection=Connection)
    cpdef bint _open(self, Columns columns, Py_ssize_t i, bytes key) except -1
    @cython.locals(key=bytes, time_ns="long long", frame="long long", seq="long long", connection=Connection, side=Side, segment=Segment)
    cpdef open_object(self, Columns columns, Py_ssize_t i, bytes reverse, long long stream, bint settled)
    cpdef Connection _revive(self, long long row)
    cpdef _enlist(self, Connection connection)
    cpdef long long _patience_ns(self, Connection connection)
    cpdef _examine(self, block, Py_ssize_t i, Side side)
    cpdef _schedule(self, Connection connection)
    cpdef _look(self, Connection connection, long long second)
    @cython.locals(textbook=Textbook, row="long long")
    cpdef _sweep_rows(self)
    @cython.locals(textbook=Textbook, record=bytes)
    cpdef _retire_rested(self, long long since_ns)
    @cython.locals(closed=list, connection=Connection, many=bint, a=Side, b=Side)
    cpdef _lay_down(self)
