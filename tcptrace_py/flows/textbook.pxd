# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.flows cimport places, resting
from tcptrace_py.flows.streams cimport StreamIndex
from tcptrace_py.model cimport words
from tcptrace_py.model.live cimport Connection, Segment, Side
from tcptrace_py.model.segments cimport Columns, reverse_key

# Names that this module only reads: as C numbers they cost nothing. What others import from here stays a Python object.
cdef long long ACK, FIN, HEADER_CUT, OPT_TIMESTAMPS, QUOTED, RST, SYN, HALF, MASK, BUDGET, CLOSING, OLDER_IDS, MOST_LARGEST, OPENING, QUIET
cdef long long SILENCE_NS, MOST_LOGGED, MOST_SPAN_NS, MOST_NS, MOST_PAYLOAD, MOST_INTERFACE, MOST_VLAN, BIAS
cdef long long START, END, FIRST_FRAME, LAST_FRAME, SIGNATURE, HISTORY, PAUSE_NS, SURVIVED_NS, ANSWER_NS, LAST_NS, DATA_NS, IDS, PACKETS, PAYLOAD
cdef long long WIDE_SIDES, WIDE_SIDE, WIDE_ROW
cdef long long NEXT, BEFORE, NONE, RING, STATE, BUDGET_LEFT, LOOKED_AT, LOGGED, LONG_NS, SECOND_NS, STREAM, VLAN_SCALES, TEID, TURNS, WAIT_FRAME, LARGEST
cdef long long NEXT_SEQ, MAX_ACK, LAST_SEQ, LAST_TSVAL, LAST_FLAGS, LAST_ID, SIDES, SIDE_WORDS, LOG, LOG_WORDS, ROW_WORDS
cdef long long MOST_TURNS, TALKER, SPEAKER, PHASE, ANSWERED, HAS_TEID, RECORD_HEAD, RESTING_MASK, MOST_GONE, MOST_ASIDE, CROWD, KIND_BITS, KIND, FIRST_LONE, AT_ITS_CLIENT, CLOSED, SPOKEN, LETTERS, SYN_ACK


cdef class Queue:
    cdef public list records
    cdef public long long first, over, kind

    cpdef long long add(self, bytes record) except -1
    @cython.locals(at="long long")
    cpdef long long place(self, long long number) except -2
    cpdef drop(self, long long at)
    @cython.locals(records=list, at="long long")
    cpdef long long longest(self) except -2


