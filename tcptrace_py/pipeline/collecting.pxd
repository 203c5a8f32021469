# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.facts.writing cimport Shape, Writer
from tcptrace_py.findings.accounts cimport Account, Accounts
from tcptrace_py.findings.facts cimport Outline, port_to_count
from tcptrace_py.findings.occupancy cimport Occupancy
from tcptrace_py.findings.quality cimport Quality
from tcptrace_py.findings.summary cimport Totals
from tcptrace_py.facts.time_wait cimport end_of_stay, how_it_ends
from tcptrace_py.findings.vantage cimport Legs, legs, place, place_of
from tcptrace_py.flows cimport resting
from tcptrace_py.flows.textbook cimport Textbook
from tcptrace_py.model.live cimport Connection as Live
from tcptrace_py.model.closed cimport Closed
from tcptrace_py.model.live cimport Segment, begins_with_syn, client_at_first
from tcptrace_py.model.first_frames cimport FirstFrames
from tcptrace_py.model.segments cimport local_port
from tcptrace_py.pipeline.replaying cimport Replayer, Template

cdef long long NEVER_NS, AT_CLIENT, COUNTED, REUSED


cdef class Collector:
    cdef public Replayer replayer
    cdef public object profiles, digest, each, rows
    cdef public Writer writer
    cdef public Closed closed
    cdef public bint keep_rows, describes_all
    cdef public list waiting
    cdef public FirstFrames first_frames
    cdef public Totals totals
    cdef public Accounts accounts
    cdef public Occupancy occupancy
    cdef public Quality quality
    cdef public long long floor_ns, alike, alike_timed

    @cython.locals(own=Legs, template=Template)
    cpdef take(self, Live live, long long known_ns)
    @cython.locals(outline=Outline, account=Account, log=list, total_ns="long long", reused_ns="long long")
    cpdef bint _take_alike(self, Live live, Template template, long long known_ns)
    @cython.locals(start_ns="long long", first_frame="long long", synack_ns="long long", to_server_ns="long long", to_client_ns="long long",
                   template=Template, outline=Outline, total_ns="long long", account=Account)
    cpdef bint _take_record(self, bytes record, long long known_ns) except -1
    cdef _write_down(self, bytes record, Outline outline, long long known_ns)
    cdef _written_down(self)
    @cython.locals(record=bytes)
    cpdef take_records(self, Textbook textbook, long long since_ns, long long known_ns)
    cpdef bint _is_shown(self, long long total_ns, long long first_frame)
    @cython.locals(occupancy=Occupancy, until_ns="long long")
    cpdef _add_alike(self, Outline outline, Account account, long long start_ns, long long first_frame, long long total_ns,
                     long long client_stay_ns, long long server_stay_ns, long long released_ns, long long reused_ns, long long announced, long long port)
