"""The bounds that hold inside a node, each with its reason.

A bound is what a buffer, a cache or a queue may hold, or how long a wait may take. Numbers that
only make something quick stand beside what they tune.
"""

from __future__ import annotations

KIB, MIB = 2**10, 2**20

# MPI guarantees tags up to 32767 and every implementation gives 2**31-1 (MPI-4.1, 9.1.2).
TAG_MAX = 2**31 - 1
# What `send` may keep for a slow receiver, per destination, before it waits (DESIGN.md).
SEND_BUFFER_BYTES = 64 * MIB
# What a node keeps for its program from one other node, unread, before it stops reading from there
# while the program waits for something else.
UNREAD_BYTES = 64 * MIB
# What an empty message counts in such sums: about what its objects take.
MESSAGE_OVERHEAD_BYTES = 256
# A ring's header has 17 bits for a message space, a communicator has four, and the last one is the
# ring's own.
COMMUNICATORS_MAX = 2**15 - 2
# Bounds on what a message may announce before anything is allocated for it.
MESSAGE_BYTES_MAX = 2**40
BUFFERS_MAX = 1_000_000
# The serial of a message that waits for its match has four bytes; 0 is none.
SERIALS_MAX = 2**32 - 1
# What travels within a message's meta: a buffer of its own costs more than a second copy. It is as
# much as a ring's record of bytes holds (links.ring.LENGTH_MAX).
WITHIN_META_BYTES_MAX = 2047
# Lengths of small records for which a node keeps how to pack them, and as many to unpack: some 350
# bytes each, a microsecond to make anew.
LENGTHS_KEPT_MAX = 4096
# Parts of one message that its receiver may copy from the sender's memory: their table has to fit
# into the smallest ring, and the kernel takes 1,024 of them at once. More go through the ring.
OFFERED_PARTS_MAX = 60
# Memory that a node keeps free for the next large messages: four of 64 MiB. A node that no longer
# receives any holds this for nothing.
POOL_BYTES_MAX = 256 * MIB
# What arrives straight in the memory of a receive is read in one go: about 0.1 s.
STRAIGHT_BYTES_MAX = 1024 * MIB
# What is remembered of arrays, by dtype, shape and strides: each takes some 300 bytes. A program
# with more shapes at once than this gains nothing from memory.
REMEMBERED_SHAPES_MAX = 1024
# All rings of a machine together, as long as each has what it needs: above 64 nodes they take more,
# n**2 times the least (1.4 GiB for 300 nodes), of which only what is used is ever memory.
RINGS_BYTES = 64 * MIB
RING_BYTES_MIN, RING_BYTES_MAX = 16 * KIB, MIB
# A collective that has waited so long tells the others where it is, in case they are elsewhere.
COLLECTIVE_TELL_AFTER_S = 1.0
# ... and one that has found them elsewhere waits for their answer, which names file and line.
COLLECTIVE_ANSWER_WAIT_S = 1.0
# A wait that has lasted so long is told to the launcher (DESIGN.md).
WAIT_TOLD_AFTER_S = 1.0
# ... and one in a collective only now: nodes that are in different ones find that out by then and
# name both places (COLLECTIVE_TELL_AFTER_S), which says more than that they wait for each other.
COLLECTIVE_TOLD_AFTER_S = 1.6
# Of the name of a place or call that is told; longer paths lose their beginning.
PLACE_CHARS_MAX = 300
# Kinds of unread messages that a node names when it is asked how it stands.
UNREAD_KINDS_TOLD_MAX = 20
# How long the control thread waits for a turn to look how the node stands, which is then running.
STANDING_GATE_WAIT_S = 0.05
# How many collectives back a node can still tell where it was in its program.
COLLECTIVES_REMEMBERED = 64
# An error message names at most this many kinds of unread message.
UNREAD_TOLD_MAX = 8
# Of an exception's text the agent is told this much; the whole of it stands in the node's stderr.
TOLD_CHARS_MAX = 100_000
# Messages between an agent and its node: a ticket of 1,000 nodes takes about 100 KiB.
NOTICE_BYTES_MAX = 16 * MIB
# A socket is read until so much has come, and TLS writes at most so much in one piece.
READ_BYTES_MAX = 256 * KIB
# One call of a link moves about this much at most, some milliseconds, so that no link keeps the
# others, a timeout or Ctrl-C waiting. What comes between two calls (11 us) is nothing beside it.
PIECE_BYTES_MAX = 8 * MIB
# A link whose other end vanished: how long to wait for the launcher's word on why.
VERDICT_WAIT_S = 1.0
# A connection to another machine: the whole of dial, handover and TLS handshake.
DIAL_TIMEOUT_S = 10.0
# Addresses of one machine that a node tries side by side, each with a thread and a descriptor.
ADDRESSES_TRIED_MAX = 8
# Handshakes at once with those who claim to be nodes of the run; more than any run has at once.
ACCEPTS_MAX = 256
# At the end of a node: how long other machines may take to acknowledge what our kernel holds.
DRAIN_TIMEOUT_S = 30.0
# ... and how long it then hears out the others, who may have sent what nobody will receive. They
# end soon after, mostly, and a node that has nothing more to do delays nobody's end by it.
HEAR_OUT_S = 0.5
# What a node leaves behind is told by kind, up to so many of each; of the places from which
# messages were sent so many for each kind of message (`--debug`), and for so many kinds; of the
# latest kinds as many bytes are told, which an agent takes.
LEFT_TOLD_MAX = 20
SENT_REMEMBERED_MAX = 200
SENT_TOLD_BYTES_MAX = 256 * KIB
# How long a program that computes may take to hear of the run's failure in a call, before it is
# interrupted; of the two seconds until SIGTERM the rest is for its `finally` blocks.
ABORT_HEARD_WITHIN_S = 1.0
# How long `finally` blocks may run once the agent is gone.
LAST_WORDS_S = 1.0
# A connection to another machine on which nothing is acknowledged for so long is broken: about what
# a silent machine may take to be noticed (8 s), probed from half of it on.
LINK_SILENCE_S = 8
LINK_PROBE_AFTER_S = 4
LINK_PROBE_INTERVAL_S = 2
# An order to a fork server: arguments and environment, which the kernel bounds to 2 MiB or so.
FORK_ORDER_BYTES_MAX = 16 * MIB
# When a fork server ends what it has forked: what cleans up after a program needs this long.
LEADER_HEAD_START_S = 0.2
# Calls that a node records for a trace (`--trace`), 48 bytes each, and how much of them travels in
# one notice: half of what an agent takes.
CALLS_RECORDED_MAX = 1_000_000
CALLS_PART_BYTES_MAX = 512 * KIB
# Classes of objects of which a node that records its calls remembers how their size is told: a
# program that makes classes without end shall not fill the memory.
CLASSES_SIZED_MAX = 1000
# What a notebook is told of a cell's result: more is not read there.
CELL_RESULT_CHARS_MAX = 100_000
