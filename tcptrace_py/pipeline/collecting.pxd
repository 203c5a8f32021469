# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.facts.block cimport Block
from tcptrace_py.facts.resets cimport ending_cause
from tcptrace_py.facts.table cimport Table
from tcptrace_py.facts.timers cimport due_until_ns, gives_up_ns, overdue_ns
from tcptrace_py.facts.waits cimport exchanges_of, largest_of
from tcptrace_py.facts.writing cimport Shape, Writer
from tcptrace_py.findings.accounts cimport Account, Accounts, name_of
from tcptrace_py.findings.outline cimport Outline, port_to_count
from tcptrace_py.findings.percentiles cimport Values
from tcptrace_py.findings.occupancy cimport Occupancy
from tcptrace_py.findings.openings cimport Openings
from tcptrace_py.findings.quality cimport Quality
from tcptrace_py.findings.summary cimport Totals
from tcptrace_py.findings.timeline cimport Timeline
from tcptrace_py.findings.troubled cimport Alike, Troubled, is_unfinished
from tcptrace_py.facts.time_wait cimport end_of_stay, how_it_ends
from tcptrace_py.findings.vantage cimport Legs, first_ttl, legs, place, place_of
from tcptrace_py.flows cimport resting
from tcptrace_py.flows.textbook cimport Textbook
from tcptrace_py.model.live cimport Connection as Live
from tcptrace_py.model.closed cimport Closed
from tcptrace_py.model.live cimport Side as LiveSide
from tcptrace_py.model.live cimport Segment, begins_with_syn, client_at_first, hop_bit
from tcptrace_py.model.first_frames cimport FirstFrames
from tcptrace_py.model.segments cimport local_port
from tcptrace_py.model.verdict cimport Verdict
from tcptrace_py.states.resets cimport asks_others, origin_of_lone
from tcptrace_py.pipeline.replaying cimport Replayer, Template

cdef long long BETWEEN, NAMED
cdef Py_ssize_t REFUSED
cdef long long NEVER_NS, AT_CLIENT, AS_WAITING, AT_ITS_CLIENT, NOWHERE, ATTEMPT, UNANSWERED, IN_PROGRESS, IDLE_CLOSE_NS, COUNTED, REUSED, MISSING, MOST_LARGEST, FIRST_REPEAT_NS
cdef Py_ssize_t ANOMALIES, ANOMALIES_AT, ANOMALY_CODE, ANOMALY_EXPLANATION, ANOMALY_FRAME, CENSORED, HANDSHAKE, OUTCOME, PATTERN
cdef Py_ssize_t SYN_REPEATS, VANTAGE


cdef class Collector:
    cdef public Replayer replayer
    cdef public object faults, profiles, digest, each, rows, waiting, left_out
    cdef public Writer writer
    cdef public Closed closed
    cdef public bint keep_rows, describes_all, are_many, gave_up
    cdef public dict troubles, alike_in_trouble
    cdef public Alike in_trouble
    cdef public FirstFrames first_frames
    cdef public Totals totals
    cdef public Timeline timeline
    cdef public Accounts accounts
    cdef public Occupancy occupancy
    cdef public Quality quality
    cdef public Openings openings
    cdef public Troubled troubled, attempted
    cdef public object held, haste
    cdef public long long floor_ns, alike, alike_timed, passed_over, looks

    cdef public long long written
    @cython.locals(client=LiveSide)
    cdef bint _gives_up(self) except -1
    cdef _pass_over(self, long long first_frame)
    cdef bint _is_left_out(self, Live live) except -1
    @cython.locals(first_frame="long long")
    cpdef take(self, Live live, long long known_ns)
    @cython.locals(own=Legs, template=Template)
    cdef _take(self, Live live, long long known_ns)
    @cython.locals(account=Account, client=int)
    cdef _learn(self, Live live, Legs own)
    @cython.locals(outline=Outline, other=LiveSide, key=bytes, start_ns="long long", first_frame="long long", released_ns="long long",
                   way="long long", reset=Segment)
    cdef bint _take_refused(self, Live live, Template template, long long known_ns) except -1
    @cython.locals(reset=Segment)
    cdef _count_refusal(self, Account account, Live live, Verdict verdict)
    @cython.locals(account=Account, way="long long", count="long long", who="long long")
    cdef _settle_refusals(self)
    @cython.locals(outline=Outline, account=Account, log=list, total_ns="long long", reused_ns="long long", row=cython.Py_ssize_t,
                   own=LiveSide, other=LiveSide, idle_ns="long long", released_ns="long long", unanswered=bint, waits=bint)
    cpdef bint _take_alike(self, Live live, Template template, long long known_ns)
    @cython.locals(start_ns="long long", first_frame="long long", synack_ns="long long", to_server_ns="long long", to_client_ns="long long",
                   template=Template, outline=Outline, total_ns="long long", account=Account, largest="long long",
                   idle_ns="long long", asked_ns="long long", at=cython.Py_ssize_t)
    cpdef bint _take_record(self, bytes record, long long known_ns) except -1
    @cython.locals(account=Account)
    cdef _hold_until_refused(self, Live live)
    @cython.locals(client=LiveSide)
    cdef _hold_while_waiting(self, Live live)
    @cython.locals(live=Live, client=LiveSide, account=Account)
    cpdef announce(self, list connections)
    cdef _write_down(self, Outline outline, long long known_ns)
    cdef _written_down(self)
    @cython.locals(record=bytes, live=Live, half_open=list)
    cpdef take_records(self, Textbook textbook, long long since_ns, long long unanswered_ns, long long known_ns)
    @cython.locals(template=Template, outline=Outline, first_frame="long long", key=bytes, start_ns="long long", tried=bint)
    cdef bint _take_attempt(self, bytes record, Textbook textbook, long long known_ns) except -1
    @cython.locals(alike=Alike, size=cython.Py_ssize_t)
    cdef _count_trouble(self, object trouble, bytes key, long long stream, long long first_frame, long long start_ns)
    @cython.locals(alike=Alike)
    cdef _tell_troubles(self)
    cpdef bint _is_shown(self, long long total_ns, long long first_frame)
    @cython.locals(occupancy=Occupancy, until_ns="long long", released_server_ns="long long")
    cpdef _add_alike(self, Outline outline, Account account, long long start_ns, long long first_frame, long long total_ns,
                     long long client_stay_ns, long long server_stay_ns, long long released_ns, long long reused_ns, long long announced, long long port,
                     long long packets)
    @cython.locals(verdict=Verdict, block=Block, row=cython.Py_ssize_t, outline=Outline, shown=bint, key=bytes)
    cpdef _conclude(self, Live live, long long known_ns, Template template, Legs own)
    @cython.locals(table=Table, small="signed char[::1]", size=cython.Py_ssize_t, outcome=int, pattern=int, cause=int, censored=bint, total_ns="long long",
                   latencies=Values, client=int, server=int, at=cython.Py_ssize_t, anomaly=cython.Py_ssize_t, found=Table, texts=list,
                   code=int, why=int)
    cdef _add_row(self, Block block, Py_ssize_t row, Live live, bytes key)
    @cython.locals(what="long long")
    cdef _trouble(self, int outcome, int pattern, int cause, bint repeated, bint censored)


cdef long long _given_back_ns(Live live, Verdict verdict, long long known_ns) except? -1
