from distrcomp.gate cimport Gate


cdef class LongPath:
    cdef object __weakref__
    cdef public object _engine, _ids, _members, _timeout, n_node, node_id
    cdef public unsigned long long _number
    cdef public Gate _gate
