# cython: language_level=3, annotation_typing=False
import cython

@cython.locals(size=cython.Py_ssize_t, ports=cython.Py_ssize_t)
cpdef bytes reverse_key(bytes key)
