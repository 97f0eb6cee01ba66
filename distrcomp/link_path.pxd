from distrcomp.gate cimport Gate


cdef class LinkPath:
    cdef object __weakref__
    cdef public object _engine, _links, _members
    cdef public unsigned long long _number
    cdef public Gate _gate
