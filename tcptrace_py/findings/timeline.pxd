# cython: language_level=3, annotation_typing=False
import cython

cdef Py_ssize_t ROOM


cdef class Timeline:
    cdef int _length
    cdef long long _first, _length_ns
    cdef long long[::1] _connections, _broken

    @cython.locals(place="long long")
    cpdef add(self, long long start_ns, bint broken)
    cdef _clear(self)
    cdef _make_room(self, long long time_ns)
    cdef _fit(self, int length, list times_ns)
    @cython.locals(times="long long", number="long long", place="long long")
    cdef _take(self, int length, list rows)
