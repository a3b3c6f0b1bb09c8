"""How many orders of events the tests try that take any order: a few, or as many as ORDERS says."""

import os


def orders(few: int) -> range:
    """Seeds, the same ones every time; one order of events each."""
    return range(1, 1 + int(os.environ.get("ORDERS", few)))
