# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.facts.block cimport Block
from tcptrace_py.facts.table cimport Table
from tcptrace_py.findings.occupancy cimport Occupancy
from tcptrace_py.model cimport columns
from tcptrace_py.model.packed cimport Numbered

cdef long long NEVER_NS, UNKNOWN, MISSING, SECOND_NS, NO_NETWORK
cdef Py_ssize_t TAIL, FOUR_WORDS, SIXTEEN_WORDS, PORT_BITS
cdef int CLOSE_BITS, IS_STAMPED, IS_PLAIN, IS_REUSED, IS_OPENED, CLIENT_SHIFT, SERVER_SHIFT, STAY_BITS, NONE
cdef Py_ssize_t COUNTS, CLIENT_FIRST, SERVER_FIRST, BOTH, RESETS, UNCLOSED, WAITS_CLIENT, WAITS_SERVER, STAMPED, PLAIN, REUSED, NO_STEP
cdef Py_ssize_t COMPLETED, NOT_CAPTURED, SIMULTANEOUS, RST
cdef Py_ssize_t ANOMALIES, ANOMALIES_AT, ANOMALY_CODE, CLIENT, CLIENT_BYTES, CLIENT_PATH, ENTERED, ENTRIES_AT, EXCHANGES, FIRST_FIN, MIDSTREAM, OUTCOME
cdef Py_ssize_t PATTERN, SCOPE, SERVER, SERVER_BYTES, SERVER_PORT, START, STAY_ENDED, STAY_ENTERED, STAY_EXPIRES, STAY_SIDE
cdef Py_ssize_t STAYS, STAYS_AT, TIMESTAMPS


cdef class Gathered


cdef class Group:
    cdef Gathered _columns
    cdef public Py_ssize_t low, high
    cdef public object counts

    cpdef closes(self)
    cpdef Py_ssize_t time_wait(self)
    cpdef timestamps(self)
    cpdef per_s(self)
    cpdef long long span_ns(self)
    cpdef lifetime_p50_ns(self)
    cpdef payload_p50_bytes(self)


cdef Py_ssize_t _known(long long[::1] column, Py_ssize_t low, Py_ssize_t high)
cdef object _middle(long long[::1] column, Py_ssize_t low, Py_ssize_t high)


cdef class Services:
    cdef public Numbered names
    cdef tuple _servers
    cdef public object service, natures, starts_ns, closes_ns, payloads

    @cython.locals(table=Table, service="int[::1]", names=Numbered, ends=dict, end=bytes, narrow="int[::1]", size=cython.Py_ssize_t,
                   addresses=list, networks=list, row=cython.Py_ssize_t, server=int, port=int, scope=int, where="long long")
    cpdef _number(self, Block block, Py_ssize_t first)
    cpdef tuple key(self, Py_ssize_t number)
    @cython.locals(least=bytes, at=cython.Py_ssize_t)
    cpdef tuple lowest(self, int[::1] numbers, Py_ssize_t begin, Py_ssize_t count)
    @cython.locals(servers=Numbered, found="int[::1]", number=cython.Py_ssize_t, name=bytes)
    cpdef tuple by_server(self)
    @cython.locals(
        table=Table, stays=Table, anomalies=Table, wide="long long[::1]", narrow="int[::1]", small="signed char[::1]",
        size=cython.Py_ssize_t, entries="long long[::1]", sides="signed char[::1]", codes="int[::1]", unseen=int, closing=list,
        natures="int[::1]", nature=int, starts_ns="long long[::1]", closes_ns="long long[::1]", payloads="long long[::1]",
        row=cython.Py_ssize_t, to=cython.Py_ssize_t, pattern=int, first_fin=int, begin=cython.Py_ssize_t, stay=cython.Py_ssize_t,
        stamped=int, start_ns="long long", step=cython.Py_ssize_t, at_ns="long long", anomaly=cython.Py_ssize_t, outcome=int)
    cpdef _note(self, Block block, Py_ssize_t first)


cdef class Groups:
    cdef Services _rows
    cdef object _group_of
    cdef public object services, sizes, waits

    @cython.locals(services="int[::1]", sizes="int[::1]", waits="int[::1]", natures="int[::1]", group_of="int[::1]", groups="int[::1]",
                   number=cython.Py_ssize_t, at=cython.Py_ssize_t)
    cpdef _sum_up(self)
    cpdef _of_connections(self)
    @cython.locals(size=cython.Py_ssize_t, sizes="int[::1]", waits="int[::1]", firsts="long long[::1]", ranks="long long[::1]",
                   number=cython.Py_ssize_t, stays="long long")
    cpdef first(self, Numbered names, Py_ssize_t most)
    @cython.locals(put=cython.Py_ssize_t, groups="int[::1]", to_rows="int[::1]", to_places="int[::1]", wanted="int[::1]",
                   at=cython.Py_ssize_t)
    cpdef gather(self, list numbers)


cdef class Gathered:
    cdef Services _services
    cdef object _rows, _places
    cdef public object edges, counts
    cdef public long long[::1] starts_ns, lifetimes_ns, payloads

    @cython.locals(counts="int[::1]", natures="int[::1]", rows="int[::1]", places="int[::1]", index=cython.Py_ssize_t, nature=int,
                   at=cython.Py_ssize_t)
    cpdef _count(self)
    @cython.locals(lifetimes="long long[::1]", starts="long long[::1]", closes="long long[::1]", at=cython.Py_ssize_t)
    cpdef _arrange(self, int[::1] rows, Py_ssize_t count)
    cpdef _sorted(self, long long[::1] column, Py_ssize_t count)
    @cython.locals(open_=Occupancy, services=Services, natures="int[::1]", rows="int[::1]", places="int[::1]", kinds="int[::1]",
                   starts_ns="long long[::1]", closes_ns="long long[::1]", index=cython.Py_ssize_t, at=cython.Py_ssize_t)
    cpdef most_open(self, long long end_ns)


@cython.locals(at=cython.Py_ssize_t)
cdef _compose(int[::1] rows, int[::1] of, int[::1] into)


cdef class Stays:
    cdef public dict numbers
    cdef public object host, entered_ns, until_ns, before

    @cython.locals(
        table=Table, stays=Table, numbers=dict, wide="long long[::1]", narrow="int[::1]", small="signed char[::1]",
        size=cython.Py_ssize_t, times="long long[::1]", sides="signed char[::1]", room=cython.Py_ssize_t, addresses=list, networks=list,
        first=cython.Py_ssize_t, host="int[::1]", to_entered_ns="long long[::1]", to_until_ns="long long[::1]", row=cython.Py_ssize_t,
        begin=cython.Py_ssize_t, stay=cython.Py_ssize_t, holder=cython.Py_ssize_t, entered_ns="long long", until_ns="long long")
    cpdef add(self, Block block)


@cython.locals(size=cython.Py_ssize_t)
cdef tuple _service(bytes name)
cpdef tuple server_of(bytes name)
@cython.locals(at=cython.Py_ssize_t, port=int, kind=int)
cdef tuple _port_and_network(bytes name)


@cython.locals(opened=bint)
cdef Py_ssize_t _closing_step(Block block, int path)
