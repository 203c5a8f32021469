# cython: language_level=3, boundscheck=False, wraparound=False
# The same functions as in words.py, inline in C for whom it is compiled with. The caller has looked at the length.
from cpython.buffer cimport PyBUF_ND, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM, PyList_SET_ITEM
from cpython.ref cimport Py_INCREF, Py_XDECREF, PyObject
from libc.string cimport memcmp, memcpy, memset


cdef inline unsigned int word(bytes record, Py_ssize_t index) noexcept:
    cdef unsigned int value
    memcpy(&value, <const char *>record + (index << 2), 4)
    return value


cdef inline long long wide(bytes record, Py_ssize_t index) noexcept:
    cdef unsigned int low
    cdef unsigned int high
    memcpy(&low, <const char *>record + (index << 2), 4)
    memcpy(&high, <const char *>record + (index << 2) + 4, 4)
    return <long long>(<unsigned long long>high << 32 | low)


cdef inline bytes joined(unsigned int[::1] record, Py_ssize_t count, bytes tail):
    cdef Py_ssize_t length = PyBytes_GET_SIZE(tail)
    cdef bytes whole = PyBytes_FromStringAndSize(NULL, (count << 2) + length)
    cdef char *to = PyBytes_AS_STRING(whole)
    if count > record.shape[0]:
        raise ValueError("a record is shorter")
    memcpy(to, &record[0], count << 2)
    memcpy(to + (count << 2), PyBytes_AS_STRING(tail), length)
    return whole


cdef inline bytes taken(unsigned int[::1] record, Py_ssize_t at, Py_ssize_t count):
    if at < 0 or count < 1 or at + count > record.shape[0]:
        raise ValueError("there are fewer words")
    return PyBytes_FromStringAndSize(<const char *>&record[at], count << 2)


cdef inline bint same(unsigned int[::1] record, Py_ssize_t at, Py_ssize_t other, Py_ssize_t count) except -1:
    if min(at, other) < 0 or max(at, other) + count > record.shape[0]:
        raise ValueError("there are fewer words")
    return memcmp(&record[at], &record[other], count << 2) == 0


cdef inline bytes swapped(bytes key, Py_ssize_t size):
    cdef Py_ssize_t ports = 2 * size
    cdef Py_ssize_t length = PyBytes_GET_SIZE(key)
    cdef bytes other = PyBytes_FromStringAndSize(NULL, length)
    cdef char *to = PyBytes_AS_STRING(other)
    cdef const char *source = PyBytes_AS_STRING(key)
    if length < ports + 4:
        raise ValueError("a key is longer")
    memcpy(to, source + size, size)
    memcpy(to + size, source, size)
    memcpy(to + ports, source + ports + 2, 2)
    memcpy(to + ports + 2, source + ports, 2)
    memcpy(to + ports + 4, source + ports + 4, length - ports - 4)
    return other


cdef inline bytes within(bytes key, Py_ssize_t at, Py_ssize_t count):
    cdef Py_ssize_t left = PyBytes_GET_SIZE(key) - at
    if at < 0 or left < 0:
        raise ValueError("there are fewer bytes")
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(key) + at, min(count, left))


cdef inline bytes without(bytes key, Py_ssize_t at, Py_ssize_t count):
    cdef Py_ssize_t length = PyBytes_GET_SIZE(key)
    cdef bytes rest
    if length < at + count:
        raise ValueError("a key is longer")
    rest = PyBytes_FromStringAndSize(NULL, length - count)
    memcpy(PyBytes_AS_STRING(rest), PyBytes_AS_STRING(key), at)
    memcpy(PyBytes_AS_STRING(rest) + at, PyBytes_AS_STRING(key) + at + count, length - at - count)
    return rest


cdef inline bytes padded(bytes data, Py_ssize_t more):
    cdef Py_ssize_t length = PyBytes_GET_SIZE(data)
    cdef bytes whole = PyBytes_FromStringAndSize(NULL, length + more)
    memcpy(PyBytes_AS_STRING(whole), PyBytes_AS_STRING(data), length)
    memset(PyBytes_AS_STRING(whole) + length, 0, more)
    return whole


cdef inline bint same_target(bytes key, bytes other, Py_ssize_t size):
    cdef const char *one = PyBytes_AS_STRING(key)
    cdef const char *two = PyBytes_AS_STRING(other)
    if PyBytes_GET_SIZE(key) < 2 * size + 4 or PyBytes_GET_SIZE(key) != PyBytes_GET_SIZE(other):
        return False
    return memcmp(one + size, two + size, size) == 0 and memcmp(one + 2 * size + 2, two + 2 * size + 2, 2) == 0


cdef inline bytes behind(bytes record, Py_ssize_t at):
    if at < 0 or PyBytes_GET_SIZE(record) < at:
        raise ValueError("a record is longer")
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(record) + at, PyBytes_GET_SIZE(record) - at)


cdef inline bint is_high(bytes key, Py_ssize_t size):
    cdef const char *start = PyBytes_AS_STRING(key)
    cdef int order
    if PyBytes_GET_SIZE(key) < 2 * size + 4:
        raise ValueError("a key is longer")
    order = memcmp(start, start + size, size)
    return order > 0 if order else memcmp(start + 2 * size, start + 2 * size + 2, 2) > 0


cdef inline unsigned int _be(const unsigned char *p) noexcept nogil:
    return <unsigned int>p[0] << 24 | <unsigned int>p[1] << 16 | <unsigned int>p[2] << 8 | p[3]


