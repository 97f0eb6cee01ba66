"""Heat spreads over a plate: each node holds a block of rows and trades edges with its neighbours.

    distrcomp run -n 4 examples/heat.py               # 240 rows, 320 columns, 200 steps
    distrcomp run -n 4 examples/heat.py 1000 1000 50

A point's next temperature depends on its four neighbours. So a block needs one row of each block
beside it, its halo, before every step. The result is the same to the last bit on any number of
nodes: compare the checksums.
"""

import hashlib
import sys

import numpy as np

import distrcomp as dc

n_row, n_column, n_step = (int(argument) for argument in sys.argv[1:4] or (240, 320, 200))

# Rows first to last-1 are mine. More nodes than rows: the surplus has nothing to do.
n_active = min(dc.n_node, n_row)
if dc.node_id >= n_active:
    sys.exit()
first, last = (n_row * edge // n_active for edge in (dc.node_id, dc.node_id + 1))
above = dc.node_id - 1 if dc.node_id > 0 else None
below = dc.node_id + 1 if dc.node_id < n_active - 1 else None

# One halo row above and one below; those outside the plate stay cold. A hot bar lies in its middle.
field = np.zeros((last - first + 2, n_column + 2))
for row in range(first, last):
    if n_row // 3 <= row <= n_row // 2:
        field[row - first + 1, n_column // 4 : n_column // 2] = 100.0

for _ in range(n_step):
    if above is not None:
        dc.send(above, field[1])
    if below is not None:
        dc.send(below, field[-2])
    if above is not None:
        field[0] = dc.recv(above)
    if below is not None:
        field[-1] = dc.recv(below)
    around = field[:-2, 1:-1] + field[2:, 1:-1] + field[1:-1, :-2] + field[1:-1, 2:]
    field[1:-1, 1:-1] += 0.2 * (around - 4 * field[1:-1, 1:-1])

if dc.node_id == 0:
    blocks = [field[1:-1, 1:-1], *(dc.recv(node) for node in range(1, n_active))]
    plate = np.concatenate(blocks)
    for row, column in ((0, 0), (n_row // 3, n_column // 4), (n_row // 2, n_column // 2)):
        print(f"at row {row}, column {column}: {plate[row, column]:.6f} degrees")
    print("checksum", hashlib.sha256(plate.tobytes()).hexdigest())
else:
    dc.send(0, field[1:-1, 1:-1])
