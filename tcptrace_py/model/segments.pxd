# cython: language_level=3, annotation_typing=False
from tcptrace_py.model cimport words

cpdef bytes reverse_key(bytes key)
