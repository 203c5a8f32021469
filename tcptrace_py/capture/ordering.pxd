# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport columns, words

cdef long long TIME_MIN_NS


@cython.locals(times="long long[::1]", numbers="long long[::1]", earliest="long long[::1]", peaks="long long[::1]", row=cython.Py_ssize_t,
               at=cython.Py_ssize_t, known=cython.Py_ssize_t, begin=cython.Py_ssize_t, count=cython.Py_ssize_t, time_ns="long long",
               overtaken="long long", most_frames="long long", window_ns="long long", late="long long", first_late="long long")
cpdef tuple runs_of(times_ns, frames, Py_ssize_t before, long long latest_ns, long long given_ns)

@cython.locals(middle=cython.Py_ssize_t)
cdef Py_ssize_t behind(long long[::1] column, long long value, Py_ssize_t low, Py_ssize_t high) noexcept
