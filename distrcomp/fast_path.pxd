from distrcomp.gate cimport Gate
from distrcomp.link_path cimport LinkPath
from distrcomp.links.ring cimport RingReader, RingWriter

cdef unsigned long long _ANY_TAG, _ARRAY, _BYTEARRAY, _BYTES, _CODEC, _ENVELOPE
cdef unsigned long long _INT, _INT_RECORD, _PICKLE, _TEXT
cdef Py_ssize_t _COMMUNICATOR_SHIFT, _INLINE_BYTES_MAX, _LENGTH_MAX


cdef class FastPath(LinkPath):
    cdef public object _bells, _envelopes, _receives, _spins, _unread, _yields
    cdef public dict _readers, _writers
    cdef unsigned long long[::1] _asleep
