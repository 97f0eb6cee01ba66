"""Pi by throwing points at a square and counting those in the circle.

    distrcomp run -n 4 examples/pi.py            # 1,000,000 points
    distrcomp run -n 4 examples/pi.py 20000000   # more points, more digits

Each node throws its share of the points. Its random numbers are seeded with its id: the nodes throw
different points, and the same number of nodes gives the same result every time.
"""

import random
import sys

import distrcomp as dc

n_point = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000

# The points that don't divide evenly go to the first nodes, one each.
share = n_point // dc.n_node + (dc.node_id < n_point % dc.n_node)
generator = random.Random(dc.node_id)
inside = sum(generator.random() ** 2 + generator.random() ** 2 < 1 for _ in range(share))
print(f"{inside:,} of my {share:,} points fell into the circle")

# Node 0 adds up. The order of the sums doesn't matter, so it takes them from any source.
if dc.node_id == 0:
    for _ in range(dc.n_node - 1):
        inside += dc.recv()
    print(f"Pi is about {4 * inside / n_point:.6f}")
else:
    dc.send(0, inside)
