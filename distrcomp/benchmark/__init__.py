"""The program of `distrcomp bench`: measures messages between pairs of nodes, and their ceiling.

First pairs of nodes measure messages, then all nodes together collective calls.

Every node of the run executes `-m distrcomp.benchmark`. Of each pair one node leads: it orders
batches of rounds, times them and keeps the figures; the other follows. Batches of messages and of
the ceiling, the same bytes moved by the barest means, take turns, so both see the same machine.
Orders travel as messages themselves, between the batches and never inside one.
"""
