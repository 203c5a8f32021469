# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.facts.block cimport Block
from tcptrace_py.facts.table cimport Table
from tcptrace_py.facts.time_wait cimport until_ns
from tcptrace_py.findings.occupancy cimport Occupancy
from tcptrace_py.findings.percentiles cimport Values
from tcptrace_py.findings.port_use cimport PortUse
from tcptrace_py.findings.singles cimport Singles
from tcptrace_py.findings.vantage cimport Pair, Vantages
from tcptrace_py.model cimport words
from tcptrace_py.model.live cimport hop_bit
from tcptrace_py.model.segments cimport local_port

cdef long long NEVER_NS, IPV4_KEY, IPV6_KEY, CLIENT, SERVER, KILLED, REUSED, COUNTED, LATE, RST, SIMULTANEOUS, COMPLETED, MISSING, NONE, HELD, SERVER_STAYS, HELD_ONLY
cdef long long IDLE_CLOSE_NS, TOLD, WAITS, AS_WAITING
cdef Py_ssize_t IPV4_NAME, IPV6_NAME
cdef Py_ssize_t CLIENT_LARGEST, EXCHANGES, FINAL_IDLE, SURVIVED
cdef Py_ssize_t CLIENT_PACKETS, CLIENT_REPEATS, SERVER_PACKETS, SERVER_REPEATS, SYN_REPEATS, SYNACK_REPEATS
cdef Py_ssize_t ENDING_RESET, RESET_BY
cdef Py_ssize_t END, FIRST_FIN, HANDSHAKE, OUTCOME, PATTERN, RELEASED, START, STAY_ENDED_BY, STAY_ENTERED, STAY_RESTARTS, STAY_SIDE, STAYS, STAYS_AT


cdef class HostRow:
    cdef public bytes address, scope
    cdef public int number, row
    cdef str _name


cdef class Account:
    cdef public HostRow client, server
    cdef public bytes name
    cdef public Pair pair
    cdef public Values handshakes
    cdef public dict refusals
    cdef public long long client_ways, server_ways
    cdef public long long first_ns, last_ns, packets
    cdef public unsigned int connections, repeats, syn_repeats, synack_repeats, resets_client, resets_others, client_first, server_first, resets, stays_client, stays_server
    cdef public unsigned int simultaneous, simultaneous_client, simultaneous_server, recent, restarted_client, restarted_server
    cdef public unsigned int reused_client, reused_server, killed_client, killed_server
    cdef public long long client_wait_ns, server_wait_ns, survived_ns, longest_answer_ns, idle_close_least_ns, idle_close_most_ns
    cdef public unsigned int answered, idle_closes, idle_closes_client, largest_client, largest_server, most_exchanges, reused
    cdef public int number, port, held_row, waits_row, held_kind, client_stay_kind, server_stay_kind


