"""The demonstration: a plainly fictional city, its people, and cases at different steps.

Everything is made by calling the same actions as those people would, at moments that fit the day
it is loaded. Nothing else in the project imports this package but the command and the tests.
"""
