# cython: language_level=3, annotation_typing=False
import cython

from tcptrace_py.model cimport columns, words

cdef long long IPV6_KEY, HEAD_BYTES, ROW_BYTES


cpdef frames_size(block)
@cython.locals(count=cython.Py_ssize_t, at=cython.Py_ssize_t, name=str)
cpdef pack_frames(block, area)
@cython.locals(count=cython.Py_ssize_t, at=cython.Py_ssize_t, size=cython.Py_ssize_t, name=str)
cpdef unpack_frames(area)
@cython.locals(i=cython.Py_ssize_t, keys=list, key=bytes, owners="int[::1]")
cpdef tell_owners(block, int[::1] owner_of, int me)
@cython.locals(owners="int[::1]", picked="int[::1]", rows="int[::1]", pick="int[::1]", i=cython.Py_ssize_t, count=cython.Py_ssize_t)
cpdef tuple pack(block, int to, unsigned char[::1] area, Py_ssize_t at)
cpdef Py_ssize_t unpack(unsigned char[::1] area, Py_ssize_t at, Py_ssize_t rows, block, list recent)
