"""Our engine beside others on one process. `make bench-peers` installs them into `var/peers`."""
