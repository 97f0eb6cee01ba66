from distrcomp.link_path cimport LinkPath


cdef class ArrayPath(LinkPath):
    cdef public object _bells
    cdef unsigned long long[::1] _asleep
