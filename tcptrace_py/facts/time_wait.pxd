# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model.live cimport Connection, Segment
from tcptrace_py.model.verdict cimport StayMarks, Step, Verdict

cpdef int how_it_ends(long long expires_ns, long long killed_ns, long long reused_ns)
@cython.locals(how=int)
cpdef long long end_of_stay(long long entered_ns, long long expires_ns, long long killed_ns, long long reused_ns)
@cython.locals(marks=StayMarks, client=list, server=list)
cpdef list stays(Connection live, Verdict verdict, tuple lengths_ns, long long end_ns)
@cython.locals(log=list, path=list, segment=Segment, step=Step, entered="long long", expires="long long", restarts="long long",
               index=cython.Py_ssize_t, killed="long long", reused="long long", how=int, reused_by=Connection)
cdef _stay(Connection live, Verdict verdict, StayMarks marks, long long length_ns, long long end_ns)
