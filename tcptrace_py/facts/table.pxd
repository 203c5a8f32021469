# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport columns


cdef class Table:
    cdef public Py_ssize_t capacity, count, wide_columns, narrow_columns, small_columns
    cdef public long long[::1] wide
    cdef public int[::1] narrow
    cdef public signed char[::1] small

    cpdef Py_ssize_t row(self) except -1
    cpdef make_room(self, Py_ssize_t capacity)
    cdef _moved(self, mine, theirs, Py_ssize_t columns, Py_ssize_t capacity)
    @cython.locals(small="signed char[::1]", begin=cython.Py_ssize_t, row=cython.Py_ssize_t, found=list)
    cpdef list with_small(self, Py_ssize_t column, const unsigned char[::1] wanted, const unsigned char[::1] without)
    @cython.locals(narrow="int[::1]", begin=cython.Py_ssize_t, row=cython.Py_ssize_t, found=list)
    cpdef list with_narrow(self, Py_ssize_t column, const unsigned char[::1] without)
    @cython.locals(wide="long long[::1]", begin=cython.Py_ssize_t, row=cython.Py_ssize_t, found=list)
    cpdef list with_wide(self, Py_ssize_t column, const unsigned char[::1] without)
    @cython.locals(narrow="int[::1]", begin=cython.Py_ssize_t, row=cython.Py_ssize_t, found=list)
    cpdef list with_port(self, Py_ssize_t column, const unsigned char[::1] wanted)
    @cython.locals(small="signed char[::1]", begin=cython.Py_ssize_t, at=cython.Py_ssize_t, row=object, found=list)
    cpdef list among(self, list rows, Py_ssize_t column, const unsigned char[::1] wanted)
    @cython.locals(wide="long long[::1]", begin=cython.Py_ssize_t, at=cython.Py_ssize_t, row=object, found=list)
    cpdef list between(self, list rows, Py_ssize_t column, long long least, long long most)
    @cython.locals(wide="long long[::1]", narrow="int[::1]", begin=cython.Py_ssize_t, at=cython.Py_ssize_t, row=object, value="long long",
                   last="long long", found=dict, members=list)
    cpdef dict grouped(self, Py_ssize_t column, list rows, bint is_wide=*)


@cython.locals(count=cython.Py_ssize_t, order="int[::1]", rank=cython.Py_ssize_t, row=cython.Py_ssize_t,
               to_names="long long[::1]", to_ranks="long long[::1]")
cpdef tuple ranked(long long[::1] values, long long[::1] names)
