# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.facts.block cimport Block
from tcptrace_py.facts.table cimport Table
from tcptrace_py.model.live cimport Connection, Segment
from tcptrace_py.model.verdict cimport StayMarks, Step, Verdict

cdef long long MISSING, NEVER_NS, CLOSED
cdef Py_ssize_t STAY_BASIS, STAY_ENDED, STAY_ENDED_BY, STAY_ENTERED, STAY_EXPIRES
cdef Py_ssize_t STAY_RESTARTS, STAY_SIDE, STAYS_AT


cpdef int how_it_ends(long long expires_ns, long long killed_ns, long long reused_ns)
@cython.locals(how=int)
cpdef long long end_of_stay(long long entered_ns, long long expires_ns, long long killed_ns, long long reused_ns)
@cython.locals(marks=StayMarks, role=int)
cpdef write_stays(Block block, Connection live, Verdict verdict, tuple lengths_ns, tuple immune, long long end_ns)
@cython.locals(log=list, path=list, segment=Segment, step=Step, entered_ns="long long", expires_ns="long long", restarts=int,
               index=cython.Py_ssize_t, killed_ns="long long", reused_ns="long long", ended_ns="long long", how=int, reused_by=Connection,
               table=Table, row=cython.Py_ssize_t, size=cython.Py_ssize_t, wide="long long[::1]", small="signed char[::1]")
cdef _write(Block block, Connection live, Verdict verdict, StayMarks marks, int role, long long length_ns, bint immune, long long end_ns)
@cython.locals(table=Table, ended_ns="long long")
cpdef long long until_ns(Block block, Py_ssize_t stay) except? -1
@cython.locals(at=cython.Py_ssize_t, stay=cython.Py_ssize_t, path=list, last=Step, step=Step, segment=Segment, latest_ns="long long")
cpdef long long released_ns(Block block, Py_ssize_t row, Connection live, Verdict verdict, long long gave_up_ns) except? -1
