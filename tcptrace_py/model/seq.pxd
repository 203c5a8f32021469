# cython: language_level=3, annotation_typing=False

cpdef long long ahead(long long a, long long b) noexcept
