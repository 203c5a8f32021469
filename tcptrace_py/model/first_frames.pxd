# cython: language_level=3, annotation_typing=False
import cython


cdef class FirstFrames:
    cdef public bytearray bits
    cdef public list repeated
    cdef public object _before

    @cython.locals(at=cython.Py_ssize_t, bit=int)
    cpdef add(self, long long frame)
    @cython.locals(at=cython.Py_ssize_t)
    cpdef add_all(self, long long[::1] frames)


cdef class FrameList(FirstFrames):
    cdef public Py_ssize_t count
    cdef public long long[::1] frames

    cpdef add(self, long long frame)
