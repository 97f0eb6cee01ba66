from cpython.exc cimport PyErr_CheckSignals


cdef class Gate:
    cdef object _lock
    cdef public bint interrupted, taken

    cpdef bint hears_interrupt(self) except -1
