"""Draws the Mandelbrot set; node 0 deals out rows to whoever is free and writes the picture.

    distrcomp run -n 4 examples/mandelbrot.py $PWD/mandelbrot.png 600 400

Rows differ in cost: whoever has done one gets the next. The path is one on node 0's machine.
"""

import struct
import sys
import zlib
from pathlib import Path

import numpy as np

import distrcomp as dc

if not sys.argv[1:]:
    sys.exit("no picture to write: name an absolute path; the folder nodes start in is removed")
picture, width, height = sys.argv[1], *(int(argument) for argument in sys.argv[2:4] or (600, 400))


def draw(row: int) -> bytes:
    """One row of grey pixels: the more steps a point takes to escape, the darker."""
    c = np.linspace(-2.2, 0.8, width) + 1j * (1.0 - 2.0 * row / height)
    z, pixels = np.zeros_like(c), np.zeros(width, np.uint8)
    for step in range(255):
        inside = np.abs(z) <= 2
        z[inside] = z[inside] ** 2 + c[inside]
        pixels[inside & (np.abs(z) > 2)] = int(255 * 0.95**step)
    return pixels.tobytes()


def png(rows: list[bytes]) -> bytes:
    """Rows of grey pixels as a PNG file."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = (b"IHDR" + head, b"IDAT" + data, b"IEND")
    chunks = (struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def deal() -> list[bytes]:
    """Node 0's part: whoever reports a row gets the next one, and None when there is no more."""
    undone, rows, n_busy = iter(range(height)), {}, dc.n_node - 1
    while n_busy:
        node, row, pixels = dc.recv()
        rows[row] = pixels
        dc.send(node, following := next(undone, None))
        n_busy -= following is None
    return [rows[row] for row in range(height)]


if dc.node_id == 0:
    Path(picture).write_bytes(png(deal() if dc.n_node > 1 else list(map(draw, range(height)))))
    print(f"{height} rows of {width} pixels drawn by {max(1, dc.n_node - 1)} of {dc.n_node} nodes")
else:
    dc.send(0, (dc.node_id, None, b""))  # I am free
    while (row := dc.recv(0)) is not None:
        dc.send(0, (dc.node_id, row, draw(row)))