cdef class Accounts:
    cdef public object profiles
    cdef public Vantages vantages
    cdef public Occupancy occupancy
    cdef public Singles singles
    cdef public long long stays_row, end_ns
    cdef public dict rows, hosts, handshakes
    cdef public list kind_names
    cdef public bytearray kind_counts
    cdef public list refused
    cdef public set refused_at
    cdef public long long default_wait_ns, low, high
    cdef public bint given, packs

    cpdef Account of(self, bytes key)
    @cython.locals(account=Account)
    cpdef Account named(self, bytes name)
    @cython.locals(ports=cython.Py_ssize_t, source=bytes, target=bytes, scope=bytes, client=HostRow, server=HostRow, use=PortUse, account=Account)
    cdef Account _open(self, bytes name)
    @cython.locals(host=HostRow)
    cdef HostRow _host(self, bytes address, bytes scope)
    @cython.locals(singles=Singles, port="long long", facts=bytes)
    cdef _take_over(self, Account account)
    cdef _hold_first(self, Account account, long long port, long long start_ns, long long released_ns)
    @cython.locals(at=cython.Py_ssize_t, place=cython.Py_ssize_t)
    cdef _unpack(self, Account account, long long start_ns, bytes facts)
    @cython.locals(place=cython.Py_ssize_t)
    cdef long long _facts(self, Account account) except -1
    @cython.locals(place=cython.Py_ssize_t)
    cdef _numbers(self, Account account)
    cpdef refuse(self, Account account, long long way, long long count=*)
    cdef _refuse_again(self, Account account, bytes facts)
    @cython.locals(name=bytes, service=bytes, account=Account)
    cpdef bint add_refused(self, bytes key, long long port, long long start_ns, long long released_ns, bint is_reset, long long way) except -1
    @cython.locals(account=Account, singles=Singles, port="long long")
    cpdef Account look_up(self, bytes name)
    @cython.locals(ports=cython.Py_ssize_t, scope=bytes, client=HostRow, server=HostRow, account=Account)
    cdef Account _lone(self, bytes name)
    cpdef hold(self, bytes key, long long start_ns, long long released_ns)
    cdef _hold_told(self, Account account, long long port, long long start_ns, long long released_ns, long long ended_ns)
    @cython.locals(kind="long long")
    cdef long long _hold_on(self, Account account, long long ended_ns) except -1
    @cython.locals(kind="long long")
    cdef _hold_single(self, bytes name, long long port, long long start_ns, long long released_ns)
    @cython.locals(name=bytes)
    cpdef bint hold_packed(self, bytes key, long long port, long long start_ns, long long end_ns) except -1
    @cython.locals(name=bytes, account=Account)
    cpdef take(self, bytes key, Block block, Py_ssize_t row, long long port, long long announced, long long end_ns)
    @cython.locals(table=Table, singles=Singles, size=cython.Py_ssize_t, start_ns="long long", released_ns="long long", held="long long",
                   account=Account, facts="long long")
    cdef bint _take_single(self, bytes name, Block block, Py_ssize_t row, long long port, long long announced, long long end_ns) except -1
    cpdef add_attempt(self, bytes key, long long start_ns, long long released_ns, bint was_held)
    @cython.locals(account=Account)
    cdef _add_attempt(self, bytes name, long long port, long long start_ns, long long released_ns, bint was_held)
    cdef int _kind(self, Account account, int counts, int first, int second, int third, int ports_of) except -2
    cdef int _waits(self, HostRow host) except -2
    @cython.locals(account=Account, since_ns="long long[::1]", recent="long long[::1]", waited=list)
    cpdef close(self, long long end_ns)
    cpdef int client_stays(self, Account account) except -2
    cpdef int server_stays(self, Account account) except -2
    cpdef add_handshake(self, Account account, long long total_ns)
    cpdef Values handshakes_of(self, bytes address, int port)
    cpdef add_course(self, Account account, long long exchanges, long long survived_ns, long long answer_ns, long long largest_client,
                     long long largest_server, long long first_fin, long long idle_ns)
    @cython.locals(account=Account, found=list)
    cpdef list answering(self, long long least)
    @cython.locals(client=bytes, server=bytes)
    cpdef learn(self, Account account, long long first_frame, long long to_server_ns, long long to_client_ns,
                long long client_ttl, long long server_ttl)
    cpdef learn_ways(self, Account account, long long client_ttl, long long server_ttl)
    @cython.locals(account=Account, found=dict, client=bytes, server=bytes)
    cpdef dict ways(self)
    @cython.locals(table=Table, small="signed char[::1]", narrow="int[::1]", syns=int, synacks=int, reset=int, by=int, size=cython.Py_ssize_t, pattern=int, first_fin=int, start_ns="long long",
                   earliest_ns="long long", released_ns="long long", total_ns="long long", at=cython.Py_ssize_t, stay=cython.Py_ssize_t)
    cpdef add(self, Account account, Block block, Py_ssize_t row, long long port, long long announced)
    @cython.locals(table=Table, occupancy=Occupancy, small="signed char[::1]", size=cython.Py_ssize_t, entered_ns="long long",
                   end_ns="long long", how=int, restarted=bint, kind="long long")
    cdef _add_stay(self, Account account, Block block, Py_ssize_t stay, long long earliest_ns)
    @cython.locals(occupancy=Occupancy, kind="long long", early_ns="long long")
    cdef _hold(self, Account account, long long start_ns, long long released_ns, long long earliest_ns, long long announced, long long port)


cpdef long long late_ns(Account account, long long end_ns)
cpdef bytes name_of(bytes key)


@cython.locals(account=Account, number_at="long long[::1]", at=cython.Py_ssize_t)
cpdef add_counts(Accounts accounts, tuple told)
