"""Tests, and the small tools that only tests and developers need."""
