# cython: language_level=3, annotation_typing=False
import cython


@cython.locals(place=cython.Py_ssize_t, changed=list)
cdef list _changed(tuple values, tuple new)
@cython.locals(at=cython.Py_ssize_t)
cdef _change(object target, tuple names, list numbers)
@cython.locals(place=cython.Py_ssize_t)
cdef _fill(object target, tuple names, tuple values)
