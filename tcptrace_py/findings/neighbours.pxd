# cython: language_level=3, annotation_typing=False, boundscheck=False, wraparound=False
import cython

from tcptrace_py.facts.block cimport Block
from tcptrace_py.facts.table cimport Table
from tcptrace_py.findings.ledger cimport Services
from tcptrace_py.model cimport columns
from tcptrace_py.model.packed cimport Numbered

cdef long long STUCK_NS, MISSING
cdef long long BITS
cdef int HALF_OPEN, BY_SERVER, STILL, WHAT, OPEN, CLOSED, UNANSWERED, COMPLETED, NOT_CAPTURED, IN_PROGRESS
cdef Py_ssize_t ANOMALIES, ANOMALIES_AT, ANOMALY_CODE, CLIENT_PACKETS, CLIENT_PATH, ENTERED, ENTRIES_AT, OUTCOME, SERVER_PACKETS, SERVER_PATH


cdef class _Watched:
    cdef public int[::1] edges, steps, states


cdef class Neighbours:
    cdef public Py_ssize_t count
    cdef public signed char[::1] what
    cdef public int[::1] service
    cdef public long long[::1] lasted_ns

    @cython.locals(
        table=Table, anomalies=Table, wide="long long[::1]", narrow="int[::1]", small="signed char[::1]", size=cython.Py_ssize_t,
        entries="long long[::1]", room=cython.Py_ssize_t, codes="int[::1]", unseen=int, paths=list, every=_Watched, by_fin=_Watched,
        lasts="int[::1]", finals="int[::1]", place=cython.Py_ssize_t, row=cython.Py_ssize_t, client=int, server=int, sent="long long",
        answered="long long", outcome=int, lacks=bint, at=cython.Py_ssize_t, anomaly=cython.Py_ssize_t, watched=_Watched, step=cython.Py_ssize_t, behind=cython.Py_ssize_t)
    cpdef add(self, Block block, int[::1] service)
    @cython.locals(until_ns="long long")
    cdef _look(self, long long[::1] entries, Py_ssize_t at, bint at_end, int what, int service)
    @cython.locals(at=cython.Py_ssize_t)
    cdef _note(self, long long lasted_ns, int what, int service)


cdef class _Rows:
    cdef public Services services
    cdef public Py_ssize_t count, room
    cdef public signed char[::1] what
    cdef public int[::1] begins, clients, counts, numbers, still
    cdef public long long[::1] longest_ns

    @cython.locals(
        whats="signed char[::1]", service="int[::1]", lasted="long long[::1]", servers="int[::1]", numbers="int[::1]",
        names="long long[::1]", rows="int[::1]", at=cython.Py_ssize_t, place=cython.Py_ssize_t, row=cython.Py_ssize_t,
        put=cython.Py_ssize_t, last="long long", still=bint, lasted_ns="long long", kind="long long", whose="long long")
    cpdef _sum_up(self, Neighbours noted, int[::1] server_of, long long least_ns, long long end_ns)
    @cython.locals(put=cython.Py_ssize_t, to=cython.Py_ssize_t, row=cython.Py_ssize_t, begin=cython.Py_ssize_t,
                   count=cython.Py_ssize_t, at=cython.Py_ssize_t)
    cpdef Py_ssize_t _keep(self, Py_ssize_t most) except -1
    @cython.locals(
        names=Numbered, kinds="signed char[::1]", begins="int[::1]", numbers="int[::1]", size=cython.Py_ssize_t,
        to_leading="long long[::1]", to_spans="long long[::1]", to_sizes="long long[::1]", longest_ns="long long[::1]", counts="int[::1]",
        row=cython.Py_ssize_t, number=cython.Py_ssize_t)
    cpdef first(self, Py_ssize_t most)
