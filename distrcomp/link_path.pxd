from distrcomp.gate cimport Gate


cdef class LinkPath:
    cdef object __weakref__
    cdef public object _engine, _ids, _links, _members
    cdef public bint _is_atomic
    cdef public unsigned long long _number
    cdef public Gate _gate
