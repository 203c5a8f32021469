# cython: language_level=3
# The same functions as in wire.py, inline in C for whom it is compiled with. The caller has looked at the length.

cdef inline long long le32(const unsigned char *p) noexcept nogil:
    return <long long>p[0] | <long long>p[1] << 8 | <long long>p[2] << 16 | <long long>p[3] << 24


cdef inline long long be32(const unsigned char *p) noexcept nogil:
    return <long long>p[0] << 24 | <long long>p[1] << 16 | <long long>p[2] << 8 | <long long>p[3]


cdef inline (long long, long long, long long, long long) little(bytes data, Py_ssize_t at):
    cdef const unsigned char *p = <const unsigned char *>data + at
    return (le32(p), le32(p + 4), le32(p + 8), le32(p + 12))


cdef inline (long long, long long, long long, long long) big(bytes data, Py_ssize_t at):
    cdef const unsigned char *p = <const unsigned char *>data + at
    return (be32(p), be32(p + 4), be32(p + 8), be32(p + 12))


cdef inline long long little_word(bytes data, Py_ssize_t at):
    return le32(<const unsigned char *>data + at)


cdef inline long long big_word(bytes data, Py_ssize_t at):
    return be32(<const unsigned char *>data + at)


cdef inline (long long, long long, long long, long long, long long, long long, long long) little_packet(bytes data, Py_ssize_t at):
    cdef const unsigned char *p = <const unsigned char *>data + at
    return (le32(p), le32(p + 4), le32(p + 8), le32(p + 12), le32(p + 16), le32(p + 20), le32(p + 24))


cdef inline (long long, long long, long long, long long, long long, long long, long long) big_packet(bytes data, Py_ssize_t at):
    cdef const unsigned char *p = <const unsigned char *>data + at
    return (be32(p), be32(p + 4), be32(p + 8), be32(p + 12), be32(p + 16), be32(p + 20), be32(p + 24))
