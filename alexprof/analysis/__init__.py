"""From records to answers: pure functions and plain values, hardly a word.

summary      what a step costs, what leaving ops out saves, where a step goes
difference   is it significant, by means or medians
findings     what makes numbers unsure, and which
traces       a trace alone to the same record     assemble   a trace's parts to it
ablation     a measured saving                    reconcile  taken apart, with two traces
compare      two runs, phase by phase             comparable whether they may be
gate         may a run pass                       history    a metric over runs
pairs        pairs of processes                   interference  what else went on
kernel_savings  what a GPU's step would save      results    do both compute the same
"""
