"""The run as plain structs and tables: save, load, list. It computes nothing.

run       a run and its variants            phase         steps, ops, layers of one phase
timed     timed steps and their statistics  trace         the replay, changes between variants
ablation  what leaving ops out saved        kernels       devices and kernels of a trace
program   what a step ran and computed      environment   machine, accelerators, software
workload  what was profiled                 interference  what else went on
note      what to know, or why not          metrics       what is measured of each op
values    units, ranges, verdicts           store         runs on disk
parquet   tables of steps and costs         tables        what their columns hold
                                            consistency   whether numbers agree
"""
