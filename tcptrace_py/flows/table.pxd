# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.flows.resting cimport can_rest, fold, unfold
from tcptrace_py.flows.streams cimport StreamIndex
from tcptrace_py.model cimport words
from tcptrace_py.model.live cimport Connection, Context, Rare, Segment, Side
from tcptrace_py.model.segments cimport reverse_key

# Names that this module only reads: as C numbers they cost nothing. What others import from here stays a Python object.
cdef long long ACK, FIN, HEADER_CUT, OPT_TIMESTAMPS, QUOTED, RST, SHORT_HEADER, SYN, MASK, HALF, SECOND_NS
cdef long long LAST_IDS, AHEAD, CLOSING, COPY, DELAYED, GAP, OPENING, PROBE, QUIET, REFUSED, REPEAT, SKIPPED, STRAY


cdef class FlowTable:
    cdef public object states_of, retire, retire_record, selection, opened
    cdef public long long linger_ns, idle_ns, segments, duplicates, stragglers, first_straggler, clock_ns, last_ns, now_ns, first_record, records_over
    cdef public bint takes_all, timed
    cdef public dict sides, deadlines
    cdef public list closed, records
    cdef public StreamIndex streams

    @cython.locals(
        sides=dict, keys=list, i=cython.Py_ssize_t, count=cython.Py_ssize_t, side=Side, peer=Side, connection=Connection, segment=Segment,
        flags_column="long long[::1]", seq_column="long long[::1]", ack_column="long long[::1]", payload_column="long long[::1]",
        time_column="long long[::1]", frame_column="long long[::1]", window_column="long long[::1]", id_column="long long[::1]",
        notes_column="long long[::1]", interface_column="long long[::1]", options_column="long long[::1]",
        tsval_column="long long[::1]", tsecr_column="long long[::1]", ttl_column="long long[::1]", vlan_column="long long[::1]",
        teid_column="long long[::1]", scale_column="long long[::1]", takes_all=bint, timed=bint,
        flags="long long", seq="long long", ack="long long", payload="long long", time_ns="long long", silent_ns="long long",
        fresh="long long", silence_ns="long long", budget="long long", end="long long", letter=int, covers_fin=bint)
    cpdef feed(self, block)

    @cython.locals(reverse=bytes, slot="long long", side=Side, segment=Segment, connection=Connection)
    cpdef Connection _open(self, bytes key, long long time_ns, long long frame, long long seq, long long ack)
    cpdef _enlist(self, Connection connection)
    cpdef long long _patience_ns(self, Connection connection)
    cpdef _examine(self, block, Py_ssize_t i, Side side)
    cpdef _schedule(self, Connection connection)
    cpdef _look(self, Connection connection, long long second)
    @cython.locals(closed=list, connection=Connection, many=bint, record=bytes)
    cpdef _lay_down(self)
    @cython.locals(number="long long", at="long long", record=bytes, connection=Connection)
    cpdef bint _wake(self, long long slot, bytes key)
    @cython.locals(record=bytes, records=list, over=cython.Py_ssize_t)
    cpdef _retire_records(self)
