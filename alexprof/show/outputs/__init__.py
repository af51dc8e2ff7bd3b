"""The outputs: a file for each, found by `alexprof.show.registry`."""
