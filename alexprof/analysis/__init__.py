"""From records to answers: pure functions and plain values, hardly a word.

Of a phase, for its record:

assemble        a traced phase                  interference  what else went on
ablation        a measured saving               reconcile     the same, explained by two traces
kernel_savings  what a GPU's step would save    timed_scale   from traced steps to timed ones

Of a run:

summary         all answers in one piece        findings      what makes numbers unsure
division        where a step goes               savings       what leaving ops out saves
predictions     savings predicted               difference    mean or median; is it significant
order           blocks as they ran

Of several:

selection       what is to be compared          comparable    whether that may be
samples         timed blocks and costs          results       whether they compute the same
compare         part by part                    changes       what came out, as values
gate            may a run pass                  caveats       what to know of it, as values
history         a metric over runs              pairs         pairs of processes
"""