cdef inline unsigned int bucket_at(const unsigned char *p, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t ports = 2 * size
    cdef unsigned int one = _be(p + size - 4) * 0x9E3779B1u + (<unsigned int>p[ports] << 8 | p[ports + 1]) * 0x85EBCA6Bu
    cdef unsigned int other = _be(p + ports - 4) * 0x9E3779B1u + (<unsigned int>p[ports + 2] << 8 | p[ports + 3]) * 0x85EBCA6Bu
    return (one ^ other) * 0xC2B2AE35u >> 26


cdef inline unsigned int bucket(bytes key, Py_ssize_t size):
    if PyBytes_GET_SIZE(key) < 2 * size + 4:
        raise ValueError("a key is longer")
    return bucket_at(<const unsigned char *>PyBytes_AS_STRING(key), size)


cdef inline int set_key(list keys, Py_ssize_t at, bytes key) except -1:
    cdef PyObject *before = PyList_GET_ITEM(keys, at)
    if before != <PyObject *>key:
        Py_INCREF(key)
        PyList_SET_ITEM(keys, at, key)
        Py_XDECREF(before)
    return 0


cdef inline int[::1] picker(int[::1] rows):
    return rows


# The caller has looked at the area's length.
cdef inline Py_ssize_t gather(object column, int[::1] rows, unsigned char[::1] area, Py_ssize_t at) except -1:
    cdef Py_buffer view
    cdef Py_ssize_t i
    cdef const unsigned int *words
    cdef const long long *wide
    PyObject_GetBuffer(column, &view, PyBUF_ND)
    words, wide = <const unsigned int *>view.buf, <const long long *>view.buf
    if view.itemsize == 4:
        for i in range(rows.shape[0]):
            memcpy(&area[at + 4 * i], &words[rows[i]], 4)
    else:
        for i in range(rows.shape[0]):
            memcpy(&area[at + 8 * i], &wide[rows[i]], 8)
    at += view.itemsize * rows.shape[0]
    PyBuffer_Release(&view)
    return at


cdef inline Py_ssize_t scatter(unsigned char[::1] area, Py_ssize_t at, object column, Py_ssize_t count) except -1:
    cdef Py_buffer view
    cdef Py_ssize_t size
    PyObject_GetBuffer(column, &view, PyBUF_WRITABLE)
    size = count * view.itemsize
    if size > view.len:
        PyBuffer_Release(&view)
        raise ValueError("a column is shorter")
    if size:
        memcpy(view.buf, &area[at], size)
    PyBuffer_Release(&view)
    return at + size


cdef inline int put_frames(unsigned char[::1] area, Py_ssize_t at, bytes data, long long[::1] offsets, long long[::1] lengths,
                           Py_ssize_t count) except -1:
    cdef Py_ssize_t i
    cdef const char *source = PyBytes_AS_STRING(data)
    for i in range(count):
        if offsets[i] < 0 or lengths[i] < 0 or offsets[i] + lengths[i] > PyBytes_GET_SIZE(data) or at + lengths[i] > area.shape[0]:
            raise ValueError("there are fewer bytes")
        if lengths[i]:
            memcpy(&area[at], source + offsets[i], lengths[i])
        at += lengths[i]
    return 0


cdef inline Py_ssize_t put_keys(unsigned char[::1] area, Py_ssize_t at, list keys, long long[::1] key_ats, const unsigned char *data,
                                int[::1] rows) except -2:
    cdef Py_ssize_t i, size, lengths = at
    cdef long long start
    cdef bytes key
    at += rows.shape[0]
    for i in range(rows.shape[0]):
        key = keys[rows[i]]
        start = key_ats[rows[i]]
        size = PyBytes_GET_SIZE(key) or (12 if start > 0 else 36)
        if at + size > area.shape[0]:
            return -1
        memcpy(&area[at], PyBytes_AS_STRING(key) if PyBytes_GET_SIZE(key) else <const char *>data + (start if start > 0 else -start), size)
        area[lengths + i] = <unsigned char>size
        at += size
    return at


cdef inline Py_ssize_t get_keys(unsigned char[::1] area, Py_ssize_t at, list keys, Py_ssize_t count, list recent) except -1:
    cdef Py_ssize_t i, lengths = at
    at += count
    for i in range(count):
        set_key(keys, i, known_key(&area[at], area[lengths + i], recent))
        at += area[lengths + i]
    return at


cdef inline bytes known_key(const unsigned char *p, Py_ssize_t size, list recent):
    # An equal key that was met lately is used again: it has its hash already.
    cdef unsigned int mixed = _be(p + size - 4) * 0x9E3779B1u ^ _be(p + size - 8) * 0x85EBCA6Bu ^ _be(p) * 0xC2B2AE35u
    cdef Py_ssize_t slot = mixed >> 20
    cdef PyObject *known = PyList_GET_ITEM(recent, slot)
    cdef bytes fresh
    cdef const char *own
    if PyBytes_GET_SIZE(<object>known) == size:
        own = PyBytes_AS_STRING(<object>known)
        if size == 12 and memcmp(own, p, 8) == 0 and memcmp(own + 8, p + 8, 4) == 0:  # of lengths that a compiler knows
            return <bytes><object>known
        if size != 12 and memcmp(own, p, size) == 0:
            return <bytes><object>known
    fresh = PyBytes_FromStringAndSize(<const char *>p, size)
    set_key(recent, slot, fresh)
    return fresh
