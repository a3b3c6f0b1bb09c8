"""Whole stretches of a case in a real browser."""
