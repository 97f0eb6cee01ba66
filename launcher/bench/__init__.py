"""`distrcomp bench` but for its program: who measures, what the figures say, table and picture."""
