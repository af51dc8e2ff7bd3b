"""From the record of a run to answers: pure functions, plain values, no words.

estimator  do means lead, or medians
summary    what a step costs, what leaving ops out saves, where a step goes
findings   what makes numbers unsure, and which
"""
