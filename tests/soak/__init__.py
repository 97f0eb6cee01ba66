"""The soak: random programs on three hosts, a killer, and a judge of what every run says."""
