"""The program of `distrcomp doctor`, which runs as one node on each peer.

It is started twice: first every node tells of its machine and tries to reach every other one, then
the pairs of which that is known measure. What it prints are lines of JSON, each from one node for
itself, so that a machine that can't be reached takes nothing away but what it would have told.
"""
