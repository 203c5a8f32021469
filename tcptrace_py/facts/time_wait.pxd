# cython: language_level=3, annotation_typing=False
import cython

cpdef int how_it_ends(long long expires_ns, long long killed_ns, long long reused_ns)
@cython.locals(how=int)
cpdef long long end_of_stay(long long entered_ns, long long expires_ns, long long killed_ns, long long reused_ns)
