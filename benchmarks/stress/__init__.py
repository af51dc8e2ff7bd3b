"""A campaign against the program: hostile traces, altered records, kills, full disks."""
