from distrcomp.long_path cimport LongPath


cdef class LinkPath(LongPath):
    cdef public object _links
    cdef public bint _is_atomic