cdef class Textbook:
    cdef public StreamIndex streams
    cdef public dict places
    cdef int[::1] table
    cdef public list keys
    cdef public Queue records, attempts, half_open
    cdef public list lone
    cdef public Queue whole
    cdef list _queues
    cdef public bint was_announced
    cdef public long long used, free, long_lived, open_rows, stopped_at, announced, row
    cdef int[::1] _asked
    cdef long long _asked_from, _asked_to
    cdef object _narrow_kept, _wide_kept
    cdef unsigned int[::1] narrow
    cdef long long[::1] wide
    cdef unsigned int[::1] _out
    cdef public bytes attempt_key

    @cython.locals(
        narrow="unsigned int[::1]", wide="long long[::1]", keys=list, key=bytes, known=dict, table="int[::1]",
        streams=StreamIndex, place=cython.Py_ssize_t, i=cython.Py_ssize_t,
        row="long long", number="long long", at="long long", far="long long", mine="long long", peers="long long", my_wide="long long",
        state="long long", flags="long long", time_ns="long long", seq="long long", ack="long long", payload="long long",
        window="long long", ip_id="long long", interface="long long", tsval="long long", ids="long long", silent_ns="long long",
        since_ns="long long", peer_next="long long", frames="long long", phase="long long", budget="long long", fin="long long",
        max_ack="long long", fresh="long long", peer_closed="long long", end="long long", letter="long long", letters="long long",
        count="long long", log="long long", covers_fin=bint, closed=bint, logged=bint, pause_ns="long long", turns="long long",
        asked_ns="long long")
    cpdef Py_ssize_t run(self, Columns block, Py_ssize_t first) except -1
    @cython.locals(key=bytes, seq="long long", teid="long long", row="long long", at="long long", far="long long",
                   narrow="unsigned int[::1]", wide="long long[::1]", word="long long", mine="long long", log="long long")
    cpdef bint open(self, Columns block, Py_ssize_t i, long long slot, bytes reverse) except -1
    @cython.locals(row="long long", more="long long")
    cdef long long _new(self) except -1
    @cython.locals(row="long long")
    cdef _widen(self)
    cdef _take_out(self, long long row)
    cdef _lay_down(self, long long row, long long slot)
    cdef _keep(self, bytes record, long long slot)
    cdef _drop(self, long long row)
    @cython.locals(narrow="unsigned int[::1]", last="long long")
    cdef _link(self, long long row)
    @cython.locals(narrow="unsigned int[::1]", after="long long", before="long long")
    cdef _unlink(self, long long row)
    cpdef Connection release(self, long long row)
    @cython.locals(number="long long", queue=Queue)
    cdef bint rests(self, long long slot) except -1
    @cython.locals(queue=Queue)
    cpdef bint put_lone(self, Columns columns, Py_ssize_t i, long long slot, long long stream, Py_ssize_t patience) except -1
    @cython.locals(number="long long", kind="long long", queue=Queue, at="long long", record=bytes)
    cpdef bytes wake_lone(self, long long slot, bytes key)
    @cython.locals(queue=Queue, at="long long", record=bytes)
    cpdef bytes lone_over(self, Py_ssize_t patience, long long until_ns)
    @cython.locals(queue=Queue, record=bytes)
    cpdef list lone_older(self, long long than_ns)
    cpdef bint put_whole(self, long long slot, bytes record) except -1
    @cython.locals(row="long long", number="long long", at="long long", far="long long", key=bytes, narrow="unsigned int[::1]",
                   wide="long long[::1]", mine="long long", peers="long long", state="long long", flags="long long", ack="long long",
                   time_ns="long long", acks="long long", max_ack="long long", slot="long long", attempted=bint, before=bytes,
                   reset=bytes, start_ns="long long")
    cpdef bint put_ended(self, Columns columns, Py_ssize_t i, long long place) except -1
    @cython.locals(before=bytes)
    cpdef Connection before_end(self, bytes content)
    @cython.locals(at="long long", record=bytes)
    cpdef bytes wake_whole(self, long long slot, bytes key)
    @cython.locals(at="long long", record=bytes)
    cpdef bytes whole_over(self, long long until_ns)
    @cython.locals(record=bytes)
    cpdef list whole_older(self, long long than_ns)
    cpdef long long place(self, bytes key) except -1
    @cython.locals(at="long long", record=bytes, connection=Connection)
    cpdef Connection wake(self, long long slot, bytes key)
    cdef _forget(self, Py_ssize_t at, bytes record)
    @cython.locals(record=bytes, at="long long")
    cpdef bytes over(self, long long until_ns)
    @cython.locals(record=bytes, key=bytes, at="long long")
    cpdef bytes attempt_over(self, long long until_ns)
    @cython.locals(row="long long", connection=Connection)
    cpdef Connection unfold_attempt(self, bytes record)
    @cython.locals(record=bytes, at="long long", attempts=Queue)
    cpdef list older_attempts(self, long long than_ns)
    @cython.locals(asked="int[::1]", wide="long long[::1]", narrow="unsigned int[::1]", row="long long", at="long long", far="long long",
                   slot="long long", is_open=bint)
    cpdef put_aside(self, long long until_ns)
    @cython.locals(narrow="unsigned int[::1]", log="long long")
    cdef bint _is_bare(self, long long at) except -1
    @cython.locals(narrow="unsigned int[::1]", wide="long long[::1]", out="unsigned int[::1]", log="long long", start_ns="long long",
                   frame="long long")
    cdef bytes _attempt(self, long long at, long long far, bytes key)
    @cython.locals(row="long long", narrow="unsigned int[::1]", wide="long long[::1]", at="long long", far="long long", log="long long",
                   packed="long long", scales="long long", word="long long")
    cdef long long _again(self, bytes record) except -1
    @cython.locals(record=bytes, own=bytes, row="long long")
    cdef bint _recall_half_open(self, long long at, bytes key, bytes reverse, long long time_ns) except -1
    @cython.locals(at="long long", number="long long", record=bytes)
    cpdef bint recall(self, long long slot, bytes key, bytes reverse, long long time_ns) except -1
    cdef _enter(self, long long row, bytes key, bytes reverse)
    @cython.locals(more="long long", waiting="int[::1]")
    cdef _make_room(self)
    @cython.locals(found=list, records=list, record=bytes, key=bytes, at="long long")
    cpdef list half_open_over(self, long long until_ns)
    @cython.locals(record=bytes)
    cpdef list wake_older(self, long long than_ns)
    @cython.locals(narrow="unsigned int[::1]", wide="long long[::1]", out="unsigned int[::1]", at="long long", far="long long",
                   count="long long", index="long long", number="long long", put=cython.Py_ssize_t, whole=bint)
    cdef bytes _record(self, long long row, bytes key)
    @cython.locals(row="long long", connection=Connection)
    cpdef Connection unfold(self, bytes record)
    @cython.locals(row="long long", narrow="unsigned int[::1]", wide="long long[::1]", at="long long", far="long long", count="long long",
                   index="long long", put=cython.Py_ssize_t)
    cdef long long _row_of(self, bytes record) except -1
    @cython.locals(narrow="unsigned int[::1]", wide="long long[::1]", index="long long", log="long long", packed="long long",
                   look="long long", number="long long", payload="long long", flags="long long", mine="long long", my_wide="long long",
                   low="long long", high="long long", ip_id="long long")
    cdef _retell(self, long long at, long long far, long long count)
    @cython.locals(narrow="unsigned int[::1]", since_s="long long", row="long long", end_ns="long long")
    cpdef long long silent(self, long long since_ns) except -1
    @cython.locals(row="long long")
    cpdef list in_order(self)
    @cython.locals(row="long long")
    cpdef list older(self, long long than_ns)
    @cython.locals(at="long long", far="long long", key=bytes, reverse=bytes, connection=Connection, a=Side, b=Side, state="long long",
                   packed="long long", index="long long", log=list, syn=Segment, synack=Segment)
    cpdef Connection connection(self, long long row)
    @cython.locals(at="long long", far="long long", number="long long", packed="long long")
    cdef _tell(self, long long row, Side side, long long state)
    @cython.locals(at="long long", packed="long long", low="long long", high="long long", segment=Segment)
    cdef Segment _segment(self, long long row, long long index)
    @cython.locals(row="long long", at="long long", far="long long", log=list, a=Side, b=Side, start_ns="long long", first="long long",
                   index="long long", since_ns="long long", number="long long", put="long long", segment=Segment)
    cpdef bint adopt(self, Connection connection, long long slot) except -1
    @cython.locals(at="long long", far="long long", number="long long")
    cdef _note(self, long long row, Side side)


@cython.locals(a=Side, b=Side, log=list, segment=Segment)
cdef bint _can_rest(Connection connection) except -1
