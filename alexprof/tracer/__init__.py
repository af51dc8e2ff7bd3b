"""`Tracer`, the one object a user's code holds; what makes runs of traces, and finds both."""
