# cython: language_level=3
# The same functions as in wire.py, inline in C for whom it is compiled with. The caller has looked at the length.

from tcptrace_py.model cimport words


cdef inline unsigned int u16(const unsigned char *p) noexcept nogil:
    return <unsigned int>p[0] << 8 | p[1]


cdef inline unsigned int u32(const unsigned char *p) noexcept nogil:
    return <unsigned int>p[0] << 24 | <unsigned int>p[1] << 16 | <unsigned int>p[2] << 8 | p[3]


cdef inline (long long, long long, long long, long long, long long, long long, long long, long long, long long, long long, long long) ipv4_tcp(
        const unsigned char *data, Py_ssize_t at) noexcept:
    cdef const unsigned char *p = data + at
    return (p[0], u16(p + 2), u16(p + 4), u16(p + 6), p[8], p[9], u32(p + 24), u32(p + 28), u16(p + 32), u16(p + 34), u16(p + 36))


cdef inline (long long, long long, long long, long long, long long, long long, long long, long long, long long, long long, long long,
             long long, long long, long long, long long) ethernet_tcp(const unsigned char *data, Py_ssize_t at) noexcept:
    cdef const unsigned char *p = data + at
    return (u16(p + 12), p[14], u16(p + 16), u16(p + 18), u16(p + 20), p[22], p[23], u32(p + 38), u32(p + 42), u16(p + 46),
            u16(p + 48), u16(p + 50), u32(p + 54), u32(p + 58), u32(p + 62))


cdef inline (long long, long long, long long, long long) ipv6(const unsigned char *data, Py_ssize_t at) noexcept:
    cdef const unsigned char *p = data + at
    return (p[0], u16(p + 4), p[6], p[7])


cdef inline (long long, long long, long long, long long, long long) tcp(const unsigned char *data, Py_ssize_t at) noexcept:
    cdef const unsigned char *p = data + at
    return (u32(p + 4), u32(p + 8), u16(p + 12), u16(p + 14), u16(p + 16))


cdef inline (long long, long long, long long) timestamps(const unsigned char *data, Py_ssize_t at) noexcept:
    cdef const unsigned char *p = data + at
    return (u32(p), u32(p + 4), u32(p + 8))


cdef inline bytes key(const unsigned char *data, Py_ssize_t start, Py_ssize_t stop, list recent):
    return words.known_key(data + start, stop - start, recent)


cdef inline unsigned int bucket(const unsigned char *data, Py_ssize_t start, Py_ssize_t size) noexcept:
    return words.bucket_at(data + start, size)


cdef inline (long long, long long) pair(bytes data, Py_ssize_t at) noexcept:
    cdef const unsigned char *p = <const unsigned char *>data + at
    return (u32(p), u32(p + 4))
