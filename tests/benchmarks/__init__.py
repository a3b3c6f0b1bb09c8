"""Measurements that a person starts: see `make help`. The suite does not run them."""
