# cython: language_level=3, annotation_typing=False
from tcptrace_py.model cimport columns
