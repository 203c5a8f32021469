# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.flows.incarnations cimport (
    acceptable, answers_as_before, are_over, confirms, give_back, goes_on, is_answered, is_foreign, is_impossible,
    is_of_earlier, is_rewritten, latest_tsval, refuses_another, waits_for_second)
from tcptrace_py.flows cimport resting
from tcptrace_py.flows.copies cimport copy_marks, skipped
from tcptrace_py.flows.log cimport context_of, log_segment, note_letter, note_letters, segment_of
from tcptrace_py.flows.sequence cimport advance, is_stray, put_before_early, unseen
from tcptrace_py.flows.streams cimport StreamIndex
from tcptrace_py.flows.textbook cimport Textbook
from tcptrace_py.flows.timing cimport answer, course, progress, speak, talk
from tcptrace_py.model.live cimport Connection, Context, Rare, Segment, Side, begins_with_syn, opens_as_before, refused, refused_by_time_wait
from tcptrace_py.model.segments cimport Columns, reverse_key, scope_part
from tcptrace_py.model.seq cimport ahead

# Names that this module only reads: as C numbers they cost nothing. What others import from here stays a Python object.
cdef long long ACK, FIN, HARMLESS, HEADER_CUT, OPT_TIMESTAMPS, QUOTED, RST, SHORT_HEADER, SYN, MASK, HALF, SECOND_NS
cdef long long OLDER_IDS, LONG_CLOSE_NS, BUDGET, SILENCE_NS, NONE, AHEAD, CLOSING, COPY, DELAYED, OPENING, QUIET, REFUSED, REPEAT, SKIPPED, STRAY
cdef long long MOST_LONE_NS
cdef Py_ssize_t ENDS, BEGINS, STAYS
cdef long long IPV4_KEY, IPV6_KEY, NEAR_BYTES, FEW_TUNNELLED
cdef long long ASIDE_NS, CLOCK_JUMP_NS, FIRST_LOOK_NS, LAG_NS, LOG_LIMIT, MOST_STRAY_SYNS


