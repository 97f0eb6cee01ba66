"""`distrcomp doctor`: what every peer is like, what lies between each two, and what to do."""
