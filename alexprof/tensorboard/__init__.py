"""A run in TensorBoard: event files for its own tabs. Nothing here imports TensorFlow."""
