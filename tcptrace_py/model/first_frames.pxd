# cython: language_level=3, annotation_typing=False
import cython


cdef bytes ONES
cdef Py_ssize_t STRETCH


cdef class FirstFrames:
    cdef public bytearray bits
    cdef public list repeated
    cdef public object _before

    @cython.locals(at=cython.Py_ssize_t, bit=int)
    cpdef add(self, long long frame)
    @cython.locals(at=cython.Py_ssize_t)
    cpdef add_all(self, long long[::1] frames)
    @cython.locals(bits=bytearray, own=cython.Py_ssize_t, stretch=cython.Py_ssize_t, at=cython.Py_ssize_t, below="long long")
    cpdef rank(self, long long frame)


cdef class FrameList(FirstFrames):
    cdef public Py_ssize_t count
    cdef public long long[::1] frames

    cpdef add(self, long long frame)
