# cython: language_level=3, annotation_typing=False, boundscheck=False, wraparound=False
import cython

from tcptrace_py.facts.block cimport Block
from tcptrace_py.facts.table cimport Table

cdef long long STUCK_NS, NEVER_NS, MISSING
cdef int HALF_OPEN, BY_SERVER, OPEN, CLOSED, UNANSWERED, COMPLETED, NOT_CAPTURED, IN_PROGRESS
cdef Py_ssize_t ANOMALIES, ANOMALIES_AT, ANOMALY_CODE, CLIENT_PACKETS, CLIENT_PATH, ENTERED, ENTRIES_AT, OUTCOME, SERVER_PACKETS, SERVER_PATH


cdef class _Row:
    cdef public int what
    cdef public Py_ssize_t count, still
    cdef public long long longest
    cdef public set services


cdef class Neighbours:
    cdef public object what, service, since_ns, until_ns

    @cython.locals(
        table=Table, anomalies=Table, wide="long long[::1]", narrow="int[::1]", small="signed char[::1]", size=cython.Py_ssize_t,
        entries="long long[::1]", room=cython.Py_ssize_t, codes="int[::1]", unseen=int, paths=list, every=list, by_fin=list, last=list,
        final=list, row=cython.Py_ssize_t, client=int, server=int, sent="long long", answered="long long", outcome=int, lacks=bint,
        at=cython.Py_ssize_t, anomaly=cython.Py_ssize_t, watched=list, step=cython.Py_ssize_t, state=int, behind=cython.Py_ssize_t)
    cpdef add(self, Block block, int[::1] service)
    @cython.locals(until_ns="long long")
    cdef _look(self, long long[::1] entries, Py_ssize_t at, bint at_end, int what, int service)
    cdef _note(self, long long since_ns, long long until_ns, int what, int service)
    @cython.locals(what="signed char[::1]", service="int[::1]", since_ns="long long[::1]", until_ns="long long[::1]",
                   at=cython.Py_ssize_t, still=bint, lasted_ns="long long", number=int, row=_Row, rows=dict)
    cdef list _summed(self, keys, long long least_ns, long long end_ns)
