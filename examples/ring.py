"""Every node greets its neighbour, then a token goes once round the ring.

    distrcomp run -n 4 examples/ring.py

The same program runs on every node; `dc.node_id` tells the copies apart. A node's left neighbour is
the one before it, and node 0's is the last: `%` closes the ring, also for a single node, whose
neighbour it is itself.
"""

import distrcomp as dc

left = (dc.node_id - 1) % dc.n_node
right = (dc.node_id + 1) % dc.n_node

# All send first and receive then: `send` does not wait for the other side to ask.
print(f"My ID is {dc.node_id}")
dc.send(right, dc.node_id)
print(f"Next to {dc.recv(left)} is {dc.node_id}")

# A token visits every node. Here each waits for its left neighbour, so they act one by one.
if dc.node_id == 0:
    dc.send(right, [0])
    trip = [*dc.recv(left), 0]
    print("The token went", " -> ".join(str(node) for node in trip))
else:
    trip = dc.recv(left)
    dc.send(right, [*trip, dc.node_id])
