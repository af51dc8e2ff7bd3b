"""The run as plain structs and tables: save, load, list. It computes nothing.

run       a run and its variants            phase         steps, ops, layers of one phase
timed     timed steps and their statistics  trace         what a trace records beside costs
ablation  what leaving ops out saved        program       what a step ran and computed
workload  what was profiled                 environment   machine, accelerators, software
note      what to know, or why not          interference  what else went on
metrics   what is measured of each op       values        differences and verdicts
store     runs on disk                      tables        their tables, as Parquet
"""
