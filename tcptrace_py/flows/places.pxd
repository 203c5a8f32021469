# cython: language_level=3, boundscheck=False, wraparound=False
# The same functions as in places.py, inline in C for whom it is compiled with.
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM
from cpython.ref cimport PyObject
from libc.string cimport memcmp

from tcptrace_py.model cimport words


cdef inline Py_ssize_t find(dict places, int[::1] table, list keys, bytes key) except -1:
    cdef Py_ssize_t mask = table.shape[0] - 1
    cdef Py_ssize_t at = hash(key) & mask
    cdef Py_ssize_t place = table[at]
    cdef PyObject *known
    while place:
        known = PyList_GET_ITEM(keys, place)
        if known == <PyObject *>key:
            return place
        if (PyBytes_GET_SIZE(<object>known) == PyBytes_GET_SIZE(key)
                and memcmp(PyBytes_AS_STRING(<object>known), PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key)) == 0):
            words.set_key(keys, place, key)  # the next of its segments is likely to bring this object
            return place
        at = (at + 1) & mask
        place = table[at]
    return 0


cdef inline int enter(dict places, int[::1] table, list keys, bytes key, Py_ssize_t place) except -1:
    cdef Py_ssize_t mask = table.shape[0] - 1
    cdef Py_ssize_t at = hash(key) & mask
    words.set_key(keys, place, key)
    while table[at]:
        at = (at + 1) & mask
    table[at] = <int>place
    return 0


cdef inline int leave(dict places, int[::1] table, list keys, Py_ssize_t place) except -1:
    cdef Py_ssize_t mask = table.shape[0] - 1
    cdef Py_ssize_t hole = hash(<bytes>keys[place]) & mask
    cdef Py_ssize_t at, home
    while table[hole] != place:
        if table[hole] == 0:
            raise KeyError(keys[place])
        hole = (hole + 1) & mask
    at = hole
    while True:  # whoever was put off by this entry moves up
        table[hole] = 0
        while True:
            at = (at + 1) & mask
            if table[at] == 0:
                return 0
            home = hash(<bytes>keys[table[at]]) & mask
            if (at - home) & mask >= (at - hole) & mask:
                break
        table[hole] = table[at]
        hole = at
