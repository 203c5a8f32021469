# cython: language_level=3, annotation_typing=False
from tcptrace_py.pipeline.content cimport connection, content, first_key
