"""The traced steps: sessions, devices, `tf.profiler`, run metadata; failures in plain words."""
