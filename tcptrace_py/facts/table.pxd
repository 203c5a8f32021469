# cython: language_level=3, annotation_typing=False


cdef class Table:
    cdef public Py_ssize_t capacity, count, wide_columns, narrow_columns, small_columns
    cdef public long long[::1] wide
    cdef public int[::1] narrow
    cdef public signed char[::1] small

    cpdef Py_ssize_t row(self) except -1
