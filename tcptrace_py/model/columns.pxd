# cython: language_level=3, boundscheck=False, wraparound=False
# The same functions as in columns.py, inline in C for whom it is compiled with.

cdef inline long long least(long long[::1] column, Py_ssize_t count):
    cdef Py_ssize_t i
    cdef long long best = column[0]
    for i in range(1, count):
        if column[i] < best:
            best = column[i]
    return best


cdef inline long long most(long long[::1] column, Py_ssize_t count):
    cdef Py_ssize_t i
    cdef long long best = column[0]
    for i in range(1, count):
        if column[i] > best:
            best = column[i]
    return best


cdef inline long long descents(long long[::1] column, Py_ssize_t count):
    cdef Py_ssize_t i
    cdef long long found = 0
    for i in range(1, count):
        found += column[i] < column[i - 1]
    return found


cdef inline long long smaller(long long[::1] column, long long[::1] other, Py_ssize_t count):
    cdef Py_ssize_t i
    cdef long long found = 0
    for i in range(count):
        found += column[i] < other[i]
    return found


cdef inline Py_ssize_t equal(int[::1] column, Py_ssize_t count, long long value):
    cdef Py_ssize_t i, found = 0
    for i in range(count):
        found += column[i] == value
    return found


cdef inline long long total(long long[::1] column, Py_ssize_t count):
    cdef Py_ssize_t i
    cdef long long found = 0
    for i in range(count):
        found += column[i]
    return found


cdef inline int sums_before(long long[::1] column, long long[::1] sums, Py_ssize_t count) except -1:
    cdef Py_ssize_t i
    cdef long long found = 0
    for i in range(count):
        sums[i] = found
        found += column[i]
    return 0


cdef inline object in_order(long long[::1] column, Py_ssize_t count):
    # Few are put in place one by one. Others go by digits, the least significant ones first, over as many digits as the span of the
    # values has: of 11 bits, of 8 where all that is kept for each digit would take longer than the rows.
    cdef object first = memoryview(bytearray(4 * max(count, 1))).cast("i")
    cdef object second
    cdef int[::1] source, target
    cdef Py_ssize_t[2048] starts
    cdef Py_ssize_t i, digit, total, size, at, digits
    cdef unsigned long long span
    cdef long long low
    cdef int shift = 0, bits
    if count == 0:
        return first
    source = first
    if count <= 48:
        for i in range(count):
            low, at = column[i], i
            while at > 0 and column[source[at - 1]] > low:
                source[at] = source[at - 1]
                at -= 1
            source[at] = <int>i
        return first
    second = memoryview(bytearray(4 * count)).cast("i")
    target = second
    low = least(column, count)
    span = <unsigned long long>(most(column, count) - low)
    bits = 11 if count >= 1024 else 8
    digits = 1 << bits
    for i in range(count):
        source[i] = <int>i
    while span >> shift:
        for digit in range(digits):
            starts[digit] = 0
        for i in range(count):
            starts[(<unsigned long long>(column[i] - low) >> shift) & (digits - 1)] += 1
        total = 0
        for digit in range(digits):
            size = starts[digit]
            starts[digit] = total
            total += size
        for i in range(count):
            digit = (<unsigned long long>(column[source[i]] - low) >> shift) & (digits - 1)
            target[starts[digit]] = source[i]
            starts[digit] += 1
        first, second = second, first
        source, target = first, second
        shift += bits
        if shift > 63:
            break
    return first


cdef inline int pick(long long[::1] column, int[::1] rows, Py_ssize_t first, long long[::1] picked, Py_ssize_t count) except -1:
    cdef Py_ssize_t i
    if first + count > rows.shape[0] or count > picked.shape[0]:
        raise ValueError("there are fewer rows")
    for i in range(count):
        picked[i] = column[rows[first + i]]
    return 0


cdef inline tuple take_below(long long[::1] keys, long long[::1] values, Py_ssize_t count, long long limit):
    # Those below the limit come first, and only they are put in order; then the last ones take their places.
    cdef Py_ssize_t below = 0, high = count, i, begin, end
    cdef long long key, value
    while below < high:
        if keys[below] < limit:
            below += 1
            continue
        high -= 1
        key, value = keys[below], values[below]
        keys[below], values[below] = keys[high], values[high]
        keys[high], values[high] = key, value
    cdef object taken_keys = memoryview(bytearray(8 * max(below, 1))).cast("q")
    cdef object taken_values = memoryview(bytearray(8 * max(below, 1))).cast("q")
    cdef int[::1] rows = in_order(keys, below)
    cdef long long[::1] to_keys = taken_keys
    cdef long long[::1] to_values = taken_values
    for i in range(below):
        to_keys[i], to_values[i] = keys[rows[i]], values[rows[i]]
    for i in range(min(below, count - below)):
        keys[i], values[i] = keys[count - 1 - i], values[count - 1 - i]
    begin = 0
    while begin < below:  # of equal keys, which are few in all but the coarsest clocks, by value
        end = begin + 1
        while end < below and to_keys[end] == to_keys[begin]:
            end += 1
        if end - begin > 16:
            for i, value in enumerate(sorted(taken_values[begin:end])):
                to_values[begin + i] = value
        else:
            for i in range(begin + 1, end):
                value, high = to_values[i], i
                while high > begin and to_values[high - 1] > value:
                    to_values[high] = to_values[high - 1]
                    high -= 1
                to_values[high] = value
        begin = end
    return taken_keys, taken_values, below


cdef inline tuple grouped(int[::1] groups, Py_ssize_t count):
    cdef Py_ssize_t i, size, total = 0, rows = groups.shape[0]
    cdef object edges = memoryview(bytearray(8 * (count + 1))).cast("q")
    cdef object order = memoryview(bytearray(4 * max(rows, 1))).cast("i")
    cdef long long[::1] to_edges = edges
    cdef int[::1] to_order = order
    for i in range(rows):
        to_edges[groups[i]] += 1
    for i in range(count + 1):
        size = to_edges[i]
        to_edges[i] = total
        total += size
    for i in range(rows):
        to_order[to_edges[groups[i]]] = <int>i
        to_edges[groups[i]] += 1
    for i in range(count, 0, -1):
        to_edges[i] = to_edges[i - 1]
    to_edges[0] = 0
    return edges, order[:rows]


cdef inline object picked(long long[::1] column, int[::1] order):
    cdef Py_ssize_t i, rows = order.shape[0]
    cdef object values = memoryview(bytearray(8 * max(rows, 1))).cast("q")
    cdef long long[::1] to_values = values
    for i in range(rows):
        to_values[i] = column[order[i]]
    return values[:rows]
