"""Comparisons that need a quiet machine: run by a person with `make bench`, never by the tests."""
