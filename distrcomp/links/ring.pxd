# A header is stored with release and loaded with acquire: no compiler moves what belongs to a record
# across it, and processors that could are told not to. On x86 both are plain moves.
cdef extern from *:
    """
    #include <string.h>
    typedef unsigned long long uint64;

    static inline void put_record(
        uint64 *words, Py_ssize_t position, Py_ssize_t beyond, uint64 header,
        const void *data, Py_ssize_t length)
    {
        words[beyond - 1] = 0; /* pads */
        memcpy(words + position + 1, data, (size_t)length);
        words[beyond] = 0;
        __atomic_store_n(words + position, header, __ATOMIC_RELEASE);
    }

    #define word_at(words, position) __atomic_load_n((words) + (position), __ATOMIC_ACQUIRE)
    """
    ctypedef unsigned long long uint64
    void put_record(
        uint64 *words, Py_ssize_t position, Py_ssize_t beyond, uint64 header,
        const void *data, Py_ssize_t length,
    ) noexcept
    uint64 word_at(uint64 *words, Py_ssize_t position) noexcept


cdef class RingWriter:
    cdef public object _control, integers, memory, words
    cdef public Py_ssize_t _lap, _size, bell, end, position, reader
    cdef uint64[::1] _raw

    cpdef put_bytes(self, uint64 header, bytes data, Py_ssize_t beyond)
    cpdef put_integer(self, uint64 header, long long number, Py_ssize_t beyond)


cdef class RingReader:
    cdef public object _control, integers, memory, node, words
    cdef public Py_ssize_t _lap, _size, position, publish_at, writer
    cdef uint64[::1] _raw

    cpdef uint64 look(self) except? 1
    cpdef bytes take_bytes(self, Py_ssize_t length)


cdef inline void store_bytes(RingWriter to, uint64 header, bytes data, Py_ssize_t beyond):
    cdef Py_ssize_t position = to.position
    to.position = beyond
    put_record(&to._raw[0], position, beyond, header, <const char *>data, len(data))


cdef inline void store_integer(RingWriter to, uint64 header, long long number, Py_ssize_t beyond):
    cdef Py_ssize_t position = to.position
    to.position = beyond
    put_record(&to._raw[0], position, beyond, header, &number, 8)


cdef inline uint64 load_header(RingReader end) except? 1:
    if end.position >= end._size:
        raise IndexError
    return word_at(&end._raw[0], end.position)


cdef inline bytes load_bytes(RingReader end, Py_ssize_t length):
    cdef Py_ssize_t position = end.position
    if length > (end._size - position - 1) * 8:
        raise IndexError
    data = (<const char *>(&end._raw[0] + position + 1))[:length]
    end.position = position + (length + 15 >> 3)
    return data
