# cython: language_level=3, annotation_typing=False

cdef long long _MASK, _HALF

cpdef long long ahead(long long a, long long b) noexcept