cdef class FlowTable:
    cdef public object faults, states_of, retire, retire_records, selection
    cdef public tuple packing
    cdef public long long linger_ns, idle_ns, segments, duplicates, stragglers, first_straggler, clock_ns, last_ns, now_ns
    cdef public bint by_the_book, takes_all, timed
    cdef public object observed, observer
    cdef public dict sides, deadlines, routers, tunnelled
    cdef public long long tunnelled_most, joined
    cdef public list closed
    cdef public StreamIndex streams
    cdef public Textbook textbook
    cdef bint _looks
    cdef Columns _lone_row

    @cython.locals(columns=Columns, i=cython.Py_ssize_t, count=cython.Py_ssize_t)
    cpdef feed(self, block, latest_ns=*)
    @cython.locals(textbook=Textbook, side=Side, i=cython.Py_ssize_t, count=cython.Py_ssize_t)
    cdef Py_ssize_t _feed(self, Columns columns, Py_ssize_t first) except -1
    @cython.locals(side=Side)
    cdef _leave_out(self, Columns columns, Py_ssize_t i, error)
    @cython.locals(
        key=bytes, peer=Side, connection=Connection, segment=Segment, place="long long", flags="long long", seq="long long",
        ack="long long", payload="long long", time_ns="long long", ip_id="long long", tsval="long long", silent_ns="long long",
        fresh="long long", end="long long", recent_ids="long long", letter=int, covers_fin=bint, quiet_ns="long long")
    cpdef take(self, Columns columns, Py_ssize_t i, Side side)
    @cython.locals(textbook=Textbook, key=bytes, reverse=bytes)
    cdef bint _recalled(self, Columns columns, Py_ssize_t i) except -1
    @cython.locals(textbook=Textbook, reverse=bytes, slot="long long", connection=Connection)
    cpdef bint _open(self, Columns columns, Py_ssize_t i, bytes key) except -1
    @cython.locals(key=bytes, time_ns="long long", frame="long long", seq="long long", connection=Connection, side=Side)
    cpdef open_object(self, Columns columns, Py_ssize_t i, bytes reverse, long long stream, bint settled)
    cdef Connection _revive(self, long long row)
    @cython.locals(connection=Connection, record=bytes)
    cdef Connection _wake(self, long long slot, bytes key)
    cdef _let_wake(self, long long slot, bytes key)
    @cython.locals(key=bytes, reverse=bytes, flags="long long", patience=cython.Py_ssize_t)
    cdef bint _put_lone(self, Columns columns, Py_ssize_t i, long long stream) except -1
    @cython.locals(row=Columns, connection=Connection)
    cdef Connection _of_lone(self, bytes record)
    cdef bint _put_ended(self, Columns columns, Py_ssize_t i, long long place) except -1
    @cython.locals(row=Columns, connection=Connection, side=Side)
    cdef Connection _of_whole(self, bytes content)
    cdef Columns _room(self)
    @cython.locals(record=bytes)
    cdef _retire_lone(self, Py_ssize_t patience, long long until_ns)
    cdef _list(self, Connection connection)
    cdef _enlist(self, Connection connection)

    @cython.locals(key=bytes, flags="long long", time_ns="long long", notes="long long", stream="long long", connection=Connection)
    cdef _examine(self, Columns columns, Py_ssize_t i, Side side)
    @cython.locals(key=bytes, flags="long long", slot="long long", stream="long long")
    cdef long long _note_stream(self, Columns columns, Py_ssize_t i, Side side) except? -1
    @cython.locals(key=bytes, slot="long long")
    cdef _quoted(self, Columns columns, Py_ssize_t i, Side side)
    @cython.locals(silent_ns="long long")
    cdef bint _is_over(self, Connection connection, long long time_ns) except -1
    @cython.locals(unanswered=bint)
    cdef long long _patience_ns(self, Connection connection) except? -1
    @cython.locals(connection=Connection)
    cdef Connection _admit(self, Columns columns, Py_ssize_t i, long long stream)
    @cython.locals(connection=Connection)
    cdef Connection _begin(self, Columns columns, Py_ssize_t i, bytes key, long long stream)
    cpdef forget(self, Connection connection)
    @cython.locals(shadow=Connection, side=Side)
    cdef _forget(self, Connection connection)
    @cython.locals(told="long long", segment=Segment, rare=Rare)
    cdef _stray_syns(self, Connection connection, Connection shadow)
    @cython.locals(sender=Side, tsval="long long", syn=Segment)
    cdef bint _worth_keeping(self, Connection connection, Connection shadow) except -1

    @cython.locals(connection=Connection, other=Connection, waiting=Connection, is_syn=bint)
    cdef Side _incarnation(self, Side side, Columns columns, Py_ssize_t i, long long stream)
    @cython.locals(connection=Connection, waiting=Connection)
    cdef Side _behind_foreign(self, Side side, Columns columns, Py_ssize_t i, long long stream)
    @cython.locals(swapped=bint, shift=int, letter=int)
    cdef _give_back(self, Connection connection, Connection waiting)
    @cython.locals(connection=Connection, successor=Connection, shadow=Connection, peer=Side, seq="long long", tsval="long long",
                   after="long long", behind="long long", again=bint)
    cdef Side _bare_syn(self, Side side, Columns columns, Py_ssize_t i, long long stream)
    cdef bint _may_open_again(self, Side side, Columns columns, Py_ssize_t i) except -1
    @cython.locals(connection=Connection, flags="long long")
    cdef Side _opened_as_before(self, Side side, Connection shadow, Columns columns, Py_ssize_t i)
    @cython.locals(connection=Connection, shadow=Connection, flags="long long", seq="long long", from_caller=bint, answers=bint)
    cdef Side _between_incarnations(self, Side side, Columns columns, Py_ssize_t i, long long stream)
    @cython.locals(caller=Side, syn=Segment)
    cdef _promote(self, Connection connection, Connection shadow, Columns columns, Py_ssize_t i, bint may_refuse)
    @cython.locals(opener=Side, aliases=list)
    cdef _hand_over(self, Connection connection, Connection successor, bint may_refuse)
    @cython.locals(side=Side, aliases=list)
    cdef _replace(self, Connection connection, Connection other)
    cdef _name_elsewhere(self, Connection connection, list aliases)
    @cython.locals(connection=Connection, before=Connection, old=Side)
    cdef Side _behind_reuse(self, Side side, Columns columns, Py_ssize_t i)
    @cython.locals(before=Connection)
    cdef _release(self, Connection connection)

    cdef Side _routed(self, Columns columns, Py_ssize_t i)
    @cython.locals(a=Side, b=Side)
    cdef _split(self, Connection connection, Connection other, Columns columns, Py_ssize_t i)
    @cython.locals(connection=Connection)
    cdef bint _is_elsewhere(self, Side side, Columns columns, Py_ssize_t i) except -1
    @cython.locals(key=bytes, outside=bytes, other=bytes, reverse=bytes, place="long long", side=Side, connection=Connection)
    cdef Side _through_another(self, Columns columns, Py_ssize_t i)
    @cython.locals(a=Side, b=Side, outside=bytes, back=bytes)
    cdef _name_outside(self, Connection connection)
    @cython.locals(outside=bytes, key=bytes, alone=Side, asked=Side, connection=Connection)
    cdef _join_answered(self, Side side, Columns columns, Py_ssize_t i)
    cdef _tidy_scopes(self)
    @cython.locals(connection=Connection)
    cdef _note_way(self, Side side, Columns columns, Py_ssize_t i)

    @cython.locals(connection=Connection)
    cdef _count(self, Side side, Columns columns, Py_ssize_t i)
    @cython.locals(
        connection=Connection, peer=Side, flags="long long", seq="long long", payload="long long", time_ns="long long", end="long long",
        marks="long long", silent_ns="long long", had_bytes="long long", had_ack="long long", had_repeats="long long", told="long long",
        context=Context, rare=Rare)
    cdef long long _account(self, Side side, Columns columns, Py_ssize_t i) except -1

    @cython.locals(connection=Connection, flags="long long", rare=Rare)
    cdef _after(self, Side side, Columns columns, Py_ssize_t i, long long marks)

    @cython.locals(rare=Rare)
    cdef _open_window(self, Side side, long long time_ns)
    cdef _schedule(self, Connection connection)
    @cython.locals(bucket=list)
    cdef _look(self, Connection connection, long long second)
    @cython.locals(textbook=Textbook, row="long long", silent_ns="long long")
    cdef _lay_to_rest(self, long long clock_ns)
    @cython.locals(bucket=list)
    cdef bint _take_off(self, Connection connection) except -1
    @cython.locals(a=Side, record=bytes)
    cdef bint _put_whole(self, Connection connection, long long slot) except -1
    @cython.locals(content=bytes)
    cdef _retire_whole(self, long long until_ns)
    @cython.locals(since_ns="long long", unanswered_ns="long long")
    cdef _retire_silent(self)
    @cython.locals(textbook=Textbook, record=bytes)
    cdef _retire_rested(self, long long since_ns, long long unanswered_ns)
    @cython.locals(closed=list, connection=Connection, many=bint, a=Side, b=Side)
    cdef _lay_down(self)
    @cython.locals(side=Side)
    cpdef finish(self, long long end_ns)


@cython.locals(connection=Connection)
cdef bytes _name(Side side)
cdef bint _is_tunnelled(bytes key) except -1
cpdef long long first_frame_of(Connection connection)
@cython.locals(a=Side, b=Side, log=list, i=cython.Py_ssize_t, segment=Segment)
cdef bint finished(Connection connection) except -1
@cython.locals(connection=Connection, peer=Side, flags="long long", time_ns="long long")
cdef bint _refuses(Side side, Columns columns, Py_ssize_t i, long long marks) except -1
