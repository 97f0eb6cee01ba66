from distrcomp.gate cimport Gate
from distrcomp.array_path cimport ArrayPath
from distrcomp.links.ring cimport RingReader, RingWriter

cdef unsigned long long _ANY_TAG, _ARRAY, _BYTEARRAY, _BYTES, _CODEC, _ENVELOPE
cdef unsigned long long _INT, _INT_RECORD, _PICKLE, _TEXT
cdef Py_ssize_t _COMMUNICATOR_SHIFT, _INLINE_BYTES_MAX, _LENGTH_MAX


cdef class FastPath(ArrayPath):
    cdef public object _are_near, _envelopes, _greetings, _receives, _spins, _turn, _unread, _yield_s, _yields
    cdef public dict _readers, _writers
