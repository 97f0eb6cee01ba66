from cpython.exc cimport PyErr_CheckSignals


cdef class Gate:
    cdef object _lock
    cdef public bint interrupted, taken

    cdef hear_signals(self)
