"""All nodes of a run send all others all kinds of objects, and check order and content.

    python -m tests.stress --seconds 60

What is sent follows from a seed, on both sides: so a receiver knows what has to come, by (sender,
communicator, tag) and number, with its checksum, without being told. When it comes, and by which
path of the engine, is chance. CONTRIBUTING.md says how to use it.
"""
