"""The timed loop, its statistics, and a description of the machine. Knows no TensorFlow."""
