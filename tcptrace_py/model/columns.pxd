# cython: language_level=3, boundscheck=False, wraparound=False
# The same functions as in columns.py, inline in C for whom it is compiled with.

cdef inline long long least(long long[::1] column, Py_ssize_t count):
    cdef Py_ssize_t i
    cdef long long best = column[0]
    for i in range(1, count):
        if column[i] < best:
            best = column[i]
    return best


cdef inline long long most(long long[::1] column, Py_ssize_t count):
    cdef Py_ssize_t i
    cdef long long best = column[0]
    for i in range(1, count):
        if column[i] > best:
            best = column[i]
    return best


cdef inline long long descents(long long[::1] column, Py_ssize_t count):
    cdef Py_ssize_t i
    cdef long long found = 0
    for i in range(1, count):
        found += column[i] < column[i - 1]
    return found


cdef inline long long smaller(long long[::1] column, long long[::1] other, Py_ssize_t count):
    cdef Py_ssize_t i
    cdef long long found = 0
    for i in range(count):
        found += column[i] < other[i]
    return found
