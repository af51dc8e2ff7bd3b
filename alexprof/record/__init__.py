"""The run as plain structs and tables: save, load, list. It computes nothing.

run      a run and its variants         phase     steps, ops, layers of one phase
trace    what a trace records beside    ablation  what leaving ops out saved
values   timed steps and intervals      program   what a step ran and computed
store    runs on disk                   tables    their tables, as Parquet
"""
